//! The query service: list, count, schema, record, saved filters, and who sees what.

use std::collections::BTreeSet;

use event_schema::position::LogPosition;
use serde_json::{Value, json};
use wechess_tests::answer::has;
use wechess_tests::{Actor, App, story};

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().expect("an id")).collect()
}

/// Ann and Bob with three games: one mated (4 plies, named opening), one resigned, one running.
async fn games(app: &App) -> (Actor, Actor, [String; 3]) {
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let mated = ann.create_game(&bob).await;
    mated.play("f3 e5 g4 Qh4#").await;
    let resigned = bob.create_game(&ann).await;
    resigned.play("e4 c5").await;
    bob.update_game(&resigned.id, json!({"result": "blackWin"})).await.is(200);
    let running = ann.create_game(&bob).await;
    running.play("d4").await;
    (ann, bob, [mated.id, resigned.id, running.id])
}

#[test]
fn the_game_list_shows_names_opening_and_last_move() {
    story(async |app: App| {
        let (ann, bob, [mated, resigned, running]) = games(&app).await;
        let item = ann.look(&format!("/bff-api/chessGameListView/{resigned}")).await;
        let body = item.is(200);
        has(body, &json!({"status": "OK", "statusCode": 200}));
        let shown = json!({"id": resigned, "playerWhiteName": "bob", "playerBlackName": "ann", "status": "completed",
            "status_idx": 3, "result": "blackWin", "endReason": "resignation", "plies": 2, "lastMove": "c5", "eco": "B20",
            "opening": "Sicilian Defense", "playerWhiteId": bob.id, "_owner": bob.id});
        has(&body["item"], &shown);
        let keys = body["item"].as_object().unwrap();
        for hidden in ["invitationCode", "_live", "_readers", "_position", "_state"] {
            assert!(!keys.contains_key(hidden), "{hidden}");
        }
        // Imported games are everybody's: the questions are about those that were played here.
        let played = json!({"status": ["active", "completed"], "importedById": null});
        let list = ann.search("/bff-api/chessGameListView/list?limit=2&sortBy=plies&sortOrder=asc", &played).await;
        let place = json!({"status": "OK", "statusCode": 200, "total": 3, "totalPage": 2, "currentPage": 1,
            "nextPage": 2, "prevPage": null, "pageItem": 2, "filters": []});
        has(list.is(200), &place);
        assert_eq!(list.body["items"][0]["id"], running.as_str());
        // "Get all": the same list, 25 a page.
        for path in ["/bff-api/chessGameListView", "/chessgamelistview"] {
            let filters = "%7B%22moveCount%22%3A%7B%22gt%22%3A0%7D%2C%22importedById%22%3Anull%7D";
            let all = ann.look(&format!("{path}?filters={filters}")).await;
            has(all.is(200), &json!({"status": "OK", "total": 3, "currentPage": 1, "pageItem": 3, "filters": []}));
        }
        let three = format!("%7B%22gameId%22%3A%5B%22{mated}%22%2C%22{resigned}%22%2C%22{running}%22%5D%7D");
        let moves = ann.look(&format!("/bff-api/chessGameMove?filters={three}&sortBy=createdAt&limit=2&page=2")).await;
        has(moves.is(200), &json!({"total": 7, "totalPage": 4, "pageItem": 2}));
        let watermark: LogPosition = list.header("watermark").unwrap().parse().unwrap();
        assert_eq!((watermark.log, list.header("stale")), (app.told().unwrap().log, None));
    });
}

#[test]
fn both_grammars_find_the_same() {
    story(async |app: App| {
        let (ann, _, [mated, resigned, running]) = games(&app).await;
        let all = BTreeSet::from([mated.as_str(), resigned.as_str(), running.as_str()]);
        let cases: Vec<(Value, BTreeSet<&str>)> = vec![
            (json!({}), all.clone()),
            (json!({"status": "completed"}), BTreeSet::from([mated.as_str(), resigned.as_str()])),
            (
                json!({"filters": {"status": {"operator": "eq", "value": "COMPLETED"}}}),
                BTreeSet::from([mated.as_str(), resigned.as_str()]),
            ),
            (json!({"status": {"operator": "noteq", "value": "completed"}}), BTreeSet::from([running.as_str()])),
            (json!({"result": null}), BTreeSet::from([running.as_str()])),
            (json!({"result": {"operator": "missing"}}), BTreeSet::from([running.as_str()])),
            (json!({"result": {"operator": "exists"}}), BTreeSet::from([mated.as_str(), resigned.as_str()])),
            (
                json!({"plies": {"operator": "range", "values": [2, 4]}}),
                BTreeSet::from([mated.as_str(), resigned.as_str()]),
            ),
            (json!({"plies": {"between": [2, null]}}), BTreeSet::from([mated.as_str(), resigned.as_str()])),
            (json!({"plies": {"gt": 1, "lt": 4}}), BTreeSet::from([resigned.as_str()])),
            (json!({"playerWhiteId": "$me"}), BTreeSet::from([mated.as_str(), running.as_str()])),
            (json!({"result": ["whiteWin", "blackWin"]}), BTreeSet::from([mated.as_str(), resigned.as_str()])),
            (
                json!({"opening": {"operator": "match", "value": "sicilian nothing"}}),
                BTreeSet::from([resigned.as_str()]),
            ),
            (
                json!({"opening": {"operator": "match_phrase", "value": "Sicilian Defense"}}),
                BTreeSet::from([resigned.as_str()]),
            ),
            (
                json!({"opening": {"operator": "match_phrase_prefix", "value": "sicilian def"}}),
                BTreeSet::from([resigned.as_str()]),
            ),
            (json!({"opening": {"operator": "prefix", "value": "sicil"}}), BTreeSet::from([resigned.as_str()])),
            (json!({"opening": {"operator": "wildcard", "value": "sic*def?nse"}}), BTreeSet::from([resigned.as_str()])),
            (json!({"opening": {"operator": "regexp", "value": "Sicil.*"}}), BTreeSet::from([resigned.as_str()])),
            (json!({"opening": {"contains": "IAN DEF"}}), BTreeSet::from([resigned.as_str()])),
            (
                json!({"$or": [{"lastMove": "d4"}, {"$not": {"result": {"in": ["blackWin"]}}}]}),
                BTreeSet::from([running.as_str()]),
            ),
            (
                json!({"$and": [{"createdAt": {"gte": "now-1h"}}, {"result": {"nin": ["draw"]}}], "plies": {"ne": 4}}),
                BTreeSet::from([resigned.as_str(), running.as_str()]),
            ),
        ];
        for (filters, expected) in cases {
            // Everybody sees open games of others as well: the question is about these three.
            let inner = filters.get("filters").unwrap_or(&filters);
            let narrow = json!({"$and": [inner, {"id": all}]});
            let asked = if inner == &filters { narrow } else { json!({"filters": narrow}) };
            let found = ann.find("chessGameListView", &asked).await;
            assert_eq!(BTreeSet::from_iter(ids(&found)), expected, "{filters}");
            assert_eq!(ann.count("chessgamelistview", &asked).await, expected.len() as u64, "{filters}");
        }
        let encoded = "%7B%22status%22%3A%22active%22%7D";
        let got = ann.look(&format!("/bff-api/chessGame/list?filters={encoded}&fields=id,status")).await;
        assert_eq!(got.is(200)["items"], json!([{"id": running, "status": "active"}]));
        let count = "/chessGameListView/count?q=sicil&filters=%7B%22importedById%22%3Anull%7D";
        assert_eq!(ann.look(count).await.is(200)["total"], 1, "also at the root");
    });
}

#[test]
fn one_sees_ones_own_and_admins_see_all() {
    story(async |app: App| {
        let (ann, bob, [mated, resigned, running]) = games(&app).await;
        let (eve, guest, admin) = (app.user("eve").await, app.guest().await, app.admin().await);
        let filters = json!({"id": [mated, resigned, running]});
        for (who, count) in [(&ann, 3), (&bob, 3), (&eve, 0), (&guest, 0), (&admin, 3)] {
            for view in ["chessGame", "chessGameListView"] {
                assert_eq!(who.count(view, &filters).await, count, "{} in {view}", who.name);
            }
            let moves = json!({"gameId": [mated]});
            assert_eq!(who.count("chessGameMove", &moves).await, if count > 0 { 4 } else { 0 }, "{}", who.name);
        }
        eve.look(&format!("/bff-api/chessGame/{mated}")).await.refused(404, "errMsg_recordNotFound");
        let everything = json!({"$or": [{"id": mated}, {"$not": {"id": mated}}]});
        let found = eve.find("chessGame", &everything).await;
        assert!(found.iter().all(|game| game["status"] == "pending" || game["importedById"].is_string()));
        assert_eq!(ids(&ann.find("user", &json!({})).await), [ann.id.as_str()]);
        ann.look(&format!("/bff-api/user/{}", bob.id)).await.refused(404, "errMsg_recordNotFound");
        has(&admin.look(&format!("/bff-api/user/{}", bob.id)).await.body["item"], &json!({"email": bob.email}));
    });
}

#[test]
fn an_open_public_game_is_everybodys_until_it_is_full() {
    story(async |app: App| {
        let (ann, bob, eve) = (app.user("ann").await, app.guest().await, app.guest().await);
        let id = ann.open_game("public").await["id"].as_str().unwrap().to_owned();
        let filters = json!({"status": "pending", "playerWhiteId": ann.id});
        assert_eq!(ids(&eve.find("chessGameListView", &filters).await), [id.as_str()]);
        bob.update_game(&id, json!({"playerBlackId": bob.id})).await.is(200);
        assert!(eve.find("chessGameListView", &json!({"id": id})).await.is_empty());
        assert_eq!(bob.find("chessGameListView", &json!({"id": id})).await[0]["playerBlackName"], bob.name.as_str());
    });
}

#[test]
fn a_schema_names_fields_and_operators() {
    story(async |app: App| {
        let ann = app.guest().await;
        let answer = ann.look("/bff-api/CHESSGAME/schema").await;
        let body = answer.is(200);
        assert_eq!(body["filtirableFields"], body["filterableFields"]);
        let status = body["fields"].as_array().unwrap().iter().find(|field| field["name"] == "status").unwrap();
        has(
            status,
            &json!({"type": "Enum", "sortable": true, "enum": ["pending", "active", "paused", "completed", "terminated"]}),
        );
        assert!(!answer.text.contains("invitationCode") && !answer.text.contains("_readers"));
        let users = ann.look("/bff-api/user/schema").await;
        assert!(!users.text.contains("password"), "{}", users.text);
    });
}

#[test]
fn a_filter_is_saved_listed_used_and_deleted_by_its_owner_only() {
    story(async |app: App| {
        let (ann, bob, _) = games(&app).await;
        let path = "/bff-api/chessGameListView/filters";
        let conditions = json!({"status": {"operator": "eq", "value": "active"}});
        let saved = ann
            .view("POST", path)
            .key("k1")
            .json(&json!({"filterName": "mine", "conditions": conditions}))
            .send()
            .await;
        has(saved.is(201), &json!({"status": "OK", "statusCode": 201, "filterName": "mine", "conditions": conditions}));
        let id = saved.body["filterId"].as_str().unwrap().to_owned();
        assert_eq!(saved.body["id"], id.as_str());
        let again = ann
            .view("POST", path)
            .key("k1")
            .json(&json!({"filterName": "mine", "conditions": conditions}))
            .send()
            .await;
        assert_eq!(again.is(201)["id"], id.as_str(), "a retry makes no second one");

        let listed = ann.look(path).await;
        has(listed.is(200), &json!({"total": 1, "pageItem": 1}));
        has(
            &listed.body["items"][0],
            &json!({"filterId": id, "filterName": "mine", "indexName": "chessGameListView", "conditions": conditions}),
        );
        assert_eq!(ann.count("chessGameListView", &listed.body["items"][0]["conditions"]).await, 1);
        assert_eq!(ann.look("/bff-api/chessGame/filters").await.is(200)["total"], 0, "of another view");
        assert_eq!(bob.look(path).await.is(200)["total"], 0);

        let one = format!("{path}/{id}");
        bob.view("DELETE", &one).send().await.refused(404, "errMsg_filterNotFound");
        ann.view("DELETE", &format!("/bff-api/chessGame/filters/{id}"))
            .send()
            .await
            .refused(404, "errMsg_filterNotFound");
        let deleted = ann.view("DELETE", &one).send().await;
        has(deleted.is(200), &json!({"status": "OK", "id": id}));
        assert_eq!(ann.look(path).await.is(200)["total"], 0);
        ann.view("DELETE", &one).send().await.refused(404, "errMsg_filterNotFound");
        ann.look(&format!("/bff-api/savedFilter/{id}")).await.refused(404, "errMsg_recordNotFound");
    });
}

#[test]
fn paging_gives_each_record_exactly_once() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let (mut made, active) = (BTreeSet::new(), json!({"status": "active"}));
        for _ in 0..13 {
            made.insert(ann.create_game(&bob).await.id);
        }
        for (limit, sort) in [
            (1, "status"),
            (3, "playerWhiteName"),
            (5, "createdAt"),
            (7, "status_idx,mode"),
            (13, "id"),
            (100, "plies"),
        ] {
            let (mut seen, mut page) = (Vec::new(), Some(1));
            while let Some(number) = page {
                let path =
                    format!("/bff-api/chessGameListView/list?limit={limit}&page={number}&sortBy={sort}&sortOrder=desc");
                let answer = ann.search(&path, &active).await;
                seen.extend(ids(answer.is(200)["items"].as_array().unwrap()).into_iter().map(str::to_owned));
                page = answer.body["nextPage"].as_u64();
            }
            assert_eq!(seen.len(), 13, "limit {limit}, {sort}");
            assert_eq!(BTreeSet::from_iter(seen), made, "limit {limit}, {sort}");
        }
        let after = ann.search("/bff-api/chessGameListView/list?limit=10&page=9", &active).await;
        has(after.is(200), &json!({"total": 13, "items": [], "pageItem": 0, "nextPage": null, "prevPage": 2}));
    });
}

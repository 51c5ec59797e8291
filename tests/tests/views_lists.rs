//! Lists: facets, cursors, the two forms of a question, forgiving words.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wechess_tests::answer::has;
use wechess_tests::{Actor, App, story};

use crate::import::{MOVES, game, import, unique};

const LIST: &str = "/bff-api/chessGameListView/list";

fn encoded(json: &Value) -> String {
    json.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn ids(answer: &Value) -> Vec<String> {
    let items = answer["items"].as_array().expect("items");
    items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

/// Ann, Bob and seven games of theirs: with and without moves, results and openings.
async fn seven_games(app: &App) -> (Actor, Actor) {
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for (moves, end) in [
        ("f3 e5 g4 Qh4#", None),
        ("e4 c5", Some("blackWin")),
        ("e4 c5", Some("blackWin")),
        ("d4 d5", None),
        ("d4", None),
        ("", None),
        ("e4", None),
    ] {
        let one = ann.create_game(&bob).await;
        if !moves.is_empty() {
            one.play(moves).await;
        }
        if let Some(result) = end {
            ann.update_game(&one.id, json!({"result": result})).await.is(200);
        }
    }
    (ann, bob)
}

fn played() -> Value {
    json!({"importedById": null, "playerWhiteId": "$me"})
}

#[test]
fn facets_count_the_values_beside_the_chosen_one() {
    story(async |app: App| {
        let (ann, bob) = seven_games(&app).await;
        let filters = json!({"importedById": null, "playerWhiteId": ann.id, "status": "active"});
        let path = format!("{LIST}?facets=status,result,saveRequestWhite,plies&limit=2&filters={}", encoded(&filters));
        let got = ann.look(&path).await;
        has(got.is(200), &json!({"total": 4, "pageItem": 2, "totalPage": 2}));
        let value = |value: Value, count: u32| json!({"value": value, "count": count});
        let expected = json!([
            {"field": "status", "values": [value(json!("active"), 4), value(json!("completed"), 3)], "other": 0, "missing": 0},
            {"field": "result", "values": [], "other": 0, "missing": 4},
            {"field": "saveRequestWhite", "values": [value(json!(false), 4)], "other": 0, "missing": 0},
            {"field": "plies", "values": [value(json!(1), 2), value(json!(0), 1), value(json!(2), 1)], "other": 0,
             "missing": 0},
        ]);
        assert_eq!(got.body["filters"], expected);
        let body = json!({"facets": ["status", "result", "saveRequestWhite", "plies"], "limit": 2, "filters": filters});
        let posted = ann.search(LIST, &body).await;
        for part in ["total", "items", "filters", "nextCursor", "prevCursor", "currentPage", "nextPage"] {
            assert_eq!(posted.is(200)[part], got.body[part], "{part}");
        }
        assert_eq!(bob.search(LIST, &body).await.is(200)["filters"], expected, "he plays them too");
        let eve = app.guest().await;
        let seen = eve.search(LIST, &body).await;
        assert_eq!(seen.is(200)["filters"][0], json!({"field": "status", "values": [], "other": 0, "missing": 0}));
        let bad = ann.search(LIST, &json!({"facets": ["stauts", "createdAt", "id"], "page": 0})).await;
        let told =
            ["/page errMsg_invalidParameter", "/facets errMsg_unknownField", "/facets errMsg_operatorNotAllowed"];
        assert_eq!(bad.faults()[..3], told, "{}", bad.text);
    });
}

/// All rows from the first page on, and all rows from the last one back.
async fn walked(who: &Actor, sort: &str, limit: usize) -> (Vec<String>, Vec<String>) {
    let path = |more: &str| format!("{LIST}?limit={limit}&{sort}&filters={}{more}", encoded(&played()));
    let mut answer = who.view("GET", &path("")).answered().await;
    let mut pages = vec![ids(answer.is(200))];
    while let Some(next) = answer.body["nextCursor"].as_str().map(str::to_owned) {
        answer = who.view("GET", &path(&format!("&cursor={next}"))).answered().await;
        has(answer.is(200), &json!({"total": 7, "currentPage": null, "nextPage": null, "prevPage": null}));
        pages.push(ids(&answer.body));
        assert!(pages.len() < 20, "{sort} never ends");
    }
    let forward = pages.concat();
    let mut back = pages.pop().unwrap_or_default();
    while let Some(previous) = answer.body["prevCursor"].as_str().map(str::to_owned) {
        answer = who.view("GET", &path(&format!("&cursor={previous}"))).answered().await;
        back.splice(0..0, ids(answer.is(200)));
        assert!(back.len() <= 7, "{sort} goes back too far");
    }
    (forward, back)
}

#[test]
fn cursors_walk_every_order_forward_and_back() {
    story(async |app: App| {
        let (ann, _) = seven_games(&app).await;
        assert_eq!(ann.count("chessGameListView", &played()).await, 7, "from here on the view has them");
        let schema = ann.look("/bff-api/chessGameListView/schema").await;
        let fields: Vec<String> = serde_json::from_value(schema.is(200)["sortableFields"].clone()).unwrap();
        for (number, field) in fields.iter().enumerate() {
            // One way each: that both are each other's mirror is a property of the cursor's own tests.
            let sort = format!("sortBy={field}&sortOrder={}", ["asc", "desc"][number % 2]);
            let path = format!("{LIST}?limit=100&{sort}&filters={}", encoded(&played()));
            let whole = ids(ann.view("GET", &path).answered().await.is(200));
            assert_eq!(whole.len(), 7);
            let (forward, back) = walked(&ann, &sort, 2 + number % 3).await;
            assert_eq!((&forward, &back), (&whole, &whole), "{sort}");
        }
        let (forward, back) = walked(&ann, "sortBy=result,plies,status&sortOrder=desc,asc,desc", 3).await;
        assert_eq!((forward.len(), &forward), (7, &back));
    });
}

#[test]
fn a_cursor_fits_its_own_question_only() {
    story(async |app: App| {
        let (ann, bob) = seven_games(&app).await;
        let filters = encoded(&json!({"importedById": null}));
        let first = ann.look(&format!("{LIST}?limit=2&sortBy=plies&filters={filters}")).await;
        let cursor = first.is(200)["nextCursor"].as_str().expect("a cursor").to_owned();
        assert_eq!(first.body["prevCursor"], Value::Null);
        let same = format!("{LIST}?sortBy=plies&filters={filters}&cursor={cursor}");
        has(ann.look(&format!("{same}&limit=3&fields=id&facets=status")).await.is(200), &json!({"pageItem": 3}));
        let refused = async |who: &Actor, path: &str| {
            let answer = who.look(path).await;
            assert!(answer.faults().iter().all(|fault| fault == "/cursor errMsg_invalidParameter"), "{}", answer.text);
        };
        refused(&bob, &same).await;
        refused(&ann, &format!("{LIST}?sortBy=plies&cursor={cursor}")).await;
        refused(&ann, &format!("{LIST}?sortBy=plies&sortOrder=desc&filters={filters}&cursor={cursor}")).await;
        refused(&ann, &format!("{LIST}?sortBy=eco&filters={filters}&cursor={cursor}")).await;
        refused(&ann, &format!("{same}&q=e4")).await;
        refused(&ann, &same.replace("chessGameListView", "chessGameDetailView")).await;
        refused(&ann, &format!("{same}x")).await;
        refused(&ann, &format!("{LIST}?cursor=AQ")).await;
        let both = ann.look(&format!("{same}&page=2")).await;
        assert_eq!(both.faults(), ["/page errMsg_invalidParameter"]);
        // `now` is what it was on the first page.
        let recent = encoded(&json!({"importedById": null, "createdAt": {"lte": "now"}}));
        let first = ann.look(&format!("{LIST}?limit=3&filters={recent}")).await;
        let next = first.is(200)["nextCursor"].as_str().expect("a cursor").to_owned();
        ann.create_game(&bob).await;
        let second = ann.look(&format!("{LIST}?limit=3&filters={recent}&cursor={next}")).await;
        has(second.is(200), &json!({"total": first.body["total"], "pageItem": 3}));
    });
}

#[test]
fn get_and_post_ask_the_same() {
    story(async |app: App| {
        let (ann, _) = seven_games(&app).await;
        let filters = json!({"importedById": null, "plies": {"gte": 1}});
        let query = "limit=2&page=2&sortBy=plies,eco&sortOrder=desc,asc&fields=id,eco,plies&facets=status,eco";
        let got = ann.look(&format!("{LIST}?{query}&filters={}", encoded(&filters))).await.is(200).clone();
        assert_eq!((&got["total"], &got["currentPage"], &got["pageItem"]), (&json!(6), &json!(2), &json!(2)));
        let whole = json!({"limit": 2, "page": 2, "sortBy": ["plies", "eco"], "sortOrder": "desc,asc",
            "fields": ["id", "eco", "plies"], "facets": "status,eco", "filters": filters});
        assert_eq!(ann.search(LIST, &whole).await.is(200), &got, "all in the body");
        assert_eq!(ann.search(&format!("{LIST}?{query}"), &filters).await.is(200), &got, "bare filters");
        let wrapped = json!({"filters": filters});
        assert_eq!(ann.search(&format!("{LIST}?{query}"), &wrapped).await.is(200), &got, "parameters beside the body");
        assert_eq!(ann.search(&format!("{LIST}?{query}"), &whole).await.is(200), &got, "both, equal");
        let differ = ann.search(&format!("{LIST}?page=3&q=x"), &whole).await;
        assert_eq!(differ.faults(), ["/page errMsg_invalidParameter"]);
        let wrong = ann.search(LIST, &json!({"limit": 5, "status": "active"})).await;
        assert_eq!(wrong.faults(), ["/status errMsg_invalidShape"]);
        let count = "/bff-api/chessGameListView/count";
        assert_eq!(ann.search(count, &json!({"filters": filters, "q": "sicilian"})).await.is(200)["total"], 2);
        let both = format!("{count}?filters={}", encoded(&filters));
        assert_eq!(ann.search(&both, &filters).await.is(200)["total"], 6);
        assert_eq!(ann.search(&both, &json!({"plies": 1})).await.faults(), ["/filters errMsg_invalidParameter"]);
    });
}

#[test]
fn typing_errors_are_forgiven_where_nothing_is_hidden() {
    story(async |app: App| {
        let (admin, ann) = (app.admin().await, app.user("ann").await);
        let white = unique("Zukertort");
        let report = import(&admin, &game(&white, MOVES)).await;
        let id = report.is(200)["games"][0]["gameId"].clone();
        let found = async |who: &Actor, q: &str| {
            let body = json!({"q": q, "filters": {"id": id}});
            who.search("/bff-api/chessGameListView/count", &body).await.is(200)["total"].as_u64().unwrap()
        };
        let told =
            BTreeMap::from([("zukertort", (1, 1)), ("zuker", (1, 1)), ("zukertrot", (1, 0)), ("steinitz", (0, 0))]);
        for (q, expected) in told {
            assert_eq!((found(&admin, q).await, found(&ann, q).await), expected, "{q}");
        }
    });
}

#[test]
fn a_shared_filter_is_used_by_its_role() {
    story(async |app: App| {
        let (ann, bob) = seven_games(&app).await;
        let (guest, admin) = (app.guest().await, app.admin().await);
        let path = "/bff-api/chessGameListView/filters";
        let conditions = json!({"playerWhiteId": "$me", "importedById": null, "createdAt": {"gte": "now-1d"}});
        let body = json!({"filterName": "my games as White", "conditions": conditions, "sharedWith": "user"});
        let saved = ann.view("POST", path).json(&body).send().await;
        has(saved.is(201), &json!({"sharedWith": "user", "filterName": "my games as White"}));
        let id = saved.body["filterId"].as_str().unwrap().to_owned();
        let used = async |who: &Actor, more: &str| who.look(&format!("{LIST}?filter={id}{more}")).await;
        assert_eq!(used(&ann, "").await.is(200)["total"], 7);
        let active = encoded(&json!({"status": "active"}));
        assert_eq!(used(&ann, &format!("&filters={active}")).await.is(200)["total"], 4, "ANDed");
        assert_eq!(used(&bob, "").await.is(200)["total"], 0, "`$me` is who asks");
        let count = bob.search("/bff-api/chessGameListView/count", &json!({"filter": id})).await;
        assert_eq!(count.is(200)["total"], 0);
        let next = used(&ann, "&limit=3").await.body["nextCursor"].as_str().expect("a cursor").to_owned();
        has(used(&ann, &format!("&limit=3&cursor={next}")).await.is(200), &json!({"pageItem": 3, "total": 7}));

        let listed = async |who: &Actor| {
            let all = who.look(&format!("{path}?limit=100")).await.is(200)["items"].clone();
            all.as_array().unwrap().iter().find(|item| item["id"] == id.as_str()).map(|item| item["own"].clone())
        };
        assert_eq!((listed(&ann).await, listed(&bob).await), (Some(json!(true)), Some(json!(false))));
        assert_eq!((listed(&guest).await, listed(&admin).await), (None, None));
        for (who, view) in [(&guest, "chessGameListView"), (&admin, "chessGameListView"), (&ann, "chessGame")] {
            let answer = who.look(&format!("/bff-api/{view}/list?filter={id}")).await;
            answer.refused(404, "errMsg_filterNotFound");
        }
        assert_eq!(ann.look(&format!("{LIST}?filter=mine")).await.faults(), ["/filter errMsg_invalidParameter"]);
        bob.view("DELETE", &format!("{path}/{id}")).send().await.refused(404, "errMsg_filterNotFound");
        let foreign = json!({"conditions": {}, "sharedWith": "admin"});
        ann.view("POST", path).json(&foreign).send().await.refused(403, "errMsg_forbidden");
        let unknown = ann.view("POST", path).json(&json!({"conditions": {}, "sharedWith": "friends"})).send().await;
        assert_eq!(unknown.faults(), ["/sharedWith errMsg_invalidValue"]);
        ann.view("DELETE", &format!("{path}/{id}")).send().await.is(200);
        used(&bob, "").await.refused(404, "errMsg_filterNotFound");
    });
}

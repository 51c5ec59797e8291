//! Live reads: a list that changes before one's eyes.

mod crowd;
mod long;
mod slow;

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::{Value, json};
use wechess_tests::actor::PASSWORD;
use wechess_tests::answer::has;
use wechess_tests::events::{Events, parts};
use wechess_tests::{Actor, App, System, alone, eventually, story};

const LIST_VIEW: &str = "chessGameListView";

/// A live read of a view by filters.
fn path(view: &str, filters: &Value, more: &str) -> String {
    let text: String = filters.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("/bff-api/{view}/live?filters={text}{more}")
}

#[test]
fn a_game_enters_changes_and_leaves_a_list() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let filters = json!({"playerWhiteId": ann.id, "status": "active"});
        let mut live = ann.live(&path(LIST_VIEW, &filters, "&fields=id,plies,lastMove,playerWhiteName")).await;
        has(&live.expect("snapshot").await, &json!({"reason": "start", "total": 0, "items": []}));
        let game = ann.create_game(&bob).await;
        let entered = live.expect("enter").await;
        assert_eq!(entered["id"], game.id.as_str());
        has(&entered["item"], &json!({"id": game.id, "playerWhiteName": "ann", "plies": 0}));
        game.play("e4").await;
        live.until(|shown| shown[&game.id]["lastMove"] == "e4").await;
        assert_eq!(live.shown[&game.id].as_object().unwrap().len(), 4);
        bob.update_game(&game.id, json!({"result": "whiteWin"})).await.is(200);
        assert_eq!(live.expect("leave").await, json!({"id": game.id}));
        // A second one sees all of it at once.
        let mut later = ann.live(&path(LIST_VIEW, &json!({"playerWhiteId": ann.id}), "")).await;
        let list = later.expect("snapshot").await;
        assert_eq!((&list["total"], &list["items"][0]["status"]), (&json!(1), &json!("completed")));
    });
}

#[test]
fn a_name_that_changes_is_told_wherever_it_is_shown() {
    story(async |app: App| {
        let (ann, bob) = (app.guest().await, app.user("bob").await);
        let game = ann.create_game(&bob).await;
        ann.look(&format!("/bff-api/{LIST_VIEW}/list")).await.is(200);
        let name = format!("Anna {}", uuid::Uuid::now_v7().simple());
        let mut live = bob.live(&path(LIST_VIEW, &json!({"playerWhiteName": name}), "")).await;
        assert_eq!(live.expect("snapshot").await["total"], 0);
        // A guest becomes a user, with a name.
        let email = format!("{}@example.com", uuid::Uuid::now_v7().simple());
        let body = json!({"email": email, "password": PASSWORD, "fullname": name});
        ann.post("/auth-api/v1/registeruser", &body).await.is(201);
        let entered = live.expect("enter").await;
        assert_eq!((&entered["id"], &entered["item"]["playerWhiteName"]), (&json!(game.id), &json!(name)));
    });
}

#[test]
fn nobody_is_told_of_what_he_may_not_see() {
    story(async |app: App| {
        let (ann, bob, eve) = (app.user("ann").await, app.user("bob").await, app.user("eve").await);
        let since = json!({"createdAt": {"gte": "now-1m"}, "importedById": null, "mode": "private"});
        let mut hers = ann.live(&path("chessGame", &since, "")).await;
        let mut others = eve.live(&path("chessGame", &since, "")).await;
        assert_eq!(
            (hers.expect("snapshot").await["total"].clone(), others.expect("snapshot").await["total"].clone()),
            (json!(0), json!(0))
        );
        let game = ann.create_game_from(&bob, json!({"mode": "private"})).await;
        game.play("e4 e5").await;
        hers.until(|shown| shown.get(&game.id).is_some_and(|item| item["status"] == "active")).await;
        // The first that eve hears of is her own.
        let own = eve.open_game("private").await["id"].as_str().unwrap().to_owned();
        assert_eq!(others.expect("enter").await["id"], own.as_str());
        hers.until(|shown| !shown.is_empty()).await;
        assert!(!hers.shown.contains_key(&own));
    });
}

#[test]
fn who_comes_back_misses_nothing() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let path = path("chessGame", &json!({"playerWhiteId": ann.id}), "&fields=id,moveCount,status");
        let mut live = ann.live(&path).await;
        assert_eq!(live.expect("snapshot").await["total"], 0);
        let game = ann.create_game(&bob).await;
        live.until(|shown| shown.contains_key(&game.id)).await;
        let last = live.last_id.clone().unwrap();
        drop(live);
        bob.update_game(&game.id, json!({"result": "whiteWin"})).await.is(200);
        ann.look("/bff-api/chessGame/list").await.is(200);
        let mut back = ann.try_live(&path, Some(&last)).await.unwrap_or_else(|answer| panic!("{}", answer.text));
        let event = back.next().await;
        assert_eq!((event.name.as_str(), &event.data["item"]["status"]), ("change", &json!("completed")));
        // From before anything that is kept, or beyond the end of the log: the list anew, and it says why.
        let (at, digest) = parts(&last);
        let id = |log: String, position: i64| format!("{log}:{position}:{digest}");
        for lost in [
            id(at.log.to_string(), 0),
            id(at.log.to_string(), i64::MAX),
            id(uuid::Uuid::now_v7().to_string(), 7),
            at.to_string(),
        ] {
            let mut anew = ann.try_live(&path, Some(&lost)).await.unwrap_or_else(|answer| panic!("{}", answer.text));
            has(&anew.expect("snapshot").await, &json!({"reason": "gap", "total": 1}));
        }
    });
}

/// What was told of one question says nothing of another.
#[test]
fn who_asks_something_else_begins_anew() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let game = ann.create_game(&bob).await;
        ann.find("chessGame", &json!({"id": game.id})).await;
        let of = |status: &str| path("chessGame", &json!({"playerWhiteId": ann.id, "status": status}), "");
        let mut live = ann.live(&of("completed")).await;
        assert_eq!(live.expect("snapshot").await["total"], 0);
        let last = live.last_id.clone().unwrap();
        let mut other =
            ann.try_live(&of("active"), Some(&last)).await.unwrap_or_else(|answer| panic!("{}", answer.text));
        has(&other.expect("snapshot").await, &json!({"reason": "gap", "total": 1}));
        // Nor does a foreign id: bob has none of ann's list.
        let mut foreign =
            bob.try_live(&of("active"), Some(&last)).await.unwrap_or_else(|answer| panic!("{}", answer.text));
        assert_eq!(foreign.expect("snapshot").await["reason"], "gap");
    });
}

/// A browser connects again by itself with the last id: what he may see in his new role must not be missing.
#[test]
fn who_has_another_role_begins_anew() {
    story(async |app: App| {
        let guest = app.guest().await;
        let own = format!("/bff-api/user/live?filters=%7B%22id%22%3A%22{}%22%7D", guest.id);
        assert_eq!(guest.count("user", &json!({"id": guest.id})).await, 1);
        let mut live = guest.live(&own).await;
        assert_eq!(live.expect("snapshot").await["total"], 1);
        let email = format!("{}@example.com", uuid::Uuid::now_v7().simple());
        let body = json!({"email": email, "password": PASSWORD, "fullname": "Grace"});
        guest.post("/auth-api/v1/registeruser", &body).await.is(201);
        let ended = loop {
            let event = live.next().await;
            if event.name == "end" {
                break event.data;
            }
            assert_eq!(event.name, "change", "{}", event.data);
        };
        assert_eq!(ended["reason"], "role");
        let last = live.last_id.clone();
        let mut back = guest.try_live(&own, last.as_deref()).await.unwrap_or_else(|answer| panic!("{}", answer.text));
        has(&back.expect("snapshot").await, &json!({"reason": "gap", "total": 1}));
    });
}

#[test]
fn what_cannot_be_read_live_is_refused_at_once() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        let refused = async |who: &Actor, path: &str, id: Option<&str>| match who.try_live(path, id).await {
            Ok(_) => panic!("{path} is read"),
            Err(answer) => answer,
        };
        let words = json!({"opening": {"match": "sicilian"}, "$not": {"event": {"match_phrase": "open"}}, "plise": 1});
        let answer = refused(&ann, &path(LIST_VIEW, &words, "&limit=0&q=x"), Some("7")).await;
        let mut faults = answer.faults();
        faults.sort();
        let expected = [
            "/Last-Event-ID errMsg_invalidParameter",
            "/filters/plise errMsg_unknownField",
            "/limit errMsg_invalidParameter",
            "/q errMsg_unknownParameter",
        ];
        assert_eq!(faults, expected);
        let words = json!({"opening": {"match": "sicilian"}, "$not": {"event": {"match_phrase": "open"}}});
        let answer = refused(&ann, &path(LIST_VIEW, &words, ""), None).await;
        assert_eq!(answer.faults(), ["/filters errMsg_operatorNotAllowed"; 2]);
        let bad = refused(&ann, &path(LIST_VIEW, &json!({"opening": {"regexp": "("}}), ""), None).await;
        assert_eq!(bad.faults(), ["/filters errMsg_invalidValue"]);
        refused(&app.stranger(), "/bff-api/chessGame/live", None).await.refused(401, "errMsg_userNotAuthenticated");
        refused(&ann, "/bff-api/nothing/live", None).await.refused(404, "errMsg_indexNotFound");
    });
}

#[test]
fn a_browser_sends_its_token_in_the_query_or_a_cookie() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        ann.look("/bff-api/user/count").await.is(200);
        let stranger = app.stranger();
        let mut live = stranger.live(&format!("/bff-api/user/live?access_token={}", ann.token)).await;
        assert_eq!(live.expect("snapshot").await["items"][0]["id"], ann.id.as_str());
        // The cookie as the login sets it, which a browser sends by itself.
        let login = json!({"username": ann.email, "password": PASSWORD});
        let session = stranger.post("/auth-api/login", &login).await;
        let cookie = session.header("set-cookie").and_then(|set| set.split(';').next()).expect("a cookie").to_owned();
        let own = format!("/bff-api/user/live?filters=%7B%22id%22%3A%22{}%22%7D", ann.id);
        let opened = stranger.try_live_with(&own, &[("Cookie", &cookie)]).await;
        let mut live = opened.unwrap_or_else(|answer| panic!("{}", answer.text));
        assert_eq!(live.expect("snapshot").await["items"][0]["fullname"], "ann");
        // It ends with the session of the cookie, not with the other one.
        let token = session.body["accessToken"].as_str().expect("a token").to_owned();
        stranger.with_token(&token).post("/auth-api/logout", &json!({})).await.ok();
        assert_eq!(live.expect("end").await["reason"], "session");
        let ended = stranger.try_live_with(&own, &[("Cookie", &cookie)]).await;
        ended.err().expect("a refusal").refused(401, "errMsg_userNotAuthenticated");
        ann.look("/bff-api/user/count").await.is(200);
    });
}

#[test]
fn live_reads_are_bounded_and_end_with_the_session() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        ann.look("/bff-api/user/count").await.is(200);
        let mut open: Vec<Events> = join_all((0..16).map(|_| ann.live("/bff-api/user/live"))).await;
        let Err(refused) = ann.try_live("/bff-api/user/live", None).await else { panic!("a seventeenth is let in") };
        refused.refused(429, "errMsg_tooManyLiveReads");
        drop(open.pop());
        eventually("the seat is free", async || ann.try_live("/bff-api/user/live", None).await.ok()).await;
        ann.post("/auth-api/logout", &json!({})).await.ok();
        for mut live in open {
            live.expect("snapshot").await;
            assert_eq!(live.expect("end").await["reason"], "session");
            assert!(live.try_next().await.is_none());
        }
    });
}

#[test]
fn the_service_ends_its_live_reads_when_it_ends() {
    alone(async || {
        let system = System::with_namespace(&["chessGame"]).await;
        let (app, server) = system.query_bff_with(&[]).await;
        let ann = system.guest().await.at(&app);
        let mut live = ann.live("/bff-api/chessGame/live").await;
        live.expect("snapshot").await;
        let begun = std::time::Instant::now();
        let (ended, ()) = futures_util::join!(live.expect("end"), server.stop());
        assert_eq!(ended["reason"], "shutdown");
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
        system.end().await;
    });
}

#[test]
fn a_projector_that_was_away_leaves_no_hole() {
    alone(async || {
        let mut system = System::with_namespace(&["chessGame"]).await;
        let (ann, bob) = (system.guest().await, system.guest().await);
        let mut live = ann.live("/bff-api/chessGame/live").await;
        live.expect("snapshot").await;
        let before = ann.create_game(&bob).await;
        live.until(|shown| shown.contains_key(&before.id)).await;
        system.stop_projector().await;
        let meanwhile = ann.create_game(&bob).await;
        ann.update_game(&before.id, json!({"result": "blackWin"})).await.is(200);
        system.start_projector().await;
        let is_there = |shown: &BTreeMap<String, Value>| {
            shown.contains_key(&meanwhile.id) && shown[&before.id]["status"] == "completed"
        };
        live.until(is_there).await;
        let after = ann.create_game(&bob).await;
        live.until(|shown| shown.contains_key(&after.id)).await;
        system.end().await;
    });
}

/// What the filters of live reads say in memory is what they say in Elasticsearch: read through a crowd of games, each
/// ends with what its list is.
#[test]
fn in_the_end_each_live_read_shows_its_list() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let own = json!({"playerWhiteId": ann.id});
        let filters = [
            json!({}),
            json!({"status": "active"}),
            json!({"status": {"nin": ["active", "completed"]}}),
            json!({"plies": {"between": [2, 4]}}),
            json!({"plies": {"gt": 2}, "$not": {"lastMove": {"contains": "C"}}}),
            json!({"lastMove": {"wildcard": "?c*"}}),
            json!({"lastMove": {"regexp": "[a-h].*"}}),
            json!({"$or": [{"result": null}, {"lastMove": {"prefix": "D"}}]}),
            json!({"opening": {"prefix": "king's"}}),
            json!({"updatedAt": {"lt": "now+1h"}, "eco": {"exists": true}}),
            json!({"status_idx": {"gte": 3}}),
            json!({"createdAt": "2001-01-01"}),
        ];
        let mut all = Vec::new();
        for filter in &filters {
            let both = json!({"$and": [own, filter]});
            all.push((both.clone(), ann.live(&path(LIST_VIEW, &both, "&limit=100")).await));
        }
        let crowd = async {
            for (number, moves) in ["e4 e5 f4", "d4 d5 c4 c6", "e4", "", "e4 c5 Nf3 Nc6 Bb5"].iter().enumerate() {
                let game = ann.create_game(&bob).await;
                if !moves.is_empty() {
                    game.play(moves).await;
                }
                if number % 2 == 0 {
                    bob.update_game(&game.id, json!({"result": "whiteWin"})).await.is(200);
                }
            }
        };
        crowd.await;
        for (filter, live) in &mut all {
            let list = ann.find(LIST_VIEW, filter).await;
            let list: BTreeMap<String, Value> =
                list.into_iter().map(|item| (item["id"].as_str().unwrap().to_owned(), item)).collect();
            live.expect("snapshot").await;
            live.until(|shown| *shown == list).await;
        }
    });
}

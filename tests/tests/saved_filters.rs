//! Saved filters: used wherever filters are, and honest about what has not come yet.

use serde_json::{Value, json};
use wechess_tests::actor::Request;
use wechess_tests::{Actor, App, System, alone, story};

const GAMES: &str = "/bff-api/chessGameListView";

/// Saves conditions of the view at this path; the answer's id and token.
async fn save(who: &Actor, view: &str, conditions: &Value) -> (String, String) {
    let body = json!({"filterName": "mine", "conditions": conditions});
    let saved = who.view("POST", &format!("{view}/filters")).json(&body).send().await;
    let id = saved.is(201)["filterId"].as_str().expect("an id").to_owned();
    (id, saved.header("consistency-token").expect("a token").to_owned())
}

#[test]
fn a_saved_filter_is_used_wherever_filters_are() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let game = ann.create_game(&bob).await;
        let over = ann.create_game(&bob).await;
        bob.update_game(&over.id, json!({"result": "whiteWin"})).await.is(200);
        let (id, _) = save(&ann, GAMES, &json!({"status": "active", "playerWhiteId": "$me"})).await;
        let found =
            ann.search(&format!("{GAMES}/aggregate?filter={id}"), &json!({"groupBy": [{"field": "status"}]})).await;
        assert_eq!((&found.is(200)["documents"], &found.body["items"][0]["status"]), (&json!(1), &json!("active")));
        let both = json!({"filters": {"playerBlackId": ann.id}});
        let none = ann.search(&format!("{GAMES}/aggregate?filter={id}"), &both).await;
        assert_eq!(none.is(200)["documents"], 0, "ANDed");
        let expected = format!("{{\"id\":\"{}\"}}\n{{\"_end\":{{\"count\":1}}}}\n", game.id);
        let got = ann.look(&format!("{GAMES}/export?filter={id}&fields=id")).await;
        assert_eq!((got.status, got.text), (200, expected.clone()));
        let got = ann.search(&format!("{GAMES}/export"), &json!({"filter": id, "fields": "id"})).await;
        assert_eq!((got.status, got.text), (200, expected));
        let mut live = ann.live(&format!("{GAMES}/live?filter={id}&fields=id")).await;
        assert_eq!(live.expect("snapshot").await["items"], json!([{"id": game.id}]));
        bob.update_game(&game.id, json!({"result": "whiteWin"})).await.is(200);
        assert_eq!(live.expect("leave").await["id"], game.id.as_str());

        for (who, view) in [(&bob, "chessGameListView"), (&ann, "chessGame")] {
            let path = |route: &str| format!("/bff-api/{view}/{route}?filter={id}");
            who.search(&path("aggregate"), &json!({})).await.refused(404, "errMsg_filterNotFound");
            who.look(&path("export")).await.refused(404, "errMsg_filterNotFound");
            let refused = who.try_live(&path("live"), None).await.err().expect("a refusal");
            refused.refused(404, "errMsg_filterNotFound");
        }
    });
}

#[test]
fn a_saved_filter_that_has_not_come_yet_is_stale_or_with_strict_a_503() {
    alone(async || {
        let mut system = System::with_namespace(&["chessGame", "savedFilter"]).await;
        let ann = system.user("ann").await;
        ann.open_game("public").await;
        assert_eq!(ann.count("chessGame", &json!({})).await, 1);
        system.stop_projector().await;
        let (id, token) = save(&ann, "/bff-api/chessGame", &json!({})).await;
        let asked = |method: &str, route: &str| -> Request {
            let request = ann.view(method, &format!("/bff-api/chessGame/{route}?filter={id}"));
            if method == "POST" { request.json(&json!({})) } else { request }
        };
        for (method, route) in [("GET", "list"), ("GET", "count"), ("POST", "aggregate"), ("GET", "export")] {
            let late = asked(method, route).header("Consistency-Token", &token).send().await;
            late.refused(404, "errMsg_filterNotFound");
            assert_eq!(late.header("stale"), Some("true"), "{route}");
            let strict =
                asked(method, route).header("Consistency-Token", &token).header("Prefer", "strict").send().await;
            let told = strict.refused(503, "errMsg_viewIsStale");
            assert!(told.starts_with("savedFilter has not reached position "), "{told}");
            // Who does not say that it must be there learns that it is not, and no more.
            let plain = asked(method, route).send().await;
            plain.refused(404, "errMsg_filterNotFound");
            assert_eq!(plain.header("stale"), None, "{route}");
        }
        system.start_projector().await;
        let fresh = ann.at(&system.app).look(&format!("/bff-api/chessGame/list?filter={id}")).await;
        assert_eq!((fresh.is(200)["total"].as_i64(), fresh.header("stale")), (Some(1), None));
        system.end().await;
    });
}

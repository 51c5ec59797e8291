//! Reading one's own writes.

use std::time::Duration;

use event_schema::position::LogPosition;
use serde_json::json;
use wechess_tests::{Actor, Answer, App, System, alone, eventually, story};

const LIST: &str = "/bff-api/chessGame/list";

async fn with_token(who: &Actor, path: &str, token: &str) -> Answer {
    who.view("GET", path).header("Consistency-Token", token).send().await
}

#[test]
fn an_answer_with_a_token_is_complete_up_to_it() {
    story(async |app: App| {
        let (ann, bob) = (app.guest().await, app.guest().await);
        for round in 1..=5 {
            let game = ann.create_game(&bob).await;
            let token = app.told().unwrap();
            let listed = ann.search(&format!("{LIST}?limit=1"), &json!({"status": "active"})).await;
            assert_eq!(
                (listed.is(200)["total"].as_i64(), listed.body["items"][0]["id"].as_str()),
                (Some(round), Some(game.id.as_str()))
            );
            let mark: LogPosition = listed.header("watermark").unwrap().parse().unwrap();
            assert!(mark.log == token.log && mark.position >= token.position, "{mark} {token}");
            let record = ann.look(&format!("/bff-api/chessGame/{}", game.id)).await;
            assert_eq!(record.is(200)["item"]["id"], game.id.as_str());
        }
    });
}

#[test]
fn a_token_that_is_none_of_this_log_is_a_400() {
    story(async |app: App| {
        let ann = app.guest().await;
        let game = ann.open_game("public").await["id"].as_str().unwrap().to_owned();
        ann.look(LIST).await.is(200);
        let here = app.told().unwrap();
        for path in [LIST.to_owned(), format!("/bff-api/chessGame/{game}"), "/bff-api/chessGame/count".to_owned()] {
            for bad in ["x", "7", "x:7", &format!("{}:-1", here.log), &format!("{}:", here.log)] {
                let answer = with_token(&ann, &path, bad).await;
                answer.refused(400, "errMsg_invalidParameter");
                assert_eq!(answer.faults(), ["/Consistency-Token errMsg_invalidParameter"]);
            }
            let foreign = with_token(&ann, &path, &format!("{}:1", uuid::Uuid::now_v7())).await;
            assert!(
                foreign.refused(400, "errMsg_invalidConsistencyToken").contains("of another log"),
                "{}",
                foreign.text
            );
            let beyond = eventually("the projector tells the tail", async || {
                let answer = with_token(&ann, &path, &format!("{}:{}", here.log, here.position + 1_000_000)).await;
                (answer.status != 200).then_some(answer)
            })
            .await;
            assert!(
                beyond.refused(400, "errMsg_invalidConsistencyToken").contains("beyond the log"),
                "{}",
                beyond.text
            );
        }
    });
}

#[test]
fn a_view_that_stands_still_is_stale_or_with_strict_a_503() {
    alone(async || {
        let mut system = System::with_namespace(&["chessGame"]).await;
        let (ann, bob) = (system.guest().await, system.guest().await);
        let before = ann.create_game(&bob).await;
        assert_eq!(ann.count("chessGame", &json!({})).await, 1);
        system.stop_projector().await;
        let after = ann.create_game(&bob).await;
        let token = system.told().unwrap().to_string();
        let stale = with_token(&ann, LIST, &token).await;
        assert_eq!((stale.is(200)["total"].as_i64(), stale.header("stale")), (Some(1), Some("true")));
        assert_eq!(stale.body["items"][0]["id"], before.id.as_str());
        let mark: LogPosition = stale.header("watermark").unwrap().parse().unwrap();
        assert!(mark.position < system.told().unwrap().position);
        let strict = ann.view("GET", LIST).header("Consistency-Token", &token).header("Prefer", "strict").send().await;
        assert!(
            strict.refused(503, "errMsg_viewIsStale").starts_with("chessGame has not reached position "),
            "{}",
            strict.text
        );
        let unknown = ann.view("GET", &format!("/bff-api/chessGame/{}", after.id)).send().await;
        unknown.refused(404, "errMsg_recordNotFound");
        assert!(with_token(&ann, LIST, "").await.status == 400);

        system.start_projector().await;
        let fresh = ann.at(&system.app).look(LIST).await;
        assert_eq!((fresh.is(200)["total"].as_i64(), fresh.header("stale")), (Some(2), None));
        system.end().await;
    });
}

#[test]
fn an_idle_view_reaches_the_tail() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        // Nothing of this is a game, yet the views of games are complete up to it.
        let token = app.told().unwrap();
        app.settled(token.position).await;
        let answer = tokio::time::timeout(Duration::from_secs(5), with_token(&ann, LIST, &token.to_string())).await;
        assert_eq!(answer.unwrap().header("stale"), None);
    });
}

//! Clocks: what they show, and what makes no sense. When flags fall: `promptness.rs`.

use serde_json::json;
use wechess_tests::answer::has;
use wechess_tests::chess::move_body;
use wechess_tests::{App, story};

#[test]
fn the_kind_of_a_game_gives_its_time_and_everybody_is_shown_what_is_left() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let rapid = ann.create_game_from(&bob, json!({"gameType": "rapid"})).await;
        let control = json!({"initialMs": 600_000, "incrementMs": 0});
        has(
            &rapid.state().await,
            &json!({"timeControl": control, "whiteRemainingMs": 600_000, "clockRunsSince": null}),
        );
        let blitz = ann.create_game_from(&bob, json!({"gameType": "blitz"})).await;
        let first = blitz.play("e4").await.data().clone();
        let free = json!({"remainingMs": 180_000, "whiteRemainingMs": 180_000, "blackRemainingMs": 180_000,
            "clientMoveTime": null, "clockRunsSince": first["moveTimestamp"]});
        has(&first, &free);
        let mut body = move_body(&blitz.id, 2, "e5");
        body["moveTime"] = 1234.into();
        let second = bob.post("/gameplay-api/v1/gamemove", &body).await.data().clone();
        let used = second["moveTime"].as_i64().unwrap();
        has(
            &second,
            &json!({"remainingMs": 182_000 - used, "blackRemainingMs": 182_000 - used, "clientMoveTime": 1234}),
        );
        has(&blitz.state().await, &json!({"blackRemainingMs": 182_000 - used, "whiteRemainingMs": 180_000}));
        let shown =
            json!({"blackRemainingMs": 182_000 - used, "timeControl": {"initialMs": 180_000, "incrementMs": 2_000}});
        for view in ["chessGame", "chessGameListView"] {
            has(&ann.find(view, &json!({"id": blitz.id})).await[0], &shown);
        }
        has(&ann.find("chessGameMove", &json!({"id": second["id"]})).await[0], &json!({"remainingMs": 182_000 - used}));
    });
}

#[test]
fn a_time_control_that_makes_no_sense_is_refused() {
    story(async |app: App| {
        let (ann, bob) = (app.guest().await, app.guest().await);
        for (kind, control, pointer) in [
            ("untimed", json!({"initialMs": 60_000, "incrementMs": 0}), "/timeControl"),
            ("blitz", json!({"initialMs": 1, "incrementMs": 0}), "/timeControl/initialMs"),
            ("blitz", json!({"initialMs": 60_000, "incrementMs": -1}), "/timeControl/incrementMs"),
            ("blitz", json!({"initialMs": 60_000}), "/timeControl"),
            ("blitz", json!({"initialMs": 60_000, "incrementMs": 0, "delay": 1}), "/timeControl"),
            ("blitz", json!("3+2"), "/timeControl"),
        ] {
            let body = json!({"playerWhiteId": ann.id, "playerBlackId": bob.id, "mode": "public", "gameType": kind,
                "timeControl": control});
            let answer = ann.post("/gameplay-api/v1/game", &body).await;
            answer.refused(400, "errMsg_timeControlIsNotValid");
            assert_eq!(answer.faults(), [format!("{pointer} errMsg_timeControlIsNotValid")]);
        }
    });
}

//! What happens by itself when its time has come.

use serde_json::json;
use wechess_tests::answer::has;
use wechess_tests::{System, alone, eventually};

#[test]
fn an_open_game_that_nobody_joins_expires_once_with_two_runners() {
    alone(async || {
        let system = System::with_settings(&["chessGame"], &[("WECHESS_OPEN_GAME_SECONDS", "1")]).await;
        let (_, second) = system.another_command_api().await;
        let (ann, bob) = (system.guest().await, system.guest().await);
        let mut open = Vec::new();
        for _ in 0..5 {
            open.push(ann.open_game("public").await["id"].as_str().unwrap().to_owned());
        }
        let joined = open.pop().unwrap();
        let answer = bob.update_game(&joined, json!({"playerBlackId": bob.id})).await;
        for id in &open {
            let game = eventually("the game expires", async || {
                let game = ann.game(id).await.data().clone();
                (game["status"] != "pending").then_some(game)
            })
            .await;
            has(&game, &json!({"status": "completed", "result": "aborted", "endReason": "expiry"}));
            assert_eq!(system.events_of(id).await, 2);
            bob.update_game(id, json!({"playerBlackId": bob.id})).await.refused(409, "errMsg_GameOver");
        }
        eventually("no timer is left", async || {
            (system.number("select count(*) from {s}.timers").await == 0).then_some(())
        })
        .await;
        if answer.status == 200 {
            has(ann.game(&joined).await.data(), &json!({"status": "active", "result": null}));
        }
        let expired = json!({"endReason": "expiry"});
        assert!(ann.count("chessGame", &expired).await >= 4);
        second.stop().await;
        system.end().await;
    });
}

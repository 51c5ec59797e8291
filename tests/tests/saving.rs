//! Mutual save and resume.

use serde_json::json;
use wechess_tests::answer::has;
use wechess_tests::{App, System, alone, eventually, story};

#[test]
fn both_players_save_and_resume_and_the_clocks_stand_still_between() {
    story(async |app: App| {
        let (ann, bob, eve) = (app.user("ann").await, app.guest().await, app.guest().await);
        let game = ann.create_game_from(&bob, json!({"gameType": "blitz"})).await;
        game.play("e4 e5").await;
        let asked = ann.update_game(&game.id, json!({"saveRequestWhite": true})).await;
        has(asked.data(), &json!({"status": "active", "saveStatus": "requested", "saveStatus_idx": 1}));
        bob.update_game(&game.id, json!({"saveRequestWhite": false})).await.refused(403, "errMsg_forbidden");
        eve.update_game(&game.id, json!({"saveAnswer": "accepted"})).await.refused(403, "errMsg_forbidden");
        let saved = bob.update_game(&game.id, json!({"saveRequestBlack": true})).await.data().clone();
        let paused = json!({"status": "paused", "status_idx": 2, "saveStatus": "paused", "saveRequestWhite": true,
            "saveRequestBlack": true, "clockRunsSince": null});
        has(&saved, &paused);
        for view in ["chessGame", "chessGameListView"] {
            has(&bob.find(view, &json!({"id": game.id})).await[0], &paused);
        }
        let listed = ann.get("/gameplay-api/v1/games?status=paused").await;
        assert_eq!(listed.data()[0]["id"], game.id.as_str());
        ann.play(&game.id, 3, "Nf3").await.refused(409, "errMsg_GameNotActive");
        ann.update_game(&game.id, json!({"result": "draw"})).await.refused(409, "errMsg_GameNotActive");

        has(bob.update_game(&game.id, json!({"status": "active"})).await.data(), &json!({"status": "paused"}));
        has(bob.update_game(&game.id, json!({"saveRequestBlack": true})).await.data(), &paused);
        bob.update_game(&game.id, json!({"saveRequestBlack": false})).await.is(200);
        let resumed = ann.update_game(&game.id, json!({"saveRequestWhite": false})).await.data().clone();
        let active = json!({"status": "active", "saveStatus": "notSaveable", "saveRequestWhite": false,
            "whiteRemainingMs": saved["whiteRemainingMs"]});
        has(&resumed, &active);
        assert!(resumed["clockRunsSince"].is_string());
        game.play_from(3, "Nf3 Nc6").await;
    });
}

#[test]
fn a_wish_to_save_is_declined_or_taken_back() {
    story(async |app: App| {
        let (ann, bob) = (app.guest().await, app.guest().await);
        let game = ann.create_game(&bob).await;
        ann.update_game(&game.id, json!({"saveRequestWhite": true})).await.is(200);
        has(
            bob.update_game(&game.id, json!({"saveAnswer": "declined"})).await.data(),
            &json!({"saveStatus": "notSaveable", "saveRequestWhite": false}),
        );
        bob.update_game(&game.id, json!({"saveAnswer": "declined"})).await.refused(409, "errMsg_NothingToAnswer");
        let both = json!({"saveRequestWhite": true, "result": "draw"});
        ann.update_game(&game.id, both).await.refused(400, "errMsg_OneRequestAtATime");
        game.play("e4").await;
        game.black.update_game(&game.id, json!({"result": "whiteWin"})).await.is(200);
        ann.update_game(&game.id, json!({"saveRequestWhite": true})).await.refused(409, "errMsg_GameOver");
    });
}

#[test]
fn a_saved_public_game_that_nobody_resumes_ends_and_a_private_one_stays() {
    alone(async || {
        let system = System::with_settings(&["user"], &[("WECHESS_PAUSED_GAME_SECONDS", "1")]).await;
        let (ann, bob) = (system.guest().await, system.guest().await);
        let mut games = Vec::new();
        for mode in ["public", "private"] {
            let game = ann.create_game_from(&bob, json!({"mode": mode, "gameType": "rapid"})).await;
            game.play("e4").await;
            ann.update_game(&game.id, json!({"saveRequestWhite": true})).await.is(200);
            bob.update_game(&game.id, json!({"saveRequestBlack": true})).await.is(200);
            games.push(game);
        }
        let ended = eventually("the public game ends", async || {
            let game = games[0].state().await;
            (game["status"] != "paused").then_some(game)
        })
        .await;
        has(&ended, &json!({"status": "completed", "result": "aborted", "endReason": "pauseExpiry"}));
        has(&games[1].state().await, &json!({"status": "paused"}));
        system.end().await;
    });
}

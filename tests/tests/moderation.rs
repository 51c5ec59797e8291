//! Reports, reviews, termination, deletion; and the game as PGN.

use serde_json::{Value, json};
use wechess_tests::answer::has;
use wechess_tests::{App, story};

#[test]
fn players_report_and_admins_review_and_terminate() {
    story(async |app: App| {
        let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
        let game = ann.create_game_from(&bob, json!({"gameType": "blitz"})).await;
        game.play("e4 e5").await;
        let report = |status: &str| json!({"reportStatus": status});
        ann.update_game(&game.id, report("underReview")).await.refused(403, "errMsg_forbidden");
        has(ann.update_game(&game.id, report("reported")).await.data(), &json!({"reportStatus": "reported"}));
        has(admin.update_game(&game.id, report("underReview")).await.data(), &json!({"reportStatus_idx": 2}));
        ann.update_game(&game.id, report("reported")).await.refused(409, "errMsg_UnderReview");
        let end = json!({"status": "terminated", "terminatedById": admin.id});
        ann.update_game(&game.id, end.clone()).await.refused(403, "errMsg_forbidden");
        let wrong = json!({"terminatedById": ann.id});
        admin.update_game(&game.id, wrong).await.refused(403, "errMsg_forbidden");
        let over = json!({"status": "terminated", "status_idx": 4, "terminatedById": admin.id, "result": "aborted",
            "endReason": "termination", "clockRunsSince": null});
        has(admin.update_game(&game.id, end).await.data(), &over);
        has(&bob.find("chessGame", &json!({"id": game.id})).await[0], &over);
        ann.play(&game.id, 3, "Nf3").await.refused(409, "errMsg_GameOver");
        has(admin.update_game(&game.id, report("none")).await.data(), &json!({"reportStatus": "none"}));
    });
}

#[test]
fn a_deleted_game_disappears_for_users_and_stays_for_admins() {
    story(async |app: App| {
        let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
        let game = ann.create_game_from(&bob, json!({"gameType": "blitz"})).await;
        game.play("e4 e5").await;
        let moves = ann.find("chessGameMove", &json!({"gameId": game.id})).await;
        let path = format!("/gameplay-api/v1/game/{}", game.id);
        ann.request("DELETE", &path).send().await.refused(403, "errMsg_forbidden");
        let deleted = admin.request("DELETE", &path).send().await;
        has(deleted.is(200), &json!({"dataName": "chessGame", "action": "delete", "rowCount": 1}));
        has(deleted.data(), &json!({"id": game.id, "isActive": false, "moveCount": 2}));
        for who in [&ann, &bob] {
            who.game(&game.id).await.refused(404, "errMsg_recordNotFound");
            who.play(&game.id, 3, "Nf3").await.refused(404, "errMsg_recordNotFound");
            who.get(&format!("{path}/pgn")).await.refused(404, "errMsg_recordNotFound");
            who.get(&format!("/gameplay-api/v1/gamemoves?gameId={}", game.id))
                .await
                .refused(404, "errMsg_recordNotFound");
            let own = format!("/gameplay-api/v1/games?playerWhiteId={}", ann.id);
            assert_eq!(who.get(&own).await.data(), &json!([]));
            assert_eq!(who.get("/gameplay-api/v1/gamemoves").await.data(), &json!([]));
            for view in ["chessGame", "chessGameListView"] {
                assert_eq!(who.find(view, &json!({"id": game.id})).await, Vec::<Value>::new(), "{view}");
            }
            assert_eq!(who.find("chessGameMove", &json!({"gameId": game.id})).await, Vec::<Value>::new());
            let seen = who.look(&format!("/bff-api/chessGameMove/{}", moves[0]["id"].as_str().unwrap())).await;
            seen.refused(404, "errMsg_recordNotFound");
        }
        has(admin.game(&game.id).await.data(), &json!({"isActive": false, "moveCount": 2}));
        has(&admin.find("chessGame", &json!({"id": game.id})).await[0], &json!({"isActive": false}));
        let there = admin.find("chessGameMove", &json!({"gameId": game.id})).await;
        assert_eq!((there.len(), there.iter().all(|mv| moves.contains(mv))), (2, true));
        admin.request("DELETE", &path).send().await.refused(404, "errMsg_recordNotFound");
    });
}

#[test]
fn a_game_is_read_as_pgn_with_its_opening() {
    story(async |app: App| {
        let (ann, bob, eve) = (app.user("ann").await, app.user("bob").await, app.user("eve").await);
        let game = ann.create_game_from(&bob, json!({"gameType": "blitz"})).await;
        game.play("e4 e5 Bc4 Nc6 Qh5 Nf6 Qxf7#").await;
        let path = format!("/gameplay-api/v1/game/{}/pgn", game.id);
        eve.get(&path).await.refused(403, "errMsg_forbidden");
        let pgn = bob.get(&path).await;
        pgn.is(200);
        assert!(pgn.header("content-type").unwrap().starts_with("application/x-chess-pgn"));
        for line in ["[White \"ann\"]", "[Black \"bob\"]", "[Result \"1-0\"]", "[TimeControl \"180+2\"]"] {
            assert!(pgn.text.contains(line), "{line}: {}", pgn.text);
        }
        assert!(pgn.text.contains("1. e4 { [%clk 0:03:00] } 1... e5") && pgn.text.contains("Qxf7#"), "{}", pgn.text);
        let state = game.state().await;
        let opening = json!({"opening": state["opening"], "eco": state["eco"]});
        has(&ann.find("chessGameListView", &json!({"id": game.id})).await[0], &opening);
        assert!(
            pgn.text.contains(&format!("[ECO {}]\n[Opening {}]\n", state["eco"], state["opening"])),
            "{}",
            pgn.text
        );
    });
}

//! Moves: how they may be written, and every way in which one is refused.

use serde_json::json;
use wechess_tests::answer::has;
use wechess_tests::chess::move_body;
use wechess_tests::{App, story};

#[test]
fn a_move_is_san_lan_or_uci_and_is_kept_in_one_form() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let game = ann.create_game(&bob).await;
        game.play("e2e4 e7-e5 Ng1-f3 Nb8c6 Bf1b5 Ng8-f6 e1g1 Nxe4 d4 a6").await;
        let state = game.state().await;
        let moves: Vec<&str> =
            state["moves"].as_array().unwrap().iter().map(|m| m["moveNotation"].as_str().unwrap()).collect();
        assert_eq!(moves, ["e4", "e5", "Nf3", "Nc6", "Bb5", "Nf6", "O-O", "Nxe4", "d4", "a6"]);
        let listed = ann.get(&format!("/gameplay-api/v1/gamemoves?gameId={}", game.id)).await;
        assert_eq!(listed.data()[6]["uci"], "e1g1");
    });
}

#[test]
fn an_illegal_move_is_a_400_with_the_rule_and_changes_nothing() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let game = ann.create_game(&bob).await;
        game.play("e4 e5 Qh5 Nc6 Qxe5+").await;
        let refusals = [
            ("Nf6", "leavesKingInCheck", "3.9.2"),
            ("a6", "leavesKingInCheck", "3.9.2"),
            ("Bd6", "leavesKingInCheck", "3.9.2"),
            ("f7f4", "notHowThePieceMoves", "3."),
            ("e8e6", "notHowThePieceMoves", "3.8"),
            ("e2e4", "emptySquare", "Appendix C"),
            ("d2d4", "notYourPiece", "1.2"),
            ("Rxh7", "ownPieceOnSquare", "3.1"),
            ("a8a6", "pathBlocked", "3."),
            ("O-O", "castlingNotAllowed", "3.8.2"),
            ("hello", "unreadableMove", "Appendix C"),
        ];
        for (text, rule, article) in refusals {
            let answer = bob.play(&game.id, 6, text).await;
            let told = answer.refused(400, "errMsg_IllegalMove");
            assert!(
                told.contains(&format!("(rule {rule}")) && told.contains(&format!("FIDE article {article}")),
                "{text}: {told}"
            );
            assert_eq!(answer.faults(), ["/moveNotation errMsg_IllegalMove"]);
        }
        assert_eq!(app.events_of(&game.id).await, 6);
        let played = bob.play(&game.id, 6, "Nxe5").await;
        has(played.data(), &json!({"moveNotation": "Nxe5", "gameStatus": "active"}));
    });
}

#[test]
fn no_such_piece_is_told_as_such() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let game = ann.create_game_from(&bob, json!({"initialFEN": "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1"})).await;
        let answer = ann.play(&game.id, 1, "Nf3").await;
        assert_eq!(
            answer.refused(400, "errMsg_IllegalMove"),
            "white has no knight (rule noSuchPiece, FIDE article Appendix C)"
        );
    });
}

#[test]
fn one_moves_in_turn_and_in_order() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let game = ann.create_game(&bob).await;
        let told = bob.play(&game.id, 1, "e5").await.refused(409, "errMsg_NotYourTurn").to_owned();
        assert_eq!(told, "it is not your turn: white is to move, move number 1");
        for wrong in [0, 2, 7] {
            let answer = ann.play(&game.id, wrong, "e4").await;
            let told = answer.refused(409, "errMsg_MoveNumberOutOfOrder");
            let current = format!("`moveNumber` {wrong} is out of order: the game has 0 moves, the next one is 1");
            assert_eq!(told, current);
        }
        game.play("e4").await;
        ann.play(&game.id, 2, "d4").await.refused(409, "errMsg_NotYourTurn");
        bob.play(&game.id, 1, "e5").await.refused(409, "errMsg_MoveNumberOutOfOrder");
        let mut foreign = move_body(&game.id, 2, "e5");
        foreign["movedById"] = ann.id.clone().into();
        bob.post("/gameplay-api/v1/gamemove", &foreign).await.refused(403, "errMsg_forbidden");
        assert_eq!(app.events_of(&game.id).await, 2);
    });
}

#[test]
fn a_game_that_waits_takes_no_moves() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        let game = ann.open_game("public").await;
        let answer = ann.play(game["id"].as_str().unwrap(), 1, "e4").await;
        assert_eq!(answer.refused(409, "errMsg_GameNotActive"), "the game still waits for its second player");
    });
}

#[test]
fn the_server_owns_times_and_an_admin_moves_for_a_player() {
    story(async |app: App| {
        let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
        let game = ann.create_game(&bob).await;
        let mut body = move_body(&game.id, 1, "e4");
        body["moveTime"] = 123_456_789.into();
        body["moveTimestamp"] = "2001-01-01T00:00:00Z".into();
        let played = ann.post("/gameplay-api/v1/gamemove", &body).await.data().clone();
        assert!(played["moveTime"].as_i64().unwrap() < 60_000, "{played}");
        has(&played, &json!({"clientMoveTime": 123_456_789}));
        assert!(played["moveTimestamp"].as_str().unwrap() > "2020", "{played}");
        body = move_body(&game.id, 2, "e5");
        body["movedById"] = bob.id.clone().into();
        let answer = admin.post("/gameplay-api/v1/gamemove", &body).await;
        has(answer.data(), &json!({"movedById": bob.id, "moveNotation": "e5", "_owner": admin.id}));
    });
}

#[test]
fn a_promotion_names_its_piece() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let game = ann.create_game_from(&bob, json!({"initialFEN": "8/P6k/8/8/8/8/8/4K3 w - - 0 1"})).await;
        let told = ann.play(&game.id, 1, "a8").await.refused(400, "errMsg_IllegalMove").to_owned();
        assert!(told.contains("rule promotionMissing"), "{told}");
        has(ann.play(&game.id, 1, "a7a8n").await.data(), &json!({"moveNotation": "a8=N"}));
    });
}

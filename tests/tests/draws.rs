//! Ends without mate: resignation, agreement, claims, what the rules end by themselves, abort.

use serde_json::{Value, json};
use wechess_tests::answer::has;
use wechess_tests::chess::Game;
use wechess_tests::{App, story};

async fn game_from(app: &App, fen: &str) -> Game {
    let (ann, bob) = (app.guest().await, app.guest().await);
    ann.create_game_from(&bob, json!({"initialFEN": fen})).await
}

async fn game(app: &App) -> Game {
    let (ann, bob) = (app.guest().await, app.guest().await);
    ann.create_game(&bob).await
}

fn over(result: &str, reason: &str) -> Value {
    json!({"status": "completed", "result": result, "endReason": reason, "drawOfferedById": null})
}

#[test]
fn stalemate_ends_the_game() {
    story(async |app: App| {
        let game = game_from(&app, "7k/8/6K1/5Q2/8/8/8/8 w - - 0 1").await;
        has(game.play("Qf7").await.data(), &json!({"gameStatus": "completed", "endReason": "stalemate"}));
        has(&game.state().await, &over("draw", "stalemate"));
    });
}

#[test]
fn a_dead_position_ends_the_game() {
    story(async |app: App| {
        let game = game_from(&app, "7k/8/8/8/8/8/6p1/6K1 w - - 0 1").await;
        has(game.play("Kxg2").await.data(), &json!({"result": "draw", "endReason": "insufficientMaterial"}));
    });
}

#[test]
fn the_third_repetition_is_a_claim_of_who_is_to_move() {
    story(async |app: App| {
        let game = game(&app).await;
        game.play("Nf3 Nf6 Ng1 Ng8 Nf3 Nf6 Ng1").await;
        let early = game.black.update_game(&game.id, json!({"result": "draw"})).await;
        has(early.data(), &json!({"status": "active", "drawOfferedById": game.black.id}));
        game.play_from(8, "Ng8").await;
        let claimed = game.white.update_game(&game.id, json!({"result": "draw"})).await;
        let reason = claimed.data()["endReason"].as_str().unwrap().to_owned();
        // The standing offer of Black is accepted, or the repetition claimed: either way it is over.
        assert!(["threefoldRepetition", "agreement"].contains(&reason.as_str()), "{reason}");
    });
}

#[test]
fn a_threefold_claim_ends_the_game_at_once() {
    story(async |app: App| {
        let game = game(&app).await;
        game.play("Nf3 Nf6 Ng1 Ng8 Nf3 Nf6 Ng1 Ng8").await;
        let claimed = game.white.update_game(&game.id, json!({"result": "draw"})).await;
        has(claimed.data(), &over("draw", "threefoldRepetition"));
    });
}

#[test]
fn the_fifth_repetition_ends_the_game_by_itself() {
    story(async |app: App| {
        let game = game(&app).await;
        let last = game.play(&"Nf3 Nf6 Ng1 Ng8 ".repeat(4)).await;
        has(last.data(), &json!({"moveNumber": 16, "result": "draw", "endReason": "fivefoldRepetition"}));
        game.white.play(&game.id, 17, "e4").await.refused(409, "errMsg_GameOver");
    });
}

#[test]
fn fifty_moves_are_a_claim_and_seventy_five_end_the_game() {
    story(async |app: App| {
        let fifty = game_from(&app, "4k3/8/8/8/8/8/R7/4K3 w - - 99 80").await;
        fifty.play("Ra3").await;
        let claimed = fifty.black.update_game(&fifty.id, json!({"result": "draw"})).await;
        has(claimed.data(), &over("draw", "fiftyMoves"));
        let all = game_from(&app, "4k3/8/8/8/8/8/R7/4K3 w - - 149 120").await;
        has(all.play("Ra3").await.data(), &json!({"result": "draw", "endReason": "seventyFiveMoves"}));
    });
}

#[test]
fn a_player_resigns_also_before_the_first_move_but_claims_no_win() {
    story(async |app: App| {
        let game = game(&app).await;
        let own = game.white.update_game(&game.id, json!({"result": "whiteWin"})).await;
        own.refused(403, "errMsg_OwnWinClaimed");
        let resigned = game.white.update_game(&game.id, json!({"result": "blackWin", "status": "completed"})).await;
        has(resigned.data(), &over("blackWin", "resignation"));
        let again = game.white.update_game(&game.id, json!({"result": "blackWin"})).await;
        has(again.data(), &over("blackWin", "resignation"));
        assert_eq!(app.events_of(&game.id).await, 2, "a repeated wish says nothing new");
        game.black.update_game(&game.id, json!({"result": "draw"})).await.refused(409, "errMsg_GameOver");
    });
}

#[test]
fn a_draw_is_offered_and_accepted() {
    story(async |app: App| {
        let game = game(&app).await;
        game.play("e4 e5").await;
        let offer = async |who: &wechess_tests::Actor| who.update_game(&game.id, json!({"result": "draw"})).await;
        has(
            offer(&game.white).await.data(),
            &json!({"status": "active", "result": null, "drawOfferedById": game.white.id}),
        );
        has(offer(&game.white).await.data(), &json!({"status": "active", "drawOfferedById": game.white.id}));
        has(offer(&game.black).await.data(), &over("draw", "agreement"));
    });
}

#[test]
fn the_others_move_declines_an_offer() {
    story(async |app: App| {
        let game = game(&app).await;
        game.play("e4").await;
        game.white.update_game(&game.id, json!({"result": "draw"})).await.is(200);
        game.play_from(2, "e5").await;
        has(&game.state().await, &json!({"status": "active", "drawOfferedById": null}));
        let offer = game.black.update_game(&game.id, json!({"result": "draw"})).await;
        has(offer.data(), &json!({"status": "active", "drawOfferedById": game.black.id}));
    });
}

#[test]
fn a_game_is_aborted_until_both_have_moved() {
    story(async |app: App| {
        let (first, second) = (game(&app).await, game(&app).await);
        first.play("e4").await;
        let aborted = first.black.update_game(&first.id, json!({"result": "aborted"})).await;
        has(aborted.data(), &over("aborted", "abort"));
        second.play("e4 e5").await;
        second.black.update_game(&second.id, json!({"result": "aborted"})).await.refused(409, "errMsg_TooLateToAbort");
        let open = first.white.open_game("public").await["id"].as_str().unwrap().to_owned();
        has(first.white.update_game(&open, json!({"result": "aborted"})).await.data(), &over("aborted", "abort"));
    });
}

#[test]
fn what_a_client_says_of_the_board_must_be_true() {
    story(async |app: App| {
        let game = game(&app).await;
        let fen = "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1";
        let wrong = json!({"result": "draw", "currentFEN": fen});
        game.white.update_game(&game.id, wrong.clone()).await.refused(409, "errMsg_currentFENDiffers");
        game.play("e4").await;
        has(game.white.update_game(&game.id, wrong).await.data(), &json!({"drawOfferedById": game.white.id}));
        let moved = json!({"result": "draw", "movedAt": "2001-01-01T00:00:00Z"});
        game.white.update_game(&game.id, moved).await.refused(409, "errMsg_movedAtDiffers");
        game.white.update_game(&game.id, json!({})).await.refused(400, "errMsg_nothingToUpdate");
        game.white.update_game(&game.id, json!({"saveRequestBlack": true})).await.refused(403, "errMsg_forbidden");
    });
}

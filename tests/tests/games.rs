//! Games from their creation to their end, and who sees them.

use futures_util::future::join_all;
use serde_json::{Value, json};
use wechess_tests::answer::has;
use wechess_tests::{App, story};

const START: &str = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";

#[test]
fn a_whole_game_from_creation_to_mate() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let game = ann.create_game(&bob).await;
        let created = json!({"status": "active", "status_idx": 1, "mode": "public", "gameType": "untimed",
            "playerWhiteId": ann.id, "playerBlackId": bob.id, "createdById": ann.id, "currentFEN": START,
            "saveStatus": "notSaveable", "result": null, "moveCount": 0, "_owner": ann.id, "moves": []});
        has(&game.state().await, &created);
        let mate = game.play("e4 e5 Bc4 Nc6 Qh5 Nf6 Qxf7#").await;
        let last = json!({"moveNumber": 7, "moveNotation": "Qxf7#", "uci": "h5f7", "movedById": ann.id,
            "gameStatus": "completed", "result": "whiteWin", "endReason": "checkmate"});
        has(mate.data(), &last);
        let state = bob.game(&game.id).await.data().clone();
        let ended = json!({"status": "completed", "result": "whiteWin", "result_idx": 0, "endReason": "checkmate",
            "moveCount": 7, "currentFEN": "r1bqkb1r/pppp1Qpp/2n2n2/4p3/2B1P3/8/PPPP1PPP/RNB1K1NR b KQkq - 0 4"});
        has(&state, &ended);
        let moves: Vec<&str> =
            state["moves"].as_array().unwrap().iter().map(|m| m["moveNotation"].as_str().unwrap()).collect();
        assert_eq!(moves, ["e4", "e5", "Bc4", "Nc6", "Qh5", "Nf6", "Qxf7#"]);
        bob.play(&game.id, 8, "Kxf7").await.refused(409, "errMsg_GameOver");
        assert_eq!(app.events_of(&game.id).await, 9, "created, seven moves, ended");
    });
}

#[test]
fn an_open_public_game_is_found_and_joined_by_whoever_is_first() {
    story(async |app: App| {
        let (ann, bob, eve) = (app.user("ann").await, app.guest().await, app.user("eve").await);
        let game = ann.open_game("public").await;
        has(&game, &json!({"status": "pending", "playerBlackId": null, "invitationCode": null}));
        let id = game["id"].as_str().unwrap();
        bob.game(id).await.is(200);
        let listed = bob.get(&format!("/gameplay-api/v1/games?status=PENDING&playerWhiteId={}", ann.id)).await;
        assert_eq!(listed.data()[0]["id"], id);
        ann.update_game(id, json!({"playerBlackId": ann.id})).await.refused(409, "errMsg_OwnGame");
        eve.update_game(id, json!({"playerBlackId": bob.id})).await.refused(403, "errMsg_forbidden");
        let joined = bob.update_game(id, json!({"playerBlackId": bob.id, "status": "active"})).await;
        has(joined.data(), &json!({"status": "active", "playerBlackId": bob.id, "guestPlayerBlack": true}));
        let again = bob.update_game(id, json!({"playerBlackId": bob.id})).await;
        has(again.data(), &json!({"status": "active", "recordVersion": joined.data()["recordVersion"]}));
        eve.update_game(id, json!({"playerBlackId": eve.id})).await.refused(409, "errMsg_GameIsFull");
        eve.game(id).await.refused(403, "errMsg_forbidden");
    });
}

#[test]
fn a_private_game_opens_to_who_has_its_exact_code_and_shows_it_to_nobody_else() {
    story(async |app: App| {
        let (ann, bob, eve) = (app.user("ann").await, app.user("bob").await, app.user("eve").await);
        let game = ann.open_game("private").await;
        let (id, code) = (game["id"].as_str().unwrap(), game["invitationCode"].as_str().unwrap().to_owned());
        assert_eq!(code.len(), 12);
        let list = async |filter: &str| {
            let answer = eve.get(&format!("/gameplay-api/v1/games?playerWhiteId={}{filter}", ann.id)).await;
            answer.data().as_array().unwrap().clone()
        };
        for guess in ["", &code[..11], &code[1..], &code.to_uppercase(), "%25", "_", "null", "&invitationCode="] {
            eve.game(&format!("{id}?invitationCode={guess}")).await.refused(403, "errMsg_forbidden");
            assert_eq!(list(&format!("&invitationCode={guess}")).await, Vec::<Value>::new(), "`{guess}`");
            let body = json!({"playerBlackId": eve.id, "invitationCode": guess.replace("%25", "%")});
            eve.update_game(id, body).await.refused(403, "errMsg_forbidden");
        }
        let found = list(&format!("&invitationCode={code}")).await;
        has(&found[0], &json!({"id": id, "invitationCode": null, "status": "pending"}));
        has(bob.game(&format!("{id}?invitationCode={code}")).await.data(), &json!({"invitationCode": null}));
        assert!(eve.find("chessGame", &json!({"id": id})).await.is_empty(), "private games are in nobody else's views");
        assert_eq!(ann.find("chessGame", &json!({"id": id})).await.len(), 1);

        let joined = bob.update_game(&format!("{id}?invitationCode={code}"), json!({"playerBlackId": bob.id})).await;
        has(joined.data(), &json!({"status": "active", "invitationCode": code, "mode": "private"}));
        eve.game(&format!("{id}?invitationCode={code}")).await.refused(403, "errMsg_forbidden");
    });
}

#[test]
fn one_lists_ones_own_games_and_admins_all() {
    story(async |app: App| {
        let (ann, bob, eve, admin) =
            (app.user("ann").await, app.user("bob").await, app.user("eve").await, app.admin().await);
        let games = [ann.create_game(&bob).await, bob.create_game(&ann).await];
        let ids = async |who: &wechess_tests::Actor, query: &str| {
            let answer = who.get(&format!("/gameplay-api/v1/games{query}")).await;
            let games = answer.data().as_array().unwrap();
            games.iter().map(|game| game["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&ann, "?status=active").await, [games[1].id.clone(), games[0].id.clone()], "newest first");
        assert_eq!(ids(&ann, &format!("?playerWhiteId={}", ann.id)).await, [games[0].id.clone()]);
        assert_eq!(ids(&ann, "?status=active&pageRowCount=1&pageNumber=2").await, [games[0].id.clone()]);
        assert_eq!(ids(&ann, "?status=active&pageNumber=0").await.len(), 2);
        assert_eq!(ids(&eve, &format!("?playerWhiteId={}", ann.id)).await, Vec::<String>::new());
        assert_eq!(ids(&admin, &format!("?playerWhiteId={}", ann.id)).await, [games[0].id.clone()]);
        assert_eq!(ids(&ann, "?result=null&result=draw&gameType=UNTIMED&mode=public").await.len(), 2);
    });
}

#[test]
fn moves_are_listed_to_those_who_play() {
    story(async |app: App| {
        let (ann, bob, eve, admin) =
            (app.user("ann").await, app.user("bob").await, app.user("eve").await, app.admin().await);
        let game = ann.create_game(&bob).await;
        game.play("e4 c5 Nf3").await;
        let path = format!("/gameplay-api/v1/gamemoves?gameId={}", game.id);
        for who in [&ann, &bob, &admin] {
            let answer = who.get(&path).await;
            has(answer.is(200), &json!({"dataName": "chessGameMoves", "rowCount": 3}));
            let first =
                json!({"gameId": game.id, "moveNumber": 1, "moveNotation": "e4", "movedById": ann.id, "uci": "e2e4"});
            has(&answer.data()[0], &first);
        }
        eve.get(&path).await.refused(403, "errMsg_forbidden");
        assert_eq!(eve.get("/gameplay-api/v1/gamemoves").await.data(), &json!([]));
        let own = bob.get("/gameplay-api/v1/gamemoves?pageRowCount=2&pageNumber=2").await;
        has(&own.body["paging"], &json!({"totalRowCount": 3, "pageCount": 2}));
        assert_eq!(own.data()[0]["moveNotation"], "Nf3");
        let nothing = uuid::Uuid::now_v7();
        let answer = ann.get(&format!("/gameplay-api/v1/gamemoves?gameId={nothing}")).await;
        answer.refused(404, "errMsg_recordNotFound");
    });
}

#[test]
fn a_foreign_game_is_neither_read_nor_changed_nor_played() {
    story(async |app: App| {
        let (ann, bob, eve) = (app.user("ann").await, app.user("bob").await, app.user("eve").await);
        let game = ann.create_game(&bob).await;
        eve.game(&game.id).await.refused(403, "errMsg_forbidden");
        eve.update_game(&game.id, json!({"result": "draw"})).await.refused(403, "errMsg_forbidden");
        eve.play(&game.id, 1, "e4").await.refused(403, "errMsg_forbidden");
        let nothing = uuid::Uuid::now_v7().to_string();
        ann.game(&nothing).await.refused(404, "errMsg_recordNotFound");
        ann.play(&nothing, 1, "e4").await.refused(404, "errMsg_recordNotFound");
        ann.update_game(&nothing, json!({"result": "draw"})).await.refused(404, "errMsg_recordNotFound");
        assert_eq!(app.events_of(&game.id).await, 1);
    });
}

#[test]
fn a_user_makes_only_games_that_he_plays() {
    story(async |app: App| {
        let (ann, bob, eve) = (app.user("ann").await, app.user("bob").await, app.user("eve").await);
        let admin = app.admin().await;
        let body = |white: &str, black: Value| json!({"playerWhiteId": white, "playerBlackId": black, "mode": "public", "gameType": "rapid"});
        let path = "/gameplay-api/v1/game";
        eve.post(path, &body(&ann.id, json!(bob.id))).await.refused(403, "errMsg_forbidden");
        ann.post(path, &body(&ann.id, json!(ann.id))).await.refused(400, "errMsg_playerBlackIdIsNotValid");
        let made = admin.post(path, &body(&ann.id, json!(bob.id))).await;
        has(made.data(), &json!({"createdById": admin.id, "playerWhiteId": ann.id, "status": "active"}));
        let mut foreign = body(&ann.id, json!(bob.id));
        foreign["createdById"] = bob.id.clone().into();
        let answer = ann.post(path, &foreign).await;
        answer.refused(403, "errMsg_forbidden");
        let mut ignored = body(&ann.id, json!(bob.id));
        ignored["status"] = "completed".into();
        ignored["currentFEN"] = "8/8/8/8/8/8/8/8 w - - 0 1".into();
        has(ann.post(path, &ignored).await.data(), &json!({"status": "active", "currentFEN": START}));
    });
}

#[test]
fn a_custom_position_must_be_playable() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let body = |fen: &str| json!({"playerWhiteId": ann.id, "playerBlackId": bob.id, "mode": "public", "gameType": "untimed", "initialFEN": fen});
        for bad in ["x", "8/8/8/8/8/8/8/8 w - - 0 1", "k7/8/8/8/8/8/8/K7 w - - 0 1", "4k3/8/8/8/8/8/8/4K2R b - - 99 x"]
        {
            let answer = ann.post("/gameplay-api/v1/game", &body(bad)).await;
            answer.refused(400, "errMsg_initialFENIsNotValid");
            assert_eq!(answer.faults(), ["/initialFEN errMsg_initialFENIsNotValid"]);
        }
        let game = ann.create_game_from(&bob, json!({"initialFEN": "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1"})).await;
        has(&game.state().await, &json!({"initialFEN": "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1"}));
        game.play("e4").await;
    });
}

#[test]
fn the_same_two_play_many_games_at_once() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.guest().await);
        let new = async |number: usize| {
            let (white, black) = if number.is_multiple_of(2) { (&ann, &bob) } else { (&bob, &ann) };
            white.create_game_from(black, json!({"gameType": "rapid"})).await
        };
        let games = join_all((0..10).map(new)).await;
        let openings = ["e4 e5 Nf3", "d4 d5 c4", "c4 e5 Nc3", "Nf3 d5 g3", "f3 e5 g4 Qh4#"];
        join_all(games.iter().zip(openings.iter().cycle()).map(|(game, moves)| game.play(moves))).await;
        for (game, moves) in games.iter().zip(openings.iter().cycle()) {
            let state = game.state().await;
            let played = state["moves"].as_array().unwrap().iter().map(|mv| mv["moveNotation"].as_str().unwrap());
            assert_eq!(played.collect::<Vec<_>>().join(" "), **moves);
            let status = if moves.ends_with('#') { "completed" } else { "active" };
            has(&state, &json!({"status": status, "playerWhiteId": game.white.id, "playerBlackId": game.black.id}));
        }
        for who in [&ann, &bob] {
            let active = json!({"status": "active", "importedById": null});
            let lost = json!({"result": "blackWin", "importedById": null});
            assert_eq!((who.count("chessGame", &active).await, who.count("chessGame", &lost).await), (8, 2));
        }
    });
}

#[test]
fn an_opening_is_known_by_its_position_whatever_led_there() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let mut named = Vec::new();
        for moves in ["d4 d5 c4 e6 Nc3", "c4 e6 Nc3 d5 d4"] {
            let game = ann.create_game(&bob).await;
            game.play(moves).await;
            let state = game.state().await;
            let opening = json!({"eco": state["eco"], "opening": state["opening"]});
            for view in ["chessGameListView", "chessGameDetailView"] {
                has(&ann.find(view, &json!({"id": game.id})).await[0], &opening);
            }
            named.push(opening);
        }
        assert_eq!(named[0], named[1]);
        assert!(
            named[0]["opening"].as_str().is_some_and(|name| name.starts_with("Queen's Gambit Declined")),
            "{named:?}"
        );
    });
}

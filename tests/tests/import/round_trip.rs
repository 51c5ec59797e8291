//! A game that was played here, out as PGN, to `cargo dev play` and in again.

use serde_json::{Value, json};
use stack::play::pgn::Score;
use stack::play::plan::Plan;
use stack::play::{self, Options};
use stack::screen::Screen;
use stack::status::Status;
use wechess_tests::servers::stack;
use wechess_tests::{App, story};

use super::import;

/// The notation of each move, and what the clocks say in tenths of a second: a PGN shows no less.
fn played(game: &Value) -> Vec<(String, Option<i64>)> {
    let moves = game["moves"].as_array().expect("moves");
    let one = |mv: &Value| {
        (mv["moveNotation"].as_str().expect("a notation").to_owned(), mv["remainingMs"].as_i64().map(|ms| ms / 100))
    };
    moves.iter().map(one).collect()
}

#[test]
fn cargo_dev_play_reads_the_game_that_was_played() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let game = ann.create_game_from(&bob, json!({"gameType": "blitz"})).await;
        game.play("e4 c5 Nf3 d6 d4 cxd4 Nxd4 Nf6").await;
        ann.update_game(&game.id, json!({"result": "blackWin"})).await.is(200);
        let state = game.state().await;
        let text = ann.get(&format!("/gameplay-api/v1/game/{}/pgn", game.id)).await.text;

        let file = std::env::temp_dir().join(format!("wechess-{}.pgn", game.id));
        std::fs::write(&file, &text).unwrap();
        let plan = Plan::load(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        let planned = &plan.games[0];
        assert_eq!((plan.games.len(), planned.score, planned.kind), (1, Score::Black, "blitz"));
        let names = [planned.white, planned.black].map(|place| plan.accounts[place].name.as_str());
        assert_eq!(names, ["ann", "bob"]);
        let opening = (state["eco"].as_str().map(str::to_owned), state["opening"].as_str().map(str::to_owned));
        assert_eq!(planned.opening, Some(opening));
        let read = &stack::play::pgn::read(&text).unwrap()[0];
        let clocks = read.moves.iter().map(|mv| mv.clock.as_deref().and_then(chess_pgn::clock_ms).map(|ms| ms / 100));
        assert_eq!(planned.moves.iter().cloned().zip(clocks).collect::<Vec<_>>(), played(&state));
    });
}

/// `cargo dev play FILE` on this system.
async fn plays(app: &App, file: std::path::PathBuf) -> play::Report {
    let status = Status {
        ready: true,
        command_api: app.command_api.clone(),
        query_bff: app.query_bff.clone(),
        projector: app.projector.clone(),
        pids: Default::default(),
        supervisor: None,
        connections: stack().clone(),
    };
    let options = Options { file: Some(file), speed: None, games_at_once: 4, screen: Screen::silent() };
    let played = tokio::task::spawn_blocking(move || play::run(&status, &options)).await;
    played.expect("it comes to an end").expect("it plays")
}

#[test]
fn cargo_dev_play_plays_the_same_games_again() {
    story(async |app: App| {
        let name = format!("Sam-{}", &uuid::Uuid::now_v7().simple().to_string()[20..]);
        let (sam, namesake, admin) = (app.user(&name).await, app.user(&name).await, app.admin().await);
        let told = |who: &wechess_tests::Actor| format!("{name} ({})", &who.id[who.id.len() - 8..]);
        let mated = sam.create_game_from(&namesake, json!({"gameType": "blitz"})).await;
        mated.play("f3 e5 g4 Qh4#").await;
        let resigned = namesake.create_game(&sam).await;
        resigned.play("e4 c5 Nf3").await;
        sam.update_game(&resigned.id, json!({"result": "whiteWin"})).await.is(200);
        let mut text = String::new();
        for game in [&mated, &resigned] {
            text += &sam.get(&format!("/gameplay-api/v1/game/{}/pgn", game.id)).await.text;
        }
        let file = std::env::temp_dir().join(format!("wechess-{}.pgn", mated.id));
        std::fs::write(&file, &text).unwrap();
        let report = plays(&app, file.clone()).await;
        std::fs::remove_file(&file).unwrap();
        assert!(report.is_equal(), "{:?} {:?}\n{text}", report.faults, report.lines);
        for (game, white, black) in [(mated, &sam, &namesake), (resigned, &namesake, &sam)] {
            let names = json!({"playerWhiteName": told(white), "playerBlackName": told(black)});
            let found = admin.find("chessGameListView", &names).await;
            assert_eq!(found.len(), 1, "{text}");
            let (here, again) = (game.state().await, admin.game(found[0]["id"].as_str().unwrap()).await);
            for field in ["status", "result", "endReason", "currentFEN", "gameType", "moveCount", "eco", "opening"] {
                assert_eq!(again.data()[field], here[field], "{field}: {text}");
            }
            let sans = |game: &Value| played(game).into_iter().map(|(san, _)| san).collect::<Vec<_>>();
            assert_eq!(sans(again.data()), sans(&here));
        }
    });
}

#[test]
fn what_goes_out_comes_in_as_the_same_game() {
    story(async |app: App| {
        let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
        let mated = ann.create_game_from(&bob, json!({"gameType": "rapid"})).await;
        mated.play("f3 e5 g4 Qh4#").await;
        let custom = json!({"gameType": "timed", "initialFEN": "4k3/4p3/8/8/8/8/4P3/4K3 b - - 0 40"});
        let custom = ann.create_game_from(&bob, custom).await;
        bob.play(&custom.id, 1, "e5").await.is(201);
        ann.play(&custom.id, 2, "e4").await.is(201);
        for (who, draw) in [(&ann, "offered"), (&bob, "accepted")] {
            let answer = who.update_game(&custom.id, json!({"result": "draw"})).await;
            assert_eq!(answer.is(200)["status"], "OK", "{draw}");
        }
        for game in [mated, custom] {
            let text = ann.get(&format!("/gameplay-api/v1/game/{}/pgn", game.id)).await.text;
            let report = import(&admin, &text).await;
            assert_eq!(report.is(200)["imported"], 1, "{}", report.text);
            let id = report.body["games"][0]["gameId"].as_str().unwrap().to_owned();
            let (here, there) = (game.state().await, ann.game(&id).await.data().clone());
            for field in [
                "status",
                "result",
                "endReason",
                "currentFEN",
                "initialFEN",
                "gameType",
                "timeControl",
                "moveCount",
                "opening",
                "eco",
                "mode",
            ] {
                assert_eq!(here[field], there[field], "{field}: {text}");
            }
            assert_eq!(played(&here), played(&there), "{text}");
            let out = bob.get(&format!("/gameplay-api/v1/game/{id}/pgn")).await.text;
            let again = import(&admin, &out).await;
            assert_eq!(again.body["games"][0]["gameId"], id, "{out}");
            assert_eq!(again.body["already"], 1, "{out}");
        }
    });
}

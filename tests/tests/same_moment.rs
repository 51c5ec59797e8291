//! Everything at the same moment: two players, two processes, and the clock. A game has one end.

mod long;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use wechess_tests::answer::has;
use wechess_tests::chess::Game;
use wechess_tests::{Actor, Answer, App, System, alone, direct, say};

/// The two players at the first process, and at the second one.
struct Hall {
    system: System,
    here: [Actor; 2],
    there: [Actor; 2],
}

/// Runs a story with two processes.
fn with_two_processes(tell: impl AsyncFnOnce(&Hall)) {
    alone(async || {
        let system = System::with_namespace(&["user"]).await;
        let (other, process) = system.command_api_process().await;
        let here = [system.guest().await, system.guest().await];
        let there = [here[0].at(&other), here[1].at(&other)];
        let hall = Hall { system, here, there };
        tell(&hall).await;
        drop(process);
        hall.system.end().await;
    });
}

impl Hall {
    /// A game with 200 ms each in which White has moved, and when Black's flag falls.
    async fn begun(&self) -> (Game, DateTime<Utc>) {
        let game = self.here[0].create_timed_game(&self.here[1], 200).await;
        let played = game.play("e4").await.data()["moveTimestamp"].clone();
        let moved: DateTime<Utc> = played.as_str().and_then(|text| text.parse().ok()).expect("an instant");
        (game, moved + TimeDelta::milliseconds(200))
    }
}

/// The foreign condition is the time itself.
async fn until(moment: DateTime<Utc>) {
    tokio::time::sleep((moment - Utc::now()).to_std().unwrap_or_default()).await;
}

/// The types of a game's events, in order, and game time of each.
async fn events_of(app: &App, game: &Game) -> Vec<(String, Option<DateTime<Utc>>)> {
    let sql = format!(
        "select type, data from {}.events where stream_id = '{}' order by version",
        app.namespace.schema(),
        game.id
    );
    let rows = direct::shared().await.query(&sql, &[]).await.expect("events");
    let at = |data: &str| {
        let data: Value = serde_json::from_str(data).expect("JSON");
        data["at"].as_str().map(|text| text.parse().expect("an instant"))
    };
    rows.iter().map(|row| (row.get(0), at(row.get(1)))).collect()
}

/// The game has one end, which is its last event, and whoever was told of an end was told of that one; the game.
async fn one_outcome(app: &App, game: &Game, due: DateTime<Utc>, answers: &[Answer]) -> Value {
    let ended = game.over().await;
    let events = events_of(app, game).await;
    let kinds: Vec<&str> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "GameEnded").count(), 1, "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"GameEnded"), "{kinds:?}");
    let moves = kinds.iter().filter(|kind| **kind == "MovePlayed").count();
    has(&ended, &json!({"moveCount": moves}));
    if moves >= 2 {
        let (_, second) = events.iter().filter(|(kind, _)| kind == "MovePlayed").nth(1).expect("two moves");
        assert!(second.is_some_and(|at| at < due), "a move was taken after the flag: {events:?}, due {due}");
    } else if ended["endReason"] == "timeout" {
        let (_, end) = events.last().expect("an end");
        assert!(end.is_some_and(|at| at >= due), "the flag fell too early: {events:?}, due {due}");
    }
    for answer in answers {
        assert!([200, 201, 409].contains(&answer.status), "{}", answer.text);
        let told = if answer.status == 409 { &Value::Null } else { answer.data() };
        if told["status"] == "completed" || told["gameStatus"] == "completed" {
            has(&ended, &json!({"result": told["result"], "endReason": told["endReason"]}));
        }
    }
    let moved = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(moved + 1, moves, "who was told that he moved has moved: {kinds:?}");
    ended
}

/// About when Black's flag falls both players offer a draw, resign, and Black moves, each at both processes.
async fn storm(hall: &Hall, round: i64) -> Value {
    let (game, due) = hall.begun().await;
    until(due - TimeDelta::milliseconds(40 - round % 20 * 4)).await;
    let wish = |who: &Actor, result: &str| {
        let (who, id, body) = (who.clone(), game.id.clone(), json!({"result": result}));
        async move { who.update_game(&id, body).await }
    };
    let [ann, bob] = &hall.here;
    let [ann_there, bob_there] = &hall.there;
    let (first, second) = if round % 2 == 0 { ("draw", "blackWin") } else { ("blackWin", "draw") };
    let wishes = [wish(ann, first), wish(ann_there, second), wish(bob, "draw"), wish(bob_there, "whiteWin")];
    let moves = [bob, bob_there].map(|who| who.play(&game.id, 2, "e5"));
    let (mut answers, moves) = join(join_all(wishes), join_all(moves)).await;
    answers.extend(moves);
    one_outcome(&hall.system, &game, due, &answers).await
}

/// Black's move comes when his flag falls, some milliseconds before or after, to the process that has not set the timer.
async fn move_or_flag(hall: &Hall, round: i64) -> Value {
    let (game, due) = hall.begun().await;
    until(due - TimeDelta::milliseconds(round % 10 * 4)).await;
    let answer = hall.there[1].play(&game.id, 2, "e5").await;
    one_outcome(&hall.system, &game, due, &[answer]).await
}

/// How the games ended, by reason and number of moves.
fn summary(ended: &[Value]) -> BTreeMap<String, usize> {
    ended.iter().fold(BTreeMap::new(), |mut all, game| {
        let how = format!("{} after {}", game["endReason"].as_str().unwrap_or_default(), game["moveCount"]);
        *all.entry(how).or_default() += 1;
        all
    })
}

/// So many rounds, ten games at a time.
fn rounds(batches: i64) {
    with_two_processes(async |hall: &Hall| {
        let (mut storms, mut flags) = (Vec::new(), Vec::new());
        for batch in 0..batches {
            storms.extend(join_all((0..10).map(|place| storm(hall, batch * 10 + place))).await);
            flags.extend(join_all((0..10).map(|place| move_or_flag(hall, batch * 10 + place))).await);
        }
        say(&format!("games, all at once: {:?}", summary(&storms)));
        say(&format!("games, a move and the flag: {:?}", summary(&flags)));
    });
}

#[test]
fn a_game_has_one_end_however_many_want_to_end_it_at_the_same_time() {
    rounds(1);
}

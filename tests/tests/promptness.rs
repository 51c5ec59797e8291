//! Flags fall by themselves, once, and soon: also when the process that set the timer is gone or begins anew.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use serde_json::{Value, json};
use wechess_tests::answer::has;
use wechess_tests::chess::Game;
use wechess_tests::{App, System, alone, direct, say};

/// White has moved; when Black's flag falls.
async fn begin(game: &Game, initial: i64) -> DateTime<Utc> {
    let played = game.play("e4").await.data()["moveTimestamp"].clone();
    instant(&played) + TimeDelta::milliseconds(initial)
}

fn instant(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value} is no instant"))
}

/// The game, ended by the flag, once; how many milliseconds after its time the event stood in the log.
async fn lateness(app: &App, game: &Game, due: DateTime<Utc>) -> f64 {
    let ended = game.over().await;
    has(&ended, &json!({"result": "whiteWin", "endReason": "timeout", "blackRemainingMs": 0, "moveCount": 1}));
    let schema = app.namespace.schema();
    let ends =
        format!("select recorded_at from {schema}.events where stream_id = '{}' and type = 'GameEnded'", game.id);
    let ends = direct::shared().await.query(&ends, &[]).await.expect("events");
    assert_eq!((ends.len(), app.events_of(&game.id).await), (1, 3), "a flag falls once");
    (ends[0].get::<_, DateTime<Utc>>(0) - due).num_microseconds().unwrap_or(i64::MAX) as f64 / 1000.0
}

/// Prints the middle and the worst; the worst.
fn report(what: &str, mut late: Vec<f64>) -> f64 {
    late.sort_unstable_by(f64::total_cmp);
    let (middle, worst) = (late[late.len() / 2], late[late.len() - 1]);
    assert!(late[0] >= 0.0, "a flag fell too early: {late:?}");
    say(&format!("flags, {what}: {} fell late by p50 {middle:.1} ms, max {worst:.1} ms", late.len()));
    worst
}

/// Milliseconds within which each falls on a machine that does much besides: a sweep a second finds what nobody knows
/// of, and the lease of a process that is gone is longer. How promptly they fall: `cargo dev bench moves`.
const EACH: f64 = 4_000.0;

#[test]
fn flags_fall_promptly_and_once() {
    alone(async || {
        let system = System::with_namespace(&["user"]).await;
        let (ann, bob) = (system.guest().await, system.guest().await);
        let mut late = Vec::new();
        for _ in 0..8 {
            let game = ann.create_timed_game(&bob, 120).await;
            let due = begin(&game, 120).await;
            late.push(lateness(&system, &game, due).await);
            bob.play(&game.id, 2, "e5").await.refused(409, "errMsg_GameOver");
        }
        assert!(report("one after another", late) < EACH);
        let one = async || {
            let game = ann.create_timed_game(&bob, 1_000).await;
            let due = begin(&game, 1_000).await;
            lateness(&system, &game, due).await
        };
        let late = join_all((0..30).map(|_| one())).await;
        assert!(report("thirty about at once", late) < EACH);
        system.end().await;
    });
}

#[test]
fn flags_fall_promptly_and_once_also_after_a_restart() {
    alone(async || {
        let mut system = System::with_namespace(&["user"]).await;
        let (ann, bob) = (system.guest().await, system.guest().await);
        let mut games = Vec::new();
        for initial in [300, 400, 6_000, 6_500, 7_000, 7_500, 8_000] {
            let game = ann.create_timed_game(&bob, initial).await;
            let due = begin(&game, initial).await;
            games.push((game, due));
        }
        let down = Utc::now();
        system.stop_command_api().await;
        system.start_command_api().await;
        let up = Utc::now();
        let (mut meanwhile, mut later) = (Vec::new(), Vec::new());
        for (game, due) in games {
            let (white, black) = (game.white.at(&system), game.black.at(&system));
            let late = lateness(&system, &Game { white, black, ..game }, due).await;
            let fell = due + TimeDelta::microseconds((late * 1000.0) as i64);
            if due > up {
                later.push(late);
            } else if fell > down {
                // It was due while nobody was there, or somebody who claims no more, and is late by that much.
                meanwhile.push((fell - up).num_microseconds().unwrap_or(i64::MAX) as f64 / 1000.0);
            } else {
                assert!(late < EACH, "due before the stop: {late}");
            }
        }
        say(&format!("flags, due meanwhile: fell {meanwhile:.1?} ms after the process was ready"));
        assert!(meanwhile.iter().all(|late| *late < EACH));
        assert!(later.is_empty() || report("after a restart", later) < EACH);
        system.end().await;
    });
}

#[test]
fn a_flag_falls_also_when_who_set_it_is_gone() {
    alone(async || {
        let system = System::with_namespace(&["user"]).await;
        let (other, server) = system.another_command_api().await;
        let (ann, bob) = (system.guest().await, system.guest().await);
        let games = join_all((0..5).map(|_| ann.create_timed_game(&bob, 2_500))).await;
        let mut due = Vec::new();
        for game in &games {
            let moved = ann.at(&other).play(&game.id, 1, "d4").await.data()["moveTimestamp"].clone();
            due.push(instant(&moved) + TimeDelta::milliseconds(2_500));
        }
        server.stop().await;
        let late = join_all(games.iter().zip(due).map(|(game, due)| lateness(&system, game, due))).await;
        // The other process looks for timers that it does not know of once a second.
        assert!(report("set by a process that is gone", late) < EACH);
        system.end().await;
    });
}

//! Clocks: what they show, and flags that fall by themselves, once, and promptly.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use wechess_tests::answer::has;
use wechess_tests::chess::{Game, move_body};
use wechess_tests::{Actor, App, System, alone, eventually, story};

/// A game with so many milliseconds for each.
async fn timed(white: &Actor, black: &Actor, initial: i64) -> Game {
    let control = json!({"initialMs": initial, "incrementMs": 0});
    white.create_game_from(black, json!({"gameType": "blitz", "timeControl": control})).await
}

/// The game once it is over.
async fn over(game: &Game) -> Value {
    eventually("the game ends by itself", async || {
        let state = game.state().await;
        (state["status"] == "completed").then_some(state)
    })
    .await
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value} is no instant"))
}

async fn ends_of(app: &App, game: &Game) -> i64 {
    app.number(&format!("select count(*) from {{s}}.events where stream_id = '{}' and type = 'GameEnded'", game.id))
        .await
}

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

#[test]
fn flags_fall_by_themselves_promptly_and_once() {
    story(async |app: App| {
        let (ann, bob) = (app.guest().await, app.guest().await);
        let mut late = Vec::new();
        for round in 0..8 {
            let game = timed(&ann, &bob, 300).await;
            game.play("e4").await;
            let ended = over(&game).await;
            has(&ended, &json!({"result": "whiteWin", "endReason": "timeout", "blackRemainingMs": 0, "moveCount": 1}));
            late.push((time(&ended["updatedAt"]) - time(&ended["movedAt"])).num_milliseconds() - 300);
            bob.play(&game.id, 2, "e5").await.refused(409, "errMsg_GameOver");
            assert_eq!(ends_of(&app, &game).await, 1, "round {round}");
        }
        late.sort_unstable();
        println!("flags fell after so many milliseconds: {late:?}");
        // A sweep a second would find them after half a second in the middle, whatever the machine does besides.
        assert!(late[0] >= 0 && late[late.len() / 2] < 400, "{late:?}");
    });
}

#[test]
fn a_flag_falls_also_when_who_set_it_is_gone() {
    alone(async || {
        let system = System::with_namespace(&["user"]).await;
        let (other, server) = system.another_command_api().await;
        let (ann, bob) = (system.guest().await, system.guest().await);
        let games = join_all((0..3).map(|_| timed(&ann, &bob, 1_500))).await;
        for game in &games {
            ann.at(&other).play(&game.id, 1, "d4").await.is(201);
        }
        server.stop().await;
        for game in &games {
            has(&over(game).await, &json!({"endReason": "timeout", "result": "whiteWin"}));
            assert_eq!(system.events_of(&game.id).await, 3);
        }
        system.end().await;
    });
}

/// White plays, and about when Black's flag falls he moves on one process, and both offer and resign on two; the number
/// of moves that came in time.
async fn race(system: &System, ann: &Actor, bob: &Actor, there: &Actor, round: u64) -> u64 {
    let game = timed(ann, bob, 200).await;
    game.play("e4").await;
    tokio::time::sleep(Duration::from_millis(150 + round % 20 * 4)).await;
    let wishes = [
        ann.update_game(&game.id, json!({"result": if round.is_multiple_of(4) { "blackWin" } else { "draw" }})),
        bob.update_game(&game.id, json!({"result": if round.is_multiple_of(3) { "whiteWin" } else { "draw" }})),
    ];
    let (played, wishes) = join(there.play(&game.id, 2, "e5"), join_all(wishes)).await;
    for answer in std::iter::once(&played).chain(&wishes) {
        assert!([200, 201, 409].contains(&answer.status), "{}", answer.text);
    }
    let ended = over(&game).await;
    let moved = u64::from(played.status == 201);
    has(&ended, &json!({"moveCount": 1 + moved}));
    assert_eq!(ends_of(system, &game).await, 1, "{ended}");
    moved
}

/// So many races, twenty at a time, with two processes.
fn races(batches: u64) {
    alone(async || {
        let system = System::with_namespace(&["user"]).await;
        let (other, server) = system.another_command_api().await;
        let (ann, bob) = (system.guest().await, system.guest().await);
        let (there, mut moved) = (bob.at(&other), 0);
        for batch in 0..batches {
            let races = (0..20).map(|place| race(&system, &ann, &bob, &there, batch * 20 + place));
            moved += join_all(races).await.into_iter().sum::<u64>();
        }
        println!("{moved} of {} moves came in time", batches * 20);
        server.stop().await;
        system.end().await;
    });
}

#[test]
fn a_game_has_one_end_however_many_want_to_end_it_at_the_same_time() {
    races(2);
}

#[test]
#[ignore = "long"]
fn two_hundred_games_have_one_end_each() {
    races(10);
}

//! The log is the truth: the events of every game, read again and folded anew, give its state row.

use std::collections::BTreeMap;

use command_api::es::history::{COLUMNS, recorded};
use command_api::es::state::Loaded;
use command_api::gameplay::game::Game as Folded;
use serde_json::{Value, json};
use uuid::Uuid;
use wechess_tests::chess::Game;
use wechess_tests::{Actor, App, direct, eventually, say, story};

/// Games that end on the board, by a player's act, by agreement, by a claim and by the clock.
async fn ended(ann: &Actor, bob: &Actor) -> Vec<Game> {
    let new = async |more: Value| ann.create_game_from(bob, more).await;
    let blitz = json!({"gameType": "blitz"});
    let (mate, resigned, agreed) = (new(blitz.clone()).await, new(json!({})).await, new(json!({})).await);
    mate.play("f3 e5 g4 Qh4#").await;
    resigned.play("e4 c5").await;
    bob.update_game(&resigned.id, json!({"result": "whiteWin"})).await.is(200);
    agreed.play("d4 d5").await;
    ann.update_game(&agreed.id, json!({"result": "draw"})).await.is(200);
    bob.update_game(&agreed.id, json!({"drawAnswer": "declined"})).await.is(200);
    bob.update_game(&agreed.id, json!({"result": "draw"})).await.is(200);
    ann.update_game(&agreed.id, json!({"result": "draw"})).await.is(200);
    let (claimed, repeated, stalemate) = (
        new(json!({})).await,
        new(json!({"gameType": "rapid"})).await,
        new(json!({"initialFEN": "7k/8/6K1/5Q2/8/8/8/8 w - - 0 1"})).await,
    );
    claimed.play(&"Nf3 Nf6 Ng1 Ng8 ".repeat(2)).await;
    ann.update_game(&claimed.id, json!({"result": "draw"})).await.is(200);
    repeated.play(&"Nf3 Nf6 Ng1 Ng8 ".repeat(4)).await;
    stalemate.play("Qf7").await;
    let (aborted, flagged) = (
        new(blitz).await,
        new(json!({"gameType": "timed", "timeControl": {"initialMs": 100, "incrementMs": 0}})).await,
    );
    bob.update_game(&aborted.id, json!({"result": "aborted"})).await.is(200);
    flagged.play("e4").await;
    eventually("the flag falls", async || (flagged.state().await["status"] == "completed").then_some(())).await;
    vec![mate, resigned, agreed, claimed, repeated, stalemate, aborted, flagged]
}

/// Games that are saved, resumed, reported, terminated and deleted.
async fn handled(ann: &Actor, bob: &Actor, admin: &Actor) -> Vec<Game> {
    let mut games = Vec::new();
    for _ in 0..4 {
        let game = ann.create_game_from(bob, json!({"gameType": "blitz"})).await;
        game.play("e4 e5 Ke2").await;
        games.push(game);
    }
    for game in &games[..2] {
        bob.update_game(&game.id, json!({"saveRequestBlack": true})).await.is(200);
        ann.update_game(&game.id, json!({"saveAnswer": "accepted"})).await.is(200);
    }
    bob.update_game(&games[0].id, json!({"status": "active"})).await.is(200);
    ann.update_game(&games[0].id, json!({"saveRequestWhite": false})).await.is(200);
    games[0].play_from(4, "Ke7").await;
    bob.update_game(&games[2].id, json!({"reportStatus": "reported"})).await.is(200);
    admin.update_game(&games[2].id, json!({"status": "terminated"})).await.is(200);
    admin.delete(&format!("/gameplay-api/v1/game/{}", games[3].id)).await.is(200);
    games
}

/// Open games: one that waits, one that was joined with its code.
async fn open(ann: &Actor, bob: &Actor) -> Vec<String> {
    let (public, private) = (ann.open_game("public").await, ann.open_game("private").await);
    let id = |game: &Value| game["id"].as_str().expect("an id").to_owned();
    let body = json!({"playerBlackId": bob.id, "invitationCode": private["invitationCode"]});
    bob.update_game(&id(&private), body).await.is(200);
    vec![id(&public), id(&private)]
}

/// The state row of every game in this system as of one moment, and what its events fold into.
async fn rows_and_replays(app: &App) -> BTreeMap<Uuid, (Value, Value)> {
    let (log, schema) = (direct::owner().await, app.namespace.schema());
    log.batch_execute("begin isolation level repeatable read").await.expect("a transaction begins");
    let rows = format!("select stream_id, state from {schema}.streams where kind = 'chessGame'");
    let rows = log.query(&rows, &[]).await.expect("state rows");
    let events = format!("select {COLUMNS} from {schema}.events where category = 'chessGame' order by position");
    let events = log.query(&events, &[]).await.expect("events");
    let mut folded = BTreeMap::<Uuid, Loaded<Folded>>::new();
    for row in &events {
        let event = recorded(row).expect("a recorded event");
        let before = folded.remove(&event.stream_id).unwrap_or_else(|| Loaded::empty(event.stream_id));
        assert_eq!(before.version + 1, event.version, "the versions of {} have no hole", event.stream_id);
        folded.insert(event.stream_id, before.after(&event).expect("an event that can be read"));
    }
    let state = |row: &tokio_postgres::Row| serde_json::from_str(row.get::<_, &str>(1)).expect("JSON");
    let replayed = |id: &Uuid| serde_json::to_value(&*folded[id].state).expect("JSON");
    rows.iter().map(|row| (row.get::<_, Uuid>(0), row)).map(|(id, row)| (id, (state(row), replayed(&id)))).collect()
}

#[test]
fn the_events_of_every_kind_of_game_give_its_state_row() {
    story(async |app: App| {
        let (ann, bob, admin) = (app.user("ann").await, app.guest().await, app.admin().await);
        let mut games = ended(&ann, &bob).await;
        games.extend(handled(&ann, &bob, &admin).await);
        let mut ids: Vec<String> = games.into_iter().map(|game| game.id).collect();
        ids.extend(open(&ann, &bob).await);
        let all = rows_and_replays(&app).await;
        for id in ids {
            assert!(all.contains_key(&id.parse().expect("an id")), "{id} has no state row");
        }
        // Those of the other stories as well.
        for (id, (row, replayed)) in &all {
            assert_eq!(row, replayed, "the state row of {id}");
        }
        say(&format!("{} games replayed", all.len()));
    });
}

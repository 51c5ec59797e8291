//! Views and stream are lost, emptied, falsified: everything behind the log is made again from it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wechess_tests::chess::Game;
use wechess_tests::servers::stack;
use wechess_tests::views::GAME_VIEWS;
use wechess_tests::{App, System, alone, direct, eventually};

async fn some_games(app: &App) -> Game {
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    ann.create_game(&bob).await.play("e4 c5 Nf3 d6").await;
    let game = bob.create_game(&ann).await;
    game.play("f3 e5 g4 Qh4#").await;
    ann.open_game("public").await;
    ann.create_game(&bob).await
}

/// After whatever was done, views are as they were, and go on with two more moves.
async fn is_whole(app: &App, game: &Game, before: &BTreeMap<String, Value>, first: u32, moves: &str) {
    app.all_settled().await;
    assert_eq!(&app.admin().await.everything(GAME_VIEWS).await, before);
    game.play_from(first, moves).await;
    let list = game.white.find("chessGameListView", &json!({"id": game.id})).await;
    assert_eq!(list[0]["plies"], first + 1);
    let played = game.white.count("chessGameMove", &json!({"gameId": game.id})).await;
    assert_eq!(played, u64::from(first + 1));
    app.nothing_is_parked().await;
}

#[test]
fn deleted_indexes_are_made_again() {
    alone(async || {
        let system = System::with_namespace(GAME_VIEWS).await;
        let game = some_games(&system).await;
        let before = system.admin().await.everything(GAME_VIEWS).await;
        for view in GAME_VIEWS {
            let index = system.namespace.index_generation(view, 1);
            direct::elasticsearch_admin("DELETE", &format!("/{index}"), None).await.is(200);
        }
        eventually("the projector notices", async || {
            let report = system.projection().await;
            let views = report["info"]["views"].as_object()?.clone();
            let mut rebuilt = true;
            for view in GAME_VIEWS {
                let path = format!("/{}/_doc/checkpoint", system.namespace.index(view));
                rebuilt &= direct::elasticsearch_admin("GET", &path, None).await.status == 200;
            }
            (rebuilt && views.values().all(|view| view["error"].is_null())).then_some(())
        })
        .await;
        is_whole(&system, &game, &before, 1, "d4 d5").await;
        system.end().await;
    });
}

#[test]
fn a_stream_that_is_deleted_purged_or_cut_is_filled_again() {
    alone(async || {
        let system = System::with_namespace(GAME_VIEWS).await;
        let game = some_games(&system).await;
        let name = system.namespace.events_stream();
        let jetstream = direct::jetstream().await;
        let mut first = 1;

        let before = system.admin().await.everything(GAME_VIEWS).await;
        jetstream.delete_stream(&name).await.unwrap();
        is_whole(&system, &game, &before, first, "d4 d5").await;
        first += 2;

        let before = system.admin().await.everything(GAME_VIEWS).await;
        eventually("the stream is there again", async || jetstream.get_stream(&name).await.ok())
            .await
            .purge()
            .await
            .unwrap();
        is_whole(&system, &game, &before, first, "c4 e6").await;
        first += 2;

        let before = system.admin().await.everything(GAME_VIEWS).await;
        let mut stream = jetstream.get_stream(&name).await.unwrap();
        let last = stream.info().await.unwrap().state.last_sequence;
        for sequence in [last, last - 1] {
            stream.delete_message(sequence).await.unwrap();
        }
        is_whole(&system, &game, &before, first, "Nc3 Nf6").await;

        let tail = system.number("select tail from {s}.log").await;
        eventually("the stream's sequence is the log's position", async || {
            let stream = jetstream.get_stream(&name).await.ok()?;
            (stream.cached_info().state.last_sequence == u64::try_from(tail).unwrap()).then_some(())
        })
        .await;
        system.end().await;
    });
}

/// The stream ends before the log does, as it would if NATS came back with an older copy of its store, or an empty one.
#[test]
fn a_stream_that_is_older_than_it_was_is_brought_up_to_the_log() {
    alone(async || {
        let system = System::with_namespace(GAME_VIEWS).await;
        let game = some_games(&system).await;
        let name = system.namespace.events_stream();
        let jetstream = direct::jetstream().await;
        let mut config = jetstream.get_stream(&name).await.unwrap().cached_info().config.clone();
        let before = system.admin().await.everything(GAME_VIEWS).await;
        let tail = system.number("select tail from {s}.log").await;
        jetstream.delete_stream(&name).await.unwrap();
        config.first_sequence = u64::try_from(tail - 5).ok();
        // The projector may have been faster; then that one is cut down.
        if jetstream.create_stream(config.clone()).await.is_err() {
            jetstream.delete_stream(&name).await.unwrap();
        }
        is_whole(&system, &game, &before, 1, "d4 d5").await;
        let tail = system.number("select tail from {s}.log").await;
        eventually("the stream's sequence is the log's position", async || {
            let stream = jetstream.get_stream(&name).await.ok()?;
            (stream.cached_info().state.last_sequence == u64::try_from(tail).unwrap()).then_some(())
        })
        .await;
        system.end().await;
    });
}

#[test]
fn two_projectors_change_nothing_and_one_takes_over() {
    alone(async || {
        let mut system = System::with_namespace(GAME_VIEWS).await;
        let (other, second) = system.another_projector().await;
        let game = some_games(&system).await;
        let before = system.admin().await.everything(GAME_VIEWS).await;
        let roles =
            [system.projection().await["info"]["role"].clone(), other.projection().await["info"]["role"].clone()];
        assert_eq!(roles, ["leader", "standby"]);
        system.stop_projector().await;
        eventually("the other leads", async || (other.projection().await["info"]["role"] == "leader").then_some(()))
            .await;
        is_whole(&other, &game, &before, 1, "d4 d5").await;
        second.stop().await;
        system.end().await;
    });
}

/// Puts an event into the log as nobody of ours can: with the owner's login.
async fn forge(app: &App, stream: &str, kind: &str, data: &str) -> i64 {
    let s = app.namespace.schema();
    let sql = format!(
        "with moved as (update {s}.log set tail = tail + 1 returning tail)
         insert into {s}.events (position, stream_id, version, category, type, schema, command_id, ordinal,
             correlation_id, data, recorded_at)
           select tail, '{stream}', (select version + 1 from {s}.streams where stream_id = '{stream}'), 'chessGame',
             $1, 1, gen_random_uuid(), 0, gen_random_uuid(), $2, clock_timestamp() from moved returning position"
    );
    direct::owner().await.query_one(&sql, &[&kind, &data]).await.expect("the owner may").get(0)
}

#[test]
fn a_poison_event_parks_its_document_and_the_others_go_on() {
    alone(async || {
        let system = System::with_namespace(GAME_VIEWS).await;
        let game = some_games(&system).await;
        let (ann, bob) = (game.white.clone(), game.black.clone());
        let good = ann.create_game(&bob).await;
        let position = forge(&system, &game.id, "MovePlayed", "{\"moveNumber\":\"not a number\"}").await;
        system.settled(position).await;
        let report = system.projection().await;
        for view in ["chessGame", "chessGameListView"] {
            let view = &report["info"]["views"][view];
            assert_eq!(
                (&view["parked"], &view["parkedDocuments"][0]["document"]),
                (&json!(1), &json!(game.id)),
                "{view}"
            );
            assert_eq!(view["parkedDocuments"][0]["position"], position);
        }
        good.play("e4 e5 Ke2").await;
        assert_eq!(ann.find("chessGameListView", &json!({"id": good.id})).await[0]["lastMove"], "Ke2");
        let still = ann.find("chessGame", &json!({"id": game.id})).await;
        assert_eq!(still[0]["moveCount"], 0, "what was good of the parked document is shown");
        system.end().await;
    });
}

#[test]
fn a_destroyed_key_leaves_nothing_of_a_person_in_the_views() {
    alone(async || {
        let mut system = System::with_namespace(GAME_VIEWS).await;
        let game = some_games(&system).await;
        let (ann, bob) = (game.white.clone(), game.black.clone());
        let s = system.namespace.schema();
        for text in [&ann.email, "%\"ann\"%", "%gravatar%"] {
            let sql = format!("select count(*) from {{s}}.events where data like '%{text}%'");
            assert_eq!(system.number(&sql).await, 0, "`{text}` is readable in the log");
        }
        let listed = bob.find("chessGameListView", &json!({"id": game.id})).await;
        assert_eq!(listed[0]["playerWhiteName"], "ann");

        system.stop_projector().await;
        let destroy = format!("update {s}.data_keys set wrapped = null, destroyed_at = now() where key_id = $1");
        let key = format!("user:{}", ann.id);
        assert_eq!(direct::owner().await.execute(&destroy, &[&key]).await.unwrap(), 1);
        for view in GAME_VIEWS {
            let index = system.namespace.index_generation(view, 1);
            direct::elasticsearch_admin("DELETE", &format!("/{index}"), None).await.is(200);
        }
        system.start_projector().await;
        system.all_settled().await;
        let bob = bob.at(&system.app);
        let listed = bob.find("chessGameListView", &json!({"id": game.id})).await;
        assert_eq!((&listed[0]["playerWhiteName"], &listed[0]["playerBlackName"]), (&Value::Null, &json!("bob")));
        let user = system.admin().await.find("user", &json!({"id": ann.id})).await;
        assert_eq!(
            (&user[0]["email"], &user[0]["fullname"], &user[0]["avatar"]),
            (&Value::Null, &Value::Null, &Value::Null)
        );
        system.nothing_is_parked().await;

        let search = json!({"query": {"query_string": {"query": format!("\"{}\"", ann.email)}}});
        let path = format!("/{s}_*/_search");
        let login = &stack().credentials.elasticsearch.admin;
        let found = direct::elasticsearch(login, "POST", &path, Some(&search)).await;
        assert_eq!(found.is(200)["hits"]["total"]["value"], 0);
        system.end().await;
    });
}

//! Documents that differ from the log are found and put right; those that cannot be folded wait for a fix, alone.

use event_schema::event::DomainEvent;
use event_schema::gameplay::game_event::GameEvent;
use serde_json::{Value, json};
use wechess_tests::answer::has;
use wechess_tests::command::projector;
use wechess_tests::{Actor, App, System, alone, direct, eventually};

const VIEWS: &[&str] = &["user", "chessGame", "chessGameMove", "chessGameListView"];

async fn players(app: &App) -> (Actor, Actor) {
    (app.user("ann").await, app.user("bob").await)
}

/// A document as Elasticsearch has it.
async fn document(app: &App, view: &str, id: &str) -> Value {
    let path = format!("/{}/_doc/{id}", app.namespace.index(view));
    direct::elasticsearch_admin("GET", &path, None).await.body["_source"].clone()
}

#[test]
fn documents_edited_deleted_or_added_by_hand_are_put_right() {
    alone(async || {
        let system = System::with_settings(VIEWS, &[("WECHESS_AUDIT_PER_SECOND", "400")]).await;
        let (ann, bob) = players(&system).await;
        let game = ann.create_game(&bob).await;
        game.play("e4 e5").await;
        let moves = ann.find("chessGameMove", &json!({"gameId": game.id})).await;
        let first = moves[0]["id"].as_str().unwrap().to_owned();
        // Each view is as far as its player has come.
        for view in ["chessGame", "chessGameListView"] {
            assert_eq!(ann.find(view, &json!({"id": game.id})).await[0]["moveCount"], 2);
        }
        let (before, before_list) =
            (document(&system, "chessGame", &game.id).await, document(&system, "chessGameListView", &game.id).await);
        let before_move = document(&system, "chessGameMove", &first).await;
        let divergent = divergences(&system).await;
        let mut live = ann.live("/bff-api/chessGameListView/live").await;
        live.expect("snapshot").await;

        let index = |view: &str| system.namespace.index(view);
        let edit = json!({"doc": {"moveCount": 77, "_readers": ["*"]}});
        let path = format!("/{}/_update/{}", index("chessGame"), game.id);
        direct::elasticsearch_admin("POST", &path, Some(&edit)).await.is(200);
        let edit = json!({"doc": {"playerWhiteName": "mallory"}});
        let path = format!("/{}/_update/{}", index("chessGameListView"), game.id);
        direct::elasticsearch_admin("POST", &path, Some(&edit)).await.is(200);
        direct::elasticsearch_admin("DELETE", &format!("/{}/_doc/{first}", index("chessGameMove")), None).await.is(200);
        let stray =
            json!({"id": "00000000-0000-7000-8000-000000000001", "_live": true, "_readers": ["*"], "_position": 2});
        let path =
            format!("/{}/_doc/00000000-0000-7000-8000-000000000001?version=2&version_type=external", index("user"));
        direct::elasticsearch_admin("PUT", &path, Some(&stray)).await.is(201);
        direct::elasticsearch_admin("POST", &format!("/{}/_refresh", index("user")), None).await.is(200);

        eventually("all four are put right", async || {
            let stray = document(&system, "user", "00000000-0000-7000-8000-000000000001").await;
            let right = document(&system, "chessGame", &game.id).await == before
                && document(&system, "chessGameListView", &game.id).await["playerWhiteName"] == "ann"
                && document(&system, "chessGameMove", &first).await == before_move
                && stray["_live"] == false;
            right.then_some(())
        })
        .await;
        assert!(divergences(&system).await >= divergent + 4, "each was counted");
        assert_eq!(document(&system, "chessGameListView", &game.id).await, before_list);
        // No event tells of it: who reads live is shown the list anew.
        let anew = live.expect("snapshot").await;
        assert_eq!(anew["reason"], "gap");
        has(&anew["items"][0], &json!({"id": game.id, "playerWhiteName": "ann"}));
        drop(live);

        // The game goes on, from what is right.
        game.play_from(3, "Nf3 Nc6").await;
        let found = ann.find("chessGame", &json!({"id": game.id})).await;
        assert_eq!(found[0]["moveCount"], 4);
        system.nothing_is_parked().await;
        system.end().await;
    });
}

/// How often any auditor of this process found a difference.
async fn divergences(app: &App) -> u64 {
    app.metric("wechess_audit_divergent_total").await
}

/// Puts an event into the log and into its stream, as a newer program would have done it.
async fn written_by_a_newer_program(app: &App, stream: &str, kind: &str, schema: i16, data: &str) -> i64 {
    let s = app.namespace.schema();
    let sql = format!(
        "with moved as (update {s}.log set tail = tail + 1 returning tail),
              grown as (update {s}.streams set version = version + 1 where stream_id = '{stream}' returning version)
         insert into {s}.events (position, stream_id, version, category, type, schema, command_id, ordinal,
             correlation_id, data, recorded_at)
           select tail, '{stream}', grown.version, 'chessGame', $1, $2, gen_random_uuid(), 0, gen_random_uuid(), $3,
             clock_timestamp() from moved, grown returning position"
    );
    direct::owner().await.query_one(&sql, &[&kind, &schema, &data]).await.expect("the owner may").get(0)
}

#[test]
fn events_of_a_newer_program_park_one_object_until_it_can_be_read() {
    alone(async || {
        let system = System::with_namespace(VIEWS).await;
        let (ann, bob) = players(&system).await;
        let (game, other) = (ann.create_game(&bob).await, ann.create_game(&bob).await);
        game.play("e4 e5").await;
        let sql =
            format!("select data from {{s}}.events where stream_id = '{}' order by version desc limit 1", game.id);
        let sql = sql.replace("{s}", &system.namespace.schema());
        let last: String = direct::owner().await.query_one(&sql, &[]).await.unwrap().get(0);
        let mut third: Value = serde_json::from_str(&last).unwrap();
        third["moveNumber"] = json!(3);
        let newer = GameEvent::schema("MovePlayed") + 1;
        let position = written_by_a_newer_program(&system, &game.id, "MovePlayed", newer, &third.to_string()).await;
        written_by_a_newer_program(&system, &game.id, "PieceDropped", 1, "{}").await;
        system.settled(position + 1).await;

        // The projector says what it cannot read, and where.
        let (well, said) = projector(&system, &["parked"]).await;
        assert!(well && said.contains(&format!("chessGame {} at position {position}, 2 event(s)", game.id)), "{said}");
        assert!(said.contains("newer than this program's"), "{said}");
        let (well, said) = projector(&system, &["heal", &game.id]).await;
        assert!(!well && said.contains("stays parked"), "nothing was fixed yet: {said}");

        // The command API refuses this object and serves the rest.
        for answer in [ann.play(&game.id, 3, "Nf3").await, ann.game(&game.id).await] {
            answer.refused(503, "errMsg_writtenByNewerVersion");
        }
        other.play("d4 d5").await;
        let listed = ann.get("/gameplay-api/v1/games").await;
        let ids: Vec<&str> = listed.data().as_array().unwrap().iter().filter_map(|game| game["id"].as_str()).collect();
        assert!(ids.contains(&other.id.as_str()) && !ids.contains(&game.id.as_str()), "{ids:?}");

        let moves = ann.get("/gameplay-api/v1/gamemoves").await;
        assert_eq!(moves.data().as_array().unwrap().len(), 4, "those that can be read: {}", moves.text);
        let named = ann.get(&format!("/gameplay-api/v1/gamemoves?gameId={}", game.id)).await;
        named.refused(503, "errMsg_writtenByNewerVersion");

        // What can be read is shown, and the answer may be kept.
        assert_eq!(ann.find("chessGame", &json!({"id": game.id})).await[0]["moveCount"], 2);

        // A fix: what could not be read can be.
        third["moveNumber"] = json!(4);
        let fix = format!(
            "update {s}.events set schema = 1 where position = {position};
             update {s}.events set type = 'MovePlayed', data = '{data}' where position = {position} + 1",
            s = system.namespace.schema(),
            data = third,
        );
        direct::owner().await.batch_execute(&fix).await.unwrap();
        let (well, said) = projector(&system, &["heal", "--all"]).await;
        assert!(well && said.contains("healed"), "{said}");
        eventually("it is shown with all its moves", async || {
            let found = ann.find("chessGame", &json!({"id": game.id})).await;
            (found[0]["moveCount"] == 4).then_some(())
        })
        .await;
        system.nothing_is_parked().await;
        let (_, said) = projector(&system, &["parked"]).await;
        assert!(said.contains("0 document(s) are parked"), "{said}");
        system.end().await;
    });
}

#[test]
fn a_state_of_a_newer_program_is_refused_although_the_newest_event_is_known() {
    alone(async || {
        let system = System::with_namespace(&["user"]).await;
        let (ann, bob) = players(&system).await;
        let (game, other) = (ann.create_game(&bob).await, ann.create_game(&bob).await);
        game.play("e4").await;
        let (owner, s) = (direct::owner().await, system.namespace.schema());
        let sql = format!("select data from {s}.events where stream_id = '{}' order by version desc limit 1", game.id);
        let last: String = owner.query_one(&sql, &[]).await.unwrap().get(0);
        let mut second: Value = serde_json::from_str(&last).unwrap();
        second["moveNumber"] = json!(2);
        written_by_a_newer_program(&system, &game.id, "PieceDropped", 1, "{}").await;
        let known = GameEvent::schema("MovePlayed");
        written_by_a_newer_program(&system, &game.id, "MovePlayed", known, &second.to_string()).await;
        let pocket = format!(
            "update {s}.streams set state = (state::jsonb || '{{\"pocket\": [\"q\"]}}')::text where stream_id = '{}'",
            game.id
        );
        owner.batch_execute(&pocket).await.unwrap();

        for answer in [ann.game(&game.id).await, ann.play(&game.id, 3, "Nf3").await] {
            answer.refused(503, "errMsg_writtenByNewerVersion");
        }
        other.play("d4 d5").await;
        let kept = format!("select state::jsonb ? 'pocket' from {s}.streams where stream_id = '{}'", game.id);
        assert!(owner.query_one(&kept, &[]).await.unwrap().get::<_, bool>(0), "nobody has written it without");
        system.end().await;
    });
}

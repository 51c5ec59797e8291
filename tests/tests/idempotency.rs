//! Retries: the same key never runs twice and answers what the first request was answered.

use serde_json::{Value, json};
use wechess_tests::actor::PASSWORD;
use wechess_tests::chess::move_body;
use wechess_tests::{Actor, Answer, App, story};

const GAME: &str = "/gameplay-api/v1/game";
const MOVE: &str = "/gameplay-api/v1/gamemove";

async fn keyed(who: &Actor, path: &str, key: &str, body: &Value) -> Answer {
    who.request("POST", path).key(key).json(body).send().await
}

/// The envelope without what tells one request from another.
fn steady(answer: &Answer) -> Value {
    let mut body = answer.ok().clone();
    for name in ["elapsedMs", "ssoTime", "requestId"] {
        body[name] = Value::Null;
    }
    body
}

fn key() -> String {
    uuid::Uuid::now_v7().to_string()
}

#[test]
fn a_retried_move_is_played_once_and_answered_alike_also_much_later() {
    story(async |app: App| {
        let (ann, bob) = (app.guest().await, app.guest().await);
        let game = ann.create_game(&bob).await;
        let (key, body) = (key(), move_body(&game.id, 1, "e4"));
        let first = keyed(&ann, MOVE, &key, &body).await;
        assert_eq!((first.status, first.header("idempotency-replayed")), (201, None));
        let retried = keyed(&ann, MOVE, &key, &body).await;
        assert_eq!((retried.status, retried.header("idempotency-replayed")), (201, Some("true")));
        assert_eq!(steady(&retried), steady(&first));
        assert_eq!(retried.header("consistency-token"), first.header("consistency-token"));

        game.play_from(2, "e5 Qh5 Nc6 Bc4 Nf6 Qxf7#").await;
        let late = keyed(&ann, MOVE, &key, &body).await;
        assert_eq!((steady(&late), late.header("etag")), (steady(&first), first.header("etag")));
        assert_eq!(app.events_of(&game.id).await, 9);
    });
}

#[test]
fn a_key_used_with_another_body_is_a_422() {
    story(async |app: App| {
        let (ann, bob) = (app.guest().await, app.guest().await);
        let game = ann.create_game(&bob).await;
        let key = key();
        keyed(&ann, MOVE, &key, &move_body(&game.id, 1, "e4")).await.is(201);
        let answer = keyed(&ann, MOVE, &key, &move_body(&game.id, 1, "d4")).await;
        answer.refused(422, "errMsg_IdempotencyKeyReused");
        let mut longer = move_body(&game.id, 1, "e4");
        longer["moveTime"] = 5.into();
        keyed(&ann, MOVE, &key, &longer).await.refused(422, "errMsg_IdempotencyKeyReused");
        assert_eq!(app.events_of(&game.id).await, 2);
    });
}

#[test]
fn keys_are_the_callers_own() {
    story(async |app: App| {
        let (ann, bob) = (app.guest().await, app.guest().await);
        let key = key();
        let open = |who: &Actor| json!({"playerWhiteId": who.id, "mode": "public", "gameType": "rapid"});
        let first = keyed(&ann, GAME, &key, &open(&ann)).await.data()["id"].clone();
        let second = keyed(&bob, GAME, &key, &open(&bob)).await.data()["id"].clone();
        assert_ne!(first, second);
        assert_eq!(keyed(&ann, GAME, &key, &open(&ann)).await.data()["id"], first);
    });
}

#[test]
fn a_retried_registration_makes_one_user_and_does_not_tell_of_the_password() {
    story(async |app: App| {
        let email = format!("ann-{}@example.com", uuid::Uuid::now_v7().simple());
        let body = json!({"email": email, "password": PASSWORD, "fullname": "Ann"});
        let (key, stranger) = (key(), app.stranger());
        let path = "/auth-api/v1/registeruser";
        let first = keyed(&stranger, path, &key, &body).await;
        let again = keyed(&stranger, path, &key, &body).await;
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(steady(&again), steady(&first));
        let id = first.data()["id"].as_str().unwrap();
        assert_eq!(app.events_of(id).await, 1);
        let sql = format!(
            "select count(*) from {{s}}.events where stream_id = '{id}' and (data like '%{PASSWORD}%' or meta like '%{PASSWORD}%')"
        );
        assert_eq!(app.number(&sql).await, 0);
    });
}

#[test]
fn a_refused_command_is_decided_again() {
    story(async |app: App| {
        let (ann, bob) = (app.guest().await, app.guest().await);
        let game = ann.create_game(&bob).await;
        let (key, body) = (key(), move_body(&game.id, 2, "e5"));
        keyed(&bob, MOVE, &key, &body).await.refused(409, "errMsg_NotYourTurn");
        game.play("e4").await;
        let answer = keyed(&bob, MOVE, &key, &body).await;
        assert_eq!((answer.status, answer.header("idempotency-replayed")), (201, None), "{}", answer.text);
    });
}

#[test]
fn session_routes_never_replay_a_token() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        let (key, stranger) = (key(), app.stranger());
        let body = json!({"username": ann.email, "password": PASSWORD});
        let first = keyed(&stranger, "/auth-api/login", &key, &body).await.is(200)["accessToken"].clone();
        let second = keyed(&stranger, "/auth-api/login", &key, &body).await.is(200)["accessToken"].clone();
        assert_ne!(first, second);
    });
}

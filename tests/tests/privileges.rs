//! Least privilege: what each service's login is refused, told by the servers themselves.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use tokio_postgres::error::SqlState;
use wechess_tests::servers::stack;
use wechess_tests::{App, alone, direct, story};

/// Each statement is refused for want of privilege.
async fn denied(url: &str, app: &App, statements: &[&str]) {
    let client = direct::database(url).await;
    for statement in statements {
        let sql = statement.replace("{s}", &app.namespace.schema());
        let error = client.batch_execute(&sql).await.expect_err(&sql);
        assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{sql}: {error}");
    }
}

const EVENT: &str = "insert into {s}.events select tail + 1, gen_random_uuid(), 1, 'x', 'X', 1, gen_random_uuid(), 0, \
    gen_random_uuid(), null, null, '{}', null, now() from {s}.log";

#[test]
fn the_projector_only_reads_the_log_and_its_keys() {
    story(async |app: App| {
        let url = &stack().credentials.database_urls.projector;
        let client = direct::database(url).await;
        let schema = app.namespace.schema();
        for table in ["log", "events", "data_keys"] {
            client.query(&format!("select * from {schema}.{table} limit 1"), &[]).await.unwrap();
        }
        denied(url, &app, &[
            EVENT,
            "update {s}.events set data = '{}'",
            "delete from {s}.events",
            "truncate {s}.events",
            "update {s}.log set tail = 0",
            "delete from {s}.data_keys",
            "update {s}.data_keys set wrapped = null",
            "select * from {s}.secrets",
            "select * from {s}.sessions",
            "select * from {s}.signing_keys",
            "select * from {s}.streams",
            "insert into {s}.unique_keys values ('x', gen_random_uuid())",
            "drop table {s}.events",
            "create table {s}.more (x int)",
            "select {s}.append('{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}')",
            "select {s}.append_one(null,null,null,null,null,1,'','','',1::smallint,'',null,'{}','{}')",
            "select {s}.refuse_a_gap(1)",
            "select {s}.apply_effects(now(), '{}', '{}')",
        ])
        .await;
    });
}

#[test]
fn command_api_writes_the_log_by_its_function_only() {
    story(async |app: App| {
        denied(
            &stack().credentials.database_urls.command_api,
            &app,
            &[
                EVENT,
                "update {s}.events set data = '{}'",
                "delete from {s}.events",
                "truncate {s}.events",
                "update {s}.log set tail = tail + 1",
                "insert into {s}.streams values (gen_random_uuid(), 'x', 1, now(), '{}')",
                "update {s}.streams set state = '{}'",
                "insert into {s}.unique_keys values ('x', gen_random_uuid())",
                "delete from {s}.data_keys",
                "update {s}.data_keys set wrapped = null",
                "insert into {s}.timers values (gen_random_uuid(), 'x', 0, now())",
                "alter table {s}.events drop constraint events_pkey",
                "create table {s}.more (x int)",
                "delete from {s}.signing_keys",
            ],
        )
        .await;
    });
}

#[test]
fn the_query_service_has_no_database_login_and_only_reads_indexes() {
    story(async |app: App| {
        let login = &stack().credentials.elasticsearch.query_bff;
        let index = app.namespace.index("chessGame");
        let search =
            direct::elasticsearch(login, "POST", &format!("/{index}/_search"), Some(&json!({"size": 0}))).await;
        search.is(200);
        let live = format!("{}-g1", index);
        let (document, change) = (json!({"id": "x"}), json!({"doc": {"id": "x"}}));
        let refused = [
            ("PUT", format!("/{live}/_doc/1"), Some(&document)),
            ("POST", format!("/{live}/_update/1"), Some(&change)),
            ("DELETE", format!("/{live}/_doc/1"), None),
            ("POST", format!("/{live}/_refresh"), None),
            ("DELETE", format!("/{live}"), None),
            ("PUT", format!("/{index}-g9"), None),
            ("PUT", format!("/{live}/_settings"), Some(&document)),
            ("PUT", "/elsewhere".to_owned(), None),
            ("GET", "/_security/user".to_owned(), None),
        ];
        for (method, path, body) in refused {
            let answer = direct::elasticsearch(login, method, &path, body).await;
            assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
        }
    });
}

#[test]
fn the_projector_writes_only_our_indexes() {
    alone(async || {
        let login = &stack().credentials.elasticsearch.projector;
        for (method, path) in [("PUT", "/elsewhere"), ("DELETE", "/elsewhere"), ("GET", "/_security/user")] {
            let answer = direct::elasticsearch(login, method, path, None).await;
            assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
        }
    });
}

#[test]
fn nobody_else_takes_part_in_the_events_on_nats() {
    story(async |app: App| {
        let logins = &stack().credentials.nats;
        let namespace = &app.namespace;
        for login in [&logins.query_bff, logins.command_api.as_ref().unwrap()] {
            let client = direct::nats(login).await;
            let mut events = client.subscribe(namespace.events_subjects()).await.unwrap();
            client.flush().await.unwrap();
            let stream = namespace.events_stream();
            let forged = namespace.event_subject("chessGame", "Forged");
            client.publish(forged.clone(), "{}".into()).await.unwrap();
            client.flush().await.unwrap();
            for request in [
                format!("$JS.API.STREAM.INFO.{stream}"),
                format!("$JS.API.STREAM.DELETE.{stream}"),
                format!("$JS.API.STREAM.MSG.GET.{stream}"),
                format!("$JS.API.CONSUMER.CREATE.{stream}"),
            ] {
                let asked =
                    tokio::time::timeout(Duration::from_millis(300), client.request(request.clone(), "{}".into()))
                        .await;
                assert!(!matches!(asked, Ok(Ok(_))), "{}: {request} was answered", login.user);
            }
            app.guest().await;
            app.all_settled().await;
            let heard = tokio::time::timeout(Duration::from_millis(300), events.next()).await;
            assert!(!matches!(heard, Ok(Some(_))), "{} hears events", login.user);
            let stored = direct::jetstream().await.get_stream(&stream).await.unwrap();
            assert!(stored.get_last_raw_message_by_subject(&forged).await.is_err(), "{} writes events", login.user);
        }
        app.nothing_is_parked().await;
    });
}

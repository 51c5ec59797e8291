//! Group commit when something is in its way: a lost acknowledgement, a full queue, a stop, a database that takes no
//! writes, callers that break the rules.

use std::time::Duration;

use command_api::es::appender::{self, Appender, Limits, Running};
use command_api::es::item::{AppendError, Item, Outcome};
use event_schema::names::Namespace;
use futures_util::future::join_all;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use uuid::Uuid;
use wechess_tests::chess::move_body;
use wechess_tests::servers::stack;
use wechess_tests::{Proxy, System, alone, direct, eventually};

use crate::log::{Log, item, position, write};

/// command-api's login.
fn login() -> tokio_postgres::Config {
    stack().credentials.database_urls.command_api.parse().expect("a database URL")
}

/// `host:port` of PostgreSQL.
fn postgres() -> String {
    let url = &stack().postgres;
    url.trim_start_matches("postgres://").split('/').next().unwrap_or_default().to_owned()
}

/// The same login, through a proxy.
fn through(proxy: &Proxy) -> String {
    stack().credentials.database_urls.command_api.replace(&postgres(), &proxy.addr.to_string())
}

fn one() -> Item {
    item(vec![write(Uuid::now_v7(), 0, 1)])
}

/// Keeps everybody from committing until it is told to let go.
async fn hold(namespace: &Namespace) -> Client {
    let holder = direct::owner().await;
    let sql = format!("begin; select 1 from {}.log for update", namespace.schema());
    holder.batch_execute(&sql).await.expect("the log's row can be locked");
    holder
}

async fn let_go(holder: Client) {
    holder.batch_execute("commit").await.expect("the lock is still held");
}

/// Appends on a task of its own.
fn send(appender: &Appender, item: Item) -> JoinHandle<Result<Outcome, AppendError>> {
    let appender = appender.clone();
    tokio::spawn(async move { appender.append(item).await })
}

/// Waits until so many backends of this schema wait for a lock.
async fn blocked(namespace: &Namespace) -> i32 {
    let client = direct::database(&stack().credentials.database_urls.admin).await;
    let like = format!("%{}.append%", namespace.schema());
    let sql =
        "select pid from pg_stat_activity where query like $1 and wait_event_type = 'Lock' and pid <> pg_backend_pid()";
    eventually("a batch waits for the log's row", async || {
        client.query(sql, &[&like]).await.expect("the query is right").first().map(|row| row.get(0))
    })
    .await
}

#[test]
fn a_commit_whose_acknowledgement_is_lost_is_found_again() {
    alone(async || {
        let log = Log::open().await;
        let proxy = Proxy::before(postgres()).await;
        let (appender, _running) =
            appender::start(&through(&proxy).parse().unwrap(), &log.namespace, Limits::default());
        assert_eq!(position(&appender.append(one()).await.unwrap()), 1);
        proxy.silence();
        let lost = send(&appender, one());
        eventually("the batch is committed", async || {
            (log.number("select tail from {s}.log").await == 2).then_some(())
        })
        .await;
        assert!(!lost.is_finished(), "nobody was told");
        proxy.cut();
        assert_eq!(lost.await.unwrap().unwrap(), Outcome::Already { position: 2 });
        assert_eq!(position(&appender.append(one()).await.unwrap()), 3);
        log.is_dense().await;
        log.close().await;
    });
}

#[test]
fn a_move_whose_commit_was_not_acknowledged_is_answered_as_played() {
    alone(async || {
        let proxy = Proxy::before(postgres()).await;
        let database = through(&proxy);
        let system = System::with_settings(&["user"], &[]).await;
        let (there, server) = system.command_api_with(&[("WECHESS_DATABASE_URL", &database)]).await;
        let (ann, bob) = (system.guest().await.at(&there), system.guest().await.at(&there));
        let game = ann.create_game(&bob).await;
        ann.play(&game.id, 1, "e4").await.is(201);
        bob.get(&format!("/gameplay-api/v1/game/{}", game.id)).await.is(200);
        proxy.silence();
        let (who, body) = (bob.clone(), move_body(&game.id, 2, "e5"));
        let played = tokio::spawn(async move { who.post("/gameplay-api/v1/gamemove", &body).await });
        eventually("the move is committed", async || (system.events_of(&game.id).await == 3).then_some(())).await;
        proxy.cut();
        let answer = played.await.unwrap();
        assert_eq!(answer.is(201)["chessGameMove"]["moveNumber"], 2, "{}", answer.text);
        assert!(answer.header("idempotency-replayed").is_none(), "he asked once");
        assert_eq!(system.events_of(&game.id).await, 3);
        server.stop().await;
        system.end().await;
    });
}

#[test]
fn a_batch_whose_backend_is_ended_in_its_midst_is_sent_again() {
    alone(async || {
        let log = Log::open().await;
        let holder = hold(&log.namespace).await;
        let sent: Vec<_> = (0..20).map(|_| send(&log.appender, one())).collect();
        let pid = blocked(&log.namespace).await;
        let admin = direct::database(&stack().credentials.database_urls.admin).await;
        let ended: bool = admin.query_one("select pg_terminate_backend($1, 5000)", &[&pid]).await.unwrap().get(0);
        assert!(ended);
        let_go(holder).await;
        let mut positions: Vec<i64> =
            join_all(sent).await.into_iter().map(|outcome| position(&outcome.unwrap().unwrap())).collect();
        positions.sort_unstable();
        assert_eq!(positions, (1..=20).collect::<Vec<_>>());
        log.is_dense().await;
        log.close().await;
    });
}

#[test]
fn what_was_appended_is_told_although_what_others_missed_cannot_be_read() {
    alone(async || {
        let log = Log::open().await;
        let stream = Uuid::now_v7();
        log.append(item(vec![write(stream, 0, 1)])).await;
        let blind = format!("revoke select on {}.events from wechess_command_api", log.namespace.schema());
        direct::owner().await.batch_execute(&blind).await.expect("the owner may");
        let limits = Limits { lanes: 1, ..Limits::default() };
        let (appender, _running) = appender::start(&login(), &log.namespace, limits);
        let holder = hold(&log.namespace).await;
        let before = send(&appender, one());
        blocked(&log.namespace).await;
        // The two wait for the only connection, and go together.
        let (late, new) = (send(&appender, item(vec![write(stream, 0, 1)])), send(&appender, one()));
        eventually("three items wait", async || (appender.load().0 == 3).then_some(())).await;
        let_go(holder).await;
        assert_eq!(position(&before.await.unwrap().unwrap()), 2);
        assert!(matches!(new.await.unwrap(), Ok(Outcome::Appended { position: 3, .. })));
        let late = late.await.unwrap().unwrap();
        assert_eq!(late, Outcome::Conflict { stream, missed: Vec::new(), version: 1 });
        log.close().await;
    });
}

#[test]
fn a_full_queue_refuses_at_once_and_what_it_took_is_appended() {
    alone(async || {
        let log = Log::open().await;
        let limits = Limits { queue_items: 5, ..Limits::default() };
        let (appender, _running) = appender::start(&login(), &log.namespace, limits);
        let holder = hold(&log.namespace).await;
        let sent: Vec<_> = (0..5).map(|_| send(&appender, one())).collect();
        eventually("five items wait", async || (appender.load().0 == 5).then_some(())).await;
        let refused = tokio::time::timeout(Duration::from_secs(1), appender.append(one())).await;
        assert!(matches!(refused, Ok(Err(AppendError::Full))), "{refused:?}");
        let_go(holder).await;
        for outcome in join_all(sent).await {
            position(&outcome.unwrap().unwrap());
        }
        position(&appender.append(one()).await.unwrap());
        assert_eq!(log.number("select tail from {s}.log").await, 6);
        log.close().await;
    });
}

#[test]
fn what_was_accepted_before_a_stop_is_committed() {
    alone(async || {
        let log = Log::open().await;
        let (appender, running): (Appender, Running) = appender::start(&login(), &log.namespace, Limits::default());
        let holder = hold(&log.namespace).await;
        let sent: Vec<_> = (0..50).map(|_| send(&appender, one())).collect();
        eventually("fifty items wait", async || (appender.load().0 == 50).then_some(())).await;
        drop(appender);
        let_go(holder).await;
        running.finished().await;
        for outcome in join_all(sent).await {
            position(&outcome.unwrap().unwrap());
        }
        assert_eq!(log.number("select tail from {s}.log").await, 50);
        log.close().await;
    });
}

#[test]
fn a_database_that_takes_no_writes_is_told_from_an_unknown_outcome() {
    alone(async || {
        let log = Log::open().await;
        let limits = Limits { patience: Duration::from_secs(1), ..Limits::default() };
        let read_only = login().options("-c default_transaction_read_only=on").clone();
        let (appender, _running) = appender::start(&read_only, &log.namespace, limits);
        let refused = appender.append(one()).await;
        assert!(matches!(&refused, Err(AppendError::Unwritable(why)) if why.contains("25006")), "{refused:?}");
        let nobody = stack().credentials.database_urls.command_api.replace(&postgres(), "127.0.0.1:1");
        let (appender, _running) = appender::start(&nobody.parse().unwrap(), &log.namespace, limits);
        let refused = appender.append(one()).await;
        assert!(matches!(refused, Err(AppendError::Unwritable(_))), "nothing can have been written: {refused:?}");

        let proxy = Proxy::before(postgres()).await;
        let (appender, _running) = appender::start(&through(&proxy).parse().unwrap(), &log.namespace, limits);
        position(&appender.append(one()).await.unwrap());
        proxy.silence();
        let unknown = appender.append(one()).await;
        assert!(matches!(unknown, Err(AppendError::Unknown)), "it may have been written: {unknown:?}");
        log.is_dense().await;
        log.close().await;
    });
}

#[test]
fn a_call_that_would_break_the_log_is_refused_whoever_makes_it() {
    alone(async || {
        let log = Log::open().await;
        position(&log.append(one()).await);
        let client = direct::database(&stack().credentials.database_urls.command_api).await;
        // One item, one write, one event; each row breaks one argument of a call that is right.
        let (stream, nil) = (Uuid::now_v7(), "00000000-0000-0000-0000-000000000000");
        let right = [
            ("_command", format!("array['{}']::uuid[]", Uuid::now_v7())),
            ("_actor", format!("array['{nil}']::uuid[]")),
            ("_correlation", format!("array['{nil}']::uuid[]")),
            ("_causation", format!("array['{nil}']::uuid[]")),
            ("_w_item", "array[1]".to_owned()),
            ("_stream", format!("array['{stream}']::uuid[]")),
            ("_expected", "array[0]".to_owned()),
            ("_state", "array['{}']".to_owned()),
            ("_w_first", "array[1]".to_owned()),
            ("_e_write", "array[1]".to_owned()),
            ("_category", "array['test']".to_owned()),
            ("_type", "array['Happened']".to_owned()),
            ("_schema", "array[1]::smallint[]".to_owned()),
            ("_data", "array['{}']".to_owned()),
            ("_meta", "array[null]::text[]".to_owned()),
            ("_f_item", "array[]::int[]".to_owned()),
            ("_f_kind", "array[]::text[]".to_owned()),
            ("_f_args", "array[]::text[]".to_owned()),
        ];
        let call = |name: &str, wrong: &str| {
            let arguments: Vec<String> = right
                .iter()
                .map(|(known, value)| format!("{known} => {}", if *known == name { wrong } else { value }))
                .collect();
            format!("select outcome from {}.append({})", log.namespace.schema(), arguments.join(", "))
        };
        for (name, wrong) in [
            ("_expected", "array[-1]"),
            ("_expected", "array[null]::int[]"),
            ("_expected", "array[0, 0]"),
            ("_w_item", "array[2]"),
            ("_w_item", "array[0]"),
            ("_w_item", "array[null]::int[]"),
            ("_w_item", "array[]::int[]"),
            ("_w_first", "array[0]"),
            ("_w_first", "array[2]"),
            ("_w_first", "array[null]::int[]"),
            ("_e_write", "array[1, 1]"),
            ("_e_write", "array[2]"),
            ("_e_write", "array[]::int[]"),
            ("_stream", "array[null]::uuid[]"),
            ("_stream", "array[]::uuid[]"),
            ("_state", "array[null]::text[]"),
            ("_command", "array[null]::uuid[]"),
            ("_command", "null"),
            ("_category", "array[null]::text[]"),
            ("_type", "array[]::text[]"),
            ("_schema", "array[null]::smallint[]"),
            ("_data", "array[null]::text[]"),
            ("_f_item", "array[1]"),
            ("_f_kind", "array['nothing']"),
        ] {
            let said = client.query_one(&call(name, wrong), &[]).await;
            assert!(said.is_err(), "{name} => {wrong} was taken");
            assert_eq!(written(&client, &log.namespace).await, (1, 1, 1), "{name} => {wrong}");
        }
        client.query_one(&call("", ""), &[]).await.expect("the call is right");
        assert_eq!(written(&client, &log.namespace).await, (2, 2, 2));
        log.is_dense().await;
        log.close().await;
    });
}

/// The tail, how many events there are, and how many streams.
async fn written(client: &Client, namespace: &Namespace) -> (i64, i64, i64) {
    let sql = "select tail, (select count(*) from {s}.events), (select count(*) from {s}.streams) from {s}.log";
    let row = client.query_one(&sql.replace("{s}", &namespace.schema()), &[]).await.expect("the query is right");
    (row.get(0), row.get(1), row.get(2))
}

#[test]
fn a_tail_that_is_not_the_last_event_stops_the_log_until_it_is_mended() {
    alone(async || {
        let log = Log::open().await;
        let known = Uuid::now_v7();
        log.append(item(vec![write(known, 0, 1)])).await;
        for _ in 0..2 {
            log.append(one()).await;
        }
        let owner = direct::owner().await;
        let set = async |tail: i64| {
            let sql = format!("update {}.log set tail = {tail}", log.namespace.schema());
            owner.batch_execute(&sql).await.expect("the owner may do everything");
        };
        let limits = Limits { patience: Duration::from_secs(2), ..Limits::default() };
        let (appender, _running) = appender::start(&login(), &log.namespace, limits);
        let stream = Uuid::now_v7();
        for (stale, items) in [(2, 1), (2, 5), (8, 1), (8, 5)] {
            set(stale).await;
            let sent =
                (0..items).map(|_| appender.append(item(vec![write(stream, 0, 1), write(Uuid::now_v7(), 0, 1)])));
            let mut outcomes = join_all(sent).await;
            if items == 1 {
                // What comes alone to a stream that exists takes another way.
                outcomes.push(appender.append(item(vec![write(known, 1, 1)])).await);
            }
            for refused in outcomes {
                let why = match &refused {
                    Err(AppendError::Unwritable(why)) => why.as_str(),
                    other => panic!("a client would not be told to come back: {other:?}"),
                };
                assert!(why.starts_with("XX001") && why.contains("its tail"), "{why}");
            }
            assert_eq!(log.number("select count(*) from {s}.events").await, 3);
            set(3).await;
        }
        assert_eq!(position(&log.append(one()).await), 4);
        log.is_dense().await;
        log.close().await;
    });
}

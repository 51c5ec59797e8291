//! What happens by itself when its time has come.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use command_api::es::alarm::Alarm;
use command_api::es::log::Log;
use command_api::es::store::Failure;
use command_api::es::timers::{self, Due, Fired, Firing};
use event_schema::names::Namespace;
use futures_util::future::BoxFuture;
use serde_json::json;
use uuid::Uuid;
use wechess_tests::answer::has;
use wechess_tests::servers::stack;
use wechess_tests::{System, alone, direct, eventually};

#[test]
fn an_open_game_that_nobody_joins_expires_once_with_two_runners() {
    alone(async || {
        let system = System::with_settings(&["chessGame"], &[("WECHESS_OPEN_GAME_SECONDS", "1")]).await;
        let (_, second) = system.another_command_api().await;
        let (ann, bob) = (system.guest().await, system.guest().await);
        let mut open = Vec::new();
        for _ in 0..5 {
            open.push(ann.open_game("public").await["id"].as_str().unwrap().to_owned());
        }
        let joined = open.pop().unwrap();
        let answer = bob.update_game(&joined, json!({"playerBlackId": bob.id})).await;
        for id in &open {
            let game = eventually("the game expires", async || {
                let game = ann.game(id).await.data().clone();
                (game["status"] != "pending").then_some(game)
            })
            .await;
            has(&game, &json!({"status": "completed", "result": "aborted", "endReason": "expiry"}));
            assert_eq!(system.events_of(id).await, 2);
            bob.update_game(id, json!({"playerBlackId": bob.id})).await.refused(409, "errMsg_GameOver");
        }
        eventually("no timer is left", async || {
            (system.number("select count(*) from {s}.timers").await == 0).then_some(())
        })
        .await;
        if answer.status == 200 {
            has(ann.game(&joined).await.data(), &json!({"status": "active", "result": null}));
        }
        let expired = json!({"endReason": "expiry"});
        // Nobody was told of what happened by itself: the view has it in its own time.
        eventually("the view shows what expired", async || (ann.count("chessGame", &expired).await >= 4).then_some(()))
            .await;
        second.stop().await;
        system.end().await;
    });
}

/// The log of a fresh schema, opened with the service's own login.
async fn open_log(namespace: &Namespace) -> Log {
    let login = stack().credentials.database_urls.command_api.parse().expect("a database URL");
    let pool = command_api::es::log::pool(&login, namespace, 2).expect("a pool");
    Log::open(pool, namespace, command_api::es::migrate::newest()).await.expect("the log opens")
}

/// Says each time that it was too early; of the stream that is slow it says so only much later.
struct TooEarly {
    again: DateTime<Utc>,
    slow: Uuid,
}

impl Firing for TooEarly {
    fn fire(&self, due: &Due) -> BoxFuture<'_, Result<Fired, Failure>> {
        let slow = due.stream == self.slow;
        Box::pin(async move {
            if slow {
                std::future::pending::<()>().await;
            }
            Ok(Fired::Again(self.again))
        })
    }
}

#[test]
fn a_timer_that_fires_too_early_is_armed_anew_with_the_services_own_login_whatever_another_one_does() {
    alone(async || {
        let namespace = direct::fresh_schema().await;
        let (schema, owner) = (namespace.schema(), direct::owner().await);
        let (slow, quick) = (Uuid::now_v7(), Uuid::now_v7());
        // The slow one is due first and is worked on when the other one comes.
        let arm = async |stream: Uuid, when: &str| {
            let armed =
                format!("insert into {schema}.timers values ('{stream}', 'flag', 3, now() + interval '{when}')");
            owner.batch_execute(&armed).await.expect("the owner may do everything");
        };
        arm(slow, "-1 second").await;
        let log = open_log(&namespace).await;
        let again: DateTime<Utc> = "2100-01-01T00:00:00Z".parse().expect("a time");
        let alarm = Arc::new(Alarm::default());
        let runner = timers::start(log, Arc::clone(&alarm), Arc::new(TooEarly { again, slow }));
        let row = async |stream: Uuid| {
            let sql = format!("select due_at, arming, leased_until is null from {schema}.timers where stream_id = $1");
            let row = owner.query_one(&sql, &[&stream]).await.expect("the timer is still there");
            (row.get::<_, DateTime<Utc>>(0), row.get::<_, i32>(1), row.get::<_, bool>(2))
        };
        eventually("the slow one is worked on", async || (!row(slow).await.2).then_some(())).await;
        arm(quick, "0 seconds").await;
        alarm.set(Utc::now());
        eventually("the quick one is armed anew", async || (row(quick).await == (again, 3, true)).then_some(())).await;
        assert!(row(slow).await.0 < again);
        runner.stop().await;
        assert!(row(slow).await.2, "who stops gives back what it has claimed and not fired");
        direct::remove(&namespace).await;
    });
}

/// Never comes to an end.
struct Stuck;

impl Firing for Stuck {
    fn fire(&self, _: &Due) -> BoxFuture<'_, Result<Fired, Failure>> {
        Box::pin(std::future::pending())
    }
}

#[test]
fn a_runner_whose_firings_all_hang_stops_nonetheless_and_gives_them_back() {
    alone(async || {
        let namespace = direct::fresh_schema().await;
        let (schema, owner) = (namespace.schema(), direct::owner().await);
        let armed = format!(
            "insert into {schema}.timers select gen_random_uuid(), 'flag', 1, now() - interval '1 second' \
             from generate_series(1, 80)"
        );
        owner.batch_execute(&armed).await.expect("the owner may do everything");
        let log = open_log(&namespace).await;
        let runner = timers::start(log, Arc::new(Alarm::default()), Arc::new(Stuck));
        let leased = async || {
            let sql = format!("select count(*) from {schema}.timers where leased_until is not null");
            owner.query_one(&sql, &[]).await.expect("a count").get::<_, i64>(0)
        };
        eventually("as many are fired as are at once", async || (leased().await == 64).then_some(())).await;
        let stopped = tokio::time::timeout(std::time::Duration::from_secs(30), runner.stop()).await;
        assert!(stopped.is_ok(), "it waits for what never ends");
        assert_eq!(leased().await, 0);
        direct::remove(&namespace).await;
    });
}

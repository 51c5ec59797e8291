//! What happens by itself when its time has come.

use chrono::{DateTime, Utc};
use command_api::es::log::Log;
use command_api::es::store::Failure;
use command_api::es::timers::{Due, Fired, Firing, run_due};
use futures_util::future::BoxFuture;
use serde_json::json;
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

/// Says each time that it was too early.
struct TooEarly(DateTime<Utc>);

impl Firing for TooEarly {
    fn fire(&self, _: &Due) -> BoxFuture<'_, Result<Fired, Failure>> {
        Box::pin(std::future::ready(Ok(Fired::Again(self.0))))
    }
}

#[test]
fn a_timer_that_fires_too_early_is_armed_anew_with_the_services_own_login() {
    alone(async || {
        let namespace = direct::fresh_schema().await;
        let (schema, owner) = (namespace.schema(), direct::owner().await);
        let armed =
            format!("insert into {schema}.timers values (gen_random_uuid(), 'flag', 3, now() - interval '1 second')");
        owner.batch_execute(&armed).await.expect("the owner may do everything");
        let login = stack().credentials.database_urls.command_api.parse().expect("a database URL");
        let pool = command_api::es::log::pool(&login, &namespace, 1).expect("a pool");
        let log = Log::open(pool, &namespace, command_api::es::migrate::newest()).await.expect("the log opens");
        let later: DateTime<Utc> = "2100-01-01T00:00:00Z".parse().expect("a time");
        run_due(&log, &TooEarly(later)).await.expect("the service may arm timers anew");
        let sql = format!("select due_at, arming, leased_until is null from {schema}.timers");
        let row = owner.query_one(&sql, &[]).await.expect("the timer is still there");
        assert_eq!((row.get::<_, DateTime<Utc>>(0), row.get::<_, i32>(1), row.get::<_, bool>(2)), (later, 3, true));
        direct::remove(&namespace).await;
    });
}

//! Real processes are killed and stopped while games are played. `cargo dev test` runs these last, one by one.

mod long;

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use serde_json::json;
use wechess_tests::whole::Whole;
use wechess_tests::{alone, direct, eventually};

/// The first games of the shipped sample, in a file of their own.
fn sample(whole: &Whole, games: usize) -> PathBuf {
    let all = include_str!("../../data/lichess-2025-05-games.pgn");
    let starts: Vec<usize> = all.match_indices("[Event ").map(|(at, _)| at).take(games + 1).collect();
    let end = starts.get(games).copied().unwrap_or(all.len());
    let file = whole.status().connections.folder.join("sample.pgn");
    std::fs::write(&file, &all[..end]).expect("the run folder can be written");
    file
}

/// `cargo dev play` at work; ends with the story at the latest.
struct Play {
    child: Child,
    log: PathBuf,
}

impl Play {
    fn begin(whole: &Whole, file: &Path, speed: &str) -> Self {
        let log = file.with_extension("log");
        Self { child: whole.play(file, speed, &log), log }
    }

    fn is_over(&mut self) -> bool {
        self.child.try_wait().expect("the program can be asked").is_some()
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for its end, which must be good.
    async fn finish(mut self) {
        let begun = std::time::Instant::now();
        while !self.is_over() {
            assert!(begun.elapsed() < Duration::from_secs(240), "play does not end:\n{}", self.said());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let good = self.child.wait().is_ok_and(|status| status.success());
        assert!(good, "play failed:\n{}", self.said());
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        // It has ended already, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Each of the six processes but the query service is killed while games are played; play resumes, and every line of
/// its comparison is equal.
#[test]
fn play_survives_the_death_of_every_process() {
    alone(async || {
        let whole = Whole::up("kills");
        let admin = whole.admin().await;
        let file = sample(&whole, 24);
        let mut play = Play::begin(&whole, &file, "60");
        let mut seen = 0;
        for process in ["elasticsearch", "projector", "nats", "commandApi", "postgres"] {
            seen = eventually("more moves are played", async || {
                assert!(!play.is_over(), "play ended before {process} was killed:\n{}", play.said());
                whole.moves(&admin).await.filter(|now| *now > seen + 60)
            })
            .await;
            whole.kill(process).await;
        }
        play.finish().await;
        // A second time it makes no duplicates: the comparison counts the same.
        let before = whole.moves(&admin).await;
        Play::begin(&whole, &file, "max").finish().await;
        assert_eq!(whole.moves(&admin).await, before);
    });
}

/// Elasticsearch and NATS hang, one after the other: commands go on, reads say so, and catch up afterwards. Then
/// PostgreSQL takes no writes: commands say so, reads go on.
#[test]
fn each_server_that_fails_takes_only_its_own_part_away() {
    alone(async || {
        let whole = Whole::up("hangs");
        let (admin, status) = (whole.admin().await, whole.status());
        let register = async |name: &str| {
            let body = json!({"email": format!("{name}@example.com"), "password": "correct horse", "fullname": name});
            let url = format!("{}/auth-api/v1/registeruser", status.command_api);
            whole.ask("POST", &url, "", Some(&body)).await.expect("command-api answers")
        };
        // An answer that is kept needs no Elasticsearch.
        let users = format!("{}/bff-api/user/count?caching=false", status.query_bff);
        let count = async || whole.ask("GET", &users, &admin, None).await;
        eventually("the query service answers", async || count().await.filter(|answer| answer.status == 200)).await;

        whole.signal("elasticsearch", "STOP");
        register("ann").await.is(201);
        let refused = count().await.expect("the query service answers");
        refused.refused(503, "errMsg_serviceUnavailable");
        assert!(refused.header("retry-after").is_some());
        whole.signal("elasticsearch", "CONT");
        eventually("ann is found", async || count().await.filter(|a| a.body["total"] == json!(2))).await;

        whole.signal("nats", "STOP");
        register("bob").await.is(201);
        eventually("the query service no longer trusts its sessions", async || {
            count().await.filter(|a| a.status == 503)
        })
        .await;
        register("eve").await.is(201);
        whole.signal("nats", "CONT");
        eventually("all are found", async || count().await.filter(|a| a.body["total"] == json!(4))).await;

        let postgres = direct::database(&status.connections.credentials.database_urls.admin).await;
        let read_only = async |word: &str| {
            postgres.execute(&format!("alter system set default_transaction_read_only = {word}"), &[]).await.unwrap();
            postgres.execute("select pg_reload_conf()", &[]).await.unwrap();
        };
        let tail = async || postgres.query_one("select tail from wechess.log", &[]).await.unwrap().get::<_, i64>(0);
        let before = tail().await;
        read_only("on").await;
        let refused = register("dan").await;
        refused.refused(503, "errMsg_serviceUnavailable");
        assert!(refused.text.contains("takes no writes; nothing was changed"), "{}", refused.text);
        assert!(refused.header("retry-after").is_some());
        assert_eq!((tail().await, count().await.expect("reads go on").ok()["total"].clone()), (before, json!(4)));
        read_only("off").await;
        register("dan").await.is(201);
        eventually("dan is found", async || count().await.filter(|a| a.body["total"] == json!(5))).await;
    });
}

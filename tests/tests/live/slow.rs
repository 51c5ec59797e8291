//! One who does not read what he asked to be told.

use futures_util::future::join_all;
use serde_json::json;
use wechess_tests::{System, alone};

const LIVE: &str = "/bff-api/customBoard/live";
/// Boards that are made at once, and how often.
const CROWD: (usize, usize) = (20, 20);

/// 400 boards of 16 kB are more than two sockets hold. What is kept beside is set to next to nothing.
#[test]
fn who_does_not_read_is_cut_and_told_so() {
    alone(async || {
        let system = System::with_settings(&["customBoard"], &[("WECHESS_LIVE_KEPT_KIB", "64")]).await;
        let ann = system.user("ann").await;
        let (mut slow, mut quick) = (ann.live(LIVE).await, ann.live(LIVE).await);
        slow.expect("snapshot").await;
        quick.expect("snapshot").await;
        let board = json!({"name": "large", "description": "\u{1D54F}".repeat(4_000), "category": "puzzle",
            "fen": "8/8/8/4k3/8/4K3/4P3/8 w - - 0 1", "isPublished": false});
        let (each, times) = CROWD;
        let crowd = async {
            for time in 1..=times {
                let made = (0..each).map(|_| ann.post("/gameplay-api/v1/customboards", &board));
                for answer in join_all(made).await {
                    answer.is(201);
                }
                // Whoever asks brings a refresh, and so the next changes to those who read.
                assert_eq!(ann.count("customBoard", &json!({})).await as usize, each * time);
            }
        };
        tokio::join!(crowd, quick.until(|shown| shown.len() == each * times));

        let told = loop {
            let event = slow.next().await;
            if event.name == "end" {
                break event.data;
            }
            assert_eq!(event.name, "enter", "{}", event.data);
        };
        assert_eq!(told["reason"], "slow", "{told}");
        assert!(told["detail"].as_str().is_some_and(|told| told.contains("connect again")), "{told}");
        assert!(slow.try_next().await.is_none(), "nothing comes behind the end");
        assert!(slow.shown.len() < each * times);
        // He comes back, and has his list anew.
        let back = ann.try_live(LIVE, slow.last_id.as_deref()).await;
        let again = back.unwrap_or_else(|answer| panic!("{}", answer.text)).expect("snapshot").await;
        assert_eq!((&again["reason"], &again["total"]), (&json!("gap"), &json!(each * times)));
        system.end().await;
    });
}

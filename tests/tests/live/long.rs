//! A view in which nothing happens.

use std::time::{Duration, Instant};

use serde_json::json;
use wechess_tests::{System, alone};

const LIVE: &str = "/bff-api/customBoard/live";
/// Between two signs of life at the most, and what a busy machine may add.
const BEAT: Duration = Duration::from_secs(15 + 10);

#[test]
fn who_hears_nothing_new_hears_that_it_goes_on_and_comes_back_to_there() {
    alone(async || {
        let system = System::with_namespace(&["customBoard"]).await;
        let ann = system.user("ann").await;
        let mut live = ann.live(LIVE).await;
        assert_eq!(live.expect("snapshot").await["total"], 0);
        for _ in 0..2 {
            let begun = Instant::now();
            live.beat().await;
            assert!(begun.elapsed() < BEAT, "{:?}", begun.elapsed());
        }
        let last = live.last_id.clone();
        drop(live);
        let board = json!({"name": "late", "fen": "8/8/8/4k3/8/4K3/4P3/8 w - - 0 1", "isPublished": false,
            "category": "puzzle"});
        ann.post("/gameplay-api/v1/customboards", &board).await.is(201);
        assert_eq!(ann.count("customBoard", &json!({})).await, 1);
        let back = ann.try_live(LIVE, last.as_deref()).await;
        let mut back = back.unwrap_or_else(|answer| panic!("{}", answer.text));
        assert_eq!(back.expect("enter").await["item"]["name"], "late");
        system.end().await;
    });
}

//! The same with many more requests, and percentiles of many values.

use serde_json::json;
use wechess_tests::{App, story};

use super::asking;

#[test]
fn whatever_is_asked_is_what_a_plain_count_gives() {
    story(async |app: App| asking::compare(&app, 100, 2_000).await);
}

/// Percentiles within 1 % of the documents, over all moves there are.
#[test]
fn percentiles_are_within_one_percent() {
    story(async |app: App| {
        let (event, eve) = super::event(&app, 100).await;
        let games = eve.find("chessGameListView", &json!({"event": event})).await;
        let ids: Vec<_> = games.iter().map(|game| game["id"].clone()).collect();
        let percents: Vec<u32> = vec![1, 5, 10, 25, 50, 75, 90, 95, 99];
        let body =
            json!({"filters": {"gameId": ids}, "metrics": {"p": {"percentiles": "moveNumber", "percents": percents}}});
        let answer = eve.search("/bff-api/chessGameMove/aggregate", &body).await.is(200).clone();
        let mut numbers: Vec<f64> = Vec::new();
        for game in &games {
            numbers.extend((1..=game["plies"].as_u64().unwrap()).map(|number| number as f64));
        }
        numbers.sort_by(f64::total_cmp);
        assert!(numbers.len() >= 400, "{}", numbers.len());
        for percent in percents {
            let found = answer["items"][0]["p"][percent.to_string()].as_f64().unwrap();
            super::plain::assert_percentile(&numbers, f64::from(percent), found);
        }
    });
}

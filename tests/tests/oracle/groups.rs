//! Aggregates over the shipped games, computed from the rows that their text makes.

use serde_json::{Value, json};
use wechess_tests::Actor;

use super::questions::Row;
use crate::aggregates::{pages, plain};

/// Asks for an aggregate and all its pages, and computes it from rows; how many groups there are.
pub async fn groups_are(who: &Actor, view: &str, rows: &[Row], body: &Value) -> usize {
    let documents: Vec<Value> = rows.iter().cloned().map(Value::Object).collect();
    let expected = plain::aggregate(&documents, body);
    let path = format!("/bff-api/{view}/aggregate");
    let answer = who.view("POST", &path).json(body).answered().await;
    assert_eq!(answer.is(200)["documents"], expected.documents, "{body}");
    plain::assert_same(body, &answer.body["totals"], &expected.totals);
    let found = pages(who, &path, body).await;
    assert_eq!(found.len(), expected.rows.len(), "{body}");
    for (row, expected) in found.iter().zip(&expected.rows) {
        plain::assert_same(body, row, expected);
    }
    found.len()
}

fn dimension(field: &str) -> Value {
    json!({"field": field, "name": field})
}

fn interval(interval: &str, zone: &str) -> Value {
    json!({"field": "startedAt", "name": "begun", "interval": interval, "timeZone": zone})
}

fn bands(field: &str) -> Value {
    let mut ranges = vec![json!({"to": 1000})];
    ranges.extend((1000..2600).step_by(200).map(|from| json!({"from": from, "to": from + 200})));
    ranges.push(json!({"from": 2600}));
    json!({"field": field, "name": "band", "ranges": ranges})
}

fn asked(group_by: &[Value], metrics: &Value, missing: bool) -> Value {
    json!({"filters": {}, "groupBy": group_by, "metrics": metrics, "missing": missing, "totals": true, "limit": 40})
}

/// What is asked of games: by each of these columns, by pairs of them, by bands of ratings and by time.
pub fn of_games(columns: &[&str]) -> Vec<Value> {
    let metrics = json!({"games": {"count": true}, "mean": {"avg": "plies"}, "moves": {"sum": "plies"},
        "shortest": {"min": "plies"}, "longest": {"max": "plies"}, "white": {"ratio": {"of": {"winner": "white"}}},
        "drawn": {"ratio": {"of": {"winner": "draw"}}}, "players": {"distinct": "playerWhiteName"},
        "rating": {"avg": "whiteElo"}, "gap": {"min": "ratingDifference"}, "seconds": {"sum": "durationSeconds"},
        "first": {"min": "startedAt"}, "last": {"max": "startedAt"},
        "spread": {"percentiles": "plies", "percents": [10, 50, 90]}});
    let mut all = vec![asked(&[], &metrics, false)];
    for (place, first) in columns.iter().enumerate() {
        all.extend([true, false].map(|missing| asked(&[dimension(first)], &metrics, missing)));
        let pair = |second: &&str| asked(&[dimension(first), dimension(second)], &metrics, true);
        all.extend(columns[place + 1..].iter().map(pair));
    }
    for (step, zone) in [("month", "UTC"), ("week", "UTC"), ("day", "Asia/Kathmandu"), ("hour", "Europe/Berlin")] {
        all.push(asked(&[interval(step, zone)], &metrics, false));
        all.push(asked(&[interval(step, zone), dimension("timeControlClass")], &metrics, true));
    }
    for field in ["whiteElo", "blackElo"] {
        all.push(asked(&[bands(field)], &metrics, false));
        all.push(asked(&[bands(field), dimension("winner")], &metrics, true));
    }
    let mut best = asked(&[dimension("eco")], &metrics, true);
    best["having"] = json!({"games": {"gte": 3}, "mean": {"gt": 40}});
    best["orderBy"] = json!([{"metric": "white", "order": "desc"}, {"metric": "moves", "order": "asc"}]);
    all.push(best);
    all
}

/// What is asked of the sides of games: who scores how, with what, against whom.
pub fn of_sides(columns: &[&str]) -> Vec<Value> {
    let metrics = json!({"games": {"count": true}, "score": {"sum": "score"}, "rate": {"avg": "score"},
        "won": {"ratio": {"of": {"outcome": "win"}}}, "lost": {"ratio": {"of": {"outcome": "loss"}}},
        "against": {"avg": "opponentRating"}, "best": {"max": "opponentRating"}, "openings": {"distinct": "opening"},
        "mean": {"avg": "plies"}});
    let mut all = Vec::new();
    for (place, first) in columns.iter().enumerate() {
        let pair = |second: &&str| asked(&[dimension(first), dimension(second)], &metrics, true);
        all.extend(columns[place + 1..].iter().map(pair));
    }
    let mut players = asked(&[dimension("playerName")], &metrics, false);
    players["orderBy"] = json!([{"metric": "rate", "order": "desc"}, {"dimension": "playerName", "order": "desc"}]);
    players["having"] = json!({"games": {"gte": 5}});
    all.push(players);
    // Score by opening and colour for players rated 1600 to 1900 in blitz, by month.
    let mut openings =
        asked(&[dimension("openingFamily"), dimension("colour"), interval("month", "UTC")], &metrics, true);
    openings["filters"] = json!({"rating": {"gte": 1600, "lte": 1900}, "timeControlClass": "blitz"});
    all.push(openings.clone());
    openings["orderBy"] = json!([{"metric": "games", "order": "desc"}]);
    all.push(openings);
    all
}

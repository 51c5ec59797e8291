//! The 220 shipped games, under names that meet often, and everything that a page or an analyst would ask of them.

use std::collections::HashMap;

use serde_json::json;
use wechess_tests::{Actor, System, alone, say};

use super::groups::{groups_are, of_games, of_sides};
use super::pgn::{games, shuffled};
use super::questions::{Row, Rows, counts_are, facets_are, listed, number, order_is};
use crate::aggregates::pages;
use crate::import::{import, parts};

const SHIPPED: &str = include_str!("../../../data/lichess-2025-05-games.pgn");
const LIST: &str = "chessGameListView";
const SIDES: &str = "playerGameView";
const MOVES: &str = "chessGameMove";
const GROUPED: [&str; 9] = [
    "winner",
    "eco",
    "openingFamily",
    "timeControlClass",
    "startWeekday",
    "startHour",
    "averageRatingBand",
    "whiteRatingBand",
    "event",
];
const OF_PLAYERS: [&str; 7] =
    ["playerName", "colour", "outcome", "ratingBand", "openingFamily", "timeControlClass", "startWeekday"];

/// Every row is there, once, and shows what the text says.
fn fits(found: &[Row], wanted: &[Row], key: &dyn Fn(&Row) -> String) {
    let by_key: HashMap<String, &Row> = found.iter().map(|row| (key(row), row)).collect();
    assert_eq!((found.len(), by_key.len()), (wanted.len(), wanted.len()));
    for row in wanted {
        let found = by_key[&key(row)];
        for (name, value) in row {
            assert_eq!(&found[name], value, "`{name}` of {}", key(row));
        }
    }
}

/// A score per player and colour, from rows.
fn scores(rows: &[Row]) -> HashMap<String, (u64, f64, f64)> {
    let mut all: HashMap<String, (u64, f64, f64)> = HashMap::new();
    for row in rows {
        let known = all.entry(format!("{} {}", row["playerName"], row["colour"])).or_default();
        *known =
            (known.0 + 1, known.1 + number(row, "score").unwrap_or(0.0), known.2 + number(row, "plies").unwrap_or(0.0));
    }
    all
}

/// Every aggregate that an analyst would ask for.
async fn aggregates_are(eve: &Actor, rows: &[Row], sides: &[Row]) {
    let mut groups = 0;
    let (games, players) = (of_games(&GROUPED), of_sides(&OF_PLAYERS));
    for body in &games {
        groups += groups_are(eve, LIST, rows, body).await;
    }
    for body in &players {
        groups += groups_are(eve, SIDES, sides, body).await;
    }
    say(&format!("{groups} groups of {} aggregates are what the text says", games.len() + players.len()));
}

/// More groups than can be ordered at once: one for each move.
async fn moves_are(eve: &Actor, rows: &[Row]) {
    let plies = rows.iter().filter_map(|row| row["plies"].as_u64()).sum::<u64>();
    assert!(plies > 10_000, "{plies} moves are too few");
    let path = format!("/bff-api/{MOVES}/aggregate");
    let mut body = json!({"groupBy": [{"field": "gameId"}, {"field": "moveNumber"}], "limit": 3_000});
    let found = pages(eve, &path, &body).await;
    assert_eq!((found.len() as u64, found.iter().all(|row| row["count"] == 1)), (plies, true));
    body["orderBy"] = json!([{"metric": "count", "order": "desc"}]);
    let refused = eve.view("POST", &path).json(&body).send().await;
    assert!(refused.refused(400, "errMsg_overBudget").contains("narrow"));
    body["groupBy"] = json!([{"field": "moveNumber"}]);
    let longest = rows.iter().filter_map(|row| row["plies"].as_u64()).max();
    assert_eq!(eve.view("POST", &path).json(&body).send().await.is(200)["groups"].as_u64(), longest);
}

#[test]
fn every_list_and_count_is_what_the_text_of_the_games_says() {
    alone(async || {
        let system = System::with_namespace(&["user", LIST, SIDES, MOVES]).await;
        let (admin, eve) = (system.app.admin().await, system.app.guest().await);
        let text = shuffled(SHIPPED);
        for part in parts(&text) {
            let report = import(&admin, &part).await;
            assert_eq!(report.is(200)["refused"], 0, "{}", report.text);
        }
        let games = games(&text);
        let rows: Rows = games.iter().map(super::pgn::Game::row).collect();
        let sides: Rows = games.iter().flat_map(super::pgn::Game::sides).collect();
        assert_eq!((rows.len(), sides.len()), (220, 440));

        let found = listed(&eve, LIST, &json!({}), "sortBy=site").await;
        fits(&found, &rows, &|row| row["site"].to_string());
        let drawn = ["stalemate", "agreement", "insufficientMaterial", "repetition", "moveRule"];
        let unsaid = rows.iter().filter(|row| !row.contains_key("termination")).count();
        assert!(unsaid > 0, "some draws are told by the rules alone");
        assert_eq!(eve.count(LIST, &json!({"winner": "draw", "termination": drawn})).await as usize, unsaid);
        let found = listed(&eve, SIDES, &json!({}), "sortBy=startedAt").await;
        let key = |row: &Row| format!("{} {} {}", row["playerName"], row["startedAt"], row["opponentName"]);
        fits(&found, &sides, &key);
        assert_eq!(scores(&found), scores(&sides));

        for (at, first) in GROUPED.iter().enumerate() {
            counts_are(&eve, LIST, &rows, &[*first]).await;
            for second in GROUPED[at + 1..].iter().filter(|name| !["eco", "event"].contains(name)).take(2) {
                counts_are(&eve, LIST, &rows, &[*first, *second]).await;
            }
        }
        for (at, first) in OF_PLAYERS.iter().enumerate() {
            for second in &OF_PLAYERS[at + 1..] {
                counts_are(&eve, SIDES, &sides, &[*first, *second]).await;
            }
        }
        for chosen in [("winner", json!("white")), ("timeControlClass", json!("blitz")), ("openingFamily", json!(null))]
        {
            for columns in GROUPED.chunks(5) {
                facets_are(&eve, LIST, &rows, columns, (chosen.0, &chosen.1)).await;
            }
        }
        facets_are(&eve, SIDES, &sides, &OF_PLAYERS[..5], ("outcome", &json!("draw"))).await;
        for column in ["plies", "whiteElo", "ratingDifference", "startedAt", "durationSeconds", "openingFamily"] {
            order_is(&eve, LIST, &rows, column).await;
        }
        for column in ["rating", "score", "durationSeconds", "playerName"] {
            order_is(&eve, SIDES, &sides, column).await;
        }
        system.all_settled().await;
        aggregates_are(&eve, &rows, &sides).await;
        moves_are(&eve, &rows).await;
        system.end().await;
    });
}

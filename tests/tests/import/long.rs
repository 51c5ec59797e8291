//! The 220 shipped games by way of the route, compared with the file.

use std::collections::HashMap;

use serde_json::{Value, json};
use wechess_tests::views::GAME_VIEWS;
use wechess_tests::{Actor, System, alone};

use super::{import, parts};

const SHIPPED: &str = include_str!("../../../data/lichess-2025-05-games.pgn");
const DIFFERENCES: &str = include_str!("../../../data/opening-differences.tsv");

/// The games that differ from their tags by position: the ECO code and the name by position, none where there is none.
fn differences() -> HashMap<&'static str, (Value, Value)> {
    let word = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    let row = |line: &'static str| {
        let columns: Vec<&str> = line.split('\t').collect();
        (columns[0], (word(columns[3]), word(columns[4])))
    };
    DIFFERENCES.lines().skip(1).map(row).collect()
}

/// All games of the list view, by site.
async fn listed(who: &Actor) -> HashMap<String, Value> {
    let (mut all, mut page) = (HashMap::new(), Some(1));
    while let Some(number) = page {
        let path = format!("/bff-api/chessGameListView/list?limit=100&page={number}&sortBy=playedAt");
        let answer = who.look(&path).await;
        for item in answer.is(200)["items"].as_array().expect("items") {
            all.insert(item["site"].as_str().expect("a site").to_owned(), item.clone());
        }
        page = answer.body["nextPage"].as_u64();
    }
    all
}

#[test]
fn the_shipped_games_come_in_as_the_file_has_them() {
    alone(async || {
        let system = System::with_namespace(GAME_VIEWS).await;
        let (admin, eve) = (system.app.admin().await, system.app.guest().await);
        for (status, other) in [("imported", "already"), ("already", "imported")] {
            let mut counts = [0, 0, 0];
            for part in parts(SHIPPED) {
                let report = import(&admin, &part).await;
                for (count, word) in counts.iter_mut().zip([status, other, "refused"]) {
                    *count += report.is(200)[word].as_u64().unwrap();
                }
            }
            assert_eq!(counts, [220, 0, 0], "{status}");
        }
        let (views, differences) = (listed(&eve).await, differences());
        assert_eq!((views.len(), eve.count("chessGameMove", &json!({})).await), (220, 14_425));
        for game in chess_pgn::games(SHIPPED) {
            let tag = |name: &str| game.tag(name).map_or(Value::Null, |value| json!(value));
            let site = game.tag("Site").unwrap();
            let (view, result) = (&views[site], ["whiteWin", "blackWin", "draw"]);
            let result = result[["1-0", "0-1", "1/2-1/2"].iter().position(|word| tag("Result") == *word).unwrap()];
            assert_eq!((&view["result"], &view["status"]), (&json!(result), &json!("completed")), "{site}");
            assert_eq!([&view["playerWhiteName"], &view["playerBlackName"]], [&tag("White"), &tag("Black")], "{site}");
            assert_eq!([&view["givenEco"], &view["givenOpening"]], [&tag("ECO"), &tag("Opening")], "{site}");
            let (eco, opening) = differences.get(site).cloned().unwrap_or((tag("ECO"), tag("Opening")));
            assert_eq!([&view["eco"], &view["opening"]], [&eco, &opening], "{site}");
            assert_eq!(view["whiteElo"].as_i64().map(|elo| elo.to_string()).as_deref(), game.tag("WhiteElo"), "{site}");
            let read = eve.game(view["id"].as_str().unwrap()).await;
            let moves = read.data()["moves"].as_array().unwrap();
            let found: Vec<_> =
                moves.iter().map(|mv| (mv["moveNotation"].as_str(), mv["remainingMs"].as_i64())).collect();
            let clock = |mv: &chess_pgn::Move| mv.clock.as_deref().and_then(chess_pgn::clock_ms);
            let written: Vec<_> = game.moves.iter().map(|mv| (Some(mv.san.as_str()), clock(mv))).collect();
            assert_eq!(found, written, "{site}");
        }
        system.end().await;
    });
}

//! The 220 shipped games by way of the route, compared with the file; and texts made of them that nobody would send.

use std::collections::HashMap;

use proptest::prelude::{Just, Strategy, any, prop};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use wechess_tests::views::GAME_VIEWS;
use wechess_tests::{Actor, System, alone, say};

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

/// So many texts, of a few games each.
const TEXTS: usize = 300;
/// What means something in a PGN.
const PIECES: &[&str] = &[
    "[Event \"x\"]\n",
    "[FEN \"4k3/8/8/8/8/8/4P3/4K3 w - - 0 1\"]\n",
    "{",
    "}",
    "(",
    ")",
    ";",
    "\n",
    "e4",
    "Nf3",
    "O-O",
    "--",
    "*",
    "1-0",
    "0-1",
    "é",
    "$1",
    "\"",
    "\\",
    "[",
];

/// Some shipped games in which some places are something else; now and then any text.
fn texts() -> impl Strategy<Value = String> {
    let games: Vec<String> = parts(SHIPPED)
        .iter()
        .flat_map(|part| part.split("\n\n[Event ").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let change = (any::<prop::sample::Index>(), 0..12_usize, prop::sample::select(PIECES));
    let mutated =
        (prop::sample::subsequence(games, 1..4), prop::collection::vec(change, 0..4)).prop_map(|(games, changes)| {
            let all: Vec<String> =
                games.iter().map(|game| format!("[Event {}\n\n", game.trim_start_matches("[Event "))).collect();
            let mut text: Vec<char> = all.concat().chars().collect();
            for (place, cut, piece) in changes {
                let from = place.index(text.len() + 1);
                let to = (from + cut).min(text.len());
                drop(text.splice(from..to, piece.chars()));
            }
            text.into_iter().collect()
        });
    proptest::prop_oneof![9 => mutated, 1 => "\\PC{0,200}", 1 => (1..5000_usize, Just("(1. e4 ")).prop_map(|(n, piece)| piece.repeat(n))]
}

#[test]
fn of_texts_that_nobody_would_send_nothing_comes_in_by_halves() {
    alone(async || {
        let system = System::with_namespace(&["user"]).await;
        let (admin, mut runner) = (system.app.admin().await, TestRunner::default());
        let (strategy, mut counts) = (texts(), [0_i64; 4]);
        for _ in 0..TEXTS {
            let text = strategy.new_tree(&mut runner).expect("a text").current();
            let report = import(&admin, &text).await;
            if report.status != 200 {
                report.refused(400, report.body["message"].as_str().unwrap_or_default());
                counts[3] += 1;
                continue;
            }
            for game in report.body["games"].as_array().expect("games") {
                let faults = game["faults"].as_array().expect("faults").len();
                match game["status"].as_str() {
                    Some("imported") => {
                        let events = system.events_of(game["gameId"].as_str().expect("an id")).await;
                        assert_eq!((Some(events - 1), faults), (game["plies"].as_i64(), 0), "{text}");
                        counts[0] += 1;
                    }
                    Some("already") => counts[1] += 1,
                    _ => {
                        assert!(faults > 0 && game["gameId"].is_null(), "{text}: {game}");
                        counts[2] += 1;
                    }
                }
            }
        }
        let streams = system.number("select count(*) from {s}.streams where kind = 'chessGame'").await;
        assert_eq!(streams, counts[0], "no game but those that were told");
        let [imported, already, refused, texts] = counts;
        say(&format!("games: {imported} imported, {already} there already, {refused} refused; texts refused: {texts}"));
        system.end().await;
    });
}

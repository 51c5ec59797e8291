//! Whatever text comes: each game is taken whole or refused with its faults, soon, and what is taken can be folded.

mod long;

use super::*;
use crate::es::item::MAX_EVENT_BYTES;
use crate::gameplay::import::report::MOST_FAULTS;
use crate::gameplay::rules::tests::pgn::SHIPPED;
use event_schema::event::DomainEvent;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::time::{Duration, Instant};

/// For a game or two, on a busy machine, without optimisation.
const SOON: Duration = Duration::from_secs(20);
/// What means something in a PGN.
const PIECES: &[&str] = &[
    "[Event \"x\"]\n",
    "[Result \"1-0\"]\n",
    "[FEN \"4k3/8/8/8/8/8/4P3/4K3 w - - 0 1\"]\n",
    "[Date \"2020.02.29\"]\n",
    "[WhiteElo \"9\"]\n",
    "[UTCDate \"????.??.??\"]\n",
    "[TimeControl \"1+1\"]\n",
    "{",
    "}",
    "(",
    ")",
    "\n",
    "1.",
    " ",
    "e4",
    "e5",
    "Nf3",
    "Nc6",
    "O-O",
    "exd5",
    "a8=Q#",
    "--",
    "*",
    "1-0",
    "0-1",
    "1/2-1/2",
    "{[%clk 99:59:59.999]}",
    "{[%clk 0:00:00]}",
    "Qh5",
    "Ke2",
    "é",
    "\u{7f}",
];

fn is_taken_or_refused(text: &str) -> Result<(), TestCaseError> {
    let start = Instant::now();
    for game in chess_pgn::games(text).take(20) {
        match check(&game, at(0)) {
            Ok(found) => {
                prop_assert!(game.faults.is_empty() && found.import.moves.len() == game.moves.len());
                let table = imported(&found.import);
                prop_assert_eq!(table.object().status, GameStatus::Completed);
                prop_assert_eq!(table.events.len(), game.moves.len() + 1);
                let largest = table.events.iter().map(|(event, _)| event.to_row().1.to_string().len()).max();
                prop_assert!(largest.is_some_and(|bytes| bytes <= MAX_EVENT_BYTES));
            }
            Err(faults) => prop_assert!((1..=MOST_FAULTS).contains(&faults.len())),
        }
    }
    prop_assert!(start.elapsed() < SOON, "{:?} for {} bytes", start.elapsed(), text.len());
    Ok(())
}

fn bytes() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<u8>(), 0..2048).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn words() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop::sample::select(PIECES.to_vec()), 0..80).prop_map(|words| words.join(" "))
}

/// Real games in which a few places are something else.
fn mutated() -> impl Strategy<Value = String> {
    let games: Vec<&str> = SHIPPED.split_inclusive("\n\n[Event ").collect();
    let change = (any::<prop::sample::Index>(), 0..12_usize, prop::sample::select(PIECES.to_vec()));
    (prop::sample::select(games), proptest::collection::vec(change, 1..6)).prop_map(|(game, changes)| {
        let mut text: Vec<char> = format!("[Event {}", game.trim_end_matches("[Event ")).chars().collect();
        for (place, cut, piece) in changes {
            let from = place.index(text.len() + 1);
            let to = (from + cut).min(text.len());
            drop(text.splice(from..to, piece.chars()));
        }
        text.into_iter().collect()
    })
}

fn run(cases: u32) {
    let config = || ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    for (name, texts) in [("bytes", bytes().boxed()), ("words", words().boxed()), ("mutated", mutated().boxed())] {
        let result = TestRunner::new(config()).run(&texts, |text| is_taken_or_refused(&text));
        result.unwrap_or_else(|failure| panic!("{name}: {failure}"));
    }
}

#[test]
fn whatever_comes_is_taken_or_refused() {
    run(256);
}

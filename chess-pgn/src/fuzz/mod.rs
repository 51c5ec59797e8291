//! Whatever bytes come: the reader ends soon, keeps its bounds and never panics.

mod long;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::tests::SHIPPED;
use crate::{Game, LONGEST_VALUE, MOST_FAULTS, MOST_MOVES, MOST_TAGS, games};

/// For texts of a few kilobytes, on a busy machine, without optimisation.
const SOON: Duration = Duration::from_secs(5);
/// What means something to the reader, beside arbitrary text.
const PIECES: &[&str] = &[
    "[Event \"x\"]\n",
    "[White \"",
    "\"]",
    "[",
    "]",
    "\"",
    "\\",
    "{",
    "}",
    "(",
    ")",
    ";",
    "%",
    "\n",
    "\r\n",
    "\n\n",
    "\u{feff}",
    "$1",
    "!",
    "1.",
    "12...",
    " ",
    "e4",
    "Nf3",
    "O-O",
    "0-0-0",
    "exd6",
    "e.p.",
    "e8=Q#",
    "--",
    "0000",
    "*",
    "1-0",
    "0-1",
    "1/2-1/2",
    "[%clk 0:01:02]",
    "{[%clk 9]}",
    "[%eval #3]",
    "é",
    "\0",
];

/// The bounds that every reading keeps.
fn keeps_its_bounds(text: &str) -> Result<(), TestCaseError> {
    let start = Instant::now();
    let mut line = 0;
    for (number, game) in games(text).enumerate() {
        let Game { tags, moves, faults, .. } = &game;
        prop_assert!(number <= text.len(), "more games than bytes");
        prop_assert!(tags.len() <= MOST_TAGS && moves.len() <= MOST_MOVES && faults.len() <= MOST_FAULTS);
        prop_assert!(tags.iter().all(|tag| tag.value.len() <= LONGEST_VALUE + 1 && tag.line >= game.line));
        prop_assert!(moves.iter().all(|mv| (2..=16).contains(&mv.san.len())));
        prop_assert!(faults.iter().all(|fault| fault.ply.is_none_or(|ply| ply <= moves.len() + 1)));
        prop_assert!(game.line >= line, "games come in the order of the text");
        line = game.line;
    }
    prop_assert!(start.elapsed() < SOON, "{:?} for {} bytes", start.elapsed(), text.len());
    Ok(())
}

/// Arbitrary bytes, read as the importer reads them: as UTF-8, or else byte by byte.
fn bytes() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<u8>(), 0..4096).prop_map(|bytes| {
        String::from_utf8(bytes).unwrap_or_else(|e| e.as_bytes().iter().map(|b| char::from(*b)).collect())
    })
}

/// Words of the language in any order, and the worst of them many times.
fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        20 => prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        2 => ".{0,12}",
        1 => (prop::sample::select(PIECES.to_vec()), 1..400_usize).prop_map(|(piece, times)| piece.repeat(times)),
    ];
    proptest::collection::vec(word, 0..200).prop_map(|words| words.concat())
}

/// A change of a text at some place.
#[derive(Clone, Debug)]
enum Change {
    Cut(usize),
    Put(String),
    Twice(usize),
}

/// Real games with a few changes.
fn mutated() -> impl Strategy<Value = String> {
    let change = prop_oneof![
        (1..200_usize).prop_map(Change::Cut),
        prop::sample::select(PIECES.to_vec()).prop_map(|piece| Change::Put(piece.to_owned())),
        "\\PC{1,4}".prop_map(Change::Put),
        (1..2000_usize).prop_map(Change::Twice),
    ];
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), change), 1..12);
    (0..SHIPPED.len() - 8192, 512..8192_usize, changes).prop_map(|(from, length, changes)| {
        let text: String = SHIPPED.get(from..from + length).unwrap_or(SHIPPED).chars().take(8192).collect();
        changes.into_iter().fold(text, |text, (place, change)| changed(&text, place.index(text.len() + 1), &change))
    })
}

fn changed(text: &str, at: usize, change: &Change) -> String {
    let border = |at: usize| (at.min(text.len())..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (before, behind) = text.split_at(border(at));
    match change {
        Change::Cut(bytes) => format!("{before}{}", &text[border(at + bytes)..]),
        Change::Put(piece) => format!("{before}{piece}{behind}"),
        Change::Twice(bytes) => format!("{before}{}{behind}", &text[border(at)..border(at + bytes)]),
    }
}

/// So many texts of each kind.
fn run(cases: u32) {
    let config = || ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    for (name, texts) in [("bytes", bytes().boxed()), ("words", words().boxed()), ("mutated", mutated().boxed())] {
        let result = TestRunner::new(config()).run(&texts, |text| keeps_its_bounds(&text));
        result.unwrap_or_else(|failure| panic!("{name}: {failure}"));
    }
}

#[test]
fn whatever_comes_is_read_within_bounds() {
    run(256);
}

#[test]
fn a_large_text_takes_time_in_proportion() {
    for piece in
        ["[Event \"x\"]{\n", "(", "{", "[", "[A \"", "1. e4 ( ", "[Event \"x\"]\n1. e4 {\n", "é", "\\", "\u{feff}"]
    {
        let text = piece.repeat(200_000 / piece.len());
        let start = Instant::now();
        let read = games(&text).take(1000).count();
        assert!(read <= 1000 && start.elapsed() < SOON * 4, "{piece:?}: {:?}", start.elapsed());
    }
}

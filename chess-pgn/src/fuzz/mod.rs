//! Whatever bytes come: the reader ends soon, keeps its bounds of time and memory, and never panics.

mod long;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::tests::SHIPPED;
use crate::{Fault, Game, LONGEST_VALUE, MOST_FAULTS, MOST_MOVES, MOST_TAGS, Move, Tag, games};

/// For a text of a few bytes, on a busy machine, without optimisation.
const SOON: Duration = Duration::from_secs(5);
/// For each byte more: forty times what it takes here, and far less than anything that looks at the text twice.
const A_BYTE: Duration = Duration::from_micros(4);
/// No game holds more bytes of memory, however long the text is.
const MOST_HELD: usize = 4 << 20;
/// Nor more for each byte of the text: two letters of a move make a `Move`, and vectors keep as much free.
const HELD_OF_A_BYTE: usize = 64;
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

/// Bytes of memory that a game holds.
fn held(game: &Game) -> usize {
    let tags = game.tags.iter().map(|tag| tag.name.capacity() + tag.value.capacity());
    let moves = game.moves.iter().map(|mv| mv.san.capacity() + mv.clock.as_ref().map_or(0, String::capacity));
    let faults = game.faults.iter().map(|fault| fault.told.capacity());
    let vectors = game.tags.capacity() * size_of::<Tag>()
        + game.moves.capacity() * size_of::<Move>()
        + game.faults.capacity() * size_of::<Fault>();
    vectors + tags.chain(moves).chain(faults).sum::<usize>()
}

/// How long reading so many bytes may take.
fn patience(bytes: usize) -> Duration {
    SOON + A_BYTE * u32::try_from(bytes).unwrap_or(u32::MAX)
}

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
        let held = held(&game);
        prop_assert!(held <= MOST_HELD && held <= HELD_OF_A_BYTE * text.len() + 1024, "{} bytes held", held);
        line = game.line;
    }
    prop_assert!(start.elapsed() < patience(text.len()), "{:?} for {} bytes", start.elapsed(), text.len());
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

/// What costs most when a text is made of it.
const HEAVY: &[&str] = &[
    "[Event \"x\"]{\n",
    "[Event \"x\"])\n",
    "[Event \"x\"]\n1. e4 {\n",
    "(",
    "{",
    "[",
    "[A \"",
    "[A \"\\",
    "[A ",
    "1. e4 ( ",
    "1. e4 { x } ",
    "e4 ",
    "0-0",
    "é",
    "\\",
    "\u{feff}",
    "%\n",
    ";",
];

/// One heavy text after the other, of so many bytes.
fn run_heavy(bytes: usize) {
    for piece in HEAVY {
        keeps_its_bounds(&piece.repeat(bytes / piece.len())).unwrap_or_else(|failure| panic!("{piece:?}: {failure}"));
    }
}

#[test]
fn a_large_text_takes_time_and_memory_in_proportion() {
    run_heavy(100_000);
}

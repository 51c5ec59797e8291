//! Texts that nobody would write: the readers of FENs and of moves refuse them, shortly and at once, or take them for
//! what they are.

use std::time::{Duration, Instant};

use super::super::Position;
use super::differential::{BEGINNINGS, same};
use super::{given, pgn};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestRunner;

const SHORT: u32 = 256;
const LONG: u32 = 200_000;
/// The readers look at a hundred bytes at most; what takes longer than this hangs.
const AT_ONCE: Duration = Duration::from_secs(5);

/// One change of a text.
#[derive(Clone, Debug)]
enum Change {
    Replace(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Swap(Index, Index),
    /// The text from here on comes twice.
    Double(Index),
    /// From here on it is another text.
    Cross(Index, String),
}

fn changed(text: String, changes: Vec<Change>) -> String {
    let mut bytes = text.into_bytes();
    for change in changes {
        if bytes.is_empty() {
            bytes.push(b' ');
        }
        let len = bytes.len();
        match change {
            Change::Replace(at, byte) => bytes[at.index(len)] = byte,
            Change::Insert(at, byte) => bytes.insert(at.index(len), byte),
            Change::Remove(at) => drop(bytes.remove(at.index(len))),
            Change::Swap(one, other) => bytes.swap(one.index(len), other.index(len)),
            Change::Double(at) => bytes.extend_from_within(at.index(len)..),
            Change::Cross(at, other) => {
                let at = at.index(len);
                bytes.truncate(at);
                bytes.extend(other.bytes().skip(at));
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Valid texts with a few changes, in which bytes of the alphabet are likely.
fn mutated(valid: Vec<String>, alphabet: &'static [u8]) -> impl Strategy<Value = String> {
    let at = any::<Index>;
    let byte = move || prop_oneof![4 => select(alphabet), 1 => any::<u8>()];
    let change = prop_oneof![
        4 => (at(), byte()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        2 => (at(), byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        2 => at().prop_map(Change::Remove),
        2 => (at(), at()).prop_map(|(one, other)| Change::Swap(one, other)),
        1 => at().prop_map(Change::Double),
        1 => (at(), select(valid.clone())).prop_map(|(at, other)| Change::Cross(at, other)),
    ];
    (select(valid), prop::collection::vec(change, 0..5)).prop_map(|(text, changes)| changed(text, changes))
}

/// Arbitrary bytes, now and then very many of them.
fn bytes() -> impl Strategy<Value = String> {
    let some = prop::collection::vec(any::<u8>(), 0..200);
    let times = prop_oneof![8 => Just(1), 1 => Just(1_000usize)];
    (some, times).prop_map(|(bytes, times)| String::from_utf8_lossy(&bytes).repeat(times))
}

fn run(cases: u32, texts: impl Strategy<Value = String>, read: impl Fn(&str) -> Result<(), TestCaseError>) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let texts = prop_oneof![1 => bytes(), 4 => texts];
    let outcome = TestRunner::new(config).run(&texts, |text| {
        let begun = Instant::now();
        read(&text)?;
        prop_assert!(begun.elapsed() < AT_ONCE, "it took {:?}", begun.elapsed());
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// What is accepted reads back, is the same to another library, and leads only to positions that are accepted.
fn read_fen(text: &str) -> Result<(), TestCaseError> {
    let position = match Position::from_fen(text) {
        Ok(position) => position,
        Err(reason) => {
            prop_assert!(reason.to_string().len() < 300, "{}", reason);
            return Ok(());
        }
    };
    let fen = position.fen();
    prop_assert_eq!(Position::from_fen(&fen), Ok(position.clone()));
    let other = owlchess::Board::from_fen(&fen).map_err(|reason| TestCaseError::fail(format!("{fen}: {reason}")))?;
    same(&position, &other);
    for mv in position.moves() {
        let after = position.after(mv);
        prop_assert_eq!(Position::from_fen(&after.fen()), Ok(after), "{} of {}", mv, fen);
    }
    Ok(())
}

/// What is accepted is a legal move, and the same one in both notations.
fn read_move(position: &Position, text: &str) -> Result<(), TestCaseError> {
    match position.play(text) {
        Ok(played) => {
            prop_assert!(position.legal_moves().contains(&played.uci), "{:?} as {}", text, played.uci);
            for canonical in [&played.uci, &played.san] {
                prop_assert_eq!(position.play(canonical), Ok(played.clone()), "{:?}", text);
            }
        }
        Err(reason) => prop_assert!(reason.to_string().len() < 400, "{}", reason),
    }
    Ok(())
}

/// The last position of each shipped game, and the beginnings.
fn fens() -> Vec<String> {
    let games = pgn::games(pgn::SHIPPED);
    let last =
        games.iter().map(|game| game.moves.iter().fold(Position::start(), |at, san| super::played(&at, san).position));
    last.map(|position| position.fen()).chain(BEGINNINGS.map(str::to_owned)).collect()
}

fn fuzz_fen(cases: u32) {
    run(cases, mutated(fens(), b"KQRBNPkqrbnp12345678/-wb abcdefgh0"), read_fen);
}

fn fuzz_san(cases: u32) {
    let mut texts: Vec<String> =
        pgn::games(pgn::SHIPPED).iter().flat_map(|game| game.moves.clone()).map(str::to_owned).collect();
    texts.sort_unstable();
    texts.dedup();
    texts.extend(["exd6 e.p.", "e7-e8=Q+", "Ng1xf3!?", "0-0-0", "O-O+"].map(str::to_owned));
    let positions = BEGINNINGS.map(given);
    run(cases, mutated(texts, b"KQRBNabcdefgh12345678x-=+#Oo0!? .pe"), |text| {
        positions.iter().try_for_each(|position| read_move(position, text))
    });
}

fn fuzz_uci(cases: u32) {
    let positions = BEGINNINGS.map(given);
    let texts = positions.iter().flat_map(Position::legal_moves).collect();
    run(cases, mutated(texts, b"abcdefgh12345678qrbnk"), |text| {
        positions.iter().try_for_each(|position| read_move(position, text))
    });
}

#[test]
fn fens_of_any_form() {
    fuzz_fen(SHORT);
}

#[test]
fn san_of_any_form() {
    fuzz_san(SHORT);
}

#[test]
fn uci_of_any_form() {
    fuzz_uci(SHORT);
}

#[test]
#[ignore = "long"]
fn many_fens_of_any_form() {
    fuzz_fen(LONG);
}

#[test]
#[ignore = "long"]
fn many_san_of_any_form() {
    fuzz_san(LONG);
}

#[test]
#[ignore = "long"]
fn many_uci_of_any_form() {
    fuzz_uci(LONG);
}

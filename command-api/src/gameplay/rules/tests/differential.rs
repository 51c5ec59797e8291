//! The same random games here and in `owlchess`: moves, notation, checks and ends must agree.

use super::super::{Claim, Color, IllegalMove, Outcome, Position, Repetitions, san};
use super::given;
use owlchess::movegen::legal;
use owlchess::{DrawReason, Outcome as Theirs};
use proptest::prelude::*;

/// Beginnings that bring castling, promotion, en passant and pins within a few moves.
pub(super) const BEGINNINGS: [&str; 7] = [
    "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1",
    "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1",
    "8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1",
    "r3k2r/Pppp1ppp/1b3nbN/nP6/BBP1P3/q4N2/Pp1P2PP/R2Q1RK1 w kq - 0 1",
    "n1n5/PPPk4/8/8/8/8/4Kppp/5N1N b - - 0 1",
    "r3k2r/8/8/8/8/8/8/R3K2R b KQkq - 3 20",
    "4k3/pppppppp/8/8/8/8/PPPPPPPP/4K3 w - - 0 1",
];

/// The same numbers for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    /// A legal position of the two kings and up to four others, late in a game: where games end.
    fn few_men(&mut self) -> String {
        loop {
            let mut board = ['1'; 64];
            let others = (0..self.below(5)).map(|_| ['Q', 'R', 'B', 'N', 'P', 'q', 'r', 'b', 'n', 'p'][self.below(10)]);
            for man in ['K', 'k'].into_iter().chain(others.collect::<Vec<_>>()) {
                board[self.below(64)] = man;
            }
            let ranks: Vec<String> = board.chunks(8).map(joined).collect();
            let side = ["w", "b"][self.below(2)];
            let fen = format!("{} {side} - - {} 120", ranks.join("/"), self.below(151));
            if Position::from_fen(&fen).is_ok() {
                return fen;
            }
        }
    }
}

/// A rank with one number for the empty squares side by side.
fn joined(rank: &[char]) -> String {
    let mut text = String::new();
    for man in rank {
        match (man, text.pop()) {
            ('1', Some(before @ '1'..='7')) => text.push(char::from_digit(before as u32 - '0' as u32 + 1, 10).unwrap()),
            (man, before) => text.extend(before.into_iter().chain([*man])),
        }
    }
    text
}

/// What was compared.
#[derive(Debug, Default)]
struct Seen {
    positions: usize,
    checks: usize,
    mates: usize,
    stalemates: usize,
    dead: usize,
}

/// Random games until so many positions were compared; the texts of one position in `read` are also read back.
fn walk(seed: u64, positions: usize, read: usize) -> Seen {
    let (mut random, mut seen) = (Random(seed), Seen::default());
    while seen.positions < positions {
        let kind = random.below(BEGINNINGS.len() * 2);
        let fen = BEGINNINGS.get(kind).map_or_else(|| random.few_men(), |fen| (*fen).to_owned());
        let mut position = given(&fen);
        let mut other = owlchess::Board::from_fen(&fen).unwrap();
        for _ in 0..if kind < BEGINNINGS.len() { 120 } else { 20 } {
            let moves = same(&position, &other);
            let over = seen.note(&position);
            if seen.positions.is_multiple_of(read) {
                reads_back(&position, &moves);
            }
            if over || seen.positions == positions {
                break;
            }
            // Random players hardly ever mate: they take what mates there are.
            let mate = moves.iter().find(|(_, san)| san.ends_with('#'));
            let (uci, _) = mate.unwrap_or_else(|| &moves[random.below(moves.len())]);
            let played = position.play(uci).unwrap();
            assert_eq!(&played.uci, uci, "{position}");
            position = played.position;
            other = other.make_move(owlchess::Move::from_uci_legal(uci, &other).unwrap()).unwrap();
        }
    }
    seen
}

impl Seen {
    /// Counts a position; whether the game is over there.
    fn note(&mut self, position: &Position) -> bool {
        self.positions += 1;
        self.checks += usize::from(position.is_check());
        let outcome = position.outcome(&Repetitions::starting(&position.fen()));
        match outcome {
            Some(Outcome::Checkmate { .. }) => self.mates += 1,
            Some(Outcome::Stalemate) => self.stalemates += 1,
            Some(Outcome::InsufficientMaterial) => self.dead += 1,
            Some(Outcome::FivefoldRepetition | Outcome::SeventyFiveMoves) | None => {}
        }
        outcome.is_some()
    }
}

/// Everything that both libraries say of one position is the same; its legal moves as UCI and SAN.
pub(super) fn same(position: &Position, other: &owlchess::Board) -> Vec<(String, String)> {
    let ours = position.moves().into_iter().map(|mv| {
        let after = position.after(mv);
        (san::uci(position.board(), mv), san::san(position, mv, &after))
    });
    let mut moves: Vec<(String, String)> = ours.collect();
    let theirs = legal::gen_all(other);
    let theirs = theirs.iter().map(|mv| (mv.uci().to_string(), mv.san(other).unwrap().to_string()));
    let mut theirs: Vec<(String, String)> = theirs.collect();
    moves.sort_unstable();
    theirs.sort_unstable();
    assert_eq!(moves, theirs, "legal moves of {position}");
    assert_eq!(position.is_check(), other.is_check(), "check in {position}");
    assert_eq!(position.has_legal_move(), other.has_legal_moves(), "an end in {position}");
    same_end(position, other);
    // The other library writes an en-passant square more often.
    let fields = |fen: String| -> Vec<String> {
        fen.split(' ').enumerate().filter(|(at, _)| *at != 3).map(|(_, field)| field.to_owned()).collect()
    };
    assert_eq!(fields(position.fen()), fields(other.as_fen()));
    moves
}

/// Mate, stalemate, dead position, fifty and seventy-five moves.
fn same_end(position: &Position, other: &owlchess::Board) {
    let unrepeated = Repetitions::starting(&position.fen());
    let (outcome, claim) = (position.outcome(&unrepeated), position.claim(&unrepeated));
    let agrees = match other.calc_outcome() {
        Some(Theirs::Win { side, .. }) => {
            let winner = if side == owlchess::Color::White { Color::White } else { Color::Black };
            outcome == Some(Outcome::Checkmate { winner })
        }
        Some(Theirs::Draw(DrawReason::Stalemate)) => outcome == Some(Outcome::Stalemate),
        Some(Theirs::Draw(DrawReason::InsufficientMaterial)) => outcome == Some(Outcome::InsufficientMaterial),
        Some(Theirs::Draw(DrawReason::Moves75)) => outcome == Some(Outcome::SeventyFiveMoves),
        Some(Theirs::Draw(DrawReason::Moves50)) => outcome.is_none() && claim == Some(Claim::FiftyMoves),
        Some(Theirs::Draw(_)) => false,
        None => outcome.is_none() && claim.is_none(),
    };
    assert!(agrees, "{position}: {outcome:?}, {claim:?}, there {:?}", other.calc_outcome());
}

/// Every legal move is read back from SAN, LAN and UCI.
fn reads_back(position: &Position, moves: &[(String, String)]) {
    for (uci, san) in moves {
        let played = position.play(uci).unwrap_or_else(|reason| panic!("{uci} in {position}: {reason}"));
        assert_eq!((&played.uci, &played.san), (uci, san), "{position}");
        assert_eq!(Position::from_fen(&played.position.fen()).as_ref(), Ok(&played.position));
        let (from, to) = uci.split_at(2);
        let letter = san.chars().next().filter(|c| "KQRBN".contains(*c));
        let lan = letter.map_or_else(|| format!("{from}-{to}"), |letter| format!("{letter}{from}-{to}"));
        for text in [san, &lan] {
            assert_eq!(position.play(text).as_ref(), Ok(&played), "{text} for {uci} in {position}");
        }
    }
}

#[test]
fn ten_thousand_random_positions_are_the_same_in_another_library() {
    let seen = walk(1, 10_000, 64);
    println!("{seen:?}");
    assert!(seen.checks > 0 && seen.mates > 0 && seen.stalemates > 0 && seen.dead > 0, "{seen:?}");
}

/// Two halves, for two cores.
#[test]
#[ignore = "long"]
fn a_million_random_positions_are_the_same_first_half() {
    println!("{:?}", walk(0x57A7, 500_000, 64));
}

#[test]
#[ignore = "long"]
fn a_million_random_positions_are_the_same_second_half() {
    println!("{:?}", walk(0xB1AC, 500_000, 64));
}

#[test]
fn every_pair_of_squares_is_legal_or_refused_with_a_true_reason() {
    let squares: Vec<String> =
        ('a'..='h').flat_map(|file| ('1'..='8').map(move |rank| format!("{file}{rank}"))).collect();
    for position in BEGINNINGS.map(given) {
        let legal = position.legal_moves();
        for text in squares.iter().flat_map(|from| squares.iter().map(move |to| format!("{from}{to}"))) {
            match position.play(&text) {
                Ok(played) => assert!(legal.contains(&played.uci)),
                Err(IllegalMove::LeavesKingInCheck { attackers, .. }) => {
                    assert!(!attackers.is_empty() && !legal.contains(&text), "{text} in {position}");
                }
                Err(IllegalMove::PromotionMissing { .. }) => assert!(legal.contains(&format!("{text}q"))),
                Err(reason) => assert!(!legal.contains(&text), "{text} in {position}: {reason}"),
            }
        }
    }
}

proptest! {
    #[test]
    fn what_is_not_legal_is_refused_with_a_reason(
        beginning in 0..BEGINNINGS.len(),
        text in "[KQRBNP]?[a-h]?[1-8]?[-x]?[a-h][1-8](=?[QRBNK])?[+#]?",
    ) {
        let position = given(BEGINNINGS[beginning]);
        match position.play(&text) {
            Ok(played) => prop_assert!(position.legal_moves().contains(&played.uci)),
            Err(reason) => {
                prop_assert!(!reason.to_string().is_empty() && !reason.article().is_empty());
                prop_assert!(!position.legal_moves().contains(&text), "{} is legal: {}", text, reason);
            }
        }
    }
}

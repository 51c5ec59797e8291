//! The same random games here and in `owlchess`: moves, notation, checks and ends must agree.

use super::super::{IllegalMove, Position, Repetitions};
use super::given;
use owlchess::movegen::legal;
use proptest::prelude::*;

/// Beginnings that bring castling, promotion, en passant and pins within a few moves.
const BEGINNINGS: [&str; 7] = [
    "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1",
    "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1",
    "8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1",
    "r3k2r/Pppp1ppp/1b3nbN/nP6/BBP1P3/q4N2/Pp1P2PP/R2Q1RK1 w kq - 0 1",
    "n1n5/PPPk4/8/8/8/8/4Kppp/5N1N b - - 0 1",
    "r3k2r/8/8/8/8/8/8/R3K2R b KQkq - 3 20",
    "4k3/pppppppp/8/8/8/8/PPPPPPPP/4K3 w - - 0 1",
];

fn same(position: &Position, other: &owlchess::Board) -> Result<(), TestCaseError> {
    let mut moves: Vec<String> = legal::gen_all(other).iter().map(|mv| mv.uci().to_string()).collect();
    moves.sort_unstable();
    prop_assert_eq!(position.legal_moves(), moves, "legal moves of {}", position);
    prop_assert_eq!(position.is_check(), other.is_check(), "check in {}", position);
    prop_assert_eq!(position.has_legal_move(), other.has_legal_moves(), "an end in {}", position);
    // The other library writes an en-passant square more often.
    let fields = |fen: String| -> Vec<String> {
        fen.split(' ').enumerate().filter(|(at, _)| *at != 3).map(|(_, field)| field.to_owned()).collect()
    };
    prop_assert_eq!(fields(position.fen()), fields(other.as_fen()));
    Ok(())
}

/// Every legal move: the same SAN, and read back from SAN, LAN and UCI.
fn same_notation(position: &Position, other: &owlchess::Board) -> Result<(), TestCaseError> {
    for mv in &legal::gen_all(other) {
        let uci = mv.uci().to_string();
        let san = mv.san(other).map(|san| san.to_string()).expect("a legal move");
        let played = position.play(&uci);
        let reason = format!("{uci} in {position}");
        prop_assert_eq!(played.as_ref().map(|played| played.san.as_str()), Ok(san.as_str()), "{}", reason);
        let (from, to) = (&uci[..2], &uci[2..]);
        let letter = san.chars().next().filter(|c| "KQRBN".contains(*c));
        let lan = letter.map_or_else(|| format!("{from}-{to}"), |letter| format!("{letter}{from}-{to}"));
        for text in [san, lan] {
            prop_assert_eq!(position.play(&text), played.clone(), "{} for {}", text, reason);
        }
    }
    Ok(())
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
    fn a_random_game_is_the_same_in_another_library(
        beginning in 0..BEGINNINGS.len(),
        choices in proptest::collection::vec(any::<proptest::sample::Index>(), 0..90),
    ) {
        let mut position = given(BEGINNINGS[beginning]);
        let mut other = owlchess::Board::from_fen(BEGINNINGS[beginning]).expect("a legal position");
        let mut repetitions = Repetitions::starting(&position.fen());
        for choice in choices {
            same(&position, &other)?;
            let moves = position.legal_moves();
            if moves.is_empty() || position.outcome(&repetitions).is_some() {
                break;
            }
            let uci = choice.get(&moves);
            let mv = owlchess::Move::from_uci_legal(uci, &other).expect("a legal move");
            let played = position.play(uci).expect("a legal move");
            prop_assert_eq!(&played.san, &mv.san(&other).expect("a legal move").to_string());
            prop_assert_eq!(&played.uci, uci);
            prop_assert_eq!(Position::from_fen(&played.position.fen()), Ok(played.position.clone()));
            position = played.position;
            repetitions.record(&position.fen());
            other = other.make_move(mv).expect("a legal move");
        }
        same(&position, &other)?;
        same_notation(&position, &other)?;
    }

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

    #[test]
    fn no_text_breaks_the_readers(text in any::<String>()) {
        prop_assert!(Position::start().play(&text).is_err());
        prop_assert!(Position::from_fen(&text).is_err());
    }
}

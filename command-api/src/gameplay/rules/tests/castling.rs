//! Castling: every way to write it, and every reason against it (article 3.8.2).

use super::super::Position;
use super::{after, given, played, refused};

const OPEN: &str = "r3k2r/pppppppp/8/8/8/8/PPPPPPPP/R3K2R w KQkq - 0 1";

#[test]
fn castling_is_read_in_every_notation_and_stored_in_one() {
    for text in ["O-O", "0-0", "o-o", "e1g1", "e1h1", "Ke1-g1", "Ke1g1", "O-O!?", "0-0+"] {
        let move_ = played(&given(OPEN), text);
        assert_eq!((move_.uci.as_str(), move_.san.as_str()), ("e1g1", "O-O"), "{text}");
        assert_eq!(move_.position.epd(), "r3k2r/pppppppp/8/8/8/8/PPPPPPPP/R4RK1 b kq -");
    }
    let black = played(&given(OPEN), "a3").position;
    for text in ["O-O-O", "0-0-0", "e8c8", "e8a8"] {
        let move_ = played(&black, text);
        assert_eq!((move_.uci.as_str(), move_.san.as_str()), ("e8c8", "O-O-O"), "{text}");
        assert_eq!(move_.position.epd(), "2kr3r/pppppppp/8/8/8/P7/1PPPPPPP/R3K2R w KQ -");
    }
}

#[test]
fn castling_with_check_says_so() {
    assert_eq!(played(&given("5k2/8/8/8/8/8/8/4K2R w K - 0 1"), "O-O").san, "O-O+");
}

/// The sentence and the article.
fn bar(fen: &str, text: &str) -> (String, &'static str) {
    let reason = refused(fen, text);
    assert_eq!(reason.rule(), "castlingNotAllowed", "{reason}");
    (reason.to_string(), reason.article())
}

#[test]
fn a_moved_king_or_rook_has_lost_the_right() {
    let (position, _) = after(Position::start(), "e4 e5 Nf3 Nf6 Bc4 Bc5 Rg1 a6 Rh1 a5");
    let reason = position.play("O-O").expect_err("the rook has moved");
    assert_eq!(reason.to_string(), "white cannot castle kingside: the king or that rook has moved, or is not there");
    assert_eq!(reason.article(), "3.8.2.1");
    assert_eq!(bar("4k3/8/8/8/8/8/8/4K3 w - - 0 1", "e1c1").1, "3.8.2.1");
}

#[test]
fn a_piece_between_prevents_castling() {
    let (sentence, article) = bar("r3k2r/8/8/8/8/8/8/RN2K2R w KQkq - 0 1", "O-O-O");
    assert_eq!(sentence, "white cannot castle queenside: b1 between the king and the rook is occupied");
    assert_eq!(article, "3.8.2.2.2");
}

#[test]
fn an_attacked_square_of_the_king_prevents_castling() {
    for (fen, text, sentence) in [
        ("4k3/8/8/8/4r3/8/8/R3K2R w KQ - 0 1", "O-O", "white cannot castle kingside: the king is in check from e4"),
        (
            "4k3/8/8/8/5r2/8/8/R3K2R w KQ - 0 1",
            "O-O",
            "white cannot castle kingside: the king would pass over f1, attacked from f4",
        ),
        (
            "2r1k3/8/8/8/8/8/8/R3K2R w KQ - 0 1",
            "O-O-O",
            "white cannot castle queenside: the king would arrive on c1, attacked from c8",
        ),
    ] {
        assert_eq!(bar(fen, text), (sentence.to_owned(), "3.8.2.2.1"));
    }
}

#[test]
fn an_attacked_rook_or_its_way_prevents_nothing() {
    let fen = "1r2k3/8/8/8/8/8/8/R3K3 w Q - 0 1";
    assert_eq!(played(&given(fen), "O-O-O").uci, "e1c1", "only the rook passes over b1");
}

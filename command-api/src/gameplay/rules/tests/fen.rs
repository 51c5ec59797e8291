//! FENs: what is accepted, how it is written, and which rule refuses the rest.

use super::super::{Color, FenError, Position};
use super::{given, played};

#[test]
fn a_fen_is_written_as_it_was_read() {
    for fen in [
        "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1",
        "rnbqkb1r/ppp1pppp/5n2/3pP3/8/8/PPPP1PPP/RNBQKBNR w KQkq d6 0 3",
        "8/8/4k3/8/8/4K3/8/8 b - - 150 200",
        "r3k2r/8/8/8/8/8/8/R3K2R w Kq - 12 65535",
    ] {
        assert_eq!(given(fen).fen(), fen);
    }
    assert_eq!(Position::start().fen(), "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1");
}

#[test]
fn the_counters_go_on_beyond_a_hundred_and_stop_at_their_ends() {
    let position = played(&given("4k3/8/8/8/8/8/8/R3K3 b - - 120 65535"), "Ke7").position;
    assert_eq!((position.halfmove_clock(), position.fullmove_number()), (121, 65535));
    let position = played(&given("4k3/8/8/8/8/8/8/R3K3 b - - 150 7"), "Ke7").position;
    assert_eq!(position.fen(), "8/4k3/8/8/8/8/8/R3K3 w - - 150 8");
    assert_eq!(position.ply(), 14);
}

#[test]
fn an_en_passant_square_stays_only_where_a_pawn_can_take() {
    let start = Position::start();
    assert!(played(&start, "e4").position.fen().ends_with(" b KQkq - 0 1"), "no black pawn is near");
    let phantom = given("rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq e3 0 1");
    assert_eq!(phantom, played(&start, "e4").position);
    // Taking would open the rank to the rook on h4.
    let pinned = played(&given("8/8/8/8/k2p3R/8/4P3/6K1 w - - 0 1"), "e4").position;
    assert_eq!(pinned.epd(), "8/8/8/8/k2pP2R/8/8/6K1 b - -");
    let real = played(&given("8/8/8/8/k2p4/8/4P3/6K1 w - - 0 1"), "e4").position;
    assert_eq!(real.epd(), "8/8/8/8/k2pP3/8/8/6K1 b - e3");
}

/// The FEN is refused, and the sentence holds this.
fn refuses(fen: &str, sentence: &str) {
    let reason = Position::from_fen(fen).expect_err(fen).to_string();
    assert!(reason.contains(sentence), "{fen}: {reason}");
}

#[test]
fn malformed_fields_are_named() {
    refuses("", "1 fields, not 6");
    refuses("8/8/8/8/8/8/8/8 w - - 0", "5 fields");
    refuses("4k3/8/8/8/8/8/8/4K3 w - - 0 1 ", "7 fields");
    refuses(&"8/".repeat(60), "120 bytes");
    refuses("4k3/8/8/8/8/8/4K3 w - - 0 1", "7 ranks");
    refuses("4k3/8/8/8/8/8/9/4K3 w - - 0 1", "rank 2 of the board is \"9\": only the letters");
    refuses("4k3/8/8/8/8/8/44/4K3 w - - 0 1", "two numbers follow each other");
    refuses("4k3/8/8/8/8/8/7/4K3 w - - 0 1", "not fill exactly 8");
    refuses("4k4/8/8/8/8/8/8/4K3 w - - 0 1", "rank 8 of the board is \"4k4\"");
    refuses("4k3/8/8/8/8/8/ppppppppp/4K3 w - - 0 1", "not fill exactly 8");
    refuses("4k3/8/8/8/8/8/8/4K3 W - - 0 1", "the side to move is \"W\"");
    refuses("4k3/8/8/8/8/8/8/4K3 w  - 0 1", "castling rights are \"\"");
    refuses("r3k2r/8/8/8/8/8/8/R3K2R w QK - 0 1", "castling rights are \"QK\"");
    refuses("r3k2r/8/8/8/8/8/8/R3K2R w KK - 0 1", "castling rights are \"KK\"");
    refuses("4k3/8/8/8/8/8/8/4K3 w - e9 0 1", "en-passant square is \"e9\": it is neither");
    refuses("4k3/8/8/8/8/8/8/4K3 w - - +1 1", "halfmove clock is \"+1\"");
    refuses("4k3/8/8/8/8/8/8/4K3 w - - 151 200", "halfmove clock is \"151\"");
    refuses("4k3/8/8/8/8/8/8/4K3 w - - 01 1", "halfmove clock is \"01\"");
    refuses("4k3/8/8/8/8/8/8/4K3 w - - 0 0", "fullmove number is \"0\"");
    refuses("4k3/8/8/8/8/8/8/4K3 w - - 0 65536", "fullmove number is \"65536\"");
}

#[test]
fn impossible_men_are_named() {
    let kings = |color, count| Err(FenError::Kings { color, count });
    assert_eq!(Position::from_fen("8/8/8/8/8/8/8/4K3 w - - 0 1"), kings(Color::Black, 0));
    assert_eq!(Position::from_fen("4k3/8/8/8/8/8/8/3KK3 w - - 0 1"), kings(Color::White, 2));
    refuses("4k2P/8/8/8/8/8/8/4K3 w - - 0 1", "a pawn stands on h8");
    refuses("4k3/8/8/8/8/8/8/p3K3 w - - 0 1", "a pawn stands on a1");
    refuses("4k3/8/8/8/8/P7/PPPPPPPP/4K3 w - - 0 1", "white has 9 pawns");
    refuses("4k3/8/8/8/8/NNNNNNNN/PPPPPPPP/4K3 w - - 0 1", "white has 17 pieces");
    refuses("4k3/8/8/8/8/QQ6/PPPPPPPP/4K3 w - - 0 1", "white has 1 promoted pieces beside 8 pawns");
}

#[test]
fn impossible_checks_are_named() {
    refuses("8/8/8/3kK3/8/8/8/8 w - - 0 1", "the kings on e5 and d5 stand side by side");
    refuses("4k3/8/8/8/8/8/8/4RK2 w - - 0 1", "black is in check and not to move");
    refuses("4k3/8/3N1N2/8/8/8/8/4RK2 b - - 0 1", "black is in check from 3 pieces");
}

#[test]
fn rights_that_do_not_fit_are_named() {
    refuses("r3k2r/8/8/8/8/8/8/R2K3R w K - 0 1", "castling right `K` needs");
    refuses("r3k3/8/8/8/8/8/8/R3K2R w k - 0 1", "castling right `k` needs");
    refuses("4k3/8/8/8/4P3/8/8/4K3 b - e4 0 1", "no pawn of the side that moved last");
    refuses("4k3/8/8/8/8/8/8/4K3 b - e3 0 1", "no pawn that has just advanced");
    refuses("4k3/8/8/8/4P3/8/4N3/4K3 b - e3 0 1", "came over are not empty");
    refuses("4k3/8/8/8/4P3/8/8/4K3 b - e3 3 9", "halfmove clock is not 0");
    refuses("4k3/8/5N2/8/2pP4/8/8/4K3 b - d3 0 1", "the check on the board cannot come from");
}

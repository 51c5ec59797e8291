//! SAN, LAN and UCI: what is understood, and the one way in which it is written.

use super::super::{IllegalMove, Position};
use super::{given, played, refused};

/// Every text means the same move.
fn all_mean(fen: &str, texts: &[&str], uci: &str, san: &str) {
    for text in texts {
        let move_ = played(&given(fen), text);
        assert_eq!((move_.uci.as_str(), move_.san.as_str()), (uci, san), "{text}");
    }
}

const START: &str = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";

#[test]
fn a_move_is_read_in_every_notation() {
    all_mean(START, &["e4", "e2e4", "e2-e4", "Pe4", "Pe2-e4", " e4 ", "e4!", "e4?!", "e4+"], "e2e4", "e4");
    all_mean(START, &["Nf3", "g1f3", "Ng1f3", "Ng1-f3", "Ngf3", "N1f3", "g1-f3", "Nf3#"], "g1f3", "Nf3");
}

#[test]
fn captures_may_show_their_mark_or_not() {
    let fen = "rnbqkbnr/ppp1pppp/8/3p4/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2";
    all_mean(fen, &["exd5", "ed5", "e4xd5", "e4d5", "e4:d5", "e4-d5", "Pe4xd5"], "e4d5", "exd5");
    let fen = "4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 2";
    all_mean(fen, &["exd6", "exd6 e.p.", "exd6e.p.+", "e5xd6ep", "e5d6"], "e5d6", "exd6");
}

#[test]
fn promotions_are_read_in_every_notation() {
    let fen = "3r3k/4P3/8/8/8/8/8/4K3 w - - 0 1";
    all_mean(fen, &["exd8=Q+", "exd8Q", "e7d8q", "e7xd8=q", "exd8(Q)", "exd8/Q"], "e7d8q", "exd8=Q+");
    all_mean(fen, &["e8=N", "e7e8n", "e8N"], "e7e8n", "e8=N");
}

#[test]
fn san_names_no_more_of_the_origin_than_it_must() {
    for (fen, uci, san) in [
        ("4k3/8/8/8/8/5N2/8/1N2K3 w - - 0 1", "b1d2", "Nbd2"),
        ("4k3/8/8/1N6/8/8/8/1N2K3 w - - 0 1", "b1c3", "N1c3"),
        ("1k6/8/8/8/Q6Q/8/8/K6Q w - - 0 1", "h4e4", "Qh4e4"),
        ("4k3/8/8/8/1b6/2N5/8/4K1N1 w - - 0 1", "g1e2", "Ne2"),
        ("4k3/8/8/8/8/8/8/R3K2R w - - 0 1", "a1d1", "Rd1"),
    ] {
        all_mean(fen, &[uci], uci, san);
    }
}

#[test]
fn mate_is_marked_and_check_is_marked() {
    all_mean("6k1/5ppp/8/8/8/8/8/R3K3 w Q - 0 1", &["Ra8", "Ra8+", "Ra8#", "Ra8++"], "a1a8", "Ra8#");
    all_mean("6k1/6pp/8/8/8/8/8/R3K3 w Q - 0 1", &["Ra8"], "a1a8", "Ra8+");
}

#[test]
fn an_ambiguous_move_names_its_candidates() {
    let reason = refused("4k3/8/8/8/8/5N2/8/1N2K3 w - - 0 1", "Nd2");
    assert_eq!(reason.rule(), "ambiguousMove");
    assert_eq!(reason.to_string(), "the move \"Nd2\" is ambiguous: it can be Nbd2 and Nfd2");
    let reason = refused("4k3/8/8/3p4/2P1P3/8/8/4K3 w - - 0 1", "xd5");
    assert_eq!(reason.to_string(), "the move \"xd5\" is ambiguous: it can be cxd5 and exd5");
}

#[test]
fn what_is_no_notation_is_unreadable() {
    for text in [
        "", "  ", "e", "e9", "i4", "44", "hello", "0000", "e2e4e5", "Xf3", "e2xx4", "O-O-O-O", "1.e4", "é4", "--", "N",
        "e8=", "e8=Qx",
    ] {
        let reason = Position::start().play(text).expect_err(text);
        assert!(matches!(reason, IllegalMove::Unreadable { .. }), "{text}: {reason}");
    }
}

#[test]
fn a_long_text_is_refused_and_not_repeated() {
    let reason = Position::start().play(&"é4".repeat(10_000)).expect_err("too long");
    assert!(reason.to_string().len() < 200, "{reason}");
}

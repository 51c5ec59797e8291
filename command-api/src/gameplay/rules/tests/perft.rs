//! Counting all games of a few half-moves from six well-known positions (chessprogramming wiki, "Perft Results"): the
//! numbers are published.

use super::super::Position;
use super::given;

fn perft(position: &Position, depth: u32) -> u64 {
    let moves = position.moves();
    match depth {
        0 => 1,
        1 => moves.len() as u64,
        _ => moves.into_iter().map(|mv| perft(&position.after(mv), depth - 1)).sum(),
    }
}

/// The numbers of games of one, two, three... half-moves.
fn counts(fen: &str, published: &[u64]) {
    let position = given(fen);
    for (depth, games) in (1..).zip(published) {
        assert_eq!(perft(&position, depth), *games, "games of {depth} half-moves from {fen}");
    }
}

#[test]
fn the_start_is_counted_to_five_half_moves() {
    counts("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1", &[20, 400, 8_902, 197_281, 4_865_609]);
}

#[test]
fn the_crowded_position_kiwipete_is_counted_to_four_half_moves() {
    let kiwipete = "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1";
    counts(kiwipete, &[48, 2_039, 97_862, 4_085_603]);
}

#[test]
fn pins_and_en_passant_are_counted() {
    counts("8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1", &[14, 191, 2_812, 43_238, 674_624]);
}

#[test]
fn promotions_and_castling_are_counted_for_both_sides() {
    let published = [6, 264, 9_467, 422_333];
    counts("r3k2r/Pppp1ppp/1b3nbN/nP6/BBP1P3/q4N2/Pp1P2PP/R2Q1RK1 w kq - 0 1", &published);
    counts("r2q1rk1/pP1p2pp/Q4n2/bbp1p3/Np6/1B3NBn/pPPP1PPP/R3K2R b KQ - 0 1", &published);
}

#[test]
fn a_position_that_caught_many_engines_is_counted() {
    let talkchess = "rnbq1k1r/pp1Pbppp/2p5/8/2B5/8/PPP1NnPP/RNBQK2R w KQ - 1 8";
    counts(talkchess, &[44, 1_486, 62_379, 2_103_487]);
}

#[test]
fn a_middle_game_is_counted() {
    let symmetrical = "r4rk1/1pp1qppp/p1np1n2/2b1p1B1/2B1P1b1/P1NP1N2/1PP1QPPP/R4RK1 w - - 0 10";
    counts(symmetrical, &[46, 2_079, 89_890, 3_894_594]);
}

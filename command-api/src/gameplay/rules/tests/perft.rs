//! Counting all games of a few moves: the numbers are well known.

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

#[test]
fn the_start_has_197281_games_of_four_half_moves() {
    assert_eq!(perft(&Position::start(), 4), 197_281);
}

#[test]
fn the_crowded_position_has_97862_games_of_three_half_moves() {
    let kiwipete = given("r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1");
    assert_eq!(perft(&kiwipete, 3), 97_862);
}

#[test]
fn promotions_and_pins_are_counted() {
    assert_eq!(perft(&given("8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1"), 4), 43_238);
    assert_eq!(perft(&given("rnbq1k1r/pp1Pbppp/2p5/8/2B5/8/PPP1NnPP/RNBQK2R w KQ - 1 8"), 3), 62_379);
}

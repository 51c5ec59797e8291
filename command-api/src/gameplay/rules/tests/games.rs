//! Real games: every move of the shipped ones, and what the last position says about the result.

use super::super::{Color, Outcome, Position, Repetitions};
use super::{pgn, played};

#[test]
fn the_shipped_games_replay_with_the_very_san_of_the_file() {
    let games = pgn::games(pgn::SHIPPED);
    let mut half_moves = 0;
    for game in &games {
        let mut position = Position::start();
        for (ply, san) in game.moves.iter().enumerate() {
            let canonical = san.trim_end_matches(['!', '?']);
            let by_san = played(&position, san);
            assert_eq!(by_san.san, canonical, "half-move {} of {}", ply + 1, game.tag("Site"));
            assert_eq!(played(&position, &by_san.uci), by_san, "the same move as UCI");
            let after = by_san.position;
            assert_eq!(Position::from_fen(&after.fen()).as_ref(), Ok(&after), "the FEN reads back");
            assert_eq!(after.ply() as usize, ply + 1);
            position = after;
            half_moves += 1;
        }
    }
    assert_eq!(games.len(), 220);
    assert!(half_moves > 13_000, "{half_moves} half-moves");
}

#[test]
fn a_game_that_ended_on_the_board_ended_as_the_file_says() {
    let mut mates = 0;
    for game in pgn::games(pgn::SHIPPED) {
        let mut position = Position::start();
        let mut repetitions = Repetitions::starting(&position.fen());
        let last = game.moves.len();
        for (ply, san) in game.moves.iter().enumerate() {
            position = played(&position, san).position;
            repetitions.record(&position.fen());
            let outcome = position.outcome(&repetitions);
            assert!(outcome.is_none() || ply + 1 == last, "{} went on after {outcome:?}", game.tag("Site"));
        }
        let expected = match position.outcome(&repetitions) {
            Some(Outcome::Checkmate { winner: Color::White }) => "1-0",
            Some(Outcome::Checkmate { winner: Color::Black }) => "0-1",
            Some(
                Outcome::Stalemate
                | Outcome::InsufficientMaterial
                | Outcome::FivefoldRepetition
                | Outcome::SeventyFiveMoves,
            ) => "1/2-1/2",
            None => game.tag("Result"),
        };
        assert_eq!(game.tag("Result"), expected, "{}", game.tag("Site"));
        let mated = game.moves.last().is_some_and(|san| san.ends_with('#'));
        assert_eq!(mated, matches!(position.outcome(&repetitions), Some(Outcome::Checkmate { .. })));
        mates += usize::from(mated);
    }
    assert!(mates > 20, "{mates} games ended by mate");
}

#[test]
fn a_flag_falls_for_a_win_only_against_a_side_that_can_mate() {
    let mut flagged = 0;
    for game in pgn::games(pgn::SHIPPED).iter().filter(|game| game.tag("Termination") == "Time forfeit") {
        let position = game.moves.iter().fold(Position::start(), |at, san| played(&at, san).position);
        let can_mate = |color| position.can_mate(color);
        match game.tag("Result") {
            "1-0" => assert!(can_mate(Color::White), "{}", game.tag("Site")),
            "0-1" => assert!(can_mate(Color::Black), "{}", game.tag("Site")),
            _ => assert!(!can_mate(Color::White) || !can_mate(Color::Black), "{}", game.tag("Site")),
        }
        flagged += 1;
    }
    assert_eq!(flagged, 71);
}

//! Tests of the rules: given a position, when a move is asked for, then ...

mod castling;
mod differential;
mod draws;
mod fen;
mod fuzz;
mod games;
mod illegal;
mod notation;
mod openings;
mod perft;
pub(in crate::gameplay) mod pgn;

use super::{IllegalMove, Played, Position, Repetitions};

/// The position of a FEN that must be legal.
fn given(fen: &str) -> Position {
    Position::from_fen(fen).unwrap_or_else(|reason| panic!("{fen}: {reason}"))
}

/// A move that must be legal.
fn played(position: &Position, text: &str) -> Played {
    position.play(text).unwrap_or_else(|reason| panic!("{text} in {position}: {reason}"))
}

/// A move that must not be legal.
fn refused(fen: &str, text: &str) -> IllegalMove {
    given(fen).play(text).expect_err("an illegal move")
}

/// All moves from a position on, with the repetitions that a game keeps.
fn after(position: Position, moves: &str) -> (Position, Repetitions) {
    let mut repetitions = Repetitions::starting(&position.fen());
    let mut position = position;
    for text in moves.split_whitespace() {
        position = played(&position, text).position;
        repetitions.record(&position.fen());
    }
    (position, repetitions)
}

//! Games of chess.

pub mod rules;

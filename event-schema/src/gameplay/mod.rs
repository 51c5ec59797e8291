//! Chess.

pub mod chess_game;
pub mod game_event;
pub mod game_move;

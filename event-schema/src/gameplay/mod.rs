//! Chess.

pub mod board_theme;
pub mod chess_game;
pub mod custom_board;
pub mod game_event;
pub mod game_move;
pub mod hub_message;
pub mod imported;
pub mod invitation;
pub mod user_preference;

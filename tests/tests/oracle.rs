//! The oracle of the views: what the shipped games say, computed straight from the text of the PGN by a reader of its own,
//! and asked of the query service.

mod groups;
mod long;
mod pgn;
mod questions;

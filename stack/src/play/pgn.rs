//! The games of a PGN file, all of which must be readable.

pub use chess_pgn::{Game, Score};

use crate::error::{Error, Result};

/// All games of a text; the first fault of any is an error that names its line.
pub fn read(text: &str) -> Result<Vec<Game>> {
    let whole = |game: Game| match game.faults.first() {
        Some(fault) => Err(Error::new(format!("line {}: {}", fault.line, fault.told))),
        None => Ok(game),
    };
    chess_pgn::games(text).map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_game_with_a_fault_is_an_error_that_names_its_line() {
        assert_eq!(read("[White \"a\"]\n1. e4 *\n[White \"b\"] *").unwrap().len(), 2);
        let error = read("[White \"a\"]\n1. e4 *\n[White \"b\"]\n1. x *").unwrap_err().to_string();
        assert_eq!(error, "line 4: `x` is no move");
    }
}

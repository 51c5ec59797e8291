//! Opening names by position, from the shipped list `data/openings.tsv`.
//!
//! The list carries the EPD of every named position, so that a lookup needs no rules of chess: the first four fields
//! of the FEN in an event are the key, provided that its en-passant square stands only where a capture is legal.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A named opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Opening {
    /// The code of the Encyclopaedia of Chess Openings, `A00` to `E99`.
    pub eco: &'static str,
    /// The English name, the variation after a colon.
    pub name: &'static str,
}

/// The columns `eco`, `name`, `pgn`, `epd` below one line of headings; see `data/README.md`.
const LIST: &str = include_str!("../../data/openings.tsv");

static BY_EPD: LazyLock<HashMap<&'static str, Opening>> =
    LazyLock::new(|| LIST.lines().skip(1).filter_map(row).collect());

fn row(line: &'static str) -> Option<(&'static str, Opening)> {
    let mut columns = line.split('\t');
    let (eco, name, _pgn, epd) = (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
    Some((epd, Opening { eco, name }))
}

/// The opening that this very position is named after, if it is. Takes a canonical FEN or EPD; counters do not matter.
///
/// A game's opening is the last answer on its way: most positions of a game have no name.
#[must_use]
pub fn by_fen(fen: &str) -> Option<&'static Opening> {
    let end = fen.match_indices(' ').nth(3).map_or(fen.len(), |(at, _)| at);
    BY_EPD.get(&fen[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_own_position() {
        for line in LIST.lines().skip(1) {
            let (epd, opening) = row(line).expect("four columns");
            assert_eq!(line.split('\t').count(), 4, "{line}");
            assert_eq!(by_fen(epd), Some(&opening), "two rows name the position of {line}");
        }
    }

    #[test]
    fn counters_do_not_matter() {
        let sicilian = Opening { eco: "B20", name: "Sicilian Defense" };
        let epd = "rnbqkbnr/pp1ppppp/8/2p5/4P3/8/PPPP1PPP/RNBQKBNR w KQkq -";
        assert_eq!(by_fen(&format!("{epd} 0 2")), Some(&sicilian));
        assert_eq!(by_fen(epd), Some(&sicilian));
    }

    #[test]
    fn the_start_and_nonsense_have_no_name() {
        assert_eq!(by_fen("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"), None);
        assert_eq!(by_fen(""), None);
    }
}

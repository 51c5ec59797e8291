//! Counting how often a position has stood on the board (articles 9.2 and 9.6.1).

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// The stable key of a position: the first eight bytes, big-endian, of the SHA-256 of its EPD.
///
/// Takes a canonical FEN or EPD; the counters of a FEN do not count. Keys are stored: this must never change.
#[must_use]
pub fn position_key(fen: &str) -> u64 {
    let end = fen.match_indices(' ').nth(3).map_or(fen.len(), |(at, _)| at);
    let hash = digest(&SHA256, &fen.as_bytes()[..end]);
    hash.as_ref().iter().take(8).fold(0, |key, byte| (key << 8) | u64::from(*byte))
}

/// The keys of the positions since the last capture or pawn move, oldest first, the present one last.
///
/// It follows from the FENs of a game alone: [`Self::record`] every position, the first one included. It holds at most
/// 151 keys in a game that ends as article 9.6.2 says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Repetitions {
    keys: Vec<u64>,
}

impl Repetitions {
    /// A game that begins in this position.
    #[must_use]
    pub fn starting(fen: &str) -> Self {
        Self { keys: vec![position_key(fen)] }
    }

    /// The position of this canonical FEN has arisen. Without a halfmove clock in it nothing is forgotten.
    pub fn record(&mut self, fen: &str) {
        if fen.split(' ').nth(4) == Some("0") {
            self.keys.clear();
        }
        self.keys.push(position_key(fen));
    }

    /// How often the present position has stood on the board, this time included; 0 before the first.
    #[must_use]
    pub fn count(&self) -> usize {
        self.keys.last().map_or(0, |present| self.keys.iter().filter(|key| *key == present).count())
    }

    /// The keys, oldest first.
    #[must_use]
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }
}

impl From<Vec<u64>> for Repetitions {
    fn from(keys: Vec<u64>) -> Self {
        Self { keys }
    }
}

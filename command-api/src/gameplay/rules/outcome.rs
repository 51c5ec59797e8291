//! How games end on the board: by themselves, or by a claim.

use super::pieces::{Color, PieceKind};
use super::position::Position;
use super::repetition::Repetitions;
use cozy_chess::BitBoard;
use std::fmt;

/// An end that comes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Article 5.1.1: the king of the side to move is in check and no move helps.
    Checkmate {
        /// Who gave mate.
        winner: Color,
    },
    /// Article 5.2.1: the side to move has no legal move and is not in check.
    Stalemate,
    /// Article 5.2.2: neither side has what it takes to give mate.
    InsufficientMaterial,
    /// Article 9.6.1: the same position for the fifth time.
    FivefoldRepetition,
    /// Article 9.6.2: seventy-five moves by each player without capture and pawn move.
    SeventyFiveMoves,
}

impl Outcome {
    /// Who has won; `None` is a draw.
    #[must_use]
    pub const fn winner(self) -> Option<Color> {
        match self {
            Self::Checkmate { winner } => Some(winner),
            Self::Stalemate | Self::InsufficientMaterial | Self::FivefoldRepetition | Self::SeventyFiveMoves => None,
        }
    }

    /// The article of the FIDE Laws of Chess (2023).
    #[must_use]
    pub const fn article(self) -> &'static str {
        match self {
            Self::Checkmate { .. } => "5.1.1",
            Self::Stalemate => "5.2.1",
            Self::InsufficientMaterial => "5.2.2",
            Self::FivefoldRepetition => "9.6.1",
            Self::SeventyFiveMoves => "9.6.2",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkmate { winner } => write!(f, "checkmate, {winner} wins"),
            Self::Stalemate => f.write_str("stalemate"),
            Self::InsufficientMaterial => f.write_str("neither side can give mate"),
            Self::FivefoldRepetition => f.write_str("the same position for the fifth time"),
            Self::SeventyFiveMoves => f.write_str("seventy-five moves without capture and pawn move"),
        }
    }
}

/// A draw that the player to move may claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Claim {
    /// Article 9.2: the same position for at least the third time.
    Threefold,
    /// Article 9.3: fifty moves by each player without capture and pawn move.
    FiftyMoves,
}

impl Claim {
    /// The article of the FIDE Laws of Chess (2023).
    #[must_use]
    pub const fn article(self) -> &'static str {
        match self {
            Self::Threefold => "9.2",
            Self::FiftyMoves => "9.3",
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Threefold => "the same position for the third time",
            Self::FiftyMoves => "fifty moves without capture and pawn move",
        })
    }
}

/// Half-moves that make fifty and seventy-five moves by each player.
const FIFTY: u16 = 100;
const SEVENTY_FIVE: u16 = 150;

impl Position {
    /// Whether the game has ended here by itself. `repetitions` must hold this position already.
    ///
    /// Mate comes before every draw (articles 5.1.1 and 9.6.2).
    #[must_use]
    pub fn outcome(&self, repetitions: &Repetitions) -> Option<Outcome> {
        if !self.has_legal_move() {
            let winner = self.side_to_move().other();
            return Some(if self.is_check() { Outcome::Checkmate { winner } } else { Outcome::Stalemate });
        }
        if self.insufficient_material() {
            Some(Outcome::InsufficientMaterial)
        } else if repetitions.count() >= 5 {
            Some(Outcome::FivefoldRepetition)
        } else if self.halfmove_clock() >= SEVENTY_FIVE {
            Some(Outcome::SeventyFiveMoves)
        } else {
            None
        }
    }

    /// The draw that the player to move may claim here. `repetitions` must hold this position already.
    #[must_use]
    pub fn claim(&self, repetitions: &Repetitions) -> Option<Claim> {
        if repetitions.count() >= 3 {
            Some(Claim::Threefold)
        } else if self.halfmove_clock() >= FIFTY {
            Some(Claim::FiftyMoves)
        } else {
            None
        }
    }

    /// Whether neither side can give mate by any series of legal moves, judged by the material (article 5.2.2): king
    /// against king, with one knight, or with any bishops that all stand on squares of one colour.
    #[must_use]
    pub fn insufficient_material(&self) -> bool {
        Color::ALL.into_iter().all(|color| !self.can_mate(color))
    }

    /// Whether this side has the material to give mate if the opponent helps: who runs out of time loses only to an
    /// opponent who can (article 6.9). Judged by the material alone, not by blocked pawns.
    #[must_use]
    pub fn can_mate(&self, color: Color) -> bool {
        let own = |kind| self.pieces(color, kind);
        let theirs = |kind| self.pieces(color.other(), kind);
        let both = |kind| own(kind) | theirs(kind);
        let strong = own(PieceKind::Pawn) | own(PieceKind::Rook) | own(PieceKind::Queen);
        if !strong.is_empty() {
            return true;
        }
        let (knights, bishops) = (own(PieceKind::Knight), own(PieceKind::Bishop));
        if knights.len() >= 2 || (!knights.is_empty() && !bishops.is_empty()) {
            return true;
        }
        if !knights.is_empty() {
            // One knight needs a piece that takes a square from its king and cannot cover it: no queen does.
            return [PieceKind::Pawn, PieceKind::Knight, PieceKind::Bishop, PieceKind::Rook]
                .into_iter()
                .any(|kind| !theirs(kind).is_empty());
        }
        if !bishops.is_empty() {
            // Bishops on one colour need a bishop on the other, a knight or a pawn, on whichever side.
            let all = both(PieceKind::Bishop);
            let two_colors = !(all & BitBoard::DARK_SQUARES).is_empty() && !(all & BitBoard::LIGHT_SQUARES).is_empty();
            return two_colors || !(both(PieceKind::Knight) | both(PieceKind::Pawn)).is_empty();
        }
        false
    }
}

//! The words of the board: colours, pieces, squares and wings.

use std::fmt;

/// One of the two players.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Color {
    /// The player who begins.
    White,
    /// The other one.
    Black,
}

impl Color {
    /// The opponent's colour.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::White => Self::Black,
            Self::Black => Self::White,
        }
    }

    /// Both, white first.
    pub const ALL: [Self; 2] = [Self::White, Self::Black];

    pub(super) const fn inner(self) -> cozy_chess::Color {
        match self {
            Self::White => cozy_chess::Color::White,
            Self::Black => cozy_chess::Color::Black,
        }
    }

    pub(super) const fn of(color: cozy_chess::Color) -> Self {
        match color {
            cozy_chess::Color::White => Self::White,
            cozy_chess::Color::Black => Self::Black,
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::White => "white",
            Self::Black => "black",
        })
    }
}

/// A kind of piece, pawns included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum PieceKind {
    Pawn,
    Knight,
    Bishop,
    Rook,
    Queen,
    King,
}

impl PieceKind {
    /// Every kind with its English letter in upper case, as FEN and SAN write it.
    const LETTERS: [(Self, char); 6] = [
        (Self::Pawn, 'P'),
        (Self::Knight, 'N'),
        (Self::Bishop, 'B'),
        (Self::Rook, 'R'),
        (Self::Queen, 'Q'),
        (Self::King, 'K'),
    ];

    /// The English letter in upper case.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Pawn => 'P',
            Self::Knight => 'N',
            Self::Bishop => 'B',
            Self::Rook => 'R',
            Self::Queen => 'Q',
            Self::King => 'K',
        }
    }

    /// The kind of an English letter in upper case.
    pub(super) fn from_letter(letter: char) -> Option<Self> {
        Self::LETTERS.iter().find(|(_, l)| *l == letter).map(|(kind, _)| *kind)
    }

    pub(super) const fn inner(self) -> cozy_chess::Piece {
        match self {
            Self::Pawn => cozy_chess::Piece::Pawn,
            Self::Knight => cozy_chess::Piece::Knight,
            Self::Bishop => cozy_chess::Piece::Bishop,
            Self::Rook => cozy_chess::Piece::Rook,
            Self::Queen => cozy_chess::Piece::Queen,
            Self::King => cozy_chess::Piece::King,
        }
    }

    pub(super) const fn of(piece: cozy_chess::Piece) -> Self {
        match piece {
            cozy_chess::Piece::Pawn => Self::Pawn,
            cozy_chess::Piece::Knight => Self::Knight,
            cozy_chess::Piece::Bishop => Self::Bishop,
            cozy_chess::Piece::Rook => Self::Rook,
            cozy_chess::Piece::Queen => Self::Queen,
            cozy_chess::Piece::King => Self::King,
        }
    }
}

impl fmt::Display for PieceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pawn => "pawn",
            Self::Knight => "knight",
            Self::Bishop => "bishop",
            Self::Rook => "rook",
            Self::Queen => "queen",
            Self::King => "king",
        })
    }
}

/// A square of the board; printed as `e4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Square(pub(super) cozy_chess::Square);

impl fmt::Display for Square {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A wing to castle on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// `O-O`, towards the h-file.
    King,
    /// `O-O-O`, towards the a-file.
    Queen,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::King => "kingside",
            Self::Queen => "queenside",
        })
    }
}

/// Squares as a list for a sentence: `c6, d7 and e8`.
pub(super) fn listed<T: fmt::Display>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [one] => one.to_string(),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(T::to_string).collect();
            format!("{} and {last}", first.join(", "))
        }
    }
}

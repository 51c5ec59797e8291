//! Why a text is no legal move: the rule, the values, and the article.

use super::pieces::{Color, PieceKind, Side, Square, listed};
use thiserror::Error;

/// Why a move is refused. The sentence names the rule and what on the board stands against it; [`Self::rule`] is its
/// stable code and [`Self::article`] the article of the FIDE Laws of Chess (2023).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the sentence beside each variant says it, and its fields are the values named there")]
pub enum IllegalMove {
    #[error("the move {text:?} is unreadable: {why}; write it as SAN (Nf3), LAN (Ng1-f3) or UCI (g1f3)")]
    Unreadable { text: String, why: &'static str },
    #[error("there is no legal move: {color} is {}", if *.check { "checkmated" } else { "stalemated" })]
    NoMoves { color: Color, check: bool },
    #[error("no piece stands on {from}")]
    EmptySquare { from: Square },
    #[error("the {piece} on {from} is {}'s, and {} is to move", .mover.other(), .mover)]
    NotYours { from: Square, piece: PieceKind, mover: Color },
    #[error("{color} has no {piece}{place}")]
    NoSuchPiece { color: Color, piece: PieceKind, place: String },
    #[error("the move {text:?} is ambiguous: it can be {}", listed(.candidates))]
    Ambiguous { text: String, candidates: Vec<String> },
    #[error("{to} is occupied by {color}'s own {piece}")]
    OwnPiece { color: Color, piece: PieceKind, to: Square },
    #[error("the king on {to} cannot be captured")]
    KingCapture { to: Square },
    #[error("the {piece} on {from} cannot reach {to}: {by} is occupied")]
    Blocked { piece: PieceKind, from: Square, to: Square, by: Square, article: &'static str },
    #[error("the {piece} on {} cannot move to {to}: {how}", listed(.from))]
    NotItsMove { piece: PieceKind, from: Vec<Square>, to: Square, how: &'static str, article: &'static str },
    #[error("nothing stands on {to} to capture")]
    NothingToCapture { to: Square },
    #[error("the {piece} to {to} leaves the {color} king on {king} in check from {}", listed(.attackers))]
    LeavesKingInCheck { color: Color, piece: PieceKind, to: Square, king: Square, attackers: Vec<Square> },
    #[error("the pawn reaches {to} and must become something: add =Q, =R, =B or =N")]
    PromotionMissing { to: Square },
    #[error("a pawn cannot become a {piece}: only a queen, rook, bishop or knight")]
    PromotionPiece { piece: PieceKind },
    #[error("the move to {to} is no promotion: only a pawn on the last rank becomes another piece")]
    NoPromotion { to: Square },
    #[error("{color} cannot castle {side}: {bar}")]
    Castling { color: Color, side: Side, bar: CastlingBar },
}

/// What stands against castling.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the sentence beside each variant says it, and its fields are the values named there")]
pub enum CastlingBar {
    #[error("the king or that rook has moved, or is not there")]
    NoRight,
    #[error("{0} between the king and the rook is occupied")]
    Between(Square),
    #[error("the king is in check from {}", listed(.0))]
    InCheck(Vec<Square>),
    #[error("the king would pass over {over}, attacked from {}", listed(.attackers))]
    Through { over: Square, attackers: Vec<Square> },
    #[error("the king would arrive on {to}, attacked from {}", listed(.attackers))]
    Into { to: Square, attackers: Vec<Square> },
}

impl IllegalMove {
    /// The stable code of the rule, in camelCase, for programs.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        self.facts().0
    }

    /// The article of the FIDE Laws of Chess (2023), `Appendix C` for the notation of moves.
    #[must_use]
    pub const fn article(&self) -> &'static str {
        self.facts().1
    }

    const fn facts(&self) -> (&'static str, &'static str) {
        match self {
            Self::Unreadable { .. } => ("unreadableMove", "Appendix C"),
            Self::NoMoves { check: true, .. } => ("checkmated", "5.1.1"),
            Self::NoMoves { check: false, .. } => ("stalemated", "5.2.1"),
            Self::EmptySquare { .. } => ("emptySquare", "Appendix C"),
            Self::NotYours { .. } => ("notYourPiece", "1.2"),
            Self::NoSuchPiece { .. } => ("noSuchPiece", "Appendix C"),
            Self::Ambiguous { .. } => ("ambiguousMove", "Appendix C"),
            Self::OwnPiece { .. } => ("ownPieceOnSquare", "3.1"),
            Self::KingCapture { .. } => ("kingCannotBeCaptured", "1.4.1"),
            Self::Blocked { article, .. } => ("pathBlocked", article),
            Self::NotItsMove { article, .. } => ("notHowThePieceMoves", article),
            Self::NothingToCapture { .. } => ("nothingToCapture", "Appendix C"),
            Self::LeavesKingInCheck { .. } => ("leavesKingInCheck", "3.9.2"),
            Self::PromotionMissing { .. } => ("promotionMissing", "3.7.3.3"),
            Self::PromotionPiece { .. } => ("promotionPiece", "3.7.3.3"),
            Self::NoPromotion { .. } => ("noPromotion", "3.7.3.3"),
            Self::Castling { bar, .. } => ("castlingNotAllowed", bar.article()),
        }
    }
}

impl CastlingBar {
    /// The article of the FIDE Laws of Chess (2023).
    #[must_use]
    pub const fn article(&self) -> &'static str {
        match self {
            Self::NoRight => "3.8.2.1",
            Self::Between(_) => "3.8.2.2.2",
            Self::InCheck(_) | Self::Through { .. } | Self::Into { .. } => "3.8.2.2.1",
        }
    }
}

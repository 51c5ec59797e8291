//! A position: the board, who moves, the rights, and both counters.

use super::fen::{FenError, MAX_HALFMOVE_CLOCK, parse};
use super::illegal::IllegalMove;
use super::pieces::{Color, PieceKind};
use super::{notation, resolve, san};
use cozy_chess::{Board, Move, get_pawn_attacks};
use std::fmt;

/// A legal chess position. Printed as its canonical FEN, in which the en-passant square stands only when a legal
/// en-passant capture exists; two positions are equal when their canonical FENs are.
#[derive(Clone)]
pub struct Position {
    /// Its own counters stop at 100 and are not used.
    board: Board,
    en_passant: Option<cozy_chess::Square>,
    halfmove_clock: u16,
    fullmove_number: u16,
}

/// A move that was legal, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// UCI: `e2e4`, `e7e8q`; castling as `e1g1`.
    pub uci: String,
    /// Canonical SAN with the least disambiguation and with `+` or `#`.
    pub san: String,
    /// The position after the move.
    pub position: Position,
}

impl Position {
    /// The position in which an ordinary game begins.
    #[must_use]
    pub fn start() -> Self {
        Self::new(Board::startpos(), 0, 1)
    }

    /// Reads a FEN.
    ///
    /// # Errors
    /// Says which field or which rule is broken. An en-passant square without a legal capture is accepted and dropped.
    pub fn from_fen(fen: &str) -> Result<Self, FenError> {
        let (board, halfmove_clock, fullmove_number) = parse(fen)?;
        Ok(Self::new(board, halfmove_clock, fullmove_number))
    }

    fn new(board: Board, halfmove_clock: u16, fullmove_number: u16) -> Self {
        let en_passant = legal_en_passant(&board);
        Self { board, en_passant, halfmove_clock, fullmove_number }
    }

    /// The canonical FEN.
    #[must_use]
    pub fn fen(&self) -> String {
        format!("{} {} {}", self.epd(), self.halfmove_clock, self.fullmove_number)
    }

    /// The first four fields of the canonical FEN: all that makes a position the same as another (article 9.2.3).
    #[must_use]
    pub fn epd(&self) -> String {
        let fen = self.board.to_string();
        let mut fields = fen.splitn(4, ' ');
        let mut next = || fields.next().unwrap_or_default();
        let (placement, side, castling) = (next(), next(), next());
        match self.en_passant {
            Some(square) => format!("{placement} {side} {castling} {square}"),
            None => format!("{placement} {side} {castling} -"),
        }
    }

    /// Who has the move.
    #[must_use]
    pub fn side_to_move(&self) -> Color {
        Color::of(self.board.side_to_move())
    }

    /// Half-moves since the last capture or pawn move; stops at 150, where article 9.6.2 has ended the game.
    #[must_use]
    pub fn halfmove_clock(&self) -> u16 {
        self.halfmove_clock
    }

    /// The number of the move to come, counted up after black's; stops at 65535.
    #[must_use]
    pub fn fullmove_number(&self) -> u16 {
        self.fullmove_number
    }

    /// Half-moves made before this position according to its move number: 0 at the start.
    #[must_use]
    pub fn ply(&self) -> u32 {
        let black = match self.side_to_move() {
            Color::White => 0,
            Color::Black => 1,
        };
        (u32::from(self.fullmove_number) - 1) * 2 + black
    }

    /// Whether the side to move is in check (article 3.9.1).
    #[must_use]
    pub fn is_check(&self) -> bool {
        !self.board.checkers().is_empty()
    }

    /// Whether the side to move has any legal move.
    #[must_use]
    pub fn has_legal_move(&self) -> bool {
        self.board.generate_moves(|_| true)
    }

    /// All legal moves in UCI, sorted.
    #[must_use]
    pub fn legal_moves(&self) -> Vec<String> {
        let mut moves: Vec<String> = self.moves().into_iter().map(|mv| san::uci(&self.board, mv)).collect();
        moves.sort_unstable();
        moves
    }

    /// Plays a move given as SAN (`Nf3`), LAN (`Ng1-f3`) or UCI (`g1f3`).
    ///
    /// Check marks, `e.p.` and the suffixes `!` and `?` may be there or not; castling may be written with the letter
    /// or with zeros, and in UCI also as the king taking his rook (`e1h1`).
    ///
    /// # Errors
    /// Says which rule the move breaks, or that the text is unreadable or ambiguous.
    pub fn play(&self, text: &str) -> Result<Played, IllegalMove> {
        let wanted = notation::read(text)?;
        let mv = resolve::find(self, text, &wanted)?;
        let position = self.after(mv);
        Ok(Played { uci: san::uci(&self.board, mv), san: san::san(self, mv, &position), position })
    }

    /// Where a piece of this colour and kind stands.
    pub(super) fn pieces(&self, color: Color, kind: PieceKind) -> cozy_chess::BitBoard {
        self.board.colored_pieces(color.inner(), kind.inner())
    }

    /// What stands on a square.
    pub(super) fn on(&self, square: cozy_chess::Square) -> Option<(Color, PieceKind)> {
        Some((Color::of(self.board.color_on(square)?), PieceKind::of(self.board.piece_on(square)?)))
    }

    pub(super) fn board(&self) -> &Board {
        &self.board
    }

    /// All legal moves; castling as the king taking his rook.
    pub(super) fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::with_capacity(48);
        self.board.generate_moves(|of_piece| {
            moves.extend(of_piece);
            false
        });
        moves
    }

    /// The position after a legal move.
    pub(super) fn after(&self, mv: Move) -> Self {
        let mut board = self.board.clone();
        board.play_unchecked(mv);
        // The library counts as we do, but only up to 100.
        let irreversible = board.halfmove_clock() == 0;
        let halfmove_clock = if irreversible { 0 } else { (self.halfmove_clock + 1).min(MAX_HALFMOVE_CLOCK) };
        let fullmove_number = match self.side_to_move() {
            Color::White => self.fullmove_number,
            Color::Black => self.fullmove_number.saturating_add(1),
        };
        Self::new(board, halfmove_clock, fullmove_number)
    }

    /// Whether the move takes something.
    pub(super) fn is_capture(&self, mv: Move) -> bool {
        let victim = self.board.colors(!self.board.side_to_move()).has(mv.to);
        let pawn = self.board.piece_on(mv.from) == Some(cozy_chess::Piece::Pawn);
        victim || (pawn && self.en_passant == Some(mv.to) && mv.from.file() != mv.to.file())
    }
}

/// The square behind a pawn that has just advanced two squares, if it can really be taken in passing.
fn legal_en_passant(board: &Board) -> Option<cozy_chess::Square> {
    let file = board.en_passant()?;
    let color = board.side_to_move();
    let to = cozy_chess::Square::new(file, cozy_chess::Rank::Sixth.relative_to(color));
    let pawns = get_pawn_attacks(to, !color) & board.colored_pieces(color, cozy_chess::Piece::Pawn);
    pawns.into_iter().any(|from| board.is_legal(Move { from, to, promotion: None })).then_some(to)
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fen())
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position({self})")
    }
}

impl PartialEq for Position {
    fn eq(&self, other: &Self) -> bool {
        self.fen() == other.fen()
    }
}

impl Eq for Position {}

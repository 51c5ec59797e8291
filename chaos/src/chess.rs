//! The little chess that writers and the oracle need, apart from the product's rules: legal moves in UCI, canonical FENs.

use cozy_chess::{Board, File, Move, Piece, Square};

/// A position with its two counters (the library's own stop early).
#[derive(Clone, Debug)]
pub struct Position {
    board: Board,
    quiet: u32,
    number: u32,
}

impl Position {
    /// Reads a FEN.
    pub fn from_fen(fen: &str) -> Option<Self> {
        let fields: Vec<&str> = fen.split(' ').collect();
        let [placement, side, castling, en_passant, quiet, number] = fields[..] else { return None };
        let board = Board::from_fen(&format!("{placement} {side} {castling} {en_passant} 0 1"), false).ok()?;
        Some(Self { board, quiet: quiet.parse().ok()?, number: number.parse().ok()? })
    }

    /// The start of an ordinary game.
    pub fn start() -> Self {
        Self { board: Board::startpos(), quiet: 0, number: 1 }
    }

    /// The legal moves, in UCI with castling as the king's two steps.
    pub fn legal(&self) -> Vec<(String, Move)> {
        let mut all = Vec::with_capacity(48);
        self.board.generate_moves(|moves| {
            all.extend(moves.into_iter().map(|step| (self.uci(step), step)));
            false
        });
        all
    }

    fn uci(&self, step: Move) -> String {
        let own = self.board.color_on(step.to) == Some(self.board.side_to_move());
        if !own {
            return step.to_string();
        }
        let file = if step.to.file() > step.from.file() { File::G } else { File::C };
        format!("{}{}", step.from, Square::new(file, step.from.rank()))
    }

    /// The position after a legal move in UCI; none if it is not legal.
    pub fn after(&self, uci: &str) -> Option<Self> {
        let (_, step) = self.legal().into_iter().find(|(text, _)| text == uci)?;
        let white = self.white_moves();
        let pawn = self.board.piece_on(step.from) == Some(Piece::Pawn);
        let takes = self.board.color_on(step.to) == Some(!self.board.side_to_move());
        let mut board = self.board.clone();
        board.try_play(step).ok()?;
        let quiet = if pawn || takes { 0 } else { self.quiet + 1 };
        Some(Self { board, quiet, number: self.number + u32::from(!white) })
    }

    /// Whether White has the move.
    pub fn white_moves(&self) -> bool {
        self.board.side_to_move() == cozy_chess::Color::White
    }

    /// Whether the side to move is in check.
    pub fn is_check(&self) -> bool {
        !self.board.checkers().is_empty()
    }

    /// Half-moves since the last capture or pawn move.
    pub fn quiet(&self) -> u32 {
        self.quiet
    }

    /// What makes it the same position as another: the first four fields of the canonical FEN, where the en-passant square
    /// stands only if a capture there is legal.
    pub fn key(&self) -> String {
        let fen = self.board.to_string();
        let mut fields = fen.split(' ');
        let mut next = || fields.next().unwrap_or_default();
        let (placement, side, castling) = (next(), next(), next());
        let rank = if self.white_moves() { cozy_chess::Rank::Sixth } else { cozy_chess::Rank::Third };
        let square = self.board.en_passant().map(|file| Square::new(file, rank));
        let takes = |to: Square| {
            let is = |step: &Move| self.board.piece_on(step.from) == Some(Piece::Pawn) && step.to == to;
            self.legal().iter().any(|(_, step)| is(step) && step.from.file() != to.file())
        };
        match square.filter(|square| takes(*square)) {
            Some(square) => format!("{placement} {side} {castling} {square}"),
            None => format!("{placement} {side} {castling} -"),
        }
    }

    /// The canonical FEN.
    pub fn fen(&self) -> String {
        format!("{} {} {}", self.key(), self.quiet, self.number)
    }

    /// Whether neither side has anything to mate with.
    pub fn is_bare(&self) -> bool {
        [Piece::Pawn, Piece::Rook, Piece::Queen].iter().all(|piece| self.board.pieces(*piece).is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn castling_en_passant_and_promotion_are_written_as_the_log_writes_them() {
        let castle = Position::from_fen("r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 3 9").unwrap();
        let moves: Vec<String> = castle.legal().into_iter().map(|(uci, _)| uci).collect();
        assert!(moves.contains(&"e1g1".to_owned()) && moves.contains(&"e1c1".to_owned()));
        assert_eq!(castle.after("e1g1").unwrap().fen(), "r3k2r/8/8/8/8/8/8/R4RK1 b kq - 4 9");
        let promotes = Position::from_fen("8/P6k/8/8/8/8/8/K7 w - - 0 1").unwrap();
        assert!(promotes.after("a7a8q").is_some() && promotes.after("a7a8").is_none());
        let start = Position::start().after("e2e4").unwrap();
        assert_eq!(start.fen(), "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1");
        let passing = Position::from_fen("4k3/8/8/8/4p3/8/3P4/4K3 w - - 0 1").unwrap().after("d2d4").unwrap();
        assert_eq!(passing.fen(), "4k3/8/8/8/3Pp3/8/8/4K3 b - d3 0 1");
    }
}

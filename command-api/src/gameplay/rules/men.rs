//! The men on the board as sets of squares: what the FEN check and the explanations ask about attacks.

use super::pieces::{Color, PieceKind};
use cozy_chess::{
    BitBoard, Board, File, Rank, Square, get_bishop_moves, get_king_moves, get_knight_moves, get_pawn_attacks,
    get_rook_moves,
};

/// Which squares each kind and each colour occupies; no rule holds here yet.
#[derive(Clone, Copy)]
pub(super) struct Men {
    kinds: [BitBoard; 6],
    colors: [BitBoard; 2],
}

impl Men {
    /// The men of the first field of a FEN, or which rank (1 to 8) is wrong and why.
    pub(super) fn from_placement(ranks: &[&str; 8]) -> Result<Self, (usize, &'static str)> {
        let mut men = Self { kinds: [BitBoard::EMPTY; 6], colors: [BitBoard::EMPTY; 2] };
        for (text, rank) in ranks.iter().rev().zip(Rank::ALL) {
            men.read_rank(text, rank).map_err(|why| (rank as usize + 1, why))?;
        }
        Ok(men)
    }

    fn read_rank(&mut self, text: &str, rank: Rank) -> Result<(), &'static str> {
        const LENGTH: &str = "it does not fill exactly 8 squares";
        let mut file = 0;
        let mut after_number = false;
        for c in text.chars() {
            if let Some(empty) = c.to_digit(10).filter(|n| (1..=8).contains(n)) {
                if after_number {
                    return Err("two numbers follow each other");
                }
                file += empty as usize;
                after_number = true;
                continue;
            }
            let kind = PieceKind::from_letter(c.to_ascii_uppercase())
                .ok_or("only the letters KQRBNP, kqrbnp and the numbers 1 to 8 may stand there")?;
            let color = if c.is_ascii_uppercase() { Color::White } else { Color::Black };
            let square = Square::new(File::try_index(file).ok_or(LENGTH)?, rank).bitboard();
            self.kinds[kind as usize] |= square;
            self.colors[color as usize] |= square;
            file += 1;
            after_number = false;
        }
        if file == 8 { Ok(()) } else { Err(LENGTH) }
    }

    /// The men of a board.
    pub(super) fn of(board: &Board) -> Self {
        let kinds =
            [PieceKind::Pawn, PieceKind::Knight, PieceKind::Bishop, PieceKind::Rook, PieceKind::Queen, PieceKind::King];
        Self {
            kinds: kinds.map(|kind| board.pieces(kind.inner())),
            colors: Color::ALL.map(|color| board.colors(color.inner())),
        }
    }

    pub(super) fn all(&self, color: Color) -> BitBoard {
        self.colors[color as usize]
    }

    pub(super) fn kind(&self, kind: PieceKind) -> BitBoard {
        self.kinds[kind as usize]
    }

    pub(super) fn pieces(&self, color: Color, kind: PieceKind) -> BitBoard {
        self.all(color) & self.kind(kind)
    }

    pub(super) fn occupied(&self) -> BitBoard {
        self.colors[0] | self.colors[1]
    }

    /// The pieces of `by` that attack `square` when `occupied` are the squares that block.
    pub(super) fn attackers(&self, square: Square, by: Color, occupied: BitBoard) -> BitBoard {
        let queens = self.kind(PieceKind::Queen);
        let sources = (get_pawn_attacks(square, by.other().inner()) & self.kind(PieceKind::Pawn))
            | (get_knight_moves(square) & self.kind(PieceKind::Knight))
            | (get_king_moves(square) & self.kind(PieceKind::King))
            | (get_bishop_moves(square, occupied) & (self.kind(PieceKind::Bishop) | queens))
            | (get_rook_moves(square, occupied) & (self.kind(PieceKind::Rook) | queens));
        sources & self.all(by) & occupied
    }
}

//! Writing moves: UCI, and SAN with the least disambiguation.

use super::pieces::{PieceKind, Side};
use super::position::Position;
use super::resolve::{is_castling, side_of};
use cozy_chess::{Board, File, Move, Square};

/// The move in UCI; castling as the king's own two squares.
pub(super) fn uci(board: &Board, mv: Move) -> String {
    if !board.colors(board.side_to_move()).has(mv.to) {
        return mv.to_string();
    }
    let file = match side_of(mv) {
        Side::King => File::G,
        Side::Queen => File::C,
    };
    format!("{}{}", mv.from, Square::new(file, mv.from.rank()))
}

/// The canonical SAN of a legal move of `before` that led to `after`.
pub(super) fn san(before: &Position, mv: Move, after: &Position) -> String {
    let mut san = match (is_castling(before, mv), side_of(mv)) {
        (true, Side::King) => "O-O".to_owned(),
        (true, Side::Queen) => "O-O-O".to_owned(),
        (false, Side::King | Side::Queen) => step(before, mv),
    };
    if after.is_check() {
        san.push(if after.has_legal_move() { '+' } else { '#' });
    }
    san
}

fn step(before: &Position, mv: Move) -> String {
    let piece = before.board().piece_on(mv.from).map_or(PieceKind::Pawn, PieceKind::of);
    let captures = before.is_capture(mv);
    let mut san = String::with_capacity(8);
    match piece {
        PieceKind::Pawn if captures => san.push_str(&mv.from.file().to_string()),
        PieceKind::Pawn => {}
        PieceKind::Knight | PieceKind::Bishop | PieceKind::Rook | PieceKind::Queen | PieceKind::King => {
            san.push(piece.letter());
            san.push_str(&origin(before, mv, piece));
        }
    }
    if captures {
        san.push('x');
    }
    san.push_str(&mv.to.to_string());
    if let Some(promotion) = mv.promotion {
        san.push('=');
        san.push(PieceKind::of(promotion).letter());
    }
    san
}

/// The least of nothing, file, rank and square that tells this piece from its like which can go there too.
fn origin(before: &Position, mv: Move, piece: PieceKind) -> String {
    let like = before.pieces(before.side_to_move(), piece);
    let rivals: Vec<Square> = before
        .moves()
        .into_iter()
        .filter(|other| other.to == mv.to && other.from != mv.from && like.has(other.from))
        .map(|other| other.from)
        .collect();
    if rivals.is_empty() {
        String::new()
    } else if rivals.iter().all(|from| from.file() != mv.from.file()) {
        mv.from.file().to_string()
    } else if rivals.iter().all(|from| from.rank() != mv.from.rank()) {
        mv.from.rank().to_string()
    } else {
        mv.from.to_string()
    }
}

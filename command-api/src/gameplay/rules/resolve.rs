//! From what a text asks for to the one legal move that it means.

use super::explain;
use super::illegal::IllegalMove;
use super::notation::{Step, Wanted};
use super::pieces::{PieceKind, Side, Square};
use super::position::Position;
use super::san;
use cozy_chess::{File, Move};

/// The legal move that is meant, in which castling is the king taking his rook.
pub(super) fn find(position: &Position, text: &str, wanted: &Wanted) -> Result<Move, IllegalMove> {
    match wanted {
        Wanted::Castle(side) => castle(position, *side),
        Wanted::Step(step) => single(position, text, step),
    }
}

/// The wing of a castling move.
pub(super) fn side_of(mv: Move) -> Side {
    if mv.from.file() < mv.to.file() { Side::King } else { Side::Queen }
}

/// Whether a legal move castles.
pub(super) fn is_castling(position: &Position, mv: Move) -> bool {
    position.board().colors(position.board().side_to_move()).has(mv.to)
}

fn castle(position: &Position, side: Side) -> Result<Move, IllegalMove> {
    let found = position.moves().into_iter().find(|mv| is_castling(position, *mv) && side_of(*mv) == side);
    found.ok_or_else(|| explain::castling(position, side))
}

/// `e1g1`, `Ke1-g1` and `e1h1`: the king of the side to move on his first square goes two squares or takes a corner.
pub(super) fn castling_meant(position: &Position, step: &Step) -> Option<Side> {
    let from = step.from()?;
    let color = position.side_to_move();
    let home = cozy_chess::Square::E1.relative_to(color.inner());
    let king = position.on(from) == Some((color, PieceKind::King));
    let on_home_rank = from == home && step.to.rank() == home.rank();
    if !king || !on_home_rank || !matches!(step.piece, None | Some(PieceKind::King)) || step.promotion.is_some() {
        return None;
    }
    let own_rook = position.on(step.to) == Some((color, PieceKind::Rook));
    match step.to.file() {
        File::G => Some(Side::King),
        File::C => Some(Side::Queen),
        File::H if own_rook => Some(Side::King),
        File::A if own_rook => Some(Side::Queen),
        File::A | File::B | File::D | File::E | File::F | File::H => None,
    }
}

fn single(position: &Position, text: &str, step: &Step) -> Result<Move, IllegalMove> {
    if let Some(side) = castling_meant(position, step) {
        return castle(position, side);
    }
    let matching: Vec<Move> = position.moves().into_iter().filter(|mv| fits(position, step, *mv)).collect();
    let Some(first) = matching.first() else {
        return Err(explain::step(position, step));
    };
    if step.promotion.is_some() && first.promotion.is_none() {
        return Err(IllegalMove::NoPromotion { to: Square(step.to) });
    }
    if step.captures && !position.is_capture(*first) {
        return Err(IllegalMove::NothingToCapture { to: Square(step.to) });
    }
    let one_piece = matching.iter().all(|mv| mv.from == first.from);
    if one_piece && first.promotion.is_some() && step.promotion.is_none() {
        return Err(IllegalMove::PromotionMissing { to: Square(step.to) });
    }
    let promotion = step.promotion.map(PieceKind::inner);
    let meant: Vec<Move> = matching.into_iter().filter(|mv| promotion.is_none() || mv.promotion == promotion).collect();
    match meant[..] {
        [one] => Ok(one),
        _ => Err(ambiguous(position, text, &meant)),
    }
}

/// Whether a legal move, castling left aside, is what the text says apart from its promotion.
fn fits(position: &Position, step: &Step, mv: Move) -> bool {
    !is_castling(position, mv)
        && mv.to == step.to
        && step.piece.is_none_or(|piece| position.board().piece_on(mv.from) == Some(piece.inner()))
        && step.from_file.is_none_or(|file| mv.from.file() == file)
        && step.from_rank.is_none_or(|rank| mv.from.rank() == rank)
}

fn ambiguous(position: &Position, text: &str, moves: &[Move]) -> IllegalMove {
    let candidates = moves.iter().map(|mv| san::san(position, *mv, &position.after(*mv))).collect();
    IllegalMove::Ambiguous { text: text.trim().to_owned(), candidates }
}

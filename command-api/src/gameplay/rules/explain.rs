//! Why no legal move is what a text asks for.

use super::illegal::{CastlingBar, IllegalMove};
use super::men::Men;
use super::notation::Step;
use super::pieces::{Color, PieceKind, Side, Square};
use super::position::Position;
use cozy::{
    BitBoard, File, Rank, get_between_rays, get_bishop_moves, get_king_moves, get_knight_moves, get_rook_moves,
};
use cozy_chess as cozy;

/// The rule that forbids a move of one piece. Called only when no legal move fits.
pub(super) fn step(position: &Position, step: &Step) -> IllegalMove {
    let color = position.side_to_move();
    if !position.has_legal_move() {
        return IllegalMove::NoMoves { color, check: position.is_check() };
    }
    let sources = match sources(position, step) {
        Ok(sources) => sources,
        Err(reason) => return reason,
    };
    let to = Square(step.to);
    match position.on(step.to) {
        Some((owner, piece)) if owner == color => return IllegalMove::OwnPiece { color, piece, to },
        Some((_, PieceKind::King)) => return IllegalMove::KingCapture { to },
        Some(_) | None => {}
    }
    let reasons: Vec<IllegalMove> =
        sources.iter().map(|(from, kind)| why_not(position, *from, *kind, step.to)).collect();
    let several = reasons.len() > 1;
    let first = reasons.iter().find(|reason| matches!(reason, IllegalMove::LeavesKingInCheck { .. }));
    let blocked = || reasons.iter().find(|reason| matches!(reason, IllegalMove::Blocked { .. }));
    match first.or_else(blocked).or(reasons.first()) {
        Some(IllegalMove::NotItsMove { piece, to, how, article, .. }) if several => IllegalMove::NotItsMove {
            piece: *piece,
            from: sources.iter().map(|(from, _)| Square(*from)).collect(),
            to: *to,
            how,
            article,
        },
        Some(reason) => reason.clone(),
        // `sources` is never empty; kept so that nothing here can panic.
        None => IllegalMove::EmptySquare { from: to },
    }
}

/// The own pieces that the text can mean, at least one.
fn sources(position: &Position, step: &Step) -> Result<Vec<(cozy::Square, PieceKind)>, IllegalMove> {
    let color = position.side_to_move();
    let Some(piece) = step.piece else {
        // Without a letter the square of departure is complete.
        let from = step.from().unwrap_or(step.to);
        return match position.on(from) {
            None => Err(IllegalMove::EmptySquare { from: Square(from) }),
            Some((owner, piece)) if owner != color => {
                Err(IllegalMove::NotYours { from: Square(from), piece, mover: color })
            }
            Some((_, piece)) => Ok(vec![(from, piece)]),
        };
    };
    let file = step.from_file.map_or(BitBoard::FULL, File::bitboard);
    let rank = step.from_rank.map_or(BitBoard::FULL, Rank::bitboard);
    let found: Vec<_> = (position.pieces(color, piece) & file & rank).into_iter().map(|from| (from, piece)).collect();
    if found.is_empty() {
        let place = match (step.from_file, step.from_rank) {
            (None, None) => String::new(),
            (Some(file), None) => format!(" on the {file}-file"),
            (None, Some(rank)) => format!(" on rank {rank}"),
            (Some(file), Some(rank)) => format!(" on {file}{rank}"),
        };
        return Err(IllegalMove::NoSuchPiece { color, piece, place });
    }
    Ok(found)
}

/// Why this piece cannot go there; neither an own piece nor a king stands there.
fn why_not(position: &Position, from: cozy::Square, piece: PieceKind, to: cozy::Square) -> IllegalMove {
    let men = Men::of(position.board());
    let movement = match piece {
        PieceKind::Pawn => pawn(position, from, to),
        PieceKind::Knight | PieceKind::Bishop | PieceKind::Rook | PieceKind::Queen | PieceKind::King => {
            officer(men.occupied(), from, piece, to)
        }
    };
    movement.err().unwrap_or_else(|| leaves_in_check(position, &men, from, piece, to))
}

fn leaves_in_check(
    position: &Position,
    men: &Men,
    from: cozy::Square,
    piece: PieceKind,
    to: cozy::Square,
) -> IllegalMove {
    let color = position.side_to_move();
    let mut occupied = (men.occupied() - from.bitboard()) | to.bitboard();
    if piece == PieceKind::Pawn && from.file() != to.file() && behind_advanced(position, to) {
        occupied -= cozy::Square::new(to.file(), from.rank()).bitboard();
    }
    let king = if piece == PieceKind::King { to } else { position.board().king(color.inner()) };
    let attackers = men.attackers(king, color.other(), occupied) - to.bitboard();
    IllegalMove::LeavesKingInCheck { color, piece, to: Square(to), king: Square(king), attackers: squares(attackers) }
}

fn squares(set: BitBoard) -> Vec<Square> {
    set.into_iter().map(Square).collect()
}

/// Whether a piece that is no pawn reaches the square, and what hinders it.
fn officer(occupied: BitBoard, from: cozy::Square, piece: PieceKind, to: cozy::Square) -> Result<(), IllegalMove> {
    let reach = |blockers| match piece {
        PieceKind::Pawn => BitBoard::EMPTY,
        PieceKind::Knight => get_knight_moves(from),
        PieceKind::King => get_king_moves(from),
        PieceKind::Bishop => get_bishop_moves(from, blockers),
        PieceKind::Rook => get_rook_moves(from, blockers),
        PieceKind::Queen => get_bishop_moves(from, blockers) | get_rook_moves(from, blockers),
    };
    if reach(occupied).has(to) {
        return Ok(());
    }
    if reach(BitBoard::EMPTY).has(to) {
        return Err(blocked(occupied, from, piece, to, "3.5"));
    }
    let (how, article) = match piece {
        PieceKind::Pawn => ("a pawn moves straight ahead and captures diagonally", "3.7"),
        PieceKind::Knight => ("a knight moves to the nearest squares off its rank, file and diagonals", "3.6"),
        PieceKind::Bishop => ("a bishop moves along diagonals", "3.2"),
        PieceKind::Rook => ("a rook moves along its file or rank", "3.3"),
        PieceKind::Queen => ("a queen moves along its file, rank or diagonals", "3.4"),
        PieceKind::King => ("a king moves to an adjoining square", "3.8.1"),
    };
    Err(IllegalMove::NotItsMove { piece, from: vec![Square(from)], to: Square(to), how, article })
}

/// The first piece in the way from one square to another on one line.
fn blocked(
    occupied: BitBoard,
    from: cozy::Square,
    piece: PieceKind,
    to: cozy::Square,
    article: &'static str,
) -> IllegalMove {
    let way = (get_between_rays(from, to) | to.bitboard()) & occupied;
    let distance = |square: &cozy::Square| get_between_rays(from, *square).len();
    let by = way.into_iter().min_by_key(distance).unwrap_or(to);
    IllegalMove::Blocked { piece, from: Square(from), to: Square(to), by: Square(by), article }
}

/// Whether a pawn of the side to move reaches the square, and what hinders it.
fn pawn(position: &Position, from: cozy::Square, to: cozy::Square) -> Result<(), IllegalMove> {
    let color = position.side_to_move();
    let occupied = position.board().occupied();
    let ahead = |square: cozy::Square| match color {
        Color::White => square.rank() as i8,
        Color::Black => 7 - square.rank() as i8,
    };
    let forward = ahead(to) - ahead(from);
    let sideways = (to.file() as i8 - from.file() as i8).abs();
    let refused = |how, article| {
        Err(IllegalMove::NotItsMove { piece: PieceKind::Pawn, from: vec![Square(from)], to: Square(to), how, article })
    };
    match (forward, sideways) {
        (1, 0) if occupied.has(to) => Err(blocked(occupied, from, PieceKind::Pawn, to, "3.7.1")),
        (1, 0) => Ok(()),
        (2, 0) if ahead(from) != 1 => refused("a pawn moves two squares only on its first move", "3.7.2"),
        (2, 0) if !((get_between_rays(from, to) | to.bitboard()) & occupied).is_empty() => {
            Err(blocked(occupied, from, PieceKind::Pawn, to, "3.7.2"))
        }
        (2, 0) => Ok(()),
        (1, 1) if position.board().colors(color.other().inner()).has(to) => Ok(()),
        (1, 1) if behind_advanced(position, to) => Ok(()),
        (1, 1) => refused("a pawn moves diagonally only to capture, and nothing stands there to take", "3.7.3"),
        (i8::MIN..=i8::MAX, i8::MIN..=i8::MAX) => {
            refused("a pawn moves straight ahead, one square or two, and captures diagonally ahead", "3.7")
        }
    }
}

/// Whether a pawn has just passed over this square; the library remembers it also where no capture is legal.
fn behind_advanced(position: &Position, to: cozy::Square) -> bool {
    let board = position.board();
    board.en_passant() == Some(to.file()) && to.rank() == Rank::Sixth.relative_to(board.side_to_move())
}

/// The rule that forbids castling on this wing. Called only when it is not legal.
pub(super) fn castling(position: &Position, side: Side) -> IllegalMove {
    let color = position.side_to_move();
    if !position.has_legal_move() {
        return IllegalMove::NoMoves { color, check: position.is_check() };
    }
    IllegalMove::Castling { color, side, bar: bar(position, color, side) }
}

fn bar(position: &Position, color: Color, side: Side) -> CastlingBar {
    let rights = position.board().castle_rights(color.inner());
    let (right, over, to) = match side {
        Side::King => (rights.short, File::F, File::G),
        Side::Queen => (rights.long, File::D, File::C),
    };
    let Some(rook) = right else {
        return CastlingBar::NoRight;
    };
    let men = Men::of(position.board());
    let king = position.board().king(color.inner());
    let rook = cozy::Square::new(rook, king.rank());
    if let Some(between) = (get_between_rays(king, rook) & men.occupied()).next_square() {
        return CastlingBar::Between(Square(between));
    }
    let occupied = men.occupied() - king.bitboard() - rook.bitboard();
    let attackers = |square| squares(men.attackers(square, color.other(), occupied));
    let over = cozy::Square::new(over, king.rank());
    let to = cozy::Square::new(to, king.rank());
    match (attackers(king), attackers(over)) {
        (by, _) if !by.is_empty() => CastlingBar::InCheck(by),
        (_, by) if !by.is_empty() => CastlingBar::Through { over: Square(over), attackers: by },
        (_, _) => CastlingBar::Into { to: Square(to), attackers: attackers(to) },
    }
}

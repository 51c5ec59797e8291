//! Reading a FEN strictly: six fields, and a position that a game can stand in.

use super::men::Men;
use super::pieces::{Color, PieceKind, Square};
use cozy_chess::{Board, Rank};
use thiserror::Error;

/// No FEN of a legal position is longer: 71 for the board, 2 + 5 + 3 for the next fields, 4 + 6 for the counters.
const MAX_LEN: usize = 91;
/// The seventy-five-move rule has ended the game when the clock stands here.
pub(super) const MAX_HALFMOVE_CLOCK: u16 = 150;

/// Why a text is no FEN of a legal position. The sentence names the rule and the value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the sentence beside each variant says it, and its fields are the values named there")]
pub enum FenError {
    #[error("the FEN has {0} bytes and a FEN has at most {MAX_LEN}")]
    TooLong(usize),
    #[error("the FEN has {0} fields, not 6 (board, side, castling, en passant, halfmove clock, fullmove number)")]
    FieldCount(usize),
    #[error("the board has {0} ranks, not 8 separated by `/`")]
    RankCount(usize),
    #[error("rank {rank} of the board is {text:?}: {why}")]
    Rank { rank: usize, text: String, why: &'static str },
    #[error("the side to move is {0:?}, not `w` or `b`")]
    Side(String),
    #[error("{color} has {count} kings, not 1")]
    Kings { color: Color, count: u32 },
    #[error("{color} has {count} pieces, more than 16")]
    TooManyPieces { color: Color, count: u32 },
    #[error("{color} has {count} pawns, more than 8")]
    TooManyPawns { color: Color, count: u32 },
    #[error("{color} has {promoted} promoted pieces beside {pawns} pawns, and only 8 pawns to make them from")]
    TooManyPromoted { color: Color, promoted: u32, pawns: u32 },
    #[error("a pawn stands on {0}, and none can stand on the first or the last rank (article 3.7)")]
    PawnOnLastRank(Square),
    #[error("the kings on {0} and {1} stand side by side (article 3.9.2)")]
    KingsTouch(Square, Square),
    #[error("{0} is in check and not to move (article 3.9.2)")]
    OpponentInCheck(Color),
    #[error("{color} is in check from {count} pieces, and no move gives check with more than 2 (article 3.10.3)")]
    TooManyCheckers { color: Color, count: u32 },
    #[error("the castling rights are {0:?}, not `-` or a part of `KQkq` in this order")]
    CastlingText(String),
    #[error("the castling right `{0}` needs the king and that rook on their first squares (article 3.8.2.1)")]
    Castling(char),
    #[error("the en-passant square is {0:?}: {1} (article 3.7.3.1)")]
    EnPassant(String, &'static str),
    #[error("the halfmove clock is {0:?}, not a number from 0 to {MAX_HALFMOVE_CLOCK} (article 9.6.2)")]
    HalfmoveClock(String),
    #[error("the fullmove number is {0:?}, not a number from 1 to 65535")]
    FullmoveNumber(String),
}

/// The board of a FEN, and its two counters.
pub(super) fn parse(fen: &str) -> Result<(Board, u16, u16), FenError> {
    if fen.len() > MAX_LEN {
        return Err(FenError::TooLong(fen.len()));
    }
    let fields: Vec<&str> = fen.split(' ').collect();
    let [placement, side, castling, en_passant, halfmove, fullmove] = fields[..] else {
        return Err(FenError::FieldCount(fields.len()));
    };
    let men = men(placement)?;
    let to_move = match side {
        "w" => Color::White,
        "b" => Color::Black,
        _ => return Err(FenError::Side(side.to_owned())),
    };
    Color::ALL.into_iter().try_for_each(|color| check_material(&men, color))?;
    check_pieces(&men, to_move)?;
    check_castling(&men, castling)?;
    let halfmove_clock = number(halfmove)
        .filter(|clock| *clock <= MAX_HALFMOVE_CLOCK)
        .ok_or_else(|| FenError::HalfmoveClock(halfmove.to_owned()))?;
    let fullmove_number =
        number(fullmove).filter(|number| *number > 0).ok_or_else(|| FenError::FullmoveNumber(fullmove.to_owned()))?;
    let en_passant_error = |why| FenError::EnPassant(en_passant.to_owned(), why);
    check_en_passant(&men, to_move, en_passant, halfmove_clock).map_err(en_passant_error)?;
    // All the rest is checked above, so that only a check that the pawn's advance cannot have left is found here.
    let board = Board::from_fen(&format!("{placement} {side} {castling} {en_passant} 0 1"), false)
        .map_err(|_| en_passant_error("the check on the board cannot come from that pawn's advance"))?;
    Ok((board, halfmove_clock, fullmove_number))
}

/// A decimal number without a sign and without leading zeros.
fn number(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

fn men(placement: &str) -> Result<Men, FenError> {
    let ranks: Vec<&str> = placement.split('/').collect();
    let ranks: [&str; 8] = ranks.try_into().map_err(|ranks: Vec<&str>| FenError::RankCount(ranks.len()))?;
    Men::from_placement(&ranks).map_err(|(rank, why)| FenError::Rank { rank, text: ranks[8 - rank].to_owned(), why })
}

fn check_material(men: &Men, color: Color) -> Result<(), FenError> {
    let count = |kind| men.pieces(color, kind).len();
    let (kings, pawns, all) = (count(PieceKind::King), count(PieceKind::Pawn), men.all(color).len());
    let promoted = count(PieceKind::Queen).saturating_sub(1)
        + count(PieceKind::Rook).saturating_sub(2)
        + count(PieceKind::Bishop).saturating_sub(2)
        + count(PieceKind::Knight).saturating_sub(2);
    if kings != 1 {
        return Err(FenError::Kings { color, count: kings });
    }
    if all > 16 {
        return Err(FenError::TooManyPieces { color, count: all });
    }
    if pawns > 8 {
        return Err(FenError::TooManyPawns { color, count: pawns });
    }
    if promoted + pawns > 8 {
        return Err(FenError::TooManyPromoted { color, promoted, pawns });
    }
    Ok(())
}

/// The rules about pawns, kings and checks; both sides have one king.
fn check_pieces(men: &Men, to_move: Color) -> Result<(), FenError> {
    let last_ranks = Rank::First.bitboard() | Rank::Eighth.bitboard();
    if let Some(square) = (men.kind(PieceKind::Pawn) & last_ranks).next_square() {
        return Err(FenError::PawnOnLastRank(Square(square)));
    }
    let king = |color: Color| men.pieces(color, PieceKind::King).next_square();
    let (Some(own), Some(other)) = (king(to_move), king(to_move.other())) else {
        return Err(FenError::Kings { color: to_move, count: 0 });
    };
    if cozy_chess::get_king_moves(own).has(other) {
        return Err(FenError::KingsTouch(Square(own), Square(other)));
    }
    if !men.attackers(other, to_move, men.occupied()).is_empty() {
        return Err(FenError::OpponentInCheck(to_move.other()));
    }
    let count = men.attackers(own, to_move.other(), men.occupied()).len();
    if count > 2 { Err(FenError::TooManyCheckers { color: to_move, count }) } else { Ok(()) }
}

fn check_castling(men: &Men, castling: &str) -> Result<(), FenError> {
    use cozy_chess::Square as At;
    const RIGHTS: [(char, Color, At, At); 4] = [
        ('K', Color::White, At::E1, At::H1),
        ('Q', Color::White, At::E1, At::A1),
        ('k', Color::Black, At::E8, At::H8),
        ('q', Color::Black, At::E8, At::A8),
    ];
    if castling == "-" {
        return Ok(());
    }
    let mut rest = RIGHTS.iter();
    for c in castling.chars() {
        let right = rest.find(|(right, ..)| *right == c);
        let (_, color, king, rook) = right.ok_or_else(|| FenError::CastlingText(castling.to_owned()))?;
        if !men.pieces(*color, PieceKind::King).has(*king) || !men.pieces(*color, PieceKind::Rook).has(*rook) {
            return Err(FenError::Castling(c));
        }
    }
    if castling.is_empty() { Err(FenError::CastlingText(String::new())) } else { Ok(()) }
}

fn check_en_passant(men: &Men, to_move: Color, text: &str, halfmove_clock: u16) -> Result<(), &'static str> {
    if text == "-" {
        return Ok(());
    }
    let square: cozy_chess::Square = text.parse().map_err(|_| "it is neither `-` nor a square")?;
    let (passed, start, end) = match to_move {
        Color::White => (Rank::Sixth, Rank::Seventh, Rank::Fifth),
        Color::Black => (Rank::Third, Rank::Second, Rank::Fourth),
    };
    if square.rank() != passed {
        return Err("no pawn of the side that moved last can have passed over it");
    }
    let on = |rank| cozy_chess::Square::new(square.file(), rank);
    if !men.pieces(to_move.other(), PieceKind::Pawn).has(on(end)) {
        return Err("no pawn that has just advanced two squares stands before it");
    }
    if men.occupied().has(square) || men.occupied().has(on(start)) {
        return Err("the squares that the pawn came over are not empty");
    }
    if halfmove_clock != 0 { Err("the halfmove clock is not 0 after a pawn's move") } else { Ok(()) }
}

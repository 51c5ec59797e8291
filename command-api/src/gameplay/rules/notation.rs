//! From the text of a move to what it asks for; the board is not looked at here.

use super::illegal::IllegalMove;
use super::pieces::{PieceKind, Side};
use cozy_chess::{File, Rank, Square};

/// The longest sensible move, `Qh4xe1=Q e.p. ++!?`, is shorter.
const MAX_LEN: usize = 24;

/// What a text asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// `O-O`, `0-0-0`.
    Castle(Side),
    /// Everything else.
    Step(Step),
}

/// A move of one piece as far as the text tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// `None`: whatever stands on the square of departure, which is then complete.
    pub piece: Option<PieceKind>,
    pub from_file: Option<File>,
    pub from_rank: Option<Rank>,
    pub to: Square,
    /// The text says that something is taken.
    pub captures: bool,
    pub promotion: Option<PieceKind>,
}

impl Step {
    /// The square of departure when the text gives it completely.
    pub(super) fn from(&self) -> Option<Square> {
        Some(Square::new(self.from_file?, self.from_rank?))
    }
}

/// Reads SAN, LAN and UCI.
pub(super) fn read(text: &str) -> Result<Wanted, IllegalMove> {
    let unreadable = |why| {
        let mut text = text.to_owned();
        text.truncate((0..=MAX_LEN).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0));
        IllegalMove::Unreadable { text, why }
    };
    if text.len() > MAX_LEN {
        return Err(unreadable("it is too long"));
    }
    let bare = without_marks(text.trim());
    if !bare.is_ascii() || bare.is_empty() {
        return Err(unreadable("it is no move"));
    }
    match bare.replace(['0', 'o'], "O").as_str() {
        "O-O" => return Ok(Wanted::Castle(Side::King)),
        "O-O-O" => return Ok(Wanted::Castle(Side::Queen)),
        _ => {}
    }
    let digit = bare.rfind(|c: char| c.is_ascii_digit()).ok_or_else(|| unreadable("it names no square"))?;
    let (step, promotion) = bare.split_at(digit + 1);
    let promotion = match promotion {
        "" => None,
        some => Some(read_promotion(some).ok_or_else(|| unreadable("what follows the square is no promotion"))?),
    };
    if let Some(piece @ (PieceKind::King | PieceKind::Pawn)) = promotion {
        return Err(IllegalMove::PromotionPiece { piece });
    }
    read_step(step, promotion).map(Wanted::Step).map_err(unreadable)
}

/// Check marks, `e.p.` and the annotator's `!` and `?` say nothing about which move it is.
fn without_marks(text: &str) -> &str {
    let mut bare = text;
    loop {
        let shorter = bare.trim_end_matches(['+', '#', '!', '?', ' ']);
        let shorter = shorter.strip_suffix("e.p.").or_else(|| shorter.strip_suffix("ep")).unwrap_or(shorter);
        if shorter == bare {
            return bare;
        }
        bare = shorter;
    }
}

/// `=Q`, `Q`, `q`, `(Q)`, `/Q`.
fn read_promotion(text: &str) -> Option<PieceKind> {
    let bracketed = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let letter = bracketed.or_else(|| text.strip_prefix(['=', '/'])).unwrap_or(text);
    let mut letters = letter.chars();
    let kind = PieceKind::from_letter(letters.next()?.to_ascii_uppercase())?;
    letters.next().is_none().then_some(kind)
}

/// `Nf3`, `Nbd2`, `N1xd2`, `Ng1-f3`, `exd5`, `e4`, `e2-e4`, `e2e4`.
fn read_step(text: &str, promotion: Option<PieceKind>) -> Result<Step, &'static str> {
    let letter = text.chars().next().filter(char::is_ascii_uppercase);
    let (piece, rest) = match letter {
        None => (None, text),
        Some(letter) => {
            let kind = PieceKind::from_letter(letter).ok_or("the first letter is none of KQRBNP")?;
            (Some(kind), &text[1..])
        }
    };
    let split = rest.len().checked_sub(2).ok_or("it names no square")?;
    let (origin, to) = rest.split_at(split);
    let to: Square = to.parse().map_err(|_| "the square of arrival is none from a1 to h8")?;
    let (origin, captures) = match origin.strip_suffix(['x', ':']) {
        Some(origin) => (origin, true),
        None => (origin.strip_suffix('-').unwrap_or(origin), false),
    };
    let (from_file, from_rank) = read_origin(origin).ok_or("what comes before the square of arrival is no square")?;
    let whole = from_file.is_some() && from_rank.is_some();
    let piece = piece.or_else(|| (!whole).then_some(PieceKind::Pawn));
    // `e4` is a pawn's advance, not a capture from a neighbouring file.
    let advance = piece == Some(PieceKind::Pawn) && from_file.is_none() && !captures;
    let from_file = if advance { Some(to.file()) } else { from_file };
    Ok(Step { piece, from_file, from_rank, to, captures, promotion })
}

/// Nothing, a file, a rank, or a square.
fn read_origin(text: &str) -> Option<(Option<File>, Option<Rank>)> {
    let mut chars = text.chars().peekable();
    let file = chars.peek().and_then(|c| File::try_from(*c).ok());
    if file.is_some() {
        chars.next();
    }
    let rank = chars.peek().and_then(|c| Rank::try_from(*c).ok());
    if rank.is_some() {
        chars.next();
    }
    chars.next().is_none().then_some((file, rank))
}

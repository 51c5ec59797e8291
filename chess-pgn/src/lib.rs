//! Reads PGN, the text form of chess games: tags, moves, clocks, results. Comments, variations and glyphs are passed over.
//! It knows no rules of chess, does no I/O and depends on nothing, so that whoever reads games can share it.
//!
//! Games come one by one, each with all that is wrong with its text. Whatever the text is, reading takes time linear in
//! its length and the memory of one game; what is larger than the bounds below is a fault and no game's.

mod clock;
#[cfg(test)]
mod fuzz;
mod reader;
#[cfg(test)]
mod tests;

pub use clock::clock_ms;
pub use reader::Games;

/// The longest game that anybody can play under the seventy-five-move rule has fewer half-moves.
pub const MOST_MOVES: usize = 12_000;
/// More tags are no game's.
pub const MOST_TAGS: usize = 200;
/// The longest value of a tag in bytes.
pub const LONGEST_VALUE: usize = 2048;
/// The longest comment in bytes.
pub const LONGEST_COMMENT: usize = 64 * 1024;
/// So many faults of a game are told.
pub const MOST_FAULTS: usize = 20;

/// How a game ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Score {
    /// `1-0`
    White,
    /// `0-1`
    Black,
    /// `1/2-1/2`
    Draw,
    /// `*`: it did not end, or nobody knows.
    Open,
}

impl Score {
    /// What these words say, if they say any result.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "1-0" => Some(Self::White),
            "0-1" => Some(Self::Black),
            "1/2-1/2" | "1/2" => Some(Self::Draw),
            "*" => Some(Self::Open),
            _ => None,
        }
    }

    /// The words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::White => "1-0",
            Self::Black => "0-1",
            Self::Draw => "1/2-1/2",
            Self::Open => "*",
        }
    }
}

/// A pair `[Name "value"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The line where it stands.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// Its value, `\"` and `\\` undone.
    pub value: String,
}

/// A half-move of the main line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The line where it stands.
    pub line: usize,
    /// SAN as it stands there, castling with letters; nobody has looked whether it is legal.
    pub san: String,
    /// What a `[%clk ...]` behind it says; see [`clock_ms`].
    pub clock: Option<String>,
}

/// What is wrong with the text of a game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line where it stands.
    pub line: usize,
    /// The half-move at which it stands, from 1; none among the tags.
    pub ply: Option<usize>,
    /// What it is and what is expected: a lowercase fragment.
    pub told: String,
}

/// A game as the text tells it. One with faults has no more than what came before them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Game {
    /// The line where it begins, from 1.
    pub line: usize,
    /// Its tags in their order.
    pub tags: Vec<Tag>,
    /// The half-moves of its main line.
    pub moves: Vec<Move>,
    /// The result behind the moves; none when there is none.
    pub marker: Option<Score>,
    /// What is wrong; none when it could be read whole.
    pub faults: Vec<Fault>,
}

impl Game {
    /// The value of a tag as it stands there; none when it is missing.
    pub fn raw_tag(&self, name: &str) -> Option<&Tag> {
        self.tags.iter().find(|tag| tag.name == name)
    }

    /// The value of a tag; none when it is missing, empty or `?`.
    pub fn tag(&self, name: &str) -> Option<&str> {
        let found = self.raw_tag(name).map(|tag| tag.value.trim());
        found.filter(|value| !value.is_empty() && *value != "?")
    }

    /// Its result: the tag's, or else what stands behind the moves.
    pub fn score(&self) -> Score {
        let told = self.raw_tag("Result").and_then(|tag| Score::parse(&tag.value));
        told.or(self.marker).unwrap_or(Score::Open)
    }

    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        }
    }
}

/// All games of a text, one by one.
pub fn games(text: &str) -> Games<'_> {
    Games::of(text)
}

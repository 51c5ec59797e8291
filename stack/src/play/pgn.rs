//! Reads PGN, the text form of chess games: tags, moves, results. Comments, variations and glyphs are passed over.

use crate::error::{Context, Error, Result};

/// The longest game that anybody can play under the seventy-five-move rule has fewer half-moves.
const MOST_MOVES: usize = 12_000;
/// More tags are no game's.
const MOST_TAGS: usize = 200;

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
    fn parse(text: &str) -> Option<Self> {
        match text {
            "1-0" => Some(Self::White),
            "0-1" => Some(Self::Black),
            "1/2-1/2" | "1/2" => Some(Self::Draw),
            "*" => Some(Self::Open),
            _ => None,
        }
    }
}

/// A game as the file tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Game {
    /// The line where it begins.
    pub line: usize,
    /// Its tags in their order.
    pub tags: Vec<(String, String)>,
    /// Its half-moves in SAN.
    pub moves: Vec<String>,
    /// Its result: the tag's, or else what stands behind the moves.
    pub score: Score,
}

impl Game {
    /// The value of a tag; none when it is missing, empty or `?`.
    pub fn tag(&self, name: &str) -> Option<&str> {
        let found = self.tags.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim());
        found.filter(|value| !value.is_empty() && *value != "?")
    }
}

/// All games of a text.
pub fn read(text: &str) -> Result<Vec<Game>> {
    let mut reader = Reader { text: text.trim_start_matches('\u{feff}'), at: 0, line: 1 };
    let mut games = Vec::new();
    while let Some(game) = reader.game()? {
        games.push(game);
    }
    Ok(games)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn bump(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        self.line += usize::from(byte == b'\n');
        Some(byte)
    }

    /// Passes over everything while `keep` says so; what it was.
    fn take_while(&mut self, keep: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(&keep) {
            self.bump();
        }
        // Stops only before ASCII or at the end, hence at the border of a character.
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn at_line_start(&self) -> bool {
        self.at == 0 || self.text.as_bytes().get(self.at - 1) == Some(&b'\n')
    }

    /// Passes over spaces, `%` lines and comments.
    fn blank(&mut self) -> Result<()> {
        while let Some(byte) = self.peek() {
            match byte {
                b';' => drop(self.take_while(|byte| byte != b'\n')),
                b'%' if self.at_line_start() => drop(self.take_while(|byte| byte != b'\n')),
                b'{' => {
                    let line = self.line;
                    self.take_while(|byte| byte != b'}');
                    self.bump().context(|| format!("line {line}: the comment `{{` has no end"))?;
                }
                _ if byte.is_ascii_whitespace() => drop(self.bump()),
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    fn game(&mut self) -> Result<Option<Game>> {
        self.blank()?;
        if self.peek().is_none() {
            return Ok(None);
        }
        let (line, mut tags) = (self.line, Vec::new());
        while self.peek() == Some(b'[') {
            tags.push(self.tag()?);
            if tags.len() > MOST_TAGS {
                return Err(Error::new(format!("line {}: more than {MOST_TAGS} tags", self.line)));
            }
            self.blank()?;
        }
        let (moves, marker) = self.moves()?;
        let told = tags.iter().find(|(name, _)| name == "Result").and_then(|(_, value)| Score::parse(value));
        Ok(Some(Game { line, tags, moves, score: told.or(marker).unwrap_or(Score::Open) }))
    }

    /// `[Name "value"]`, with `\"` and `\\` inside.
    fn tag(&mut self) -> Result<(String, String)> {
        let line = self.line;
        let bad = || Error::new(format!("line {line}: a tag must read [Name \"value\"]"));
        self.bump();
        self.take_while(|byte| byte == b' ' || byte == b'\t');
        let name = self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_').to_owned();
        self.take_while(|byte| byte == b' ' || byte == b'\t');
        if name.is_empty() || self.bump() != Some(b'"') {
            return Err(bad());
        }
        let mut value = String::new();
        loop {
            value.push_str(self.take_while(|byte| !matches!(byte, b'"' | b'\\' | b'\n')));
            match self.bump() {
                Some(b'"') => break,
                Some(b'\\') if matches!(self.peek(), Some(b'"' | b'\\')) => {
                    value.extend(self.bump().map(char::from));
                }
                Some(b'\\') => value.push('\\'),
                Some(_) | None => return Err(bad()),
            }
        }
        self.take_while(|byte| byte == b' ' || byte == b'\t');
        if self.bump() == Some(b']') { Ok((name, value)) } else { Err(bad()) }
    }

    /// The moves of the main line, and the result that ends them, if one does.
    fn moves(&mut self) -> Result<(Vec<String>, Option<Score>)> {
        let (mut moves, mut depth) = (Vec::new(), 0_usize);
        loop {
            self.blank()?;
            let Some(byte) = self.peek() else { break };
            match byte {
                b'(' => depth += 1,
                b')' if depth > 0 => depth -= 1,
                b'[' if depth == 0 => return Ok((moves, None)),
                b'*' if depth == 0 => {
                    self.bump();
                    return Ok((moves, Some(Score::Open)));
                }
                b'$' | b'.' | b'*' | b'!' | b'?' => {}
                _ if is_symbol(byte) => {
                    let symbol = self.take_while(is_symbol);
                    if depth > 0 {
                        continue;
                    }
                    if let Some(score) = Score::parse(symbol) {
                        return Ok((moves, Some(score)));
                    }
                    if let Some(san) = self.san(symbol)? {
                        moves.push(san);
                    }
                    if moves.len() > MOST_MOVES {
                        return Err(Error::new(format!("line {}: more than {MOST_MOVES} moves", self.line)));
                    }
                    continue;
                }
                _ => {
                    let found = self.text.get(self.at..).and_then(|rest| rest.chars().next()).unwrap_or('?');
                    return Err(Error::new(format!("line {}: `{found}` cannot stand among moves", self.line)));
                }
            }
            self.bump();
        }
        if depth > 0 {
            return Err(Error::new(format!("line {}: a variation `(` has no end", self.line)));
        }
        Ok((moves, None))
    }

    /// A symbol as a move; none for a move's number, a glyph's, and `e.p.`.
    fn san(&mut self, symbol: &str) -> Result<Option<String>> {
        if symbol.bytes().all(|byte| byte.is_ascii_digit()) || symbol == "ep" {
            return Ok(None);
        }
        if symbol == "e" && self.text.get(self.at..).is_some_and(|rest| rest.starts_with(".p.")) {
            self.at += 3;
            return Ok(None);
        }
        let castling = symbol.starts_with("0-0").then(|| symbol.replace('0', "O"));
        let san = castling.unwrap_or_else(|| symbol.to_owned());
        let begins = san
            .bytes()
            .next()
            .is_some_and(|byte| matches!(byte, b'a'..=b'h' | b'K' | b'Q' | b'R' | b'B' | b'N' | b'O' | b'P'));
        if !begins || san.len() < 2 || san.len() > 16 {
            return Err(Error::new(format!("line {}: `{symbol}` is no move", self.line)));
        }
        Ok(Some(san))
    }
}

fn is_symbol(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'#' | b'=' | b':' | b'-' | b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Game {
        let mut games = read(text).unwrap();
        assert_eq!(games.len(), 1, "{text}");
        games.remove(0)
    }

    #[test]
    fn everything_that_is_no_move_is_passed_over() {
        let text = "\u{feff}% escaped\n[White \"A \\\"x\\\" \\\\\"]\n[Black  \"Müller\"]\n[Result \"1/2-1/2\"]\n\n\
            {first} 1. e4! $1 ( 1. d4 d5 ( 1... Nf6 {deep )} ) 1-0 ) 1... e5?! ; to the end 2. h4\n\
            2.Nf3 Nc6 3.0-0 exd6 e.p. 4. e8=Q+ O-O-O# 1/2-1/2";
        let game = one(text);
        assert_eq!(game.moves, ["e4", "e5", "Nf3", "Nc6", "O-O", "exd6", "e8=Q+", "O-O-O#"]);
        assert_eq!((game.tag("White"), game.tag("Black")), (Some("A \"x\" \\"), Some("Müller")));
        assert_eq!((game.score, game.line), (Score::Draw, 2));
    }

    #[test]
    fn games_follow_each_other_with_and_without_an_end() {
        let games = read("[White \"a\"]\n1. e4\n[White \"b\"] *\n[White \"?\"]\n1-0 1. d4 0-1").unwrap();
        let told: Vec<_> = games.iter().map(|game| (game.tag("White"), game.moves.len(), game.score)).collect();
        assert_eq!(
            told,
            [
                (Some("a"), 1, Score::Open),
                (Some("b"), 0, Score::Open),
                (None, 0, Score::White),
                (None, 1, Score::Black)
            ]
        );
        assert!(read(" \n").unwrap().is_empty());
    }

    #[test]
    fn faults_name_their_line() {
        for (text, told) in [
            ("\n1. e4 {no end", "line 2: the comment"),
            ("[White Ann]", "line 1: a tag"),
            ("[White \"Ann", "line 1: a tag"),
            ("1. e4 ( 1. d4", "line 1: a variation"),
            ("1. e4 ) e5", "line 1: `)` cannot"),
            ("1. e4 é", "line 1: `é` cannot"),
            ("1. --", "line 1: `--` is no move"),
            ("1. x", "line 1: `x` is no move"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(told), "{error}");
        }
    }

    #[test]
    fn cut_and_mangled_text_never_panics() {
        let text = "[Site \"x\"]\n1. e4 {é} e5 (1... d5 $3) 2. Nf3 e.p. *";
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let _ = read(&text[..end]);
            let _ = read(&text[end..]);
        }
        assert!(read(&"(".repeat(100_000)).is_err());
    }

    #[test]
    fn the_shipped_games() {
        let games = read(include_str!("../../../data/lichess-2025-05-games.pgn")).unwrap();
        let count = |score| games.iter().filter(|game| game.score == score).count();
        assert_eq!(games.len(), 220);
        assert_eq!((count(Score::White), count(Score::Black), count(Score::Draw)), (102, 106, 12));
        assert_eq!(games.iter().filter(|game| game.moves.is_empty()).count(), 2);
        assert_eq!(games.iter().map(|game| game.moves.len()).sum::<usize>(), 14_425);
        assert!(games.iter().all(|game| game.tag("Site").is_some() && game.tag("White").is_some()));
    }
}

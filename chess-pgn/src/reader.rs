//! From text to games.

use crate::{Fault, Game, LONGEST_COMMENT, LONGEST_VALUE, MOST_MOVES, MOST_TAGS, Move, Score, Tag, clock};

const BYTE_ORDER_MARK: &str = "\u{feff}";
/// After a fault the next game begins at a line with this.
const BEGINNING: &str = "[Event ";
/// How writers write a move that is none.
const NULL_MOVES: [&str; 5] = ["--", "Z0", "null", "pass", "0000"];

/// The games of a text, in their order.
#[derive(Debug, Clone)]
pub struct Games<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    /// No `}` stands between the last comment without an end and here, so that nobody looks for one twice.
    open: usize,
}

type Read<T> = Result<T, Fault>;

impl Iterator for Games<'_> {
    type Item = Game;

    fn next(&mut self) -> Option<Game> {
        let mut game = Game { line: self.line, ..Game::default() };
        let start = self.at;
        match self.game(&mut game) {
            Ok(true) => Some(game),
            Ok(false) => None,
            Err(fault) => {
                game.fault(fault);
                self.recover(start);
                Some(game)
            }
        }
    }
}

impl<'a> Games<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self { text: text.trim_start_matches(BYTE_ORDER_MARK), at: 0, line: 1, open: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
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
        self.at == 0 || matches!(self.text.as_bytes().get(self.at - 1), Some(b'\n' | b'\r'))
    }

    fn fault(&self, told: impl Into<String>) -> Fault {
        Fault { line: self.line, ply: None, told: told.into() }
    }

    /// Where the next game can begin. What lies between belongs to the game with the fault: no part of it may pass for a
    /// game of its own.
    fn recover(&mut self, start: usize) {
        if self.at == start {
            self.bump();
        }
        while self.peek().is_some() && !(self.at_line_start() && self.rest().starts_with(BEGINNING)) {
            self.take_while(|byte| byte != b'\n');
            self.bump();
        }
    }

    /// Passes over spaces, `%` lines and comments. A clock in a comment is that of the move before it.
    fn blank(&mut self, mut last: Option<&mut Move>) -> Read<()> {
        while let Some(byte) = self.peek() {
            match byte {
                b';' => drop(self.take_while(|byte| byte != b'\n')),
                b'%' if self.at_line_start() => drop(self.take_while(|byte| byte != b'\n')),
                b'{' => {
                    let told = clock::of_comment(self.comment()?);
                    if let (Some(last), Some(told)) = (last.as_deref_mut(), told) {
                        last.clock = Some(told);
                    }
                }
                _ if byte.is_ascii_whitespace() => drop(self.bump()),
                _ if self.rest().starts_with(BYTE_ORDER_MARK) => self.at += BYTE_ORDER_MARK.len(),
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    /// `{...}`; they do not nest.
    fn comment(&mut self) -> Read<&'a str> {
        let (start, bytes) = (self.at + 1, self.text.as_bytes());
        let most = bytes.len().min(start + LONGEST_COMMENT);
        let from = start.max(self.open.min(most));
        let found = bytes.get(from..most).and_then(|inside| inside.iter().position(|byte| *byte == b'}'));
        let Some(length) = found.map(|found| from + found - start) else {
            self.open = most;
            let told = if most == bytes.len() {
                "the comment `{` has no end".to_owned()
            } else {
                format!("the comment `{{` has no `}}` within {LONGEST_COMMENT} bytes")
            };
            return Err(self.fault(told));
        };
        let inside = self.text.get(start..start + length).unwrap_or_default();
        self.line += inside.bytes().filter(|byte| *byte == b'\n').count();
        self.at = start + length + 1;
        Ok(inside)
    }

    /// Whether there was one.
    fn game(&mut self, game: &mut Game) -> Read<bool> {
        self.blank(None)?;
        game.line = self.line;
        if self.peek().is_none() {
            return Ok(false);
        }
        self.tags(game)?;
        match self.moves(game) {
            Ok(()) => Ok(true),
            Err(fault) => Err(Fault { ply: Some(game.moves.len() + 1), ..fault }),
        }
    }

    fn tags(&mut self, game: &mut Game) -> Read<()> {
        while self.peek() == Some(b'[') {
            if self.rest().starts_with(BEGINNING) && game.raw_tag("Event").is_some() {
                return Ok(()); // The next game; this one has tags alone.
            }
            if game.tags.len() == MOST_TAGS {
                return Err(self.fault(format!("more than {MOST_TAGS} tags")));
            }
            match self.tag() {
                Ok(tag) => game.tags.push(tag),
                Err(fault) => {
                    game.fault(fault);
                    self.take_while(|byte| byte != b'\n');
                }
            }
            self.blank(None)?;
        }
        Ok(())
    }

    /// `[Name "value"]`, with `\"` and `\\` inside.
    fn tag(&mut self) -> Read<Tag> {
        let line = self.line;
        let bad = || Fault { line, ply: None, told: "a tag must read [Name \"value\"]".to_owned() };
        self.bump();
        self.take_while(|byte| byte == b' ' || byte == b'\t');
        let name = self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        self.take_while(|byte| byte == b' ' || byte == b'\t');
        if name.is_empty() || name.len() > 255 || self.peek() != Some(b'"') {
            return Err(bad());
        }
        self.bump();
        let mut value = String::new();
        loop {
            let part = self.take_while(|byte| !matches!(byte, b'"' | b'\\' | b'\n' | b'\r'));
            if value.len() + part.len() > LONGEST_VALUE {
                let told = format!("the value of the tag `{name}` is longer than {LONGEST_VALUE} bytes");
                return Err(Fault { line, ply: None, told });
            }
            value.push_str(part);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.bump();
                    let escaped = self.peek().filter(|byte| matches!(byte, b'"' | b'\\'));
                    value.push(escaped.map_or('\\', char::from));
                    if escaped.is_some() {
                        self.bump();
                    }
                }
                Some(_) | None => return Err(bad()),
            }
        }
        self.bump();
        self.take_while(|byte| byte == b' ' || byte == b'\t');
        if self.peek() != Some(b']') {
            return Err(bad());
        }
        self.bump();
        Ok(Tag { line, name: name.to_owned(), value })
    }

    /// The moves of the main line, and the result that ends them, if one does.
    fn moves(&mut self, game: &mut Game) -> Read<()> {
        let mut depth = 0_usize;
        loop {
            self.blank(game.moves.last_mut().filter(|_| depth == 0))?;
            let Some(byte) = self.peek() else { break };
            match byte {
                b'(' => depth += 1,
                b')' if depth > 0 => depth -= 1,
                b'[' if depth == 0 && self.begins_a_tag() => return Ok(()),
                b'*' if depth == 0 => {
                    self.bump();
                    game.marker = Some(Score::Open);
                    return Ok(());
                }
                b'$' | b'.' | b'*' | b'!' | b'?' => {}
                _ if is_symbol(byte) => {
                    let line = self.line;
                    let symbol = self.take_while(is_symbol);
                    if depth > 0 {
                        continue;
                    }
                    if let Some(score) = Score::parse(symbol) {
                        game.marker = Some(score);
                        return Ok(());
                    }
                    if let Some(san) = self.san(symbol)? {
                        if game.moves.len() == MOST_MOVES {
                            return Err(self.fault(format!("more than {MOST_MOVES} moves")));
                        }
                        game.moves.push(Move { line, san, clock: None });
                    }
                    continue;
                }
                _ => {
                    let found = self.rest().chars().next().unwrap_or('?');
                    return Err(self.fault(format!("`{found}` cannot stand among moves")));
                }
            }
            self.bump();
        }
        if depth > 0 {
            return Err(self.fault("a variation `(` has no end"));
        }
        Ok(())
    }

    /// Whether the `[` here, behind moves without a result, is the next game's.
    fn begins_a_tag(&self) -> bool {
        let name = self.rest().get(1..).unwrap_or_default().trim_start_matches([' ', '\t']);
        self.at_line_start() && name.starts_with(|c: char| c.is_ascii_alphanumeric())
    }

    /// A symbol as a move; none for a move's number, a glyph's, `e.p.` and the signs of annotators.
    fn san(&mut self, symbol: &str) -> Read<Option<String>> {
        if NULL_MOVES.contains(&symbol) {
            return Err(self.fault(format!("`{symbol}` is a null move, and every move must be played")));
        }
        let only = |what: fn(u8) -> bool| symbol.bytes().all(what);
        if only(|byte| byte.is_ascii_digit()) || only(|byte| b"+-=/".contains(&byte)) || symbol == "ep" {
            return Ok(None);
        }
        if symbol == "e" && self.rest().starts_with(".p.") {
            self.at += 3;
            return Ok(None);
        }
        let castles = symbol.starts_with("0-0");
        let moves = symbol.starts_with(|c| matches!(c, 'a'..='h' | 'K' | 'Q' | 'R' | 'B' | 'N' | 'O' | 'P'));
        if !(castles || moves) || !(2..=16).contains(&symbol.len()) {
            let shown: String = symbol.chars().take(32).collect();
            return Err(self.fault(format!("`{shown}` is no move")));
        }
        Ok(Some(if castles { symbol.replace('0', "O") } else { symbol.to_owned() }))
    }
}

fn is_symbol(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'#' | b'=' | b':' | b'-' | b'/')
}

//! A reader of PGN that shares nothing with the product: tags, words of moves, clocks. And what analysts call that.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use serde_json::{Map, Value, json};

const DIFFERENCES: &str = include_str!("../../../data/opening-differences.tsv");
/// So many names play.
const NAMES: usize = 16;

/// A game as its text has it.
pub struct Game {
    tags: HashMap<String, String>,
    moves: Vec<String>,
    /// Seconds left after each half-move.
    clocks: Vec<i64>,
}

/// The text with other names and times, so that players meet often and games begin on every day and hour.
pub fn shuffled(text: &str) -> String {
    let mut game = 0;
    let mut lines = Vec::new();
    for line in text.lines() {
        let name = line.strip_prefix('[').and_then(|line| line.split_once(' ')).map_or("", |(name, _)| name);
        if name == "Event" {
            game += 1;
        }
        lines.push(match name {
            "White" => format!("[White \"Player {:02}\"]", game % NAMES),
            "Black" => format!("[Black \"Player {:02}\"]", (game + 1 + (game / NAMES) % (NAMES - 1)) % NAMES),
            "UTCDate" => format!("[UTCDate \"2025.{:02}.{:02}\"]", 3 + game % 3, 1 + game % 28),
            "UTCTime" => format!("[UTCTime \"{:02}:{:02}:{:02}\"]", (game * 7) % 24, game % 60, (game * 11) % 60),
            _ => line.to_owned(),
        });
    }
    lines.join("\n")
}

/// All games of a text.
pub fn games(text: &str) -> Vec<Game> {
    let mut games: Vec<Game> = Vec::new();
    let mut played = true;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(tag) = line.strip_prefix('[').filter(|_| line.ends_with("\"]")) {
            if std::mem::take(&mut played) {
                games.push(Game { tags: HashMap::new(), moves: Vec::new(), clocks: Vec::new() });
            }
            let (name, value) = tag.split_once(" \"").expect("a tag");
            let value = value.trim_end_matches("\"]").to_owned();
            games.last_mut().expect("a game").tags.insert(name.to_owned(), value);
        } else {
            played = true;
            games.last_mut().expect("a game").read(line);
        }
    }
    games
}

impl Game {
    fn read(&mut self, line: &str) {
        for (at, part) in line.split(['{', '}']).enumerate() {
            // Every second part is a comment.
            if at % 2 == 1 {
                let clock = part.split("[%clk ").nth(1).and_then(|rest| rest.split(']').next());
                let seconds =
                    |text: &str| text.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().expect("digits"));
                self.clocks.extend(clock.map(seconds));
                continue;
            }
            let words = part.split_whitespace().filter(|word| !word.ends_with('.'));
            let moves = words.filter(|word| !["1-0", "0-1", "1/2-1/2", "*"].contains(word));
            // `??` and `!` are what somebody thought of the move.
            self.moves.extend(moves.map(|word| word.trim_end_matches(['!', '?']).to_owned()));
        }
    }

    /// A tag.
    pub fn tag(&self, name: &str) -> &str {
        self.tags.get(name).map_or("", String::as_str)
    }

    fn number(&self, name: &str) -> i64 {
        self.tag(name).parse().expect("a number")
    }

    /// The opening by position: the tag's, or what the list of differences says.
    fn opening(&self) -> (Value, Value) {
        let row =
            DIFFERENCES.lines().map(|line| line.split('\t').collect::<Vec<_>>()).find(|row| row[0] == self.tag("Site"));
        let (eco, name) = row.as_ref().map_or((self.tag("ECO"), self.tag("Opening")), |row| (row[3], row[4]));
        let word = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
        (word(eco), word(name))
    }

    /// Beginning and increment in seconds.
    fn control(&self) -> (i64, i64) {
        let (initial, increment) = self.tag("TimeControl").split_once('+').expect("a beginning and an increment");
        (initial.parse().expect("seconds"), increment.parse().expect("seconds"))
    }

    fn class(&self) -> &'static str {
        let (initial, increment) = self.control();
        match initial + 40 * increment {
            ..180 => "bullet",
            180..480 => "blitz",
            480..1500 => "rapid",
            1500.. => "classical",
        }
    }

    /// Seconds from the first move to the last one.
    fn duration(&self) -> Option<f64> {
        let (initial, increment) = self.control();
        let before = |ply: usize| if ply < 2 { initial } else { self.clocks[ply - 2] };
        let used = (1..self.moves.len()).map(|ply| (before(ply) + increment - self.clocks[ply]).max(0));
        (!self.moves.is_empty()).then(|| used.sum::<i64>() as f64)
    }

    fn winner(&self) -> &'static str {
        match self.tag("Result") {
            "1-0" => "white",
            "0-1" => "black",
            _ => "draw",
        }
    }

    /// Why it ended, where the text alone tells that: a draw without more words may be of several kinds.
    fn termination(&self) -> Option<&'static str> {
        match (self.tag("Termination"), self.winner(), self.moves.last()) {
            ("Time forfeit", ..) => Some("timeForfeit"),
            ("Normal", _, Some(last)) if last.ends_with('#') => Some("checkmate"),
            ("Normal", "draw", _) => None,
            ("Normal", ..) => Some("resignation"),
            _ => Some("unknown"),
        }
    }

    /// What the list of games must show of it.
    pub fn row(&self) -> Map<String, Value> {
        let (white, black) = (self.number("WhiteElo"), self.number("BlackElo"));
        let band = |elo: i64| json!(format!("{}-{}", elo / 200 * 200, elo / 200 * 200 + 199));
        let told = format!("{} {}", self.tag("UTCDate"), self.tag("UTCTime"));
        let start = NaiveDateTime::parse_from_str(&told, "%Y.%m.%d %H:%M:%S").expect("an instant");
        let (eco, opening) = self.opening();
        let family = opening.as_str().map(|name| name.split([':', ',']).next());
        let mut row = Map::from_iter([
            ("site".to_owned(), json!(self.tag("Site"))),
            ("event".to_owned(), json!(self.tag("Event"))),
            ("playerWhiteName".to_owned(), json!(self.tag("White"))),
            ("playerBlackName".to_owned(), json!(self.tag("Black"))),
            ("winner".to_owned(), json!(self.winner())),
            ("eco".to_owned(), eco),
            ("openingFamily".to_owned(), json!(family)),
            ("opening".to_owned(), opening),
            ("plies".to_owned(), json!(self.moves.len())),
            ("lastMove".to_owned(), json!(self.moves.last())),
            ("whiteElo".to_owned(), json!(white)),
            ("blackElo".to_owned(), json!(black)),
            ("whiteRatingBand".to_owned(), band(white)),
            ("blackRatingBand".to_owned(), band(black)),
            ("averageRatingBand".to_owned(), band((white + black) / 2)),
            ("ratingDifference".to_owned(), json!(white - black)),
            ("timeControlClass".to_owned(), json!(self.class())),
            ("startedAt".to_owned(), json!(start.format("%Y-%m-%dT%H:%M:%S.000Z").to_string())),
            ("startWeekday".to_owned(), json!(start.format("%A").to_string().to_lowercase())),
            ("startHour".to_owned(), json!(start.format("%H").to_string().parse::<u32>().expect("an hour"))),
            ("durationSeconds".to_owned(), json!(self.duration())),
        ]);
        if let Some(termination) = self.termination() {
            row.insert("termination".to_owned(), json!(termination));
        }
        row
    }

    /// What the view of players must show of it, White's side first.
    pub fn sides(&self) -> [Map<String, Value>; 2] {
        ["White", "Black"].map(|side| {
            let (own, other) = if side == "White" { ("white", "black") } else { ("black", "white") };
            let title = |side: &str| if side == "white" { "White" } else { "Black" };
            let game = self.row();
            let (outcome, score) = match self.winner() {
                "draw" => ("draw", 0.5),
                winner if winner == own => ("win", 1.0),
                _ => ("loss", 0.0),
            };
            let of_game = [
                "winner",
                "eco",
                "openingFamily",
                "opening",
                "plies",
                "timeControlClass",
                "startedAt",
                "startWeekday",
                "startHour",
                "durationSeconds",
                "event",
            ];
            let mut row: Map<String, Value> =
                of_game.iter().map(|name| ((*name).to_owned(), game[*name].clone())).collect();
            row.extend([
                ("colour".to_owned(), json!(own)),
                ("playerName".to_owned(), json!(self.tag(title(own)))),
                ("opponentName".to_owned(), json!(self.tag(title(other)))),
                ("rating".to_owned(), game[&format!("{own}Elo")].clone()),
                ("opponentRating".to_owned(), game[&format!("{other}Elo")].clone()),
                ("ratingBand".to_owned(), game[&format!("{own}RatingBand")].clone()),
                ("opponentRatingBand".to_owned(), game[&format!("{other}RatingBand")].clone()),
                ("outcome".to_owned(), json!(outcome)),
                ("score".to_owned(), json!(score)),
            ]);
            row
        })
    }
}

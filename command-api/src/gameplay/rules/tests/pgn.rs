//! Just enough PGN to read the shipped files.

/// One game of a PGN file.
pub(in crate::gameplay) struct Game<'a> {
    tags: Vec<(&'a str, &'a str)>,
    pub moves: Vec<&'a str>,
    /// Seconds on the mover's clock after each move.
    pub clocks: Vec<i64>,
}

impl<'a> Game<'a> {
    /// The value of a tag, or "" if it is absent.
    pub(in crate::gameplay) fn tag(&self, name: &str) -> &'a str {
        self.tags.iter().find(|(tag, _)| *tag == name).map_or("", |(_, value)| value)
    }
}

/// The games that this repository ships.
pub(in crate::gameplay) const SHIPPED: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../data/lichess-2025-05-games.pgn"));

/// The games of a file without variations.
pub(in crate::gameplay) fn games(text: &str) -> Vec<Game<'_>> {
    let mut games: Vec<Game<'_>> = Vec::new();
    for line in text.lines() {
        if let Some(tag) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix("\"]")) {
            let (name, value) = tag.split_once(" \"").expect("a tag and its value");
            if name == "Event" {
                games.push(Game { tags: Vec::new(), moves: Vec::new(), clocks: Vec::new() });
            }
            games.last_mut().expect("a game begins with its event").tags.push((name, value));
        } else if !line.is_empty() {
            let game = games.last_mut().expect("tags come first");
            game.moves.extend(moves(line));
            game.clocks.extend(line.split("[%clk ").skip(1).map(seconds));
        }
    }
    games
}

/// The moves of a movetext in which comments stand in braces and do not nest.
pub(in crate::gameplay) fn moves(text: &str) -> impl Iterator<Item = &str> {
    text.split(['{'])
        .flat_map(|part| match part.split_once('}') {
            Some((_comment, moves)) => moves.split_whitespace(),
            None => part.split_whitespace(),
        })
        .filter(|word| !word.ends_with('.') && !["1-0", "0-1", "1/2-1/2", "*"].contains(word))
}

/// `0:05:01]...`
fn seconds(clock: &str) -> i64 {
    let (time, _) = clock.split_once(']').expect("a clock ends with a bracket");
    time.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().expect("a number"))
}

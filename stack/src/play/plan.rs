//! What is to be done for a file: its games, the accounts that they need, and what a lookup of openings must find.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::identity::{Account, Keys, name_of};
use super::pgn::{self, Game, Score};
use crate::error::{Context, Error, Result};

/// A larger file is split first: its games and their answers are held in memory.
const LARGEST_FILE: u64 = 256 << 20;
/// Games whose tags differ from a lookup by position, each explained (data/README.md).
const DIFFERENCES: &str = include_str!("../../../data/opening-differences.tsv");

/// An ECO code and a name; neither when no position of the game has one.
pub type Opening = (Option<String>, Option<String>);

/// A game that is to be played.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What it is called in messages: its URL, or the line where it begins.
    pub title: String,
    /// The keys of its requests.
    pub keys: Keys,
    /// White's place among the accounts.
    pub white: usize,
    /// Black's place among the accounts.
    pub black: usize,
    /// The half-moves in SAN.
    pub moves: Vec<String>,
    /// How it ended.
    pub score: Score,
    /// The position that it began with, if not the usual one.
    pub fen: Option<String>,
    /// The API's word for its time control.
    pub kind: &'static str,
    /// What the lookup must find; none when the file does not say.
    pub opening: Option<Opening>,
    /// Whether its tag differs from what the lookup must find.
    pub renamed: bool,
}

/// All that is to be done.
#[derive(Debug)]
pub struct Plan {
    /// The games in the file's order.
    pub games: Vec<Planned>,
    /// One account for each name.
    pub accounts: Vec<Account>,
    /// How many games stood in the file more than once; each is played once.
    pub repeated: usize,
}

impl Plan {
    /// From a PGN file.
    pub fn load(path: &Path) -> Result<Self> {
        let told = || format!("cannot read {}", path.display());
        let size = std::fs::metadata(path).context(told)?.len();
        if size > LARGEST_FILE {
            let (file, most) = (path.display(), LARGEST_FILE >> 20);
            return Err(Error::new(format!("{file} has {} MiB, at most {most} are read: split it", size >> 20)));
        }
        let bytes = std::fs::read(path).context(told)?;
        // Old files are in Latin-1; what is not UTF-8 becomes a question mark, the same at each run.
        let text = String::from_utf8_lossy(&bytes);
        let games = pgn::read(&text).context(|| format!("{} is no PGN that can be played", path.display()))?;
        if games.is_empty() {
            return Err(Error::new(format!("{} holds no game", path.display())));
        }
        Self::of(games).context(|| format!("{} cannot be played", path.display()))
    }

    fn of(games: Vec<Game>) -> Result<Self> {
        let differences = differences()?;
        let mut plan = Self { games: Vec::new(), accounts: Vec::new(), repeated: 0 };
        let (mut names, mut seen, mut faults) = (HashMap::new(), HashSet::new(), Vec::new());
        for game in games {
            if let Some(fault) = fault(&game) {
                faults.push(format!("the game on line {} {fault}", game.line));
                continue;
            }
            if !seen.insert(name_of(&game)) {
                plan.repeated += 1;
                continue;
            }
            let mut player = |tag| {
                let name = game.tag(tag).unwrap_or("?").to_owned();
                *names.entry(name).or_insert_with_key(|name| {
                    plan.accounts.push(Account::of(name));
                    plan.accounts.len() - 1
                })
            };
            let (white, black) = (player("White"), player("Black"));
            plan.games.push(planned(game, white, black, &differences));
        }
        match faults.len() {
            0 => Ok(plan),
            count => {
                faults.truncate(10);
                Err(Error::new(format!("{count} of its games cannot be played here: {}", faults.join("; "))))
            }
        }
    }
}

/// Why a game cannot be played here at all.
fn fault(game: &Game) -> Option<String> {
    if let Some(variant) = game.tag("Variant")
        && !["standard", "from position", "normal", "chess"].contains(&variant.to_ascii_lowercase().as_str())
    {
        return Some(format!("is `{variant}`, not standard chess"));
    }
    let (white, black) = (game.tag("White"), game.tag("Black"));
    (white == black).then(|| format!("has `{}` on both sides", white.unwrap_or("?")))
}

fn planned(game: Game, white: usize, black: usize, differences: &HashMap<&str, Difference<'_>>) -> Planned {
    let tagged = (game.tag("ECO").map(str::to_owned), game.tag("Opening").map(str::to_owned));
    let site = game.tag("Site").filter(|site| site.starts_with("http"));
    let listed = site.and_then(|site| differences.get(site)).filter(|listed| listed.is_of(&tagged));
    let opening = match listed {
        Some(listed) => Some(listed.found.clone()),
        None => (tagged.0.is_some() && tagged.1.is_some()).then_some(tagged),
    };
    Planned {
        title: site.map_or_else(|| format!("the game on line {}", game.line), str::to_owned),
        keys: Keys::of(&game),
        white,
        black,
        score: game.score(),
        fen: game.tag("FEN").map(str::to_owned),
        kind: kind(game.tag("TimeControl").unwrap_or("-")),
        opening,
        renamed: listed.is_some(),
        moves: game.moves.into_iter().map(|mv| mv.san).collect(),
    }
}

/// `300+3`, judged by the time that 40 moves take.
fn kind(control: &str) -> &'static str {
    let (base, increment) = control.split_once('+').unwrap_or((control, "0"));
    match (base.parse::<u32>(), increment.parse::<u32>()) {
        (Ok(base), Ok(increment)) => match base.saturating_add(increment.saturating_mul(40)) {
            0..480 => "blitz",
            480..1500 => "rapid",
            _ => "timed",
        },
        _ => "untimed",
    }
}

/// A row of the list.
struct Difference<'a> {
    tagged: (&'a str, &'a str),
    found: Opening,
}

impl Difference<'_> {
    /// Whether it speaks of a game with these tags.
    fn is_of(&self, tagged: &Opening) -> bool {
        let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
        (word(&tagged.0), word(&tagged.1)) == (self.tagged.0.to_owned(), self.tagged.1.to_owned())
    }
}

fn differences() -> Result<HashMap<&'static str, Difference<'static>>> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let row = |line: &'static str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [site, tag_eco, tag_opening, eco, opening, _why] = columns[..] else {
            return Err(Error::new(format!("data/opening-differences.tsv: `{line}` has not six columns")));
        };
        Ok((site, Difference { tagged: (tag_eco, tag_opening), found: (some(eco), some(opening)) }))
    };
    DIFFERENCES.lines().skip(1).filter(|line| !line.is_empty()).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Result<Plan> {
        Plan::of(pgn::read(text).unwrap())
    }

    #[test]
    fn the_shipped_games() {
        let plan = plan(include_str!("../../../data/lichess-2025-05-games.pgn")).unwrap();
        assert_eq!((plan.games.len(), plan.repeated), (220, 0));
        assert!(plan.games.iter().all(|game| game.opening.is_some()));
        let listed = DIFFERENCES.lines().count() - 1;
        assert_eq!(plan.games.iter().filter(|game| game.renamed).count(), listed);
        let unnamed = |game: &&Planned| game.opening == Some((None, None));
        assert_eq!(plan.games.iter().filter(unnamed).count(), 2);
    }

    #[test]
    fn a_name_is_one_account_and_a_game_is_played_once() {
        let text = "[White \"a\"][Black \"b\"] 1. e4 * [White \"b\"][Black \"a\"] * [White \"a\"][Black \"b\"] 1. e4 *";
        let plan = plan(text).unwrap();
        assert_eq!((plan.games.len(), plan.accounts.len(), plan.repeated), (2, 2, 1));
        assert_eq!((plan.games[1].white, plan.games[1].black), (1, 0));
        assert_eq!(plan.games[0].opening, None);
    }

    #[test]
    fn what_cannot_be_played_is_said_before_anything_is_done() {
        let text = "[White \"a\"][Black \"a\"] *\n[White \"a\"][Black \"b\"][Variant \"Atomic\"] *";
        let error = plan(text).unwrap_err().to_string();
        assert!(error.contains("line 1 has `a` on both sides"), "{error}");
        assert!(error.contains("line 2 is `Atomic`"), "{error}");
    }

    #[test]
    fn time_controls_have_the_words_of_the_api() {
        let words = ["60+0", "300+3", "180", "600+5", "1800+20", "-", "40/9000"].map(kind);
        assert_eq!(words, ["blitz", "blitz", "blitz", "rapid", "timed", "untimed", "untimed"]);
    }
}

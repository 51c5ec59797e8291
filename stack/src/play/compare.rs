//! What the query service says of the games that were played, beside what the file says.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use serde_json::{Map, Value, json};

use super::client::{Ask, Client, Login};
use super::crowd::each;
use super::pgn::Score;
use super::plan::{Opening, Plan};
use super::table::Board;
use crate::error::{Context, Result};

/// Ids in one filter, and so rows in one page.
const CHUNK: usize = 100;
/// How many differences of one line are named.
const NAMED: usize = 10;

/// One line of the comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What is compared.
    pub what: String,
    /// What the file says.
    pub expected: String,
    /// What the query service says.
    pub found: String,
    /// Where they differ; none when they are equal.
    pub differences: Vec<String>,
}

/// Numbers by the things that they count.
type Tally = BTreeMap<String, u64>;

/// The numbers of one side.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    games: u64,
    results: Tally,
    moves: u64,
    plies: u64,
    players: Tally,
    openings: Tally,
}

/// Where the query service is, and as whom it is asked.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The connections.
    pub client: &'a Client,
    /// An admin, who sees all games.
    pub admin: &'a Login,
    /// The query service's URL.
    pub bff: String,
    /// How many threads ask.
    pub threads: usize,
}

impl Reader<'_> {
    /// Asks, and compares over the games that were made.
    pub fn compare(&self, plan: &Plan, boards: &[Board<'_>]) -> Result<Vec<Line>> {
        let expected = of_plan(plan);
        let found = self.ask(boards)?;
        Ok(lines(&expected, &found))
    }

    fn ask(&self, boards: &[Board<'_>]) -> Result<Sums> {
        let made: Vec<&Board<'_>> = boards.iter().filter(|board| !board.id.is_empty()).collect();
        let chunks: Vec<&[&Board<'_>]> = made.chunks(CHUNK).collect();
        let sums = each(self.threads, &chunks, |chunk| self.ask_chunk(chunk))?;
        Ok(sums.into_iter().fold(Sums::default(), Sums::and))
    }

    fn ask_chunk(&self, boards: &[&Board<'_>]) -> Result<Sums> {
        let ids: Vec<&str> = boards.iter().map(|board| board.id.as_str()).collect();
        let mut sums = Sums {
            games: self.count("chessGameListView", &json!({"id": {"in": ids}}))?,
            moves: self.count("chessGameMove", &json!({"gameId": {"in": ids}}))?,
            ..Sums::default()
        };
        for word in ["whiteWin", "blackWin", "draw"] {
            let filter = json!({"id": {"in": ids}, "result": word, "status": "completed"});
            sums.results.insert(word.to_owned(), self.count("chessGameListView", &filter)?);
        }
        let unfinished = json!({"id": {"in": ids}, "status": {"ne": "completed"}});
        sums.results.insert("unfinished".to_owned(), self.count("chessGameListView", &unfinished)?);
        let fields = "id,plies,playerWhiteName,playerBlackName,eco,opening";
        let url = format!("{}/bff-api/chessGameListView/list?limit={CHUNK}&fields={fields}", self.bff);
        let page = self.read(&url, &json!({"id": {"in": ids}}))?;
        let items = page["items"].as_array().context(|| format!("{url} answered without items"))?;
        let compared = |id: &Value| {
            boards.iter().any(|board| Some(board.id.as_str()) == id.as_str() && board.game.opening.is_some())
        };
        for item in items.iter().filter_map(Value::as_object) {
            sums.plies += item.get("plies").and_then(Value::as_u64).unwrap_or(0);
            for name in ["playerWhiteName", "playerBlackName"] {
                add(&mut sums.players, text(item, name).unwrap_or_else(|| "(no name)".to_owned()));
            }
            if compared(item.get("id").unwrap_or(&Value::Null)) {
                add(&mut sums.openings, title(&(text(item, "eco"), text(item, "opening"))));
            }
        }
        Ok(sums)
    }

    fn count(&self, view: &str, filter: &Value) -> Result<u64> {
        let url = format!("{}/bff-api/{view}/count", self.bff);
        let answer = self.read(&url, filter)?;
        answer["total"].as_u64().context(|| format!("{url} answered without a total"))
    }

    /// Reads what is complete up to the newest of our own writes.
    fn read(&self, url: &str, filter: &Value) -> Result<Value> {
        let since = self.client.newest();
        let ask = Ask { since: since.as_deref(), ..Ask::send("POST", url, filter) };
        Ok(self.client.as_user(self.admin, &ask)?.ok(|| format!("{url} with {filter}"))?.body)
    }
}

impl Sums {
    fn and(mut self, other: Self) -> Self {
        self.games += other.games;
        self.moves += other.moves;
        self.plies += other.plies;
        for (into, from) in [
            (&mut self.results, other.results),
            (&mut self.players, other.players),
            (&mut self.openings, other.openings),
        ] {
            for (key, count) in from {
                *into.entry(key).or_default() += count;
            }
        }
        self
    }
}

fn add(tally: &mut Tally, key: String) {
    *tally.entry(key).or_default() += 1;
}

fn text(item: &Map<String, Value>, name: &str) -> Option<String> {
    item.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn title((eco, name): &Opening) -> String {
    match (eco, name) {
        (None, None) => "(none)".to_owned(),
        (eco, name) => format!("{} {}", eco.as_deref().unwrap_or("?"), name.as_deref().unwrap_or("?")),
    }
}

/// What the file says.
fn of_plan(plan: &Plan) -> Sums {
    let mut sums = Sums { games: plan.games.len() as u64, ..Sums::default() };
    sums.results = ["whiteWin", "blackWin", "draw", "unfinished"].map(|word| (word.to_owned(), 0)).into();
    for game in &plan.games {
        let word = match game.score {
            Score::White => "whiteWin",
            Score::Black => "blackWin",
            Score::Draw => "draw",
            Score::Open => "unfinished",
        };
        add(&mut sums.results, word.to_owned());
        sums.moves += game.moves.len() as u64;
        for place in [game.white, game.black] {
            let name = plan.accounts.get(place).map(|account| account.name.clone());
            add(&mut sums.players, name.unwrap_or_default());
        }
        if let Some(opening) = &game.opening {
            add(&mut sums.openings, title(opening));
        }
    }
    sums.plies = sums.moves;
    sums
}

fn lines(expected: &Sums, found: &Sums) -> Vec<Line> {
    let mut lines = vec![number("games", expected.games, found.games)];
    for (word, what) in
        [("whiteWin", "won by White"), ("blackWin", "won by Black"), ("draw", "drawn"), ("unfinished", "unfinished")]
    {
        let of = |sums: &Sums| sums.results.get(word).copied().unwrap_or(0);
        lines.push(number(what, of(expected), of(found)));
    }
    lines.push(number("moves", expected.moves, found.moves));
    lines.push(number("moves by game", expected.plies, found.plies));
    lines.push(tallies("games per player", "players", &expected.players, &found.players));
    lines.push(tallies("games per opening", "openings", &expected.openings, &found.openings));
    lines
}

fn number(what: &str, expected: u64, found: u64) -> Line {
    let differences =
        if expected == found { Vec::new() } else { vec![format!("{expected} in the file, {found} found")] };
    Line { what: what.to_owned(), expected: expected.to_string(), found: found.to_string(), differences }
}

fn tallies(what: &str, unit: &str, expected: &Tally, found: &Tally) -> Line {
    let told = |tally: &Tally| format!("{} {unit}", tally.len());
    let of = |tally: &Tally, key: &String| tally.get(key).copied().unwrap_or(0);
    let added = found.keys().filter(|key| !expected.contains_key(*key));
    let differing = expected.keys().chain(added).filter(|key| of(expected, key) != of(found, key));
    let differences =
        differing.map(|key| format!("`{key}`: {} in the file, {} found", of(expected, key), of(found, key))).collect();
    Line { what: what.to_owned(), expected: told(expected), found: told(found), differences }
}

/// The comparison for the terminal.
pub fn print(lines: &[Line]) -> String {
    let mut text = String::new();
    let mut row = |a: &dyn Display, b: &dyn Display, c: &dyn Display, d: &str| {
        let _ = writeln!(text, "  {a:20} {b:>16} {c:>16}  {d}");
    };
    row(&"", &"file", &"query service", "");
    for line in lines {
        row(&line.what, &line.expected, &line.found, if line.differences.is_empty() { "equal" } else { "DIFFERS" });
    }
    for line in lines.iter().filter(|line| !line.differences.is_empty()) {
        for difference in line.differences.iter().take(NAMED) {
            let _ = writeln!(text, "  {}: {difference}", line.what);
        }
        if let Some(more) = line.differences.len().checked_sub(NAMED).filter(|more| *more > 0) {
            let _ = writeln!(text, "  {}: and {more} more", line.what);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(players: &[(&str, u64)]) -> Sums {
        let players = players.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Sums { games: 1, players, ..Sums::default() }
    }

    #[test]
    fn equal_sides_have_no_differences() {
        let (one, two) = (sums(&[("a", 1), ("b", 2)]), sums(&[("a", 1), ("b", 2)]));
        assert!(lines(&one, &two).iter().all(|line| line.differences.is_empty()));
    }

    #[test]
    fn what_is_missing_more_or_other_is_named() {
        let (one, two) = (sums(&[("a", 1), ("b", 2), ("c", 1)]), sums(&[("b", 3), ("c", 1), ("d", 1)]));
        let found = lines(&one, &two);
        let line = found.iter().find(|line| line.what == "games per player").unwrap();
        assert_eq!(
            line.differences,
            ["`a`: 1 in the file, 0 found", "`b`: 2 in the file, 3 found", "`d`: 0 in the file, 1 found"]
        );
        let table = print(&found);
        assert!(table.contains("DIFFERS") && table.contains("`d`: 0 in the file"), "{table}");
    }

    #[test]
    fn sums_of_chunks_add_up() {
        let both = sums(&[("a", 1)]).and(sums(&[("a", 2), ("b", 1)]));
        assert_eq!((both.games, both.players), (2, sums(&[("a", 3), ("b", 1)]).players));
    }
}

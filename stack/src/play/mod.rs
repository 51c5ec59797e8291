//! Plays the games of a PGN file through the command API, each move as its own player, then asks the query service
//! and compares. It may be killed and run again, and a second time it changes nothing: accounts, keys and bodies
//! derive from the file.

pub mod client;
pub mod compare;
pub mod crowd;
pub mod identity;
pub mod pgn;
pub mod plan;
pub mod table;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use self::client::{Ask, Client};
use self::compare::{Line, Reader};
use self::crowd::{Pace, each};
use self::identity::Account;
use self::plan::Plan;
use self::table::{Board, Hall, Player};
use crate::error::{Context, Error, Result};
use crate::screen::Screen;
use crate::services;
use crate::status::Status;

/// What can be chosen.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file; none = the games that the product ships.
    pub file: Option<PathBuf>,
    /// Moves a second; none = as fast as it goes.
    pub speed: Option<f64>,
    /// How many games are played at once.
    pub games_at_once: usize,
    /// Where progress is shown.
    pub screen: Screen,
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// How many accounts, games and moves.
    pub done: String,
    /// How long each step took.
    pub times: Vec<(&'static str, Duration)>,
    /// Moves a second while moves were played.
    pub rate: f64,
    /// Requests, and how many of them were tries again.
    pub requests: (u64, u64),
    /// What could not be played.
    pub faults: Vec<String>,
    /// The comparison.
    pub lines: Vec<Line>,
    /// What else should be known.
    pub notes: Vec<String>,
}

impl Report {
    /// Whether everything was played and every line is equal.
    pub fn is_equal(&self) -> bool {
        self.faults.is_empty() && self.lines.iter().all(|line| line.differences.is_empty())
    }
}

/// The sample that the product ships.
pub fn sample() -> PathBuf {
    services::workspace().join("data/lichess-2025-05-games.pgn")
}

/// Plays a file on a running stack.
pub fn run(status: &Status, options: &Options) -> Result<Report> {
    let file = options.file.clone().unwrap_or_else(sample);
    let plan = Plan::load(&file)?;
    let threads = options.games_at_once;
    let client = Client::new(&status.command_api, threads);
    let mut clock = Clock { screen: &options.screen, times: Vec::new() };

    let players = clock.step("accounts", plan.accounts.len(), |task| {
        let first = AtomicBool::new(false);
        each(threads.min(8), &plan.accounts, |account| {
            let player = enter(&client, &status.command_api, account, &first);
            task.add(1);
            player
        })
    })?;
    let gameplay = format!("{}/gameplay-api", status.command_api);
    let hall = Hall { client: &client, gameplay, players: &players, pace: Pace::new(options.speed) };
    let boards = clock.step("games", plan.games.len(), |task| {
        each(threads, &plan.games, |game| {
            let board = hall.open(game);
            task.add(1);
            board
        })
    })?;
    let before: usize = boards.iter().map(|board| board.played).sum();
    let moves = plan.games.iter().map(|game| game.moves.len()).sum();
    let hall = Hall { pace: Pace::new(options.speed), ..hall };
    let boards = clock.step("moves", moves, |task| each(threads, &boards, |board| hall.play(board.clone(), task)))?;
    let rate = clock.rate(boards.iter().map(|board| board.played).sum::<usize>() - before);
    let boards =
        clock.step("results", boards.len(), |task| each(threads, &boards, |board| hall.end(board.clone(), task)))?;
    let lines = clock.step("comparison", 0, |_| compared(&client, status, &plan, &boards))?;
    let played: usize = boards.iter().map(|board| board.played).sum();
    Ok(Report {
        done: format!("{} accounts, {} games, {played} moves", plan.accounts.len(), boards.len()),
        times: clock.times,
        rate,
        requests: client.counts(),
        faults: boards.iter().filter_map(|board| board.fault.clone()).collect(),
        lines,
        notes: notes(&plan, before, &file),
    })
}

fn compared(client: &Client, status: &Status, plan: &Plan, boards: &[Board<'_>]) -> Result<Vec<Line>> {
    let admin = &status.connections.super_admin;
    let login = client.log_in(&admin.email, &admin.password)?;
    let (login, _) = login.context(|| format!("the superAdmin `{}` cannot log in", admin.email))?;
    Reader { client, admin: &login, bff: status.query_bff.clone(), threads: 4 }.compare(plan, boards)
}

fn notes(plan: &Plan, before: usize, file: &Path) -> Vec<String> {
    let count = |what: &dyn Fn(&plan::Planned) -> bool| plan.games.iter().filter(|game| what(game)).count();
    let (renamed, silent) = (count(&|game| game.renamed), count(&|game| game.opening.is_none()));
    let mut notes = vec![file.display().to_string()];
    for (number, told) in [
        (
            renamed,
            "have another opening by their positions than by their tags, as data/opening-differences.tsv explains",
        ),
        (silent, "name no opening and are not compared by it"),
        (plan.repeated, "stood in the file more than once and were played once"),
    ] {
        if number > 0 {
            notes.push(format!("{number} games {told}"));
        }
    }
    if before > 0 {
        notes.push(format!("{before} moves were there from an earlier run"));
    }
    notes
}

/// Registers an account unless it is there, and logs it in. What the last one found is tried first with the next:
/// hashing a password is the dearest thing that the server does.
fn enter(client: &Client, command_api: &str, account: &Account, known: &AtomicBool) -> Result<Player> {
    if known.load(Ordering::Relaxed)
        && let Some(player) = log_in(client, account)?
    {
        return Ok(player);
    }
    let body = json!({"email": account.email, "password": account.password, "fullname": account.name});
    let (url, key) = (format!("{command_api}/auth-api/v1/registeruser"), account.key());
    let answer = client.anonymous(&Ask::send("POST", &url, &body).keyed(&key))?;
    let there = answer.replayed || answer.body["message"] == "errMsg_EmailAlreadyRegistered";
    known.store(there, Ordering::Relaxed);
    if !there {
        answer.ok(|| format!("`{}` cannot be registered", account.name))?;
    }
    log_in(client, account)?
        .context(|| format!("`{}` has an account of another password: {} is not ours", account.name, account.email))
}

fn log_in(client: &Client, account: &Account) -> Result<Option<Player>> {
    let Some((login, session)) = client.log_in(&account.email, &account.password)? else { return Ok(None) };
    let id = session["userId"].as_str().map(str::to_owned);
    let id = id.ok_or_else(|| Error::new(format!("the login of `{}` answered without a userId", account.email)))?;
    Ok(Some(Player { id, login }))
}

/// Measures and shows the steps.
struct Clock<'a> {
    screen: &'a Screen,
    times: Vec<(&'static str, Duration)>,
}

impl Clock<'_> {
    fn step<T>(
        &mut self,
        name: &'static str,
        total: usize,
        work: impl FnOnce(&crate::screen::Task) -> Result<T>,
    ) -> Result<T> {
        let start = Instant::now();
        let task = match total {
            0 => self.screen.task(name, "asking"),
            total => self.screen.steps(name, total as u64),
        };
        let result = work(&task)?;
        self.times.push((name, start.elapsed()));
        task.done(&if total == 0 { "done".to_owned() } else { format!("{total}") });
        Ok(result)
    }

    /// So many a second in the step that was the last.
    fn rate(&self, count: usize) -> f64 {
        let seconds = self.times.last().map_or(0.0, |(_, time)| time.as_secs_f64());
        if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
    }
}

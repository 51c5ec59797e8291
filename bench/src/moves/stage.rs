//! Many games at once, each played by two players of its own on a connection of its own.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stack::error::{Context, Error, Result};
use stack::play::client::{Ask, Client};
use stack::play::crowd::each;
use stack::play::identity::Account;
use stack::play::pgn::{self, Game};

use crate::cpu;
use crate::stats::Sorted;
use crate::wire::{Answer, Wire};

/// Games that are played at the same time, on all connections together.
pub const GAMES_AT_ONCE: usize = 4096;

/// What is run against what.
#[derive(Debug, Clone)]
pub struct Target {
    /// command-api's URL.
    pub command_api: String,
    /// command-api's process.
    pub pid: u32,
    /// PostgreSQL's first process; the others are its children.
    pub postgres: u32,
}

/// What can be chosen.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections, each of which plays games of its own.
    pub connections: usize,
    /// Games that are made beforehand.
    pub games: usize,
    /// How long the run at full speed takes; the one at half speed takes half of it.
    pub seconds: u64,
}

/// One player pair's games on one connection.
struct Seat {
    tokens: [String; 2],
    /// Games that nobody has begun.
    waiting: Vec<Playing>,
    /// The games that are being played, a move of each in turn.
    playing: VecDeque<Playing>,
}

/// A game with its source, and how many moves were made.
struct Playing {
    id: String,
    source: usize,
    made: usize,
}

/// A move that was acknowledged.
#[derive(Debug)]
pub struct Moved<'a> {
    /// When the answer was there.
    pub at: Instant,
    /// From when it was due.
    pub took: Duration,
    /// The answer.
    pub answer: Answer<'a>,
    /// The token of who moved.
    pub token: &'a str,
}

/// Processor seconds of a run.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    /// This process.
    pub generator: f64,
    /// command-api.
    pub command_api: f64,
    /// PostgreSQL with all its processes.
    pub postgres: f64,
}

/// What a run gave.
#[derive(Debug, Clone)]
pub struct Run {
    /// Moves that were acknowledged.
    pub moves: u64,
    /// How long it took.
    pub time: Duration,
    /// Microseconds from sending a move to its answer.
    pub latencies: Sorted,
    /// Who used the processors.
    pub cpu: Cpu,
}

impl Run {
    /// Moves a second.
    pub fn rate(&self) -> f64 {
        self.moves as f64 / self.time.as_secs_f64().max(0.001)
    }
}

impl Seat {
    /// The next move of the next game: its body, and which of the two plays it; none when no game is left.
    fn turn(&mut self, sources: &[Game], at_once: usize) -> Option<(String, usize)> {
        loop {
            while self.playing.len() < at_once
                && let Some(game) = self.waiting.pop()
            {
                self.playing.push_back(game);
            }
            let Playing { id, source, made } = self.playing.front()?;
            if let Some(next) = sources.get(*source).and_then(|game| game.moves.get(*made)) {
                let (number, san) = (made + 1, &next.san);
                let body = format!(r#"{{"gameId":"{id}","moveNumber":{number},"moveNotation":"{san}"}}"#);
                return Some((body, made % 2));
            }
            self.playing.pop_front();
        }
    }

    /// The move was made: the next one is another game's.
    fn made(&mut self) {
        if let Some(mut game) = self.playing.pop_front() {
            game.made += 1;
            self.playing.push_back(game);
        }
    }
}

/// Everything that is prepared before the clock starts.
pub struct Stage {
    target: Target,
    games: Vec<Game>,
    seats: Vec<Mutex<Seat>>,
    /// Makes the keys of this process unlike those of any other.
    began: u64,
    sent: AtomicU64,
}

impl Stage {
    /// Makes players, called after `name`, and games.
    pub fn prepare(target: Target, file: &Path, load: &Load, name: &str) -> Result<Self> {
        let text = std::fs::read_to_string(file).context(|| format!("cannot read {}", file.display()))?;
        let mut games = pgn::read(&text)?;
        games.retain(|game| !game.moves.is_empty() && game.tag("FEN").is_none());
        if games.is_empty() {
            return Err(Error::new(format!("{} holds no game with moves", file.display())));
        }
        let client = Client::new(&target.command_api, 8);
        let places: Vec<usize> = (0..load.connections * 2).collect();
        let players = each(8, &places, |place| player(&client, &target.command_api, &format!("{name} {place}")))?;
        let chunks: Vec<(usize, &[(String, String)])> = players.chunks(2).enumerate().collect();
        let share = load.games.div_ceil(load.connections);
        let seats = each(load.connections, &chunks, |(index, pair)| {
            seat(&target.command_api, pair, index * share, share, games.len()).map(Mutex::new)
        })?;
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let began = since.context(|| "the clock stands before 1970".into())?.as_millis() as u64;
        Ok(Self { target, games, seats, began, sent: AtomicU64::new(0) })
    }

    /// Plays for so long, as fast as it goes or at a rate. Ends early when a connection has no game left.
    pub fn run(&self, limit: Duration, rate: Option<f64>) -> Result<Run> {
        let (enough, ready) = (AtomicBool::new(false), Barrier::new(self.seats.len() + 1));
        let interval = rate.map(|rate| Duration::from_secs_f64(self.seats.len() as f64 / rate));
        let play = |place: usize| {
            // Not all at the same moment.
            let pace = interval.map(|interval| (interval, interval.mul_f64(place as f64 / self.seats.len() as f64)));
            let mut latencies = Vec::with_capacity(1 << 14);
            ready.wait();
            let played = self.play(place, limit, pace, &enough, |moved| {
                latencies.push(u32::try_from(moved.took.as_micros()).unwrap_or(u32::MAX));
                Ok(())
            });
            enough.store(true, Ordering::Relaxed);
            played.map(|()| latencies)
        };
        let (before, start, results) = thread::scope(|scope| {
            let play = &play;
            let threads: Vec<_> = (0..self.seats.len()).map(|place| scope.spawn(move || play(place))).collect();
            let before = self.cpu();
            ready.wait();
            let start = Instant::now();
            let join = |thread: thread::ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|_| Err(Error::new("a thread that played panicked")))
            };
            (before, start, threads.into_iter().map(join).collect::<Vec<_>>())
        });
        let (time, after) = (start.elapsed(), self.cpu());
        let latencies = Sorted::new(results.into_iter().collect::<Result<Vec<_>>>()?.concat());
        let cpu = Cpu {
            generator: after.generator - before.generator,
            command_api: after.command_api - before.command_api,
            postgres: after.postgres - before.postgres,
        };
        Ok(Run { moves: latencies.len() as u64, time, latencies, cpu })
    }

    /// The token of one of the players.
    pub fn token(&self) -> Option<String> {
        let seat = self.seats.first()?.lock().unwrap_or_else(PoisonError::into_inner);
        seat.tokens.first().cloned()
    }

    fn cpu(&self) -> Cpu {
        Cpu {
            generator: cpu::own_seconds(),
            command_api: cpu::seconds_of(self.target.pid),
            postgres: cpu::seconds_of(self.target.postgres),
        }
    }

    /// The games of one connection, a move of each in turn, until the time is over, no game is left, or somebody has `enough`; `seen` is
    /// shown each acknowledged move. At a pace (interval, offset) each move has its time, and its latency counts from
    /// then, not from when a busy server let it be sent.
    pub fn play(
        &self,
        place: usize,
        limit: Duration,
        pace: Option<(Duration, Duration)>,
        enough: &AtomicBool,
        mut seen: impl FnMut(Moved<'_>) -> Result<()>,
    ) -> Result<()> {
        let seat = self.seats.get(place).context(|| format!("there is no seat {place}"))?;
        let mut seat = seat.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wire = Wire::open(&self.target.command_api)?;
        let (start, mut sent) = (Instant::now(), 0_u32);
        while let Some((body, player)) = seat.turn(&self.games, GAMES_AT_ONCE.div_ceil(self.seats.len())) {
            let due = pace.map(|(interval, offset)| offset + interval * sent);
            if let Some(due) = due {
                thread::sleep(due.saturating_sub(start.elapsed()));
            }
            if enough.load(Ordering::Relaxed) || start.elapsed() >= limit {
                return Ok(());
            }
            let begun = due.unwrap_or_else(|| start.elapsed());
            let token = seat.tokens[player].as_str();
            let authorization = format!("Bearer {token}");
            let headers = [("Authorization", authorization.as_str()), ("Idempotency-Key", &self.key())];
            let answer = wire.ask("POST", "/gameplay-api/v1/gamemove", &headers, &body)?;
            if answer.status != 201 {
                return Err(Error::new(format!("a legal move was refused: {body}: {}", answer.told())));
            }
            seen(Moved { at: Instant::now(), took: start.elapsed().saturating_sub(begun), answer, token })?;
            seat.made();
            sent += 1;
        }
        Ok(())
    }

    /// A key of version 7 that nobody used before.
    fn key(&self) -> String {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let ms = self.began + number / 8;
        let (high, low) = (ms >> 16, ms & 0xffff);
        format!("{high:08x}-{low:04x}-7000-8000-{:012x}", (self.began << 24 | (number & 0xff_ffff)) & 0xffff_ffff_ffff)
    }
}

/// A player's id and token.
pub fn player(client: &Client, command_api: &str, name: &str) -> Result<(String, String)> {
    let account = Account::of(name);
    if client.log_in(&account.email, &account.password)?.is_none() {
        let body = json!({"email": account.email, "password": account.password, "fullname": account.name});
        let (url, key) = (format!("{command_api}/auth-api/v1/registeruser"), account.key());
        client
            .anonymous(&Ask::send("POST", &url, &body).keyed(&key))?
            .ok(|| format!("`{}` cannot be registered", account.name))?;
    }
    let found = client.log_in(&account.email, &account.password)?;
    let (_, session) = found.context(|| format!("`{}` cannot log in", account.email))?;
    let text = |name: &str| session[name].as_str().map(str::to_owned).context(|| format!("a login without {name}"));
    Ok((text("userId")?, text("accessToken")?))
}

/// Makes the games of one connection; `first` counts the games of all.
fn seat(command_api: &str, pair: &[(String, String)], first: usize, count: usize, sources: usize) -> Result<Seat> {
    let [(white, white_token), (black, black_token)] = pair else {
        return Err(Error::new("a seat needs two players"));
    };
    let body = json!({"playerWhiteId": white, "playerBlackId": black, "mode": "public", "gameType": "untimed"});
    let (mut wire, body) = (Wire::open(command_api)?, body.to_string());
    let began = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    let mut waiting = Vec::with_capacity(count);
    for index in first..first + count {
        let id = create_game(&mut wire, white_token, &format!("bench-{began}-{index}"), &body)?;
        waiting.push(Playing { id, source: index % sources, made: 0 });
    }
    Ok(Seat { tokens: [white_token.clone(), black_token.clone()], waiting, playing: VecDeque::new() })
}

/// Makes a game; its id.
pub fn create_game(wire: &mut Wire, token: &str, key: &str, body: &str) -> Result<String> {
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str()), ("Idempotency-Key", key)];
    let answer = wire.ask("POST", "/gameplay-api/v1/game", &headers, body)?;
    let made: Value = serde_json::from_slice(answer.body).context(|| "createGame answered no JSON".into())?;
    let id = made["chessGame"]["id"].as_str().filter(|_| answer.status == 201);
    id.map(str::to_owned).context(|| format!("a game cannot be made: {}", answer.told()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_of_each_game_is_made_in_turn_and_finished_games_make_room() {
        let source = |moves: &[&str]| {
            let text =
                moves.iter().enumerate().map(|(n, san)| format!("{}{san} ", if n % 2 == 0 { "1. " } else { "" }));
            pgn::read(&format!("[Event \"x\"]\n\n{}*\n", text.collect::<String>())).unwrap().remove(0)
        };
        let sources = [source(&["e4"]), source(&["d4", "d5"])];
        let game = |id: &str, source| Playing { id: id.to_owned(), source, made: 0 };
        let waiting = vec![game("c", 0), game("b", 1), game("a", 0)];
        let mut seat = Seat { tokens: [String::new(), String::new()], waiting, playing: VecDeque::new() };
        let mut played = Vec::new();
        while let Some((body, player)) = seat.turn(&sources, 2) {
            let body: Value = serde_json::from_str(&body).unwrap();
            let text = |name: &str| body[name].as_str().unwrap().to_owned();
            played.push(format!("{} {} {player}", text("gameId"), text("moveNotation")));
            seat.made();
        }
        assert_eq!(played, ["a e4 0", "b d4 0", "b d5 1", "c e4 0"]);
    }
}

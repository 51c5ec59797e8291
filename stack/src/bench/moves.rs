//! T2: legal chess moves by HTTP, many games at once, each player on his own.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cpu;
use super::wire::Wire;
use crate::error::{Context, Error, Result};
use crate::play::client::{Ask, Client};
use crate::play::crowd::each;
use crate::play::identity::Account;
use crate::play::pgn::{self, Game};

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
    /// Connections, each of which plays one game after the other.
    pub connections: usize,
    /// Games that are made beforehand.
    pub games: usize,
    /// How long the run at full speed takes; the one at half speed takes half of it.
    pub seconds: u64,
}

/// One player pair's games on one connection.
struct Seat {
    tokens: [String; 2],
    games: Vec<(String, usize)>,
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
    /// Latencies in microseconds, sorted.
    latencies: Vec<u32>,
    /// Who used the processors.
    pub cpu: Cpu,
}

impl Run {
    /// Moves a second.
    pub fn rate(&self) -> f64 {
        self.moves as f64 / self.time.as_secs_f64().max(0.001)
    }

    /// The latency in milliseconds below which this share of the moves was answered.
    pub fn latency(&self, share: f64) -> f64 {
        let place = ((self.latencies.len() as f64 * share) as usize).min(self.latencies.len().saturating_sub(1));
        f64::from(self.latencies.get(place).copied().unwrap_or(0)) / 1000.0
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
    /// Makes players and games.
    pub fn prepare(target: Target, file: &Path, load: &Load) -> Result<Self> {
        let text = std::fs::read_to_string(file).context(|| format!("cannot read {}", file.display()))?;
        let mut games = pgn::read(&text)?;
        games.retain(|game| !game.moves.is_empty() && game.tag("FEN").is_none());
        if games.is_empty() {
            return Err(Error::new(format!("{} holds no game with moves", file.display())));
        }
        let client = Client::new(&target.command_api, 8);
        let places: Vec<usize> = (0..load.connections * 2).collect();
        let players = each(8, &places, |place| player(&client, &target.command_api, *place))?;
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
        let play = |place: usize, seat: &Mutex<Seat>| {
            // Not all at the same moment.
            let pace = interval.map(|interval| (interval, interval.mul_f64(place as f64 / self.seats.len() as f64)));
            let mut seat = seat.lock().unwrap_or_else(PoisonError::into_inner);
            let wire = Wire::open(&self.target.command_api);
            ready.wait();
            let played = wire.and_then(|wire| self.play(&mut seat, wire, &enough, limit, pace));
            enough.store(true, Ordering::Relaxed);
            played
        };
        let (before, start, results) = thread::scope(|scope| {
            let play = &play;
            let seats = self.seats.iter().enumerate();
            let threads: Vec<_> = seats.map(|(place, seat)| scope.spawn(move || play(place, seat))).collect();
            let before = self.cpu();
            ready.wait();
            let start = Instant::now();
            let join = |thread: thread::ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|_| Err(Error::new("a thread that played panicked")))
            };
            (before, start, threads.into_iter().map(join).collect::<Vec<_>>())
        });
        let (time, after) = (start.elapsed(), self.cpu());
        let mut latencies = results.into_iter().collect::<Result<Vec<_>>>()?.concat();
        latencies.sort_unstable();
        let cpu = Cpu {
            generator: after.generator - before.generator,
            command_api: after.command_api - before.command_api,
            postgres: after.postgres - before.postgres,
        };
        Ok(Run { moves: latencies.len() as u64, time, latencies, cpu })
    }

    fn cpu(&self) -> Cpu {
        Cpu {
            generator: cpu::own_seconds(),
            command_api: cpu::seconds_of(self.target.pid),
            postgres: cpu::seconds_of(self.target.postgres),
        }
    }

    /// Game after game on one connection. At a rate each move has its time, and its latency counts from then, not from
    /// when a busy server let it be sent.
    fn play(
        &self,
        seat: &mut Seat,
        mut wire: Wire,
        enough: &AtomicBool,
        limit: Duration,
        pace: Option<(Duration, Duration)>,
    ) -> Result<Vec<u32>> {
        let (start, mut latencies, mut sent) = (Instant::now(), Vec::with_capacity(1 << 14), 0_u32);
        while let Some((id, source)) = seat.games.pop() {
            let Some(game) = self.games.get(source) else { continue };
            for (index, san) in game.moves.iter().enumerate() {
                let due = pace.map(|(interval, offset)| offset + interval * sent);
                if let Some(due) = due {
                    thread::sleep(due.saturating_sub(start.elapsed()));
                }
                if enough.load(Ordering::Relaxed) || start.elapsed() >= limit {
                    return Ok(latencies);
                }
                let begun = due.unwrap_or_else(|| start.elapsed());
                let body = format!(r#"{{"gameId":"{id}","moveNumber":{},"moveNotation":"{san}"}}"#, index + 1);
                let (status, answer) =
                    wire.post("/gameplay-api/v1/gamemove", &seat.tokens[index % 2], &self.key(), &body)?;
                if status != 201 {
                    let told = String::from_utf8_lossy(answer);
                    return Err(Error::new(format!("half-move {} ({san}) was refused: {status} {told}", index + 1)));
                }
                let took = start.elapsed().saturating_sub(begun);
                latencies.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
                sent += 1;
            }
        }
        Ok(latencies)
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
fn player(client: &Client, command_api: &str, place: usize) -> Result<(String, String)> {
    let account = Account::of(&format!("bench {place}"));
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
    let mut games = Vec::with_capacity(count);
    for index in first..first + count {
        let key = format!("bench-{began}-{index}");
        let (status, answer) = wire.post("/gameplay-api/v1/game", white_token, &key, &body)?;
        let answer: Value = serde_json::from_slice(answer).context(|| "createGame answered no JSON".into())?;
        let id = answer["chessGame"]["id"].as_str().filter(|_| status == 201);
        let id = id.context(|| format!("a game cannot be made: {answer}"))?;
        games.push((id.to_owned(), index % sources));
    }
    Ok(Seat { tokens: [white_token.clone(), black_token.clone()], games })
}

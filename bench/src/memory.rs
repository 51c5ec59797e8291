//! T7: memory of the services under load, and how soon they are ready.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use command_api::auth::password;
use command_api::config::STATE_CACHE_BYTES;
use serde_json::json;
use stack::error::{Context, Error, Result};
use stack::play::{self, crowd::each};
use stack::services;
use stack::unit::{Service, Unit};

use crate::Bench;
use crate::health::Projector;
use crate::moves::{Load, Stage};
use crate::own::Whole;
use crate::report::{Report, Row};
use crate::stats::Spread;
use crate::wire::Wire;

/// Connections that play, and connections that read.
const PLAYERS: usize = 64;
const READERS: usize = 64;
/// Between two looks at the memory.
const PAUSE: Duration = Duration::from_millis(100);
/// Views that take longer never come there.
const SETTLED: Duration = Duration::from_secs(600);
/// A service that takes longer is none.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Measures T7.
pub fn run(bench: &Bench) -> Result<Report> {
    let whole = Whole::start(bench, &[])?;
    let mut report = Report::default();
    let target = whole.target()?;
    let seconds = bench.seconds(20);
    let load = Load { connections: PLAYERS, games: (seconds * 120).max(PLAYERS as u64) as usize, seconds };
    let task = bench.screen.task("games", "making players and games");
    let stage = Stage::prepare(target, &play::sample(), &load, "player")?;
    task.done("made");
    under_load(bench, &whole, &stage, Duration::from_secs(seconds), &mut report)?;
    settle(bench, &whole)?;
    for service in Service::ALL {
        let mut times = Vec::new();
        for _ in 0..bench.rounds() {
            times.push(start(&whole, service)?);
        }
        let time = Spread::of(times.iter().copied());
        let row = Row::new("T7", format!("{}: ready after its start", Unit::from(service).name()), time.median, "ms");
        let met = time.median <= 500.0;
        report.rows.push(row.wants("<= 500 ms", met));
        report.note(format!("T7 {}: ready after {:.0}-{:.0} ms", Unit::from(service).name(), time.least, time.most));
    }
    Ok(report)
}

/// Waits until the projector has brought in what the load left it: who starts beside that starts later.
fn settle(bench: &Bench, whole: &Whole) -> Result<()> {
    let task = bench.screen.task("views", "coming to the log's tail");
    let projector =
        Projector::new(whole.system.url(Service::Projector), whole.system.keeper(Service::Projector.into()));
    let views = projector.views()?;
    let tail: u64 = whole.tools.ask("wechess", "select tail from wechess.log")?.parse().context(|| "no tail".into())?;
    let begun = Instant::now();
    while projector.applied(&views) < Some(tail) {
        if begun.elapsed() > SETTLED {
            return Err(Error::new(format!("the views are not at {tail} after {} s", SETTLED.as_secs())));
        }
        thread::sleep(PAUSE);
    }
    task.done("there");
    Ok(())
}

/// Moves and lists as fast as they go; the largest resident memory of each service meanwhile.
fn under_load(bench: &Bench, whole: &Whole, stage: &Stage, limit: Duration, report: &mut Report) -> Result<()> {
    let task = bench.screen.task("memory", "moves and lists as fast as they go");
    let enough = AtomicBool::new(false);
    let url = whole.system.url(Service::QueryBff);
    let token = stage.token().context(|| "nobody plays".into())?;
    let pids = Service::ALL.map(|service| whole.pid(service));
    let (moves, lists, most) = thread::scope(|scope| {
        let readers = scope.spawn(|| {
            let places: Vec<usize> = (0..READERS).collect();
            each(READERS, &places, |place| lists(&url, &token, *place, &enough))
        });
        let watcher = scope.spawn(|| {
            let mut most = [0.0_f64; 3];
            while !enough.load(Ordering::Relaxed) {
                for (most, pid) in most.iter_mut().zip(&pids) {
                    *most = most.max(pid.as_ref().map_or(0.0, |pid| resident(*pid)));
                }
                thread::sleep(PAUSE);
            }
            most
        });
        let moves = stage.run(limit, None);
        enough.store(true, Ordering::Relaxed);
        (moves, readers.join(), watcher.join())
    });
    let broke = || Error::new("a thread panicked");
    let (moves, lists, most) = (moves?, lists.map_err(|_| broke())??, most.map_err(|_| broke())?);
    for (service, most) in Service::ALL.into_iter().zip(most) {
        let row = Row::new("T7", format!("{}: resident under load", Unit::from(service).name()), most, "MiB");
        let apart = set_apart(service);
        let goal = if apart > 0.0 { format!("<= 64 MiB + {apart:.0} set apart") } else { "<= 64 MiB".to_owned() };
        report.rows.push(row.wants(goal, most <= 64.0 + apart));
    }
    let reads: usize = lists.iter().map(|(reads, _)| reads).sum();
    let refused: usize = lists.iter().map(|(_, refused)| refused).sum();
    task.done(&format!("{:.0} moves/s, {reads} lists", moves.rate()));
    report.note(format!(
        "T7 load: {PLAYERS} players ({:.0} moves/s) and {READERS} readers of lists ({:.0}/s, {refused} \
         more were told to come again) on everything at once",
        moves.rate(),
        reads as f64 / limit.as_secs_f64()
    ));
    Ok(())
}

/// MiB that a service has for its password hashes and its caches: bounded apart.
fn set_apart(service: Service) -> f64 {
    let bytes = match service {
        Service::CommandApi => password::memory() + STATE_CACHE_BYTES,
        Service::Projector => ::projector::CACHE_BYTES,
        Service::QueryBff => 0,
    };
    bytes as f64 / f64::from(1 << 20)
}

/// Lists with filters that differ, one after the other; how many were answered, and how many were told to come again.
fn lists(url: &str, token: &str, place: usize, enough: &AtomicBool) -> Result<(usize, usize)> {
    let (mut wire, mut count, mut refused) = (Wire::open(url)?, 0, 0);
    let authorization = format!("Bearer {token}");
    while !enough.load(Ordering::Relaxed) {
        let filter = json!({"plies": {"gte": (place + count + refused) % 60}}).to_string();
        let headers = [("Authorization", authorization.as_str())];
        let answer = wire.ask("POST", "/bff-api/chessGameListView/list?limit=10", &headers, &filter)?;
        match answer.status {
            200 => count += 1,
            // Elasticsearch is slower than this many want it to be: what the contract says of a server that is late.
            503 => refused += 1,
            _ => return Err(Error::new(format!("a list failed: {}", answer.told()))),
        }
    }
    Ok((count, refused))
}

/// Looks at the memory of a process until it is asked for the most.
pub struct Watch {
    over: Arc<AtomicBool>,
    thread: thread::JoinHandle<f64>,
}

impl Watch {
    /// Begins to look.
    pub fn begin(pid: u32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let enough = Arc::clone(&over);
        let look = move || {
            let mut most = resident(pid);
            while !enough.load(Ordering::Relaxed) {
                thread::sleep(PAUSE);
                most = most.max(resident(pid));
            }
            most
        };
        Self { over, thread: thread::spawn(look) }
    }

    /// MiB that were resident at most.
    pub fn end(self) -> f64 {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or(0.0)
    }
}

/// MiB of a process that are resident.
pub fn resident(pid: u32) -> f64 {
    parse(&fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default()).unwrap_or(0.0)
}

fn parse(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0)
}

/// Milliseconds from the start of a service, whose servers are there, until it says that it is ready.
fn start(whole: &Whole, service: Service) -> Result<f64> {
    let (keeper, url) = (whole.system.keeper(service.into()), whole.system.url(service));
    keeper.hold();
    let begun = Instant::now();
    keeper.release();
    while !services::is_ready(&url) {
        if begun.elapsed() > START_LIMIT {
            return Err(Error::new(format!("{} does not get ready", Unit::from(service).name())));
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(begun.elapsed().as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_memory_is_read() {
        assert_eq!(parse("VmHWM:\t 9 kB\nVmRSS:\t   65536 kB\n"), Some(64.0));
        assert_eq!(parse(""), None);
        assert!(resident(std::process::id()) > 1.0);
    }

    #[test]
    fn the_most_of_a_while_is_seen() {
        let watch = Watch::begin(std::process::id());
        let before = resident(std::process::id());
        assert!(watch.end() >= before * 0.5 && before > 1.0);
        assert_eq!(Watch::begin(u32::MAX).end(), 0.0, "nobody's");
    }
}

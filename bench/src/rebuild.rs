//! T5: all views filled anew from a long log while they are read, beside the rate at which they were filled first.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};
use stack::error::{Context, Error, Result};
use stack::play::client::Client;
use stack::play::crowd::each;
use stack::services;
use stack::unit::{Service, Unit};

use crate::health::Projector;
use crate::own::Whole;
use crate::report::{Report, Row};
use crate::stats::Sorted;
use crate::wire::Wire;
use crate::{Bench, fill};

/// Connections that read all the time.
const READERS: usize = 4;
/// What they read, in turn.
const READS: [&str; 3] = ["chessGameListView/list?limit=10", "chessGame/count", "chessGameMove/count"];

/// What a reader saw.
#[derive(Debug, Default)]
struct Seen {
    latencies: Vec<u32>,
    /// What went wrong: failures, and answers that were behind earlier ones.
    faults: Vec<String>,
}

/// Measures T5.
pub fn run(bench: &Bench) -> Result<Report> {
    let whole = Whole::start(bench, &[])?;
    let mut report = Report::default();
    let wanted = bench.args.events.unwrap_or(if bench.args.brief { 8_000 } else { 1_000_000 });
    let keeper = whole.system.keeper(Unit::Service(Service::Projector));
    keeper.hold();
    let task = bench.screen.task("log", &format!("filling it with {wanted} events"));
    let connections = whole.system.servers().connections();
    fill::games(&connections.credentials.database_urls.command_api, wanted)?;
    let tail: u64 = whole.tools.ask("wechess", "select tail from wechess.log")?.parse().context(|| "no tail".into())?;
    task.done(&format!("{tail} events"));
    let task = bench.screen.task("projector", "filling all views for the first time");
    keeper.release();
    let projector = Projector::new(whole.system.url(Service::Projector), keeper);
    let first = projector.rate(&projector.views()?, tail)?;
    task.done(&format!("{first:.0} events/s"));
    let task = bench.screen.task("rebuild", "filling all views anew while they are read");
    let enough = AtomicBool::new(false);
    let readers = Readers::new(&whole)?;
    let (rate, seen) = thread::scope(|scope| {
        let reading = scope.spawn(|| readers.read(&enough));
        let rate = rebuild(bench, &whole, tail);
        enough.store(true, Ordering::Relaxed);
        (rate, reading.join().unwrap_or_else(|_| Err(Error::new("a reader panicked"))))
    });
    let (rate, seen) = (rate?, seen?);
    task.done(&format!("{rate:.0} events/s"));
    let row = Row::paired("T5", format!("rebuild of all views, {tail} events"), &[(rate, first)], "events/s");
    report.rows.push(row.at_least(1.0));
    let faults: Vec<&String> = seen.iter().flat_map(|seen| &seen.faults).collect();
    let row = Row::new("T5", "reads that failed or went back meanwhile", faults.len() as f64, "reads");
    report.rows.push(row.wants("0", faults.is_empty()));
    let latencies = Sorted::new(seen.iter().flat_map(|seen| seen.latencies.clone()).collect());
    report.note(format!(
        "T5: the reference is the first filling of all views by the same projector, which nobody read meanwhile; \
         {READERS} readers made {} reads during the rebuild, p50 {:.1} ms, p99 {:.1} ms; {}",
        latencies.len(),
        latencies.ms(0.5),
        latencies.ms(0.99),
        faults.first().map_or_else(|| "none failed or went back".to_owned(), |fault| format!("first fault: {fault}")),
    ));
    Ok(report)
}

/// Asks the running projector for it as an operator does, and waits; events a second.
fn rebuild(bench: &Bench, whole: &Whole, tail: u64) -> Result<f64> {
    let connections = whole.system.servers().connections();
    let begun = Instant::now();
    let output = Command::new(bench.binaries.join(Unit::Service(Service::Projector).name()))
        .args(["rebuild", "all", "--json"])
        .env_clear()
        .envs(services::environment(Service::Projector, whole.system.servers().ports(), &connections))
        .stdin(Stdio::null())
        .output()
        .context(|| "cannot run projector".into())?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        return Err(Error::new(format!("projector rebuild failed: {}", String::from_utf8_lossy(&said).trim())));
    }
    Ok(tail as f64 / begun.elapsed().as_secs_f64())
}

/// The superAdmin, who sees everything, on some connections.
struct Readers {
    url: String,
    authorization: String,
}

impl Readers {
    fn new(whole: &Whole) -> Result<Self> {
        let client = Client::new(&whole.system.url(Service::CommandApi), 1);
        let who = whole.system.servers().connections().super_admin;
        let (_, session) =
            client.log_in(&who.email, &who.password)?.context(|| "the superAdmin cannot log in".into())?;
        let token = session["accessToken"].as_str().context(|| "a login without a token".into())?;
        Ok(Self { url: whole.system.url(Service::QueryBff), authorization: format!("Bearer {token}") })
    }

    fn read(&self, enough: &AtomicBool) -> Result<Vec<Seen>> {
        let places: Vec<usize> = (0..READERS).collect();
        each(READERS, &places, |_| self.read_on(enough))
    }

    /// One read after the other; the totals and the watermarks of a view never fall.
    fn read_on(&self, enough: &AtomicBool) -> Result<Seen> {
        let (mut wire, mut seen) = (Wire::open(&self.url)?, Seen::default());
        let mut known = [(0_u64, 0_u64); READS.len()];
        let headers = [("Authorization", self.authorization.as_str())];
        while !enough.load(Ordering::Relaxed) {
            for (path, known) in READS.iter().zip(&mut known) {
                let begun = Instant::now();
                let answer = wire.ask("POST", &format!("/bff-api/{path}"), &headers, &json!({}).to_string())?;
                seen.latencies.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
                let total = serde_json::from_slice::<Value>(answer.body).ok().and_then(|body| body["total"].as_u64());
                let mark = answer.header("watermark").and_then(|mark| mark.rsplit_once(':')?.1.parse().ok());
                match (answer.status, total, mark) {
                    (200, Some(total), Some(mark)) if total >= known.0 && mark >= known.1 => *known = (total, mark),
                    (status, total, mark) => {
                        seen.faults
                            .push(format!("{path}: {status}, total {total:?}, watermark {mark:?} after {known:?}"));
                    }
                }
            }
        }
        Ok(seen)
    }
}

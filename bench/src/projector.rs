//! T4: what the projector folds and writes, beside plain `_bulk` requests with the same final documents.

use std::time::{Duration, Instant};

use stack::error::{Context, Error, Result};
use stack::keeper::Keeper;
use stack::play::crowd::each;
use stack::unit::{Server, Service};

use crate::elastic::{Elastic, Lines};
use crate::health::{self, Projector};
use crate::own::Three;
use crate::report::{Report, Row};
use crate::{Bench, cpu, fill};

/// Where the reference writes.
const RAW: &str = "wechess_bench_raw";
/// Requests in flight of the reference, each tried; the best one counts.
const IN_FLIGHT: [usize; 3] = [1, 2, 4];

/// Passes of the reference take this long together.
const LONG_ENOUGH: Duration = Duration::from_secs(1);

/// A view, and how many documents the events become.
struct Case {
    view: &'static str,
    what: &'static str,
    goal: f64,
}

const CASES: [Case; 2] = [
    Case { view: "chessGameMove", what: "a document for each event (chessGameMove)", goal: 0.8 },
    Case { view: "chessGame", what: "80 events fold into one document (chessGame)", goal: 3.0 },
];

/// Measures T4.
pub fn run(bench: &Bench) -> Result<Report> {
    let three = Three::start(bench)?;
    let mut report = Report::default();
    let wanted = bench.args.events.unwrap_or(if bench.args.brief { 40_000 } else { 200_000 });
    let task = bench.screen.task("log", &format!("filling it with {wanted} events"));
    let connections = three.servers.connections();
    let tail = fill::games(&connections.credentials.database_urls.command_api, wanted)?;
    task.done(&format!("{tail} events"));
    report.note(format!(
        "T4: a projector of one view starts on a log of {tail} events ({} each of {} games), with the relay to an empty \
         JetStream at work; events/s from when it has its index until it is at the tail. Elasticsearch {}, heap 512 MB. \
         Reference: the same final documents by plain _bulk to an index with the same settings, as many documents a \
         request as the projector sent, with 1, 2 and 4 requests in flight: the best",
        fill::EVENTS_OF_A_GAME,
        tail / fill::EVENTS_OF_A_GAME,
        connections.elasticsearch_version,
    ));
    if !bench.args.brief {
        // Elasticsearch and its machine code warm up.
        round(bench, &three, &CASES[0], tail)?;
    }
    for case in &CASES {
        let (mut pairs, mut told) = (Vec::new(), Vec::new());
        for _ in 0..bench.rounds().min(3) {
            let (ours, reference, how) = round(bench, &three, case, tail)?;
            pairs.push((ours, reference));
            told.push(how);
        }
        report.rows.push(Row::paired("T4", case.what, &pairs, "1/s").at_least(case.goal));
        report.note(format!("T4 {}: {}", case.view, told.join("; ")));
    }
    Ok(report)
}

/// The projector from nothing to the tail, then the reference; events a second, documents a second, and how.
fn round(bench: &Bench, three: &Three, case: &Case, tail: u64) -> Result<(f64, f64, String)> {
    let elastic = Elastic::new(&three.servers.connections());
    let alias = format!("wechess_{}", case.view.to_lowercase());
    let task = bench.screen.task("projector", case.what);
    let mut keeper = three.service(bench, Service::Projector, &[("WECHESS_VIEWS", case.view.to_owned())])?;
    let projector = Projector::new(three.url(Service::Projector), &keeper);
    let spent = || -> Result<[f64; 4]> {
        let pid = |keeper: &Keeper| keeper.id().map(|id| id.pid).context(|| "a process is gone".into());
        let server = |server| pid(three.servers.keeper(server));
        let pids = [pid(&keeper)?, server(Server::Postgres)?, server(Server::Nats)?, server(Server::Elasticsearch)?];
        Ok(pids.map(cpu::seconds_of))
    };
    let before = spent()?;
    let ours = projector.rate(&[case.view.to_owned()], tail)?;
    let after = spent()?;
    let micros = |place: usize| (after[place] - before[place]) * 1e6 / tail as f64;
    let batch = health::batch(projector.mean("wechess_bulk_documents", case.view));
    keeper.stop();
    task.done(&format!("{ours:.0} events/s"));
    let (index, documents) = elastic.documents(&alias)?;
    let task = bench.screen.task("reference", &format!("{} documents by _bulk of {batch}", documents.len()));
    let mut best = (0.0, 0);
    for in_flight in IN_FLIGHT {
        let rate = bulks(&elastic, &index, &documents, batch, in_flight)?;
        best = if rate > best.0 { (rate, in_flight) } else { best };
    }
    task.done(&format!("{:.0} documents/s with {} in flight", best.0, best.1));
    elastic.remove(RAW)?;
    elastic.remove(&index)?;
    three.empty_nats()?;
    let how = format!(
        "{ours:.0} events/s against {:.0} documents/s ({} documents, {batch} a request, {} in flight; processor µs an \
         event: projector {:.1}, PostgreSQL {:.1}, NATS {:.1}, Elasticsearch {:.1})",
        best.0,
        documents.len(),
        best.1,
        micros(0),
        micros(1),
        micros(2),
        micros(3),
    );
    Ok((ours, best.0, how))
}

/// Documents a second, over as many passes as take a second together, each into an empty index.
fn bulks(elastic: &Elastic, index: &str, documents: &[Lines], batch: usize, in_flight: usize) -> Result<f64> {
    let chunks: Vec<&[Lines]> = documents.chunks(batch).collect();
    let (mut written, mut time) = (0, Duration::ZERO);
    while time < LONG_ENOUGH {
        elastic.copy(index, RAW)?;
        let start = Instant::now();
        each(in_flight, &chunks, |chunk| elastic.bulk(RAW, chunk))?;
        time += start.elapsed();
        written += documents.len();
        if documents.is_empty() {
            return Err(Error::new("the projector has written no document"));
        }
    }
    Ok(written as f64 / time.as_secs_f64())
}

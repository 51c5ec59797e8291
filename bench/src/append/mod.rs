//! T1: events through the appender, without HTTP, beside single-row INSERTs of the same event.

mod load;
mod profile;
mod shape;

use std::time::Duration;

use event_schema::names::Namespace;
use stack::error::Result;
use uuid::Uuid;

pub use self::load::{Load, Run};
pub use self::shape::{Shape, Streams};
use crate::Bench;
use crate::machine;
use crate::own::Database;
use crate::reference::Inserts;
use crate::report::{Report, Row};
use crate::stats::Spread;
use profile::Written;

/// Streams that are written.
pub const STREAMS: usize = 20_000;
/// Numbers of clients among which the reference of many writers is the best.
const SWEEP: [usize; 4] = [8, 32, 64, 256];
/// From so many writers on the reference is the best of the sweep.
const MANY: usize = 256;

/// Streams with ids of this moment.
pub fn streams() -> Result<Streams> {
    Streams::new((0..STREAMS).map(|_| Uuid::now_v7()).collect(), 0)
}

/// The ratio that is wanted with so many writers.
fn goal(writers: usize) -> Option<f64> {
    match writers {
        1 => Some(0.6),
        8 => Some(0.8),
        32 => Some(1.3),
        256 => Some(2.5),
        _ => None,
    }
}

/// Measures T1.
pub fn run(bench: &Bench) -> Result<Report> {
    let database = Database::start(bench)?;
    let mut report = Report::default();
    report.note(format!("T1 servers: {}", database.tools.settings()?));
    let url = &database.connections.credentials.database_urls.command_api;
    let load = Load::new(url, Namespace::default(), database.pid()?, streams()?, bench.args.threads.map(usize::from))?;
    let item = load.streams();
    let (data, state, meta) = (item.data().len(), item.state().len(), item.meta().len());
    let task = bench.screen.task("streams", "making 20,000 streams");
    load.preload()?;
    task.done("20,000 streams of one event each");
    report.note(format!(
        "T1 item: one event of {data} bytes, a state of {state} bytes rewritten, meta of {meta} bytes, one of {STREAMS} \
         streams at random, optimistic check, command id; reference: pgbench -M prepared, one INSERT of the same event, \
         the same three indexes"
    ));
    let inserts = Inserts::new(&database.tools, &database.connections.folder, data, meta)?;
    let seconds = bench.seconds(5);
    let best = match bench.args.writers.iter().any(|writers| *writers >= MANY) {
        true => sweep(bench, &inserts, seconds, &mut report)?,
        false => MANY,
    };
    for writers in &bench.args.writers {
        let clients = if *writers >= MANY { best } else { *writers };
        pairs(bench, &load, &inserts, (*writers, clients), seconds, &mut report)?;
    }
    drop(inserts);
    for writers in bench.args.writers.iter().filter(|writers| [1, 32, 256].contains(*writers)) {
        variants(bench, &load, *writers, seconds, &mut report)?;
        profiled(bench, &database, &load, *writers, seconds, &mut report)?;
    }
    Ok(report)
}

/// The number of clients with which pgbench is quickest.
fn sweep(bench: &Bench, inserts: &Inserts<'_>, seconds: u64, report: &mut Report) -> Result<usize> {
    let task = bench.screen.task("pgbench", "looking for its best number of clients");
    let mut rates = Vec::new();
    for clients in SWEEP {
        rates.push((clients, inserts.rate(clients, seconds)?));
    }
    let told: Vec<String> = rates.iter().map(|(clients, rate)| format!("{rate:.0} with {clients}")).collect();
    let told = told.join(", ");
    task.done(&told);
    report.note(format!("T1 pgbench, rows/s: {told}; from {MANY} writers on the best of these is the reference"));
    Ok(rates.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(MANY, |(clients, _)| clients))
}

/// Ours and the reference in turn.
fn pairs(
    bench: &Bench,
    load: &Load,
    inserts: &Inserts<'_>,
    (writers, clients): (usize, usize),
    seconds: u64,
    report: &mut Report,
) -> Result<()> {
    let task = bench.screen.task("append", &format!("{writers} writers, pgbench with {clients}"));
    let (mut rounds, mut runs) = (Vec::new(), Vec::new());
    for round in 0..bench.rounds() {
        let first = (round % 2 == 1).then(|| inserts.rate(clients, seconds)).transpose()?;
        let ours = load.run(writers, Shape::Move, Duration::from_secs(seconds))?;
        let reference = first.map_or_else(|| inserts.rate(clients, seconds), Ok)?;
        task.doing(format!("{writers} writers: {:.0}/s, pgbench {reference:.0}/s", ours.rate));
        rounds.push((ours.rate, reference));
        runs.push(ours);
    }
    let row = Row::paired("T1", format!("append, {writers} writers"), &rounds, "events/s");
    task.done(&format!("{writers} writers: {} events/s, ratio {}", row.ours, row.ratio.unwrap_or(0.0)));
    report.rows.push(match goal(writers) {
        Some(goal) => row.at_least(goal),
        None => row,
    });
    report.note(told(writers, &runs));
    Ok(())
}

fn told(writers: usize, runs: &[Run]) -> String {
    let median = |figure: fn(&Run) -> f64| Spread::of(runs.iter().map(figure)).median;
    format!(
        "T1 {writers} writers: p50 {:.2} ms, p99 {:.2} ms; {:.1} items a batch (p50 {}, largest {}); processor µs an \
         event: PostgreSQL {:.1}, client (appender and writers) {:.1}; cores in use: {:.2} and {:.2} of {}",
        median(|run| run.latencies.ms(0.5)),
        median(|run| run.latencies.ms(0.99)),
        median(Run::mean_batch),
        median(|run| run.batches.at(0.5).into()),
        median(|run| run.batches.at(1.0).into()),
        median(|run| run.micros().1),
        median(|run| run.micros().0),
        median(|run| run.micros().1 * run.rate / 1e6),
        median(|run| run.micros().0 * run.rate / 1e6),
        machine::cores(),
    )
}

/// What metadata and a changed list column cost, in turn.
fn variants(bench: &Bench, load: &Load, writers: usize, seconds: u64, report: &mut Report) -> Result<()> {
    let task = bench.screen.task("append", &format!("{writers} writers: what metadata and effects cost"));
    let shapes = [Shape::Bare, Shape::Move, Shape::Indexed];
    let mut rates = Vec::new();
    for _ in 0..bench.rounds() {
        for shape in shapes {
            rates.push((shape, load.run(writers, shape, Duration::from_secs(seconds))?.rate));
        }
    }
    task.done("compared");
    let of = |shape| rates.iter().filter(move |(found, _)| *found == shape).map(|(_, rate)| *rate);
    for shape in [Shape::Bare, Shape::Indexed] {
        let rounds: Vec<(f64, f64)> = of(shape).zip(of(Shape::Move)).collect();
        let case = format!("append, {writers} writers: {} against {}", shape.name(), Shape::Move.name());
        report.rows.push(Row::paired("T1", case, &rounds, "events/s"));
    }
    Ok(())
}

/// Where the time goes.
fn profiled(
    bench: &Bench,
    database: &Database,
    load: &Load,
    writers: usize,
    seconds: u64,
    report: &mut Report,
) -> Result<()> {
    let before = Written::now(&database.tools)?;
    let url = &database.connections.credentials.database_urls.admin;
    let work = || load.run(writers, Shape::Move, Duration::from_secs(seconds));
    let (run, waits) = profile::watched(url, work)?;
    let written = Written::now(&database.tools)?.since(before);
    bench.screen.say(&format!("  {writers} writers: {waits}"));
    report
        .note(format!("T1 {writers} writers, watched ({:.0} events/s): {written}; its connections: {waits}", run.rate));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_are_those_of_the_four_numbers_of_writers() {
        assert_eq!([1, 8, 32, 256, 1000].map(goal), [Some(0.6), Some(0.8), Some(1.3), Some(2.5), None]);
    }
}

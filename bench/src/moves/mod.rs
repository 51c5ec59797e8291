//! T2: legal chess moves by HTTP, durable when they are answered; and how promptly flags fall.

mod flags;
mod stage;

use std::time::Duration;

use stack::error::{Context, Error, Result};
use stack::play;
use stack::unit::{Server, Service, Unit};

pub use self::stage::{GAMES_AT_ONCE, Load, Moved, Run, Stage, Target};
use crate::Bench;
use crate::machine;
use crate::own::Whole;
use crate::reference::Inserts;
use crate::report::{Report, Row};

/// Clients of the reference.
const REFERENCE_CLIENTS: usize = 32;
/// What is down when the target is measured.
const DOWN: [Unit; 3] =
    [Unit::Service(Service::QueryBff), Unit::Service(Service::Projector), Unit::Server(Server::Elasticsearch)];

/// Measures T2: alone, then with everything running.
pub fn run(bench: &Bench) -> Result<Report> {
    let whole = Whole::start(bench, &[])?;
    let mut report = Report::default();
    report.note(format!("T2 servers: {}", whole.tools.settings()?));
    report.note(format!(
        "T2 load: the shipped games, {GAMES_AT_ONCE} of them at once, a move of each in turn; blocking connections with a \
         thread each, every one waits for its answer"
    ));
    let seconds = bench.seconds(20);
    let connections = usize::from(bench.args.connections);
    let games = bench.args.games.map_or(seconds * 120, u64::from).max(bench.args.connections.into()) as usize;
    // At full speed, at half, and both again with everything running.
    let load = Load { connections, games: games * 4, seconds };
    for unit in DOWN {
        whole.system.keeper(unit).hold();
    }
    let target = whole.target()?;
    let task = bench.screen.task("games", "making players and games");
    let stage = Stage::prepare(target, &play::sample(), &load, "player")?;
    task.done(&format!("{} games for {connections} connections", load.games));
    let half = measure(bench, &whole, &stage, &load, true, &mut report)?;
    flags::measure(bench, &whole, &stage, half, &mut report)?;
    for unit in DOWN.into_iter().rev() {
        whole.system.keeper(unit).release();
        whole.system.wait_ready(unit)?;
    }
    measure(bench, &whole, &stage, &load, false, &mut report)?;
    if whole.system.restarts() > 0 {
        return Err(Error::new("a process died meanwhile: see the logs"));
    }
    Ok(report)
}

/// Full speed beside the reference, in turn, then half of the speed, which is answered.
fn measure(bench: &Bench, whole: &Whole, stage: &Stage, load: &Load, alone: bool, report: &mut Report) -> Result<f64> {
    let with = if alone { "projector and Elasticsearch stopped" } else { "everything running" };
    let folder = whole.system.servers().run();
    let rounds = bench.rounds().min(3);
    let slice = Duration::from_secs(load.seconds).div_f64(rounds as f64);
    stage.run(slice.min(Duration::from_secs(2)), None)?;
    let sql = "select coalesce(round(avg(octet_length(data))), 0) from wechess.events where type = 'MovePlayed'";
    let bytes: usize = whole.tools.ask("wechess", sql)?.parse().context(|| "the moves have no size".into())?;
    let inserts = Inserts::new(&whole.tools, folder, bytes, 0)?;
    let (mut pairs, mut runs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let task = bench.screen.task("moves", &format!("as fast as it goes, {with}"));
        let run = stage.run(slice, None)?;
        task.done(&format!("{:.0} moves/s", run.rate()));
        let task = bench.screen.task("reference", "pgbench, one prepared INSERT each");
        let reference = inserts.rate(REFERENCE_CLIENTS, slice.as_secs().max(2))?;
        task.done(&format!("{reference:.0} rows/s"));
        pairs.push((run.rate(), reference));
        runs.push(run);
    }
    drop(inserts);
    let case = format!("moves by HTTP, {} connections, {with}", load.connections);
    let row = Row::paired("T2", case, &pairs, "moves/s");
    let half = (row.ours / 2.0).max(1.0);
    let task = bench.screen.task("moves", "at half of that");
    let calm = stage.run(Duration::from_secs(load.seconds.div_ceil(2)), Some(half))?;
    let p99 = calm.latencies.ms(0.99);
    task.done(&format!("{:.0} moves/s, p99 {p99:.1} ms", calm.rate()));
    let late = Row::new("T2", format!("p99 at half of that, {with}"), p99, "ms");
    let met = row.ratio.is_some_and(|ratio| ratio >= 0.4) && row.ours >= 5000.0;
    report.rows.extend(match alone {
        true => [row.wants("ratio >= 0.4 and >= 5000/s", met), late.wants("<= 15 ms", p99 <= 15.0)],
        false => [row, late],
    });
    report.note(format!(
        "T2 reference: pgbench -M prepared -c {REFERENCE_CLIENTS}, {bytes} bytes of data, three indexes"
    ));
    for (name, run) in runs.iter().map(|run| ("full speed", run)).chain([("half speed", &calm)]) {
        report.note(told(&format!("T2 {with}, {name}"), run));
    }
    Ok(half)
}

fn told(name: &str, run: &Run) -> String {
    let micros = |seconds: f64| seconds * 1e6 / (run.moves as f64).max(1.0);
    format!(
        "{name}: {} moves in {:.1} s = {:.0}/s, p50 {:.1} ms, p99 {:.1} ms; processor µs a move: command-api {:.0}, \
         PostgreSQL {:.0}, load generator {:.0} ({:.2} of {} cores)",
        run.moves,
        run.time.as_secs_f64(),
        run.rate(),
        run.latencies.ms(0.5),
        run.latencies.ms(0.99),
        micros(run.cpu.command_api),
        micros(run.cpu.postgres),
        micros(run.cpu.generator),
        run.cpu.generator / run.time.as_secs_f64(),
        machine::cores(),
    )
}

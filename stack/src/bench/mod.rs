//! Benchmarks: figures of this machine beside a reference that was taken in the same run.

pub mod cpu;
pub mod moves;
pub mod reference;
pub mod wire;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use self::moves::{Load, Run, Stage, Target};
use self::reference::Tools;
use crate::dist::POSTGRES;
use crate::error::{Context, Result};
use crate::folders::Folders;
use crate::keeper::Keeper;
use crate::screen::Screen;
use crate::servers::{self, Options, Servers};
use crate::status::{Connections, Status};
use crate::stop::Stop;
use crate::unit::{Server, Service};
use crate::{files, play, services};

/// Clients of the reference.
const REFERENCE_CLIENTS: usize = 32;

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The target's number.
    pub id: &'static str,
    /// What was measured, and how.
    pub case: String,
    /// Our figure.
    pub ours: f64,
    /// The reference's.
    pub reference: Option<f64>,
    /// Of both.
    pub unit: &'static str,
    /// Ours to the reference's.
    pub ratio: Option<f64>,
    /// What is wanted.
    pub goal: String,
    /// Whether it is so; none when it is only reported.
    pub met: Option<bool>,
}

/// What a run leaves behind.
#[derive(Debug, Clone)]
pub struct Report {
    /// The figures.
    pub rows: Vec<Row>,
    /// How they came about.
    pub notes: Vec<String>,
}

/// Moves on servers of our own, with the projector and Elasticsearch stopped: the target.
pub fn moves_alone(folders: &Folders, binaries: &Path, load: &Load, screen: &Screen) -> Result<Report> {
    folders.prepare()?;
    let run = folders.run("bench")?;
    if let Some(_lock) = lock_of(&run)? {
        servers::kill_leftovers(&run);
        files::remove_folder(&run)?;
    }
    let stop = Stop::on_signals()?;
    let options = Options { screen: screen.clone(), stop: stop.clone(), ..Options::new(folders.clone()) };
    let servers = Servers::start(&run, &options)?;
    servers.keeper(Server::Elasticsearch).hold();
    let connections = servers.connections();
    services::migrate(binaries, &connections)?;
    let spec = services::spec(Service::CommandApi, binaries, servers.ports(), &connections, &[])?;
    let mut service = Keeper::start(spec)?;
    let url = format!("http://127.0.0.1:{}", services::port(Service::CommandApi, servers.ports()));
    servers::wait_ready(&service, &stop, || services::is_ready(&url))?;
    let gone = |what: &str| format!("{what} does not run");
    let target = Target {
        command_api: url,
        pid: service.id().context(|| gone("command-api"))?.pid,
        postgres: servers.id(Server::Postgres).context(|| gone("PostgreSQL"))?.pid,
    };
    let report = measure(target, &connections, folders, load, screen, true);
    service.stop();
    servers.stop(screen);
    report
}

fn lock_of(run: &Path) -> Result<Option<std::fs::File>> {
    files::make_folder(run)?;
    servers::lock(run)
}

/// Moves on a running stack, with everything else running too: reported, no target.
pub fn moves_on(status: &Status, folders: &Folders, load: &Load, screen: &Screen) -> Result<Report> {
    let pid = |name: &str| status.pids.get(name).copied().context(|| format!("{name} does not run"));
    let target =
        Target { command_api: status.command_api.clone(), pid: pid("commandApi")?, postgres: pid("postgres")? };
    measure(target, &status.connections, folders, load, screen, false)
}

fn measure(
    target: Target,
    connections: &Connections,
    folders: &Folders,
    load: &Load,
    screen: &Screen,
    alone: bool,
) -> Result<Report> {
    let postgres = POSTGRES.ensure(folders, screen)?;
    let tools = Tools::new(&postgres, &connections.credentials.database_urls.admin)?;
    let task = screen.task("games", "making players and games");
    let stage = Stage::prepare(target, &play::sample(), load)?;
    task.done(&format!("{} games for {} connections", load.games, load.connections));
    let (seconds, half) = (Duration::from_secs(load.seconds), Duration::from_secs(load.seconds.div_ceil(2)));
    let task = screen.task("moves", "as fast as it goes");
    let full = stage.run(seconds, None)?;
    task.done(&format!("{:.0} moves/s", full.rate()));
    let task = screen.task("moves", "at half of that");
    let calm = stage.run(half, Some((full.rate() / 2.0).max(1.0)))?;
    task.done(&format!("{:.0} moves/s, p99 {:.1} ms", calm.rate(), calm.latency(0.99)));
    let sql = "select coalesce(round(avg(octet_length(data))), 0) from wechess.events where type = 'MovePlayed'";
    let bytes: u64 = tools.ask("wechess", sql)?.parse().context(|| "the events have no size".into())?;
    let task = screen.task("reference", "pgbench, one prepared INSERT each");
    let reference = tools.inserts(bytes, REFERENCE_CLIENTS, load.seconds.div_ceil(2).max(2), &connections.folder)?;
    task.done(&format!("{reference:.0} rows/s"));
    let mut report = Report { rows: rows(&full, &calm, reference, load, alone), notes: Vec::new() };
    report
        .notes
        .push(format!("reference: pgbench -M prepared -c {REFERENCE_CLIENTS}, {bytes} bytes of data, three indexes"));
    report.notes.push(told("full speed", &full));
    report.notes.push(told("half speed", &calm));
    Ok(report)
}

fn rows(full: &Run, calm: &Run, reference: f64, load: &Load, alone: bool) -> Vec<Row> {
    let with = if alone { "projector and Elasticsearch stopped" } else { "everything running" };
    let case = format!("moves by HTTP, {} connections, {with}", load.connections);
    let (rate, ratio, p99) = (full.rate(), full.rate() / reference.max(1.0), calm.latency(0.99));
    let judged = |met: bool| alone.then_some(met);
    vec![
        Row {
            id: "T2",
            case,
            ours: round(rate),
            reference: Some(round(reference)),
            unit: "1/s",
            ratio: Some(round(ratio * 100.0) / 100.0),
            goal: "ratio >= 0.4 and >= 5000".to_owned(),
            met: judged(ratio >= 0.4 && rate >= 5000.0),
        },
        Row {
            id: "T2",
            case: format!("p99 at half of that, {with}"),
            ours: (p99 * 100.0).round() / 100.0,
            reference: None,
            unit: "ms",
            ratio: None,
            goal: "<= 15".to_owned(),
            met: judged(p99 <= 15.0),
        },
    ]
}

fn round(figure: f64) -> f64 {
    figure.round()
}

fn told(name: &str, run: &Run) -> String {
    let micros = |seconds: f64| seconds * 1e6 / (run.moves as f64).max(1.0);
    format!(
        "{name}: {} moves in {:.1} s = {:.0}/s, p50 {:.1} ms, p99 {:.1} ms; processor µs a move: command-api {:.0}, \
         PostgreSQL {:.0}, load generator {:.0}",
        run.moves,
        run.time.as_secs_f64(),
        run.rate(),
        run.latency(0.5),
        run.latency(0.99),
        micros(run.cpu.command_api),
        micros(run.cpu.postgres),
        micros(run.cpu.generator),
    )
}

impl Report {
    /// Whether no target is missed.
    pub fn is_met(&self) -> bool {
        self.rows.iter().all(|row| row.met != Some(false))
    }

    /// For the terminal.
    pub fn table(&self) -> String {
        let mut text = format!("{:4} {:62} {:>10} {:>10} {:>6}  {}\n", "", "", "ours", "reference", "ratio", "goal");
        let number = |figure: Option<f64>| figure.map_or_else(String::new, |figure| figure.to_string());
        for row in &self.rows {
            let met = row.met.map_or("reported", |met| if met { "met" } else { "MISSED" });
            let (ours, reference) = (format!("{} {}", row.ours, row.unit), number(row.reference));
            let ratio = number(row.ratio);
            let _ = writeln!(
                text,
                "{:4} {:62} {ours:>10} {reference:>10} {ratio:>6}  {} ({met})",
                row.id, row.case, row.goal
            );
        }
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        text
    }

    /// Writes the figures as JSON.
    pub fn write(&self, path: &PathBuf) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.rows).context(|| "cannot print the figures".into())?;
        std::fs::write(path, text + "\n").context(|| format!("cannot write {}", path.display()))
    }
}

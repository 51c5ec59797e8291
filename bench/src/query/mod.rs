//! T6, T6b and T9: the query service beside Elasticsearch asked directly, what analysts ask of it, what it costs to know
//! who asks, and its memory throughout.

mod aggregates;
mod asker;
mod exports;
mod games;
mod lists;
mod live;
mod readers;
mod who;

use std::time::Duration;

use stack::error::{Context, Result};
use stack::play;
use stack::play::client::Client;
use stack::play::identity::Account;
use stack::unit::Service;

use self::asker::Asker;
use crate::Bench;
use crate::elastic::Elastic;
use crate::memory::{Watch, resident};
use crate::moves::{Load, Stage};
use crate::own::Whole;
use crate::report::{Report, Row};

/// Events that the view is filled with before.
const FILLED: Duration = Duration::from_secs(10);
/// Live reads that hear nothing.
const IDLE: usize = 5_000;
/// Games that analysts ask about.
const GAMES: u64 = 1_000_000;
/// What the players are called, with a number each.
const PLAYER: &str = "player";

/// Measures them.
pub fn run(bench: &Bench) -> Result<Report> {
    let whole = Whole::start(bench, &[("WECHESS_LIVE_PER_USER", "100000")])?;
    let mut report = Report::default();
    let seconds = bench.seconds(4);
    let load = Load { connections: 32, games: if bench.args.brief { 64 } else { 3_000 }, seconds };
    let task = bench.screen.task("games", "making players and games");
    let stage = Stage::prepare(whole.target()?, &play::sample(), &load, PLAYER)?;
    stage.run(if bench.args.brief { Duration::from_secs(1) } else { FILLED }, None)?;
    task.done("made and played");
    let token = stage.token().context(|| "nobody plays".into())?;
    let asker = Asker::new(&whole, &token)?;
    let slice = Duration::from_secs(seconds.max(1));
    watched(&whole, "T6, lists and counts past what is kept", &mut report, |report| {
        lists::side_by_side(bench, &whole, &asker, slice, report)
    })?;
    watched(&whole, "T6b", &mut report, |report| lists::again_and_again(bench, &asker, &stage, slice, report))?;
    idle_readers(bench, &whole, &token, &mut report)?;
    let keys = whole.system.url(Service::CommandApi);
    let micros = who::check(&keys, &token)?;
    report.rows.push(Row::new("T9", "token check, seen before", micros, "us").wants("<= 5 us", micros <= 5.0));
    analysts(bench, &whole, &mut report)?;
    Ok(report)
}

/// Does a part of the work, and says what the query service held of memory meanwhile.
fn watched(whole: &Whole, part: &str, report: &mut Report, work: impl FnOnce(&mut Report) -> Result<()>) -> Result<()> {
    let pid = whole.pid(Service::QueryBff)?;
    let (before, watch) = (resident(pid), Watch::begin(pid));
    let done = work(report);
    let most = watch.end();
    let row = Row::new("T6", format!("query service: resident at most, {part}"), most, "MiB");
    report.rows.push(row.wants("<= 64 MiB + 64 kept", most <= 128.0));
    report.note(format!("T6 memory, {part}: {before:.0} MiB before"));
    done
}

/// Aggregations and exports over many games. The projector is down from then on: it knows nothing of these games.
fn analysts(bench: &Bench, whole: &Whole, report: &mut Report) -> Result<()> {
    let games = bench.args.games.map_or(if bench.args.brief { 3_000 } else { GAMES }, u64::from);
    // What live readers had is none of this part's memory.
    let service = whole.system.keeper(Service::QueryBff.into());
    service.hold();
    service.release();
    whole.system.wait_ready(Service::QueryBff.into())?;
    whole.system.keeper(Service::Projector.into()).hold();
    let connections = whole.system.servers().connections();
    games::fill(bench, &Elastic::new(&connections), games)?;
    let account = Account::of(&format!("{PLAYER} 0"));
    let found = Client::new(&whole.system.url(Service::CommandApi), 1).log_in(&account.email, &account.password)?;
    let (_, session) = found.context(|| format!("`{}` cannot log in", account.email))?;
    let token = session["accessToken"].as_str().context(|| "a login without a token".into())?;
    let asker = Asker::new(whole, token)?;
    watched(whole, "aggregations", report, |report| aggregates::measure(bench, &asker, games, report))?;
    let reader = Elastic::with(&connections, &connections.credentials.elasticsearch.query_bff);
    watched(whole, "exports", report, |report| exports::measure(bench, &asker, &reader, report))
}

/// The memory of live reads that hear nothing.
fn idle_readers(bench: &Bench, whole: &Whole, token: &str, report: &mut Report) -> Result<()> {
    let count = if bench.args.brief { 100 } else { IDLE };
    let pid = whole.pid(Service::QueryBff)?;
    let before = resident(pid);
    let task = bench.screen.task("live", &format!("{count} live reads"));
    let readers = live::open(&whole.system.url(Service::QueryBff), token, count)?;
    let most = live::watch(|| resident(pid), Duration::from_secs(20));
    task.done(&format!("{most:.0} MiB"));
    drop(readers);
    let row = Row::new("T6", format!("query service: resident with {count} idle live readers"), most, "MiB");
    report.rows.push(row.wants("<= 256 MiB", most <= 256.0));
    report.note(format!("T6 live reads: {before:.0} MiB before the first, kept answers included"));
    Ok(())
}

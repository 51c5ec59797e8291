//! T8: what an append costs when the log is long, beside a short log in the same server.

use std::time::Duration;

use command_api::es::migrate::migrate;
use event_schema::names::Namespace;
use stack::error::{Context, Error, Result};
use tokio::runtime::Builder;
use uuid::Uuid;

use crate::Bench;
use crate::append::{Load, STREAMS, Shape, Streams, streams};
use crate::own::Database;
use crate::reference::Tools;
use crate::report::{Report, Row};

/// Events of the short log.
const SHORT: u64 = 100_000;
/// Events of an old game.
const OF_A_GAME: u64 = 80;
/// Old games that were played at the same time: their events lie among each other.
const AT_ONCE: u64 = 256;
/// Events of one INSERT of the filling.
const STEP: u64 = 1_000_000;
/// Numbers of writers.
const WRITERS: [usize; 2] = [32, 256];

/// Measures T8.
pub fn run(bench: &Bench) -> Result<Report> {
    let database = Database::start(bench)?;
    let mut report = Report::default();
    let long = bench.args.events.unwrap_or(if bench.args.brief { 2 * SHORT } else { 10_000_000 });
    let (short_log, _) = log(bench, &database, "short", SHORT, streams()?)?;
    let (long_log, games) = log(bench, &database, "long", long, streams()?)?;
    let size = "select pg_size_pretty(pg_total_relation_size('wechess_long.events')) || ' of events, ' || \
                pg_size_pretty(pg_indexes_size('wechess_long.events')) || ' of them indexes'";
    report.note(format!(
        "T8: {SHORT} against {long} events ({games} games of {OF_A_GAME}; {}), both with {STREAMS} newer streams that \
         are written; {}",
        database.tools.ask("wechess", size)?,
        database.tools.settings()?
    ));
    let whole = loaded(bench, &database, "long", spread(long)?)?;
    let seconds = Duration::from_secs(bench.seconds(5));
    for writers in WRITERS {
        let task = bench.screen.task("growth", &format!("{writers} writers on both logs in turn"));
        let (mut newest, mut of_all) = (Vec::new(), Vec::new());
        for _ in 0..bench.rounds() {
            let cost = |load: &Load| -> Result<f64> {
                database.tools.ask("postgres", "checkpoint")?;
                Ok(1e6 / load.run(writers, Shape::Move, seconds)?.rate.max(1.0))
            };
            let (short, long, spread) = (cost(&short_log)?, cost(&long_log)?, cost(&whole)?);
            newest.push((long, short));
            of_all.push((spread, short));
        }
        let case = format!("an append with {long} events, {writers} writers");
        let row = Row::paired("T8", case, &newest, "µs/event");
        let met = row.ratio.is_some_and(|ratio| ratio <= 1.2);
        task.done(&format!("{writers} writers: {} times the short log's cost", row.ratio.unwrap_or(0.0)));
        report.rows.push(row.wants("ratio <= 1.2", met));
        let case = format!("the same on {STREAMS} old games anywhere in it, {writers} writers");
        report.rows.push(Row::paired("T8", case, &of_all, "µs/event"));
    }
    Ok(report)
}

/// A log of its own with so many events, the newest of which made the streams that are written; how many old games.
fn log(bench: &Bench, database: &Database, name: &str, events: u64, newest: Streams) -> Result<(Load, u64)> {
    let namespace: Namespace = name.parse().context(|| format!("`{name}` is no namespace"))?;
    let task = bench.screen.task("log", &format!("{name}: {events} events"));
    let owner: tokio_postgres::Config =
        database.connections.credentials.database_urls.owner.parse().context(|| "the owner's URL is none".into())?;
    let runtime = Builder::new_current_thread().enable_all().build().context(|| "cannot make a runtime".into())?;
    runtime.block_on(migrate(&owner, &namespace)).context(|| "the log cannot be made".into())?;
    let games = events.saturating_sub(STREAMS as u64) / OF_A_GAME / AT_ONCE * AT_ONCE;
    let filler = Filler { bench, tools: &database.tools, schema: namespace.schema(), sample: &newest };
    filler.fill(games, |done| task.doing(format!("{name}: {done} of {events} events")))?;
    let load = loaded(bench, database, name, newest)?;
    load.preload()?;
    database.tools.ask("wechess", "vacuum analyze")?;
    task.done(&format!("{name}: {events} events"));
    Ok((load, games))
}

fn loaded(bench: &Bench, database: &Database, name: &str, streams: Streams) -> Result<Load> {
    let namespace = name.parse().context(|| format!("`{name}` is no namespace"))?;
    let url = &database.connections.credentials.database_urls.command_api;
    Load::new(url, namespace, database.pid()?, streams, bench.args.threads.map(usize::from))
}

/// Old games from anywhere in a log with so many events.
fn spread(events: u64) -> Result<Streams> {
    let games = events.saturating_sub(STREAMS as u64) / OF_A_GAME / AT_ONCE * AT_ONCE;
    let taken = games.min(STREAMS as u64).max(1);
    let ids = (0..taken).map(|nth| stream(nth * games / taken)).collect();
    Streams::new(ids, i32::try_from(OF_A_GAME).unwrap_or(i32::MAX))
}

/// The id of an old game: in the order of time, as ours are.
fn stream(game: u64) -> Uuid {
    Uuid::from_u128(0x019d << 112 | u128::from(game) << 80 | 0x7000_8000 << 48 | u128::from(game))
}

/// Fills a log by SQL, as its superuser: the append function would take long.
struct Filler<'a> {
    bench: &'a Bench,
    tools: &'a Tools,
    schema: String,
    sample: &'a Streams,
}

impl Filler<'_> {
    fn fill(&self, games: u64, progress: impl Fn(u64)) -> Result<()> {
        let (schema, events) = (&self.schema, games * OF_A_GAME);
        let ask = |sql: &str| self.tools.ask("wechess", sql).map(drop);
        ask(&format!(
            "alter table {schema}.events drop constraint events_pkey; drop index {schema}.events_stream; \
             drop index {schema}.events_command"
        ))?;
        for from in (0..events).step_by(usize::try_from(STEP).unwrap_or(1)) {
            if self.bench.stop.is_wanted() {
                return Err(Error::new("interrupted"));
            }
            ask(&self.events(from, events.min(from + STEP)))?;
            progress(from + STEP);
        }
        ask(&format!(
            "set maintenance_work_mem = '512MB'; alter table {schema}.events add primary key (position); \
             create unique index events_stream on {schema}.events (stream_id, version); \
             create unique index events_command on {schema}.events (command_id) where ordinal = 0"
        ))?;
        let state = quoted(self.sample.state());
        ask(&format!(
            "insert into {schema}.streams (stream_id, kind, version, created_at, state) select {}, 'chessGame', \
             {OF_A_GAME}, now(), {state} from generate_series(0, {games}::bigint - 1) game; \
             update {schema}.log set tail = {events}, recorded_at = now()",
            stream_sql("game")
        ))
    }

    /// The events after `from`, up to `to`.
    fn events(&self, from: u64, to: u64) -> String {
        let (schema, data, meta) = (&self.schema, quoted(self.sample.data()), quoted(self.sample.meta()));
        let of_a_group = OF_A_GAME * AT_ONCE;
        format!(
            "insert into {schema}.events (position, stream_id, version, category, type, schema, command_id, ordinal, \
             correlation_id, actor_id, data, meta, recorded_at) \
             select n + 1, {}, n % {of_a_group} / {AT_ONCE} + 1, 'chessGame', 'MovePlayed', 1, c, 0, c, c, {data}, {meta}, now() \
             from (select n, n / {of_a_group} * {AT_ONCE} + n % {AT_ONCE} game, \
                   ('019d' || lpad(to_hex(n), 8, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || \
                    substr(md5(n::text), 4, 15))::uuid c \
                   from generate_series({from}::bigint, {to} - 1) n) x",
            stream_sql("game")
        )
    }
}

/// [`stream`] in SQL.
fn stream_sql(game: &str) -> String {
    format!("('019d' || lpad(to_hex({game}), 8, '0') || '70008000' || lpad(to_hex({game}), 12, '0'))::uuid")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_games_have_ids_in_the_order_of_time_and_are_taken_from_anywhere() {
        assert_eq!(stream(0x2a).to_string(), "019d0000-002a-7000-8000-00000000002a");
        assert!(stream(300) > stream(299));
        assert_eq!(spread(10_000_000).unwrap().len(), STREAMS);
        assert_eq!(spread(SHORT).unwrap().len(), 768);
        assert_eq!(quoted("a'b"), "'a''b'");
    }
}

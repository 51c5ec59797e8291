//! Where the time of an append goes: what the appender's connections wait for, and what PostgreSQL wrote.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use stack::error::{Context, Result};
use tokio_postgres::NoTls;

use crate::reference::Tools;

/// What the connections of the appender do at this moment.
const SAMPLE: &str = "select case when state <> 'active' then 'idle (the client works)' \
    else coalesce(wait_event_type || ' ' || wait_event, 'running') end \
    from pg_stat_activity where application_name = 'wechess append'";
/// Between two samples.
const PAUSE: Duration = Duration::from_millis(5);

/// Runs `work` and says meanwhile what share of their time the appender's connections spend on what.
pub fn watched<T>(url: &str, work: impl FnOnce() -> Result<T>) -> Result<(T, String)> {
    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(url, &enough));
        let done = work();
        enough.store(true, Ordering::Relaxed);
        let seen = watcher.join().unwrap_or_else(|_| Ok(BTreeMap::new()))?;
        Ok((done?, told(&seen)))
    })
}

fn watch(url: &str, enough: &AtomicBool) -> Result<BTreeMap<String, usize>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context(|| "cannot make a runtime".into())?;
    let failed = || "cannot watch PostgreSQL".to_owned();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.context(failed)?;
        let driver = tokio::spawn(connection);
        let sample = client.prepare(SAMPLE).await.context(failed)?;
        let mut seen = BTreeMap::new();
        while !enough.load(Ordering::Relaxed) {
            for row in client.query(&sample, &[]).await.context(failed)? {
                *seen.entry(row.try_get(0).context(failed)?).or_insert(0) += 1;
            }
            tokio::time::sleep(PAUSE).await;
        }
        driver.abort();
        Ok(seen)
    })
}

/// The largest shares first.
fn told(seen: &BTreeMap<String, usize>) -> String {
    let all: usize = seen.values().sum();
    let mut shares: Vec<(&String, usize)> = seen.iter().map(|(what, count)| (what, count * 100 / all.max(1))).collect();
    shares.sort_by_key(|(what, share)| (std::cmp::Reverse(*share), *what));
    let shares: Vec<String> =
        shares.iter().filter(|(_, share)| *share > 0).map(|(what, share)| format!("{what} {share} %")).collect();
    shares.join(", ")
}

/// What PostgreSQL has written since its start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Written {
    events: f64,
    wal_bytes: f64,
    wal_records: f64,
    page_images: f64,
    flushes: f64,
    flush_ms: f64,
}

impl Written {
    /// At this moment; connections that are open may not have reported the last second yet.
    pub fn now(tools: &Tools) -> Result<Self> {
        let sql = "select (select tail from wechess.log), wal_bytes, wal_records, wal_fpi, \
            (select sum(fsyncs) from pg_stat_io where object = 'wal'), \
            (select sum(fsync_time) from pg_stat_io where object = 'wal') from pg_stat_wal";
        parse(&tools.ask("wechess", sql)?).context(|| "PostgreSQL's statistics are not understood".into())
    }

    /// What an event cost since `before`.
    pub fn since(self, before: Self) -> String {
        let events = (self.events - before.events).max(1.0);
        let flushes = (self.flushes - before.flushes).max(1.0);
        format!(
            "WAL {:.0} bytes in {:.1} records an event ({:.2} page images), {:.1} events a flush, {:.2} ms a flush",
            (self.wal_bytes - before.wal_bytes) / events,
            (self.wal_records - before.wal_records) / events,
            (self.page_images - before.page_images) / events,
            events / flushes,
            (self.flush_ms - before.flush_ms) / flushes,
        )
    }
}

fn parse(line: &str) -> Option<Written> {
    let figures: Vec<f64> = line.split('|').map(|field| field.parse().ok()).collect::<Option<_>>()?;
    let [events, wal_bytes, wal_records, page_images, flushes, flush_ms] = figures[..] else { return None };
    Some(Written { events, wal_bytes, wal_records, page_images, flushes, flush_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_told_largest_first() {
        let seen = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 3), ("c".to_owned(), 0)]);
        assert_eq!(told(&seen), "b 75 %, a 25 %");
        assert_eq!(told(&BTreeMap::new()), "");
    }

    #[test]
    fn the_cost_of_an_event_is_the_difference_by_events() {
        let (before, after) = (parse("100|1000|10|0|5|2.5").unwrap(), parse("200|101000|510|50|15|22.5").unwrap());
        let told = after.since(before);
        assert!(told.starts_with("WAL 1000 bytes in 5.0 records an event (0.50 page images), 10.0 events a flush"));
        assert!(told.ends_with("2.00 ms a flush"));
        assert_eq!(parse("1|2"), None);
    }
}

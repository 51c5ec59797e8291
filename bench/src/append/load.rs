//! Writers that append as fast as they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use command_api::es::appender::{self, Appender, Limits};
use command_api::es::item::Outcome;
use event_schema::names::Namespace;
use stack::error::{Context, Error, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::shape::{Shape, Streams};
use crate::cpu;
use crate::stats::Sorted;

/// Writers warm the plans and caches up before anything counts.
const WARMING: Duration = Duration::from_secs(1);
/// What the writers are told: warm up, count, stop.
const COUNT: u8 = 1;
const STOP: u8 = 2;

/// What a run gave.
#[derive(Debug, Clone)]
pub struct Run {
    /// Events a second.
    pub rate: f64,
    /// Microseconds from the call to its answer.
    pub latencies: Sorted,
    /// Items in each batch.
    pub batches: Sorted,
    /// Processor seconds of this process: appender and writers.
    pub client: f64,
    /// Processor seconds of PostgreSQL.
    pub server: f64,
}

impl Run {
    /// Of all batches.
    pub fn mean_batch(&self) -> f64 {
        self.latencies.len() as f64 / (self.batches.len() as f64).max(1.0)
    }

    /// Microseconds of processor time an event: ours, PostgreSQL's.
    pub fn micros(&self) -> (f64, f64) {
        let events = (self.latencies.len() as f64).max(1.0);
        (self.client * 1e6 / events, self.server * 1e6 / events)
    }
}

/// What one writer saw while it counted: latencies in microseconds, and the times of recording.
type Seen = (Vec<u32>, Vec<i64>);

/// The appender of this process and its writers.
pub struct Load {
    runtime: Runtime,
    database: tokio_postgres::Config,
    namespace: Namespace,
    postgres: u32,
    streams: Arc<Streams>,
}

impl Load {
    /// With a runtime like command-api's, or one with so many threads.
    pub fn new(
        url: &str,
        namespace: Namespace,
        postgres: u32,
        streams: Streams,
        threads: Option<usize>,
    ) -> Result<Self> {
        let mut builder = match threads {
            Some(1) => Builder::new_current_thread(),
            Some(_) | None => Builder::new_multi_thread(),
        };
        if let Some(threads) = threads.filter(|threads| *threads > 1) {
            builder.worker_threads(threads);
        }
        Ok(Self {
            runtime: builder.enable_all().build().context(|| "cannot make a runtime".into())?,
            database: url.parse().context(|| "the database's URL is none".into())?,
            namespace,
            postgres,
            streams: Arc::new(streams),
        })
    }

    /// What is written.
    pub fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Makes the streams: one event each.
    pub fn preload(&self) -> Result<()> {
        self.runtime.block_on(async {
            let (appender, running) = appender::start(&self.database, &self.namespace, Limits::default());
            let mut makers = JoinSet::new();
            for first in 0..256 {
                let (appender, streams) = (appender.clone(), Arc::clone(&self.streams));
                makers.spawn(async move {
                    for nth in (first..streams.len()).step_by(256) {
                        append(&appender, &streams, nth, Shape::Move).await?;
                    }
                    Ok(())
                });
            }
            drop(appender);
            let made = ended(makers).await;
            running.finished().await;
            made.map(drop)
        })
    }

    /// So many writers for so long.
    pub fn run(&self, writers: usize, shape: Shape, limit: Duration) -> Result<Run> {
        self.runtime.block_on(async {
            let (appender, running) = appender::start(&self.database, &self.namespace, Limits::default());
            let phase = Arc::new(AtomicU8::new(0));
            let mut tasks = JoinSet::new();
            for writer in 0..writers {
                let (appender, streams, phase) = (appender.clone(), Arc::clone(&self.streams), Arc::clone(&phase));
                tasks.spawn(async move { write(&appender, &streams, (writer, writers), shape, &phase).await });
            }
            drop(appender);
            tokio::time::sleep(WARMING).await;
            let (start, client, server) = (Instant::now(), cpu::own_seconds(), cpu::seconds_of(self.postgres));
            phase.store(COUNT, Ordering::Relaxed);
            tokio::time::sleep(limit).await;
            phase.store(STOP, Ordering::Relaxed);
            let time = start.elapsed();
            let (client, server) = (cpu::own_seconds() - client, cpu::seconds_of(self.postgres) - server);
            let seen = ended(tasks).await;
            running.finished().await;
            let (latencies, times): (Vec<_>, Vec<_>) = seen?.into_iter().unzip();
            let latencies = Sorted::new(latencies.concat());
            let rate = latencies.len() as f64 / time.as_secs_f64();
            Ok(Run { rate, latencies, batches: batches(times.concat()), client, server })
        })
    }
}

/// One writer: its own share of the streams, in an order that jumps about.
async fn write(
    appender: &Appender,
    streams: &Streams,
    (writer, writers): (usize, usize),
    shape: Shape,
    phase: &AtomicU8,
) -> Result<Seen> {
    let mine = (streams.len() - writer).div_ceil(writers);
    let (mut turn, mut latencies, mut times) = (writer * 7919, Vec::new(), Vec::new());
    loop {
        turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let nth = writer + (turn >> 33) % mine * writers;
        let begun = Instant::now();
        let at = append(appender, streams, nth, shape).await?;
        match phase.load(Ordering::Relaxed) {
            COUNT => {
                latencies.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
                times.push(at);
            }
            STOP => return Ok((latencies, times)),
            _ => {}
        }
    }
}

/// Appends the next item of a stream; when it was recorded, in microseconds.
async fn append(appender: &Appender, streams: &Streams, nth: usize, shape: Shape) -> Result<i64> {
    match appender.append(streams.item(nth, shape)).await {
        Ok(Outcome::Appended { at, .. }) => Ok(at.timestamp_micros()),
        Ok(other) => Err(Error::new(format!("an append was not accepted: {other:?}"))),
        Err(error) => Err(Error::new(format!("an append failed: {error}"))),
    }
}

async fn ended<T: 'static>(mut tasks: JoinSet<Result<T>>) -> Result<Vec<T>> {
    let mut all = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        all.push(ended.context(|| "a writer broke".into())??);
    }
    Ok(all)
}

/// A batch has one time of recording.
fn batches(mut times: Vec<i64>) -> Sorted {
    times.sort_unstable();
    Sorted::new(times.chunk_by(|a, b| a == b).map(|batch| u32::try_from(batch.len()).unwrap_or(u32::MAX)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_one_time_are_one_batch() {
        let sizes = batches(vec![5, 7, 5, 9, 5, 7]);
        assert_eq!((sizes.len(), sizes.at(0.0), sizes.at(1.0)), (3, 1, 3));
    }
}

//! The events in order, for every view: from memory near the head, else from PostgreSQL.
//!
//! One task fills the memory from an ordered consumer of the event stream. It trusts no acknowledgement and no consumer:
//! positions must be contiguous, what is missing is read from the log, and silence is compared with the log's tail.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};
use chrono::{DateTime, Utc};
use event_schema::envelope::Recorded;
use event_schema::event::CATEGORIES;
use event_schema::names::Namespace;
use futures_util::StreamExt;
use futures_util::stream::ReadyChunks;
use moka::future::Cache;
use tokio::sync::watch;
use uuid::Uuid;

use crate::guards::Guard;
use crate::keys::{Item, Opener};
use crate::log::{Head, Log, LogError, Read};

/// Most events that a view takes at once: each that is behind holds as many twice, and 4 kB an event.
const RANGE: i64 = 256;
/// Bounds of the memory near the head.
const RING_EVENTS: usize = 4096;
const RING_BYTES: usize = 4 << 20;
/// Bound of the ranges of the log that views which are behind share among them, roughly as they weigh in memory, and how
/// long they live.
pub const RANGES_BYTES: u64 = 8 << 20;
const RANGES_LIVE: Duration = Duration::from_secs(5);
/// Silence of the stream after which the log's tail is looked at.
const QUIET: Duration = Duration::from_secs(1);
/// The same when the stream has what the consumer did not bring: after a quiet time it may have been forgotten.
const LATE: Duration = Duration::from_millis(40);
/// The same while there is no consumer: the log is followed by itself.
const QUIET_ALONE: Duration = Duration::from_millis(50);
/// Most messages taken at once.
const CHUNK: usize = 256;

/// The feed cannot go on as it is.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log is another one, or shorter than what was read already.
    #[error("the log changed: it was {was:?}, it is {is:?}")]
    Changed {
        /// What the feed knew.
        was: Head,
        /// What the log says.
        is: Option<Head>,
    },
}

/// Events in order.
pub type Items = Vec<Arc<Item>>;

/// Contiguous events up to `last`.
struct Ring {
    items: VecDeque<Arc<Item>>,
    bytes: usize,
    last: i64,
}

impl Ring {
    fn push(&mut self, item: Arc<Item>) {
        self.last = item.event.position;
        self.bytes += item.bytes;
        self.items.push_back(item);
        while self.items.len() > RING_EVENTS || self.bytes > RING_BYTES {
            let Some(oldest) = self.items.pop_front() else { break };
            self.bytes -= oldest.bytes;
        }
    }

    /// The events after a position, if the next one is here.
    fn after(&self, position: i64) -> Option<Items> {
        let first = self.items.front()?.event.position;
        let skip = usize::try_from(position + 1 - first).ok()?;
        (skip < self.items.len()).then(|| self.items.range(skip..).take(RANGE as usize).cloned().collect())
    }
}

/// The events of one log, as long as this process leads.
pub struct Feed {
    log: Log,
    log_id: Uuid,
    opener: Opener,
    ring: Mutex<Ring>,
    head: watch::Sender<i64>,
    ranges: Cache<i64, Arc<Items>>,
}

impl Feed {
    /// A feed of this log. The memory begins at its tail: what is before is read from PostgreSQL.
    pub fn new(log: Log, opener: Opener, head: Head) -> Self {
        let ranges = Cache::builder()
            .max_capacity(RANGES_BYTES)
            .weigher(|_, items: &Arc<Items>| items.iter().map(|i| i.bytes as u32 * 4 + 512).sum())
            .time_to_live(RANGES_LIVE)
            .build();
        let ring = Mutex::new(Ring { items: VecDeque::new(), bytes: 0, last: head.tail });
        Self { log, log_id: head.id, opener, ring, head: watch::Sender::new(head.tail), ranges }
    }

    /// The last position known to be in the log.
    pub fn head(&self) -> i64 {
        *self.head.borrow()
    }

    /// The log's tail now, by the log itself.
    pub async fn tail(&self) -> Result<i64, FeedError> {
        Ok(self.checked_head().await?.tail)
    }

    /// The next events after a position: at least one, contiguous. Waits until there are any.
    pub async fn next(&self, after: i64) -> Result<Items, FeedError> {
        let mut head = self.head.subscribe();
        loop {
            let known = *head.borrow_and_update();
            if known > after {
                if let Some(items) = self.ring().after(after) {
                    return Ok(items);
                }
                let items = self.range(after).await?;
                if items.first().is_some_and(|item| item.event.position == after + 1) {
                    return Ok(items.to_vec());
                }
                self.ranges.invalidate(&after).await;
                return Err(self.changed(self.log.head().await?));
            }
            if head.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The events of one stream after a version, up to a position, read from the log.
    pub async fn stream(&self, stream: Uuid, after: i32, upto: i64) -> Result<Items, FeedError> {
        Ok(self.opener.open(self.log.stream(stream, after, upto).await?).await?)
    }

    /// The event at a position, read from the log; none beyond its tail.
    pub async fn event(&self, position: i64) -> Result<Items, FeedError> {
        let read = self.log.event(position).await?;
        Ok(self.opener.open(read.into_iter().collect()).await?)
    }

    /// When the event at a position was recorded.
    pub async fn recorded_at(&self, position: i64) -> Result<Option<DateTime<Utc>>, FeedError> {
        Ok(self.log.recorded_at(position).await?)
    }

    /// The next events of the log after a position; none at its tail.
    async fn log_after(&self, after: i64) -> Result<Items, LogError> {
        self.opener.open(self.log.after(after, RANGE).await?).await
    }

    /// A range of the log, shared by the views that ask for the same one.
    async fn range(&self, after: i64) -> Result<Arc<Items>, FeedError> {
        let read = async || Ok::<_, LogError>(Arc::new(self.log_after(after).await?));
        match self.ranges.try_get_with(after, read()).await {
            Ok(items) => Ok(items),
            Err(shared) => match Arc::try_unwrap(shared) {
                Ok(error) => Err(error.into()),
                Err(_) => Ok(read().await?),
            },
        }
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self, is: Option<Head>) -> FeedError {
        FeedError::Changed { was: Head { id: self.log_id, tail: self.head() }, is }
    }

    /// The log's head, which must be of this log and not behind what was read.
    async fn checked_head(&self) -> Result<Head, FeedError> {
        let known = self.head(); // Before the log is asked: meanwhile more may be read than it had then.
        let head = self.log.head().await?;
        match head {
            Some(head) if head.id == self.log_id && head.tail >= known => Ok(head),
            Some(_) | None => Err(self.changed(head)),
        }
    }

    /// Fills the memory until the log cannot be read or is another one.
    pub async fn fill(
        &self,
        client: &async_nats::Client,
        namespace: &Namespace,
        relayed: &watch::Sender<i64>,
    ) -> Result<Infallible, FeedError> {
        let stream = namespace.events_stream();
        loop {
            match self.subscribe(client, &stream).await {
                Some(messages) => self.follow(client, messages, relayed.subscribe()).await?,
                None => tokio::time::sleep(QUIET_ALONE).await,
            }
            self.catch_up().await?;
        }
    }

    /// Takes over what the consumer brings, until it is of no use any more. `relayed` is what the stream holds: a
    /// consumer that does not bring it soon is not waited for.
    async fn follow(
        &self,
        client: &async_nats::Client,
        mut messages: ReadyChunks<Ordered>,
        mut relayed: watch::Receiver<i64>,
    ) -> Result<(), FeedError> {
        loop {
            let late = *relayed.borrow_and_update() > self.head();
            tokio::select! {
                chunk = messages.next() => {
                    let Some(chunk) = chunk else { return Ok(()) };
                    let reads: Option<Vec<Read>> = chunk.into_iter().map(|m| m.ok().and_then(|m| read(&m))).collect();
                    let Some(reads) = reads else { return Ok(()) };
                    self.accept(reads).await?;
                }
                changed = relayed.changed(), if !late => if changed.is_err() { return Ok(()) },
                () = tokio::time::sleep(if late { LATE } else { QUIET }) => {
                    if self.catch_up().await? || !service::nats::is_connected(client) {
                        metrics::counter!("wechess_feed_silences_total").increment(1);
                        return Ok(());
                    }
                }
            }
        }
    }

    /// An ordered consumer of everything after the last known position; none when NATS or the stream is not there.
    async fn subscribe(&self, client: &async_nats::Client, stream: &str) -> Option<ReadyChunks<Ordered>> {
        if !service::nats::is_connected(client) {
            return None;
        }
        let start_sequence = u64::try_from(self.head() + 1).ok()?;
        let config = OrderedConfig {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ..OrderedConfig::default()
        };
        let made = tokio::time::timeout(QUIET, async {
            let stream = async_nats::jetstream::new(client.clone()).get_stream_no_info(stream).await.ok()?;
            stream.create_consumer(config).await.ok()?.messages().await.ok()
        });
        made.await.ok().flatten().map(|messages| messages.ready_chunks(CHUNK))
    }

    /// Takes over messages of the stream; a jump in their positions is filled from the log.
    async fn accept(&self, reads: Vec<Read>) -> Result<(), FeedError> {
        let mut next = self.head() + 1;
        let mut redelivered = 0;
        let mut fresh = Vec::with_capacity(reads.len());
        for read in reads {
            if read.event.position > next && !Guard::Refill.holds() {
                next = read.event.position;
            }
            if read.event.position > next {
                self.publish(self.opener.open(std::mem::take(&mut fresh)).await?);
                metrics::counter!("wechess_feed_gaps_total").increment(1);
                while self.head() + 1 < read.event.position {
                    self.publish(self.missing().await?);
                }
                next = self.head() + 1;
            }
            if read.event.position == next {
                next += 1;
                fresh.push(read);
            } else {
                redelivered += 1;
            }
        }
        metrics::counter!("wechess_feed_redelivered_total").increment(redelivered);
        self.publish(self.opener.open(fresh).await?);
        Ok(())
    }

    /// The next events of the log itself, after the last known position; at least one.
    async fn missing(&self) -> Result<Items, FeedError> {
        let items = self.log_after(self.head()).await?;
        match items.first() {
            Some(item) if item.event.position == self.head() + 1 => Ok(items),
            Some(_) | None => Err(self.changed(self.log.head().await?)),
        }
    }

    /// Reads what the log has and we have not; whether there was anything.
    async fn catch_up(&self) -> Result<bool, FeedError> {
        if !Guard::Refill.holds() {
            return Ok(false);
        }
        let tail = self.tail().await?;
        let behind = tail > self.head();
        while tail > self.head() {
            self.publish(self.missing().await?);
        }
        Ok(behind)
    }

    /// Shows contiguous events to the views.
    fn publish(&self, items: Items) {
        let Some(last) = items.last().map(|item| item.event.position) else { return };
        let unknown = items.iter().filter(|item| !CATEGORIES.contains(&item.event.category.as_str())).count();
        metrics::counter!("wechess_unknown_category_total").increment(unknown as u64);
        let mut ring = self.ring();
        items.into_iter().for_each(|item| ring.push(item));
        drop(ring);
        self.head.send_replace(last);
    }
}

/// The event in a message of the stream; `None` if it is no event of ours at its own position.
fn read(message: &async_nats::jetstream::Message) -> Option<Read> {
    let event: Recorded = serde_json::from_slice(&message.payload).ok()?;
    let sequence = message.info().ok()?.stream_sequence;
    (u64::try_from(event.position) == Ok(sequence)).then(|| Read { bytes: message.payload.len(), event, fault: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::moved;

    #[test]
    fn the_ring_gives_contiguous_events_and_forgets_the_oldest() {
        let mut ring = Ring { items: VecDeque::new(), bytes: 0, last: 9 };
        assert!(ring.after(9).is_none());
        for position in 10..=(10 + RING_EVENTS as i64) {
            ring.push(moved(position));
        }
        assert!(ring.after(9).is_none(), "10 was forgotten");
        let items = ring.after(10).unwrap();
        assert_eq!((items[0].event.position, items.len()), (11, RANGE as usize));
        assert_eq!(ring.after(ring.last - 1).unwrap().len(), 1);
        assert!(ring.after(ring.last).is_none());
    }
}

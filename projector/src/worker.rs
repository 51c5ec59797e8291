//! One view: takes events from the feed, brings them into the view's index, refreshes it, keeps the checkpoint, and says
//! how far it is.

use std::sync::Arc;
use std::time::Duration;

use event_schema::names::Namespace;
use event_schema::wire::Watermark;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use service::telemetry::chain;
use tokio::time::Instant;
use uuid::Uuid;

use crate::elastic::{Elastic, IndexError};
use crate::feed::{Feed, FeedError};
use crate::generation::{Generation, Generations};
use crate::joins::Joins;
use crate::keys::Item;
use crate::status::{Status, ViewStatus};
use crate::writer::{Shared, Writer};

/// Writes are searchable at most this long after they were made, and the checkpoint and the index are looked after.
const EVERY: Duration = Duration::from_secs(1);
/// A checkpoint of a view of which nothing changed is written more seldom.
const IDLE_CHECKPOINT: Duration = Duration::from_secs(5);
/// Waits between tries to open an index.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// The worker of a view stops.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The index must be opened again.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The log cannot be followed: the whole process begins again.
    #[error(transparent)]
    Feed(#[from] FeedError),
}

/// What a worker works with.
pub struct Worker {
    /// Events.
    pub feed: Arc<Feed>,
    /// Elasticsearch.
    pub shared: Shared,
    /// The process.
    pub status: Arc<Status>,
    /// Which of its views.
    pub place: usize,
    /// Names.
    pub namespace: Namespace,
    /// The log.
    pub log_id: Uuid,
}

impl Worker {
    fn view(&self) -> &ViewStatus {
        &self.status.views[self.place]
    }

    /// Works until the log cannot be followed.
    pub async fn run(&self) -> FeedError {
        let mut pause = BACKOFF.0;
        loop {
            let begun = Instant::now();
            match self.project().await {
                Err(WorkError::Feed(error)) => return error,
                Err(WorkError::Index(error)) => {
                    tracing::warn!(view = self.view().name(), error = chain(&error), "opening the index again");
                    self.view().set_error(Some(chain(&error)));
                    // Nobody may rely on an index that is gone, before another one is as far.
                    self.view().watermark.send_replace(None);
                    self.view().folded.send_replace(None);
                }
                Ok(()) => {}
            }
            pause = if begun.elapsed() > BACKOFF.1 { BACKOFF.0 } else { (pause * 2).min(BACKOFF.1) };
            tokio::time::sleep(pause).await;
        }
    }

    /// Opens the index and works on it until it is lost. Ends well when another generation begins to serve.
    async fn project(&self) -> Result<(), WorkError> {
        let elastic = self.shared.elastic.clone();
        let view = self.view();
        let generations = Generations::new(elastic.clone(), &self.namespace, &view.view, self.log_id);
        let generation = generations.open().await?;
        elastic.refresh(&generation.index).await?;
        if let Some((number, applied)) = generation.behind {
            elastic.refresh(&self.namespace.index(view.name())).await?;
            self.announce(number, applied, applied);
        }
        let joins = Joins::new(&view.view, &self.status, &self.namespace);
        let writer = Writer::open(self.shared.clone(), view, generation.index.clone(), joins).await?;
        tracing::info!(view = view.name(), index = generation.index, applied = generation.applied, "projecting");
        let mut state = Projecting::new(self, elastic, generations, generation, writer);
        state.tell();
        view.set_error(None);
        state.run().await
    }

    fn announce(&self, generation: u32, applied: i64, searchable: i64) {
        let now = Watermark { log_id: self.log_id, generation, applied, searchable };
        self.view().watermark.send_if_modified(|known| {
            let other = known.as_ref() != Some(&now);
            *known = Some(now);
            other
        });
    }
}

type Next = BoxFuture<'static, Result<Vec<Arc<Item>>, FeedError>>;

/// One generation being filled.
struct Projecting<'a> {
    worker: &'a Worker,
    elastic: Elastic,
    generations: Generations,
    generation: Generation,
    writer: Writer<'a>,
    applied: i64,
    searchable: i64,
    /// When the first write was made that is not searchable yet.
    dirty: Option<Instant>,
    /// Whether documents changed since the last checkpoint.
    unmarked: bool,
    marked: (Instant, i64),
    verified: Instant,
}

impl<'a> Projecting<'a> {
    fn new(
        worker: &'a Worker,
        elastic: Elastic,
        generations: Generations,
        generation: Generation,
        writer: Writer<'a>,
    ) -> Self {
        let (applied, now) = (generation.applied, Instant::now());
        Self {
            worker,
            elastic,
            generations,
            generation,
            writer,
            applied,
            searchable: applied,
            dirty: None,
            unmarked: false,
            marked: (now, applied),
            verified: now,
        }
    }

    async fn run(&mut self) -> Result<(), WorkError> {
        let view = self.worker.view();
        let mut wanted = view.wanted.subscribe();
        let mut next = self.next();
        loop {
            let due = self.due();
            let batch = tokio::select! {
                batch = &mut next => Some(batch?),
                _ = wanted.changed() => None,
                () = tokio::time::sleep_until(due) => None,
            };
            if let Some(items) = batch {
                self.take(&items).await?;
                next = self.next();
            }
            let waiting = *wanted.borrow_and_update();
            let reader_waits = waiting > self.searchable && self.applied > self.searchable && self.applied >= waiting;
            if self.dirty.is_some_and(|since| reader_waits || since.elapsed() >= EVERY) {
                self.refresh().await?;
            }
            if self.generation.behind.is_some() && self.applied >= self.worker.feed.head() {
                return self.swap().await;
            }
            self.look_after().await?;
        }
    }

    /// The next batch, begun now; kept across what else happens.
    fn next(&self) -> Next {
        let (feed, applied) = (Arc::clone(&self.worker.feed), self.applied);
        async move { feed.next(applied).await }.boxed()
    }

    fn due(&self) -> Instant {
        let refresh = self.dirty.map_or(self.verified + EVERY, |since| since + EVERY);
        refresh.min(self.verified + EVERY)
    }

    async fn take(&mut self, items: &[Arc<Item>]) -> Result<(), WorkError> {
        let Some(newest) = items.last().map(|item| &item.event) else { return Ok(()) };
        if self.writer.apply(items).await? {
            self.dirty.get_or_insert_with(Instant::now);
            self.unmarked = true;
        }
        self.applied = newest.position;
        let delay = chrono::Utc::now().signed_duration_since(newest.recorded_at).as_seconds_f64();
        metrics::histogram!("wechess_applied_after_seconds", "view" => self.worker.view().name())
            .record(delay.max(0.0));
        self.worker.view().set_error(None);
        self.tell();
        Ok(())
    }

    /// Announces how far it is. While nothing changed, what is searchable follows what is applied.
    fn tell(&mut self) {
        if self.dirty.is_none() {
            self.searchable = self.applied;
        }
        self.worker.view().folded.send_replace(Some(self.applied));
        if self.generation.behind.is_none() {
            self.worker.announce(self.generation.number, self.applied, self.searchable);
        }
    }

    /// Makes what was applied searchable. No bulk of this view is in flight: this is the one task that sends them.
    async fn refresh(&mut self) -> Result<(), WorkError> {
        let begun = Instant::now();
        match self.elastic.refresh(&self.generation.index).await {
            Ok(()) => {
                metrics::histogram!("wechess_refresh_seconds").record(begun.elapsed().as_secs_f64());
                self.dirty = None;
                self.tell();
                Ok(())
            }
            Err(lost @ IndexError::Lost(_)) => Err(lost.into()),
            Err(error) => {
                tracing::warn!(view = self.worker.view().name(), error = chain(&error), "a refresh failed");
                self.dirty = Some(Instant::now());
                Ok(())
            }
        }
    }

    /// The new generation has caught up: it serves from now on.
    async fn swap(&mut self) -> Result<(), WorkError> {
        self.elastic.refresh(&self.generation.index).await?;
        self.generations.write_checkpoint(self.generation.number, self.applied).await?;
        self.generations.promote(self.generation.number).await?;
        Ok(())
    }

    /// Once a second: the checkpoint, and whether the index is still there. Elasticsearch being away is no news here:
    /// the next write waits for it.
    async fn look_after(&mut self) -> Result<(), WorkError> {
        if self.verified.elapsed() < EVERY {
            return Ok(());
        }
        self.verified = Instant::now();
        let overdue = self.marked.0.elapsed() >= IDLE_CHECKPOINT;
        let done = async {
            self.generations.verify(&self.generation).await?;
            if self.applied > self.marked.1 && (self.unmarked || overdue) {
                self.generations.write_checkpoint(self.generation.number, self.applied).await?;
                return Ok(true);
            }
            Ok(false)
        };
        match done.await {
            Ok(true) => {
                self.marked = (Instant::now(), self.applied);
                self.unmarked = false;
            }
            Ok(false) => {}
            Err(lost @ IndexError::Lost(_)) => return Err(lost.into()),
            Err(error) => {
                tracing::warn!(view = self.worker.view().name(), error = chain(&error), "the index does not answer");
                self.worker.view().set_error(Some(chain(&error)));
                self.verified = Instant::now();
            }
        }
        Ok(())
    }
}

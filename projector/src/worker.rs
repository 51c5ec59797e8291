//! One view: keeps the generation that serves up to date, and fills another one beside it when one is asked for.

use std::sync::Arc;
use std::time::Duration;

use event_schema::names::Namespace;
use event_schema::wire::Watermark;
use service::telemetry::chain;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;
use uuid::Uuid;

use crate::changes::Announcer;
use crate::elastic::IndexError;
use crate::feed::{Feed, FeedError};
use crate::filling::{self, Pace};
use crate::flight::OldTable;
use crate::generation::{Generation, Generations};
use crate::joins::Joins;
use crate::link::{Link, Shared};
use crate::projecting::{Command, Projecting};
use crate::status::{Status, ViewRef};
use crate::writer::Writer;

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

/// What all that works on one view knows.
pub struct Context {
    /// Events.
    pub feed: Arc<Feed>,
    /// Elasticsearch.
    pub shared: Shared,
    /// The process.
    pub status: Arc<Status>,
    /// The view.
    pub view: ViewRef,
    /// Names.
    pub namespace: Namespace,
    /// The log.
    pub log_id: Uuid,
    /// Keeps the fillers of several views together.
    pub pace: Arc<Pace>,
    /// Tells what changes.
    pub announcer: Announcer,
}

impl Context {
    /// The generations of the view.
    pub fn generations(&self) -> Generations {
        Generations::new(self.shared.elastic.clone(), &self.namespace, &self.view.view, self.log_id)
    }

    /// The way to a generation.
    pub fn link(&self, generation: &Generation) -> Link {
        Link { shared: self.shared.clone(), view: self.view.clone(), index: generation.index.clone() }
    }

    /// The view's joins, with facts at least as new as `since`.
    pub fn joins(&self, since: i64) -> Joins {
        Joins::new(&self.view.view, &self.status, &self.namespace, since)
    }

    /// Says how far the generation is that serves, and in which edition.
    pub fn announce(&self, (generation, edition): (u32, Uuid), applied: i64, searchable: i64) {
        let now = Watermark { log_id: self.log_id, generation, edition, applied, searchable };
        self.view.watermark.send_if_modified(|known| {
            let other = known.as_ref() != Some(&now);
            *known = Some(now);
            other
        });
    }
}

/// Whose turn it is: held by whoever changes or compares the generation that serves.
#[derive(Default)]
pub struct Baton {
    /// Another generation serves now.
    pub handed_over: bool,
}

/// The worker of a view.
pub struct Worker {
    /// What it knows.
    pub context: Arc<Context>,
    /// What it is asked to do between two batches.
    pub inbox: mpsc::Receiver<Command>,
}

impl Worker {
    /// Works until the log cannot be followed.
    pub async fn run(mut self) -> FeedError {
        let view = self.context.view.clone();
        let mut pause = BACKOFF.0;
        loop {
            let begun = Instant::now();
            match self.project().await {
                Err(WorkError::Feed(error)) => return error,
                Err(WorkError::Index(error)) => {
                    tracing::warn!(view = view.name(), error = chain(&error), "opening the index again");
                    view.set_error(Some(chain(&error)));
                    // Nobody may rely on an index that is gone, before another one is as far.
                    view.watermark.send_replace(None);
                    view.folded.send_replace(None);
                }
                Ok(()) => continue,
            }
            pause = if begun.elapsed() > BACKOFF.1 { BACKOFF.0 } else { (pause * 2).min(BACKOFF.1) };
            tokio::time::sleep(pause).await;
        }
    }

    /// Opens the generation that serves and works on it until it is lost. Ends well when another one begins to serve.
    async fn project(&mut self) -> Result<(), WorkError> {
        let context = &self.context;
        let generations = context.generations();
        let live = generations.open().await?;
        context.shared.elastic.refresh(&live.index).await?;
        let old = live.shared_fields.clone().map(|fields| OldTable { fields, feed: Arc::clone(&context.feed) });
        if old.is_some() {
            tracing::warn!(view = context.view.name(), index = live.index, "an older table serves meanwhile");
        }
        let joins = context.joins(0);
        let writer = Writer::open(context.link(&live), joins, old, live.applied).await?;
        context.view.set_parked(writer.parked.count(), writer.parked.report());
        context.view.set_error(None);
        tracing::info!(view = context.view.name(), index = live.index, applied = live.applied, "projecting");
        let baton = Arc::new(Mutex::new(Baton::default()));
        let filled = filling::whenever_asked(Arc::clone(context), live.clone(), Arc::clone(&baton));
        let mut projecting = Projecting::new(Arc::clone(context), generations, live, writer, baton);
        projecting.tell();
        tokio::select! {
            ended = projecting.run(&mut self.inbox) => ended,
            error = filled => Err(error.into()),
        }
    }
}

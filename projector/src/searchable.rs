//! Makes what the serving generation has written searchable, and tells those who read live what can be found.
//!
//! A refresh takes longer than a write, so writes go on beside it: once it is done, everything can be found that was
//! written when it began.

use std::time::Duration;

use service::BoxError;
use service::telemetry::chain;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::changes::Notes;
use crate::elastic::IndexError;
use crate::listen;
use crate::projecting::Projecting;
use crate::worker::WorkError;

/// Those who read live are told at least this often that a view moves on though nothing in it changes.
const IDLE_TELLING: Duration = Duration::from_millis(500);

/// What those who read live were told.
#[derive(Default)]
pub struct Telling {
    /// They were told everything up to here; none while they are told nothing.
    told: Option<i64>,
    /// The last time that they were heard before that.
    heard: Option<Instant>,
    /// When.
    at: Option<Instant>,
    /// More than that was found since, changes among it.
    passed: bool,
}

/// A refresh on its way; given up when it is dropped.
pub struct Refreshing {
    task: JoinSet<Result<(), IndexError>>,
    begun: Instant,
    /// Every event up to here was written when it began.
    upto: i64,
    /// It shows documents that were written over, of which no position tells.
    corrects: bool,
    tells: Option<Tells>,
}

/// What is told once a refresh is done.
struct Tells {
    /// What was told when it began.
    told: Option<i64>,
    /// What changed since.
    changes: Notes,
}

impl Refreshing {
    /// Waits for its end; for ever when there is none. Nothing is lost if it is dropped meanwhile.
    pub async fn end(refreshing: &mut Option<Self>) -> Result<(), IndexError> {
        let Some(refreshing) = refreshing else { return std::future::pending().await };
        match refreshing.task.join_next().await {
            Some(Ok(done)) => done,
            Some(Err(error)) => Err(IndexError::Partial(format!("a refresh was cut off: {error}"))),
            None => Err(IndexError::Partial("a refresh has no task".to_owned())),
        }
    }
}

impl Projecting {
    /// Begins to make what was written searchable. None is on its way.
    pub(crate) async fn begin_refresh(&mut self) {
        self.tell_idle().await;
        let tells = self.noted_until_now();
        let (elastic, index) = (self.context.shared.elastic.clone(), self.generation.index.clone());
        let mut task = JoinSet::new();
        task.spawn(async move { elastic.refresh(&index).await });
        self.dirty = None;
        let corrects = std::mem::take(&mut self.corrected);
        self.refreshing = Some(Refreshing { task, begun: Instant::now(), upto: self.writer.done(), corrects, tells });
    }

    /// What will be told when everything written until now can be found; from now on it is noted anew. None if nobody
    /// listens, or while something is on its way: it is told with what comes later.
    fn noted_until_now(&mut self) -> Option<Tells> {
        if self.listener().is_none() || !self.writer.is_settled() {
            return None;
        }
        let changes = &mut self.writer.changes;
        let told = self.telling.told.filter(|_| changes.are_whole());
        Some(Tells { told, changes: changes.split(told.is_some()) })
    }

    /// Announces what can be found after a refresh. If it failed, there will be another.
    pub(crate) async fn end_refresh(&mut self, done: Result<(), IndexError>) -> Result<(), WorkError> {
        let Some(refreshing) = self.refreshing.take() else { return Ok(()) };
        match done {
            Ok(()) => {
                metrics::histogram!("wechess_refresh_seconds").record(refreshing.begun.elapsed().as_secs_f64());
                self.searchable = refreshing.upto;
                if refreshing.corrects {
                    // Whoever kept an answer as of this position must ask again.
                    self.edition = Uuid::now_v7();
                }
                self.tell();
                match refreshing.tells {
                    Some(tells) => self.tell_found(tells, refreshing.upto).await,
                    None => self.telling.passed = true,
                }
                Ok(())
            }
            Err(lost @ IndexError::Lost(_)) => Err(lost.into()),
            Err(error) => {
                tracing::warn!(view = self.context.view.name(), error = chain(&error), "a refresh failed");
                self.dirty = Some(Instant::now());
                self.corrected |= refreshing.corrects;
                if refreshing.tells.is_some() {
                    self.writer.changes.end();
                }
                Ok(())
            }
        }
    }

    /// Tells what changed up to a position, all of which can be found now.
    async fn tell_found(&mut self, Tells { told, changes }: Tells, upto: i64) {
        let Some(heard) = self.listener().filter(|_| self.telling.told == told || told.is_none()) else { return };
        let range = (told.unwrap_or(upto), upto);
        self.tell_range(range, changes, heard).await;
    }

    /// The last time that somebody was heard who reads live; none if nobody does any more.
    fn listener(&self) -> Option<Instant> {
        self.context.view.listened.borrow().filter(|heard| heard.elapsed() <= listen::PATIENCE)
    }

    /// While everything written can be found: tells those who read live how far the view is. A failure begins anew: who
    /// listens sees the hole.
    pub(crate) async fn tell_changes(&mut self) {
        let Some(heard) = self.listener() else {
            self.writer.changes.end();
            self.telling = Telling::default();
            return;
        };
        if self.dirty.is_some() || self.refreshing.is_some() || !self.writer.is_settled() {
            return;
        }
        let asked = self.telling.heard != Some(heard);
        let whole = self.writer.changes.are_whole();
        let told = self.telling.told.filter(|_| whole);
        let overdue = self.telling.at.is_none_or(|at| at.elapsed() >= IDLE_TELLING);
        let idle = self.writer.changes.are_empty();
        if told.is_some() && idle && !asked && (!overdue || told == Some(self.searchable)) {
            return;
        }
        let changes = self.writer.changes.split(told.is_some());
        let range = (told.unwrap_or(self.searchable), self.searchable);
        self.tell_range(range, changes, heard).await;
    }

    async fn tell_range(&mut self, range: (i64, i64), changes: Notes, heard: Instant) {
        let sent = self.context.announcer.tell(self.generation.number, range, changes).await;
        self.telling = Telling { told: Some(range.1), heard: Some(heard), at: Some(Instant::now()), passed: false };
        self.note_telling(sent);
    }

    /// Before what was written becomes searchable: nothing changed up to what was searchable last. So whoever has read
    /// as of an announced position stands between two messages, never inside one.
    async fn tell_idle(&mut self) {
        let Some(told) = self.telling.told.filter(|told| *told < self.searchable) else { return };
        if !self.telling.passed && self.writer.changes.are_whole() {
            let sent = self.context.announcer.idle(self.generation.number, (told, self.searchable)).await;
            self.telling.told = Some(self.searchable);
            self.note_telling(sent);
        }
    }

    fn note_telling(&mut self, sent: Result<(), BoxError>) {
        if let Err(error) = sent {
            tracing::debug!(view = self.context.view.name(), error, "changes could not be told");
            self.writer.changes.end();
            self.telling.told = None;
        }
    }
}

//! The generation that serves: takes events from the feed, brings them in, refreshes the index, keeps the checkpoint, and
//! says how far it is.

use std::sync::Arc;
use std::time::Duration;

use service::telemetry::chain;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;
use uuid::Uuid;

use crate::ahead::Ahead;
use crate::elastic::IndexError;
use crate::feed::Items;
use crate::generation::{Generation, Generations};
use crate::heal::{self, Healed};
use crate::listen;
use crate::refold::Which;
use crate::worker::{Baton, Context, WorkError};
use crate::writer::Writer;

/// Writes are searchable at most this long after they were made, and the checkpoint and the index are looked after.
const EVERY: Duration = Duration::from_secs(1);
/// A checkpoint of a view of which nothing changed is written more seldom.
const IDLE_CHECKPOINT: Duration = Duration::from_secs(5);
/// Those who read live are told at least this often that a view moves on though nothing in it changes.
const IDLE_TELLING: Duration = Duration::from_millis(500);
/// A view that is further behind than this folds much in memory before it writes, for so long at most.
const FAR: i64 = 5000;
const FAR_WRITE: Duration = Duration::from_secs(3);

/// What the worker of a view is asked to do between two batches.
pub enum Command {
    /// Fold parked documents anew; all of them, or these.
    Heal(Option<Vec<Uuid>>, oneshot::Sender<Healed>),
    /// Compare a document with the log, and put it right if it differs.
    Check(Which, oneshot::Sender<Vec<String>>),
}

/// A generation at work.
pub struct Projecting {
    pub(crate) context: Arc<Context>,
    pub(crate) generation: Generation,
    pub(crate) writer: Writer,
    generations: Generations,
    /// Tells this opening from any other.
    opened: Uuid,
    baton: Arc<Mutex<Baton>>,
    searchable: i64,
    /// When the first write was made that is not searchable yet.
    dirty: Option<Instant>,
    /// When the first event was folded that is not written yet.
    unwritten: Option<Instant>,
    /// Whether documents changed since the last checkpoint.
    unmarked: bool,
    marked: (Instant, i64),
    verified: Instant,
    telling: Telling,
}

/// What those who read live were told.
#[derive(Default)]
struct Telling {
    /// They were told everything up to here; none while they are told nothing.
    told: Option<i64>,
    /// The last time that they were heard before that.
    heard: Option<Instant>,
    /// When.
    at: Option<Instant>,
}

enum Turn {
    Batch(Items),
    Command(Command),
    Look,
}

impl Projecting {
    /// Begins where the generation is.
    pub fn new(
        context: Arc<Context>,
        generations: Generations,
        generation: Generation,
        writer: Writer,
        baton: Arc<Mutex<Baton>>,
    ) -> Self {
        let (applied, now) = (generation.applied, Instant::now());
        Self {
            context,
            generation,
            writer,
            generations,
            opened: Uuid::now_v7(),
            baton,
            searchable: applied,
            dirty: None,
            unwritten: None,
            unmarked: false,
            marked: (now, applied),
            verified: now,
            telling: Telling::default(),
        }
    }

    /// Works until the index is lost or another generation serves.
    pub async fn run(&mut self, inbox: &mut mpsc::Receiver<Command>) -> Result<(), WorkError> {
        let mut wanted = self.context.view.wanted.subscribe();
        let mut listened = self.context.view.listened.subscribe();
        let mut next = Ahead::after(&self.context.feed, self.writer.taken());
        loop {
            let due = self.due();
            let turn = tokio::select! {
                batch = &mut next => Turn::Batch(batch?),
                Some(command) = inbox.recv() => Turn::Command(command),
                _ = wanted.changed() => Turn::Look,
                _ = listened.changed() => Turn::Look,
                () = tokio::time::sleep_until(due) => Turn::Look,
            };
            let baton = Arc::clone(&self.baton);
            let mine = baton.lock().await;
            if mine.handed_over {
                return Ok(());
            }
            match turn {
                Turn::Batch(items) => {
                    next = Ahead::after(&self.context.feed, last_of(&items, self.writer.taken()));
                    self.take(&items).await?;
                }
                Turn::Command(command) => self.obey(command).await?,
                Turn::Look => {}
            }
            if self.unwritten.is_some_and(|since| since.elapsed() >= FAR_WRITE) {
                self.write().await?;
            }
            let (waiting, applied) = (*wanted.borrow_and_update(), self.writer.done());
            let reader_waits = waiting > self.searchable && applied > self.searchable && applied >= waiting;
            if self.dirty.is_some_and(|since| reader_waits || since.elapsed() >= EVERY) {
                self.refresh().await?;
            }
            let heard = *listened.borrow_and_update();
            self.tell_changes(heard).await;
            self.look_after().await?;
        }
    }

    fn due(&self) -> Instant {
        let soon = [self.dirty, Some(self.verified)].into_iter().flatten().map(|since| since + EVERY);
        let first = soon.chain(self.unwritten.map(|since| since + FAR_WRITE)).min();
        first.unwrap_or(self.verified + EVERY)
    }

    async fn take(&mut self, items: &Items) -> Result<(), WorkError> {
        let Some(newest) = items.last().map(|item| &item.event) else { return Ok(()) };
        self.writer.absorb(items).await?;
        if self.context.feed.head() - newest.position < FAR {
            self.write().await?;
        } else {
            self.unwritten.get_or_insert_with(Instant::now);
            if self.writer.is_full() {
                self.writer.send().await?;
                self.unwritten = Some(Instant::now());
            }
            self.note_written();
        }
        let delay = chrono::Utc::now().signed_duration_since(newest.recorded_at).as_seconds_f64();
        metrics::histogram!("wechess_applied_after_seconds", "view" => self.context.view.name()).record(delay.max(0.0));
        Ok(())
    }

    /// Writes everything that was folded.
    pub(crate) async fn write(&mut self) -> Result<(), WorkError> {
        self.writer.flush().await?;
        self.unwritten = None;
        self.note_written();
        self.context.view.set_error(None);
        Ok(())
    }

    fn note_written(&mut self) {
        if self.writer.wrote() {
            self.dirty.get_or_insert_with(Instant::now);
            self.unmarked = true;
        }
        self.tell();
    }

    /// Announces how far it is. While nothing changed, what is searchable follows what is applied.
    pub fn tell(&mut self) {
        let applied = self.writer.done();
        if self.dirty.is_none() {
            self.searchable = applied;
        }
        self.context.view.folded.send_replace(Some(applied));
        self.context.announce((self.generation.number, self.opened), applied, self.searchable);
    }

    /// Makes what was applied searchable.
    async fn refresh(&mut self) -> Result<(), WorkError> {
        self.tell_idle().await;
        let begun = Instant::now();
        match self.context.shared.elastic.refresh(&self.generation.index).await {
            Ok(()) => {
                metrics::histogram!("wechess_refresh_seconds").record(begun.elapsed().as_secs_f64());
                self.dirty = None;
                self.tell();
                Ok(())
            }
            Err(lost @ IndexError::Lost(_)) => Err(lost.into()),
            Err(error) => {
                tracing::warn!(view = self.context.view.name(), error = chain(&error), "a refresh failed");
                self.dirty = Some(Instant::now());
                Ok(())
            }
        }
    }

    /// Tells those who read live what can be found now, or that nothing changed. A failure begins anew: who listens
    /// sees the hole.
    async fn tell_changes(&mut self, heard: Option<Instant>) {
        if heard.is_none_or(|heard| heard.elapsed() > listen::PATIENCE) {
            self.writer.changes.end();
            self.telling = Telling::default();
            return;
        }
        if self.dirty.is_some() || !self.writer.is_settled() {
            return;
        }
        let asked = self.telling.heard != heard;
        let whole = self.writer.changes.are_whole();
        let told = self.telling.told.filter(|_| whole);
        let overdue = self.telling.at.is_none_or(|at| at.elapsed() >= IDLE_TELLING);
        let idle = self.writer.changes.are_empty();
        if told.is_some() && idle && !asked && (!overdue || told == Some(self.searchable)) {
            return;
        }
        if told.is_none() {
            self.writer.changes.begin();
        }
        let range = (told.unwrap_or(self.searchable), self.searchable);
        let announcer = self.context.announcer.clone();
        let sent = announcer.tell(self.generation.number, range, &mut self.writer.changes).await;
        self.telling = Telling { told: Some(self.searchable), heard, at: Some(Instant::now()) };
        self.note_telling(sent);
    }

    /// Before what was written becomes searchable: nothing changed up to what was searchable last. So whoever has read
    /// as of an announced position stands between two messages, never inside one.
    async fn tell_idle(&mut self) {
        let Some(told) = self.telling.told.filter(|told| *told < self.searchable) else { return };
        if self.writer.changes.are_whole() {
            let sent = self.context.announcer.idle(self.generation.number, (told, self.searchable)).await;
            self.telling.told = Some(self.searchable);
            self.note_telling(sent);
        }
    }

    fn note_telling(&mut self, sent: Result<(), service::BoxError>) {
        if let Err(error) = sent {
            tracing::debug!(view = self.context.view.name(), error, "changes could not be told");
            self.writer.changes.end();
            self.telling.told = None;
        }
    }

    async fn obey(&mut self, command: Command) -> Result<(), WorkError> {
        self.write().await?;
        // Whoever asked may have gone: what was done is done.
        match command {
            Command::Heal(which, reply) => drop(reply.send(heal::heal(self, which).await?)),
            Command::Check(which, reply) => drop(reply.send(heal::check(self, which).await?)),
        }
        self.note_written();
        Ok(())
    }

    /// Once a second: the checkpoint, and whether the index is still there. Elasticsearch being away is no news here:
    /// the next write waits for it.
    async fn look_after(&mut self) -> Result<(), WorkError> {
        if self.verified.elapsed() < EVERY {
            return Ok(());
        }
        self.verified = Instant::now();
        let applied = self.writer.done();
        let overdue = self.marked.0.elapsed() >= IDLE_CHECKPOINT;
        let done = async {
            self.generations.verify(&self.generation).await?;
            if applied > self.marked.1 && (self.unmarked || overdue) {
                self.generations.write_checkpoint(self.generation.number, applied).await?;
                return Ok(true);
            }
            Ok(false)
        };
        match done.await {
            Ok(true) => {
                self.marked = (Instant::now(), applied);
                self.unmarked = false;
            }
            Ok(false) => {}
            Err(lost @ IndexError::Lost(_)) => return Err(lost.into()),
            Err(error) => {
                tracing::warn!(view = self.context.view.name(), error = chain(&error), "the index does not answer");
                self.context.view.set_error(Some(chain(&error)));
                self.verified = Instant::now();
            }
        }
        Ok(())
    }
}

fn last_of(items: &Items, before: i64) -> i64 {
    items.last().map_or(before, |item| item.event.position)
}

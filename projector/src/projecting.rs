//! The generation that serves: takes events from the feed, brings them in, has the index refreshed, keeps the checkpoint,
//! and says how far it is.

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
use crate::refold::Which;
use crate::searchable::{Refreshing, Telling};
use crate::worker::{Baton, Context, WorkError};
use crate::writer::Writer;

/// Writes are searchable at most this long after they were made, and the checkpoint and the index are looked after.
const EVERY: Duration = Duration::from_secs(1);
/// A checkpoint of a view of which nothing changed is written more seldom.
const IDLE_CHECKPOINT: Duration = Duration::from_secs(5);
/// A view takes what comes near the head of the log at once, and then no more for so long, unless a reader waits for it:
/// Elasticsearch does ten documents in one bulk for hardly more than one.
const PACE: Duration = Duration::from_millis(200);
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
    /// Tells what it shows at a position from what any other opening does, or itself did before it was put right.
    pub(crate) edition: Uuid,
    /// Whether documents were written over that are not searchable, and will not be by the refresh on its way.
    pub(crate) corrected: bool,
    baton: Arc<Mutex<Baton>>,
    pub(crate) searchable: i64,
    /// When the first write was made that is not searchable, and will not be by the refresh on its way.
    pub(crate) dirty: Option<Instant>,
    pub(crate) refreshing: Option<Refreshing>,
    /// When the first event was folded that is not written yet.
    unwritten: Option<Instant>,
    /// Whether documents changed since the last checkpoint.
    unmarked: bool,
    marked: (Instant, i64),
    verified: Instant,
    /// It takes more from then on.
    opens: Instant,
    pub(crate) telling: Telling,
}

enum Turn {
    Batch(Items),
    Command(Command),
    Refreshed(Result<(), IndexError>),
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
            edition: Uuid::now_v7(),
            corrected: false,
            baton,
            searchable: applied,
            dirty: None,
            refreshing: None,
            unwritten: None,
            unmarked: false,
            marked: (now, applied),
            verified: now,
            opens: now,
            telling: Telling::default(),
        }
    }

    /// Works until the index is lost or another generation serves.
    pub async fn run(&mut self, inbox: &mut mpsc::Receiver<Command>) -> Result<(), WorkError> {
        let mut wanted = self.context.view.wanted.subscribe();
        let mut needed = self.context.view.needed.subscribe();
        let mut listened = self.context.view.listened.subscribe();
        let mut next: Option<Ahead> = None;
        loop {
            // Nobody waits for what is not on its way yet: a token may claim any position.
            let awaited = self.writer.taken() + 1..self.context.feed.head() + FAR;
            let hurried = awaited.contains(&*needed.borrow()) || awaited.contains(&*wanted.borrow());
            if next.is_none() && (hurried || self.opens <= Instant::now()) {
                next = Some(Ahead::after(&self.context.feed, self.writer.taken()));
            }
            let due = if next.is_none() { self.due().min(self.opens) } else { self.due() };
            let turn = tokio::select! {
                batch = Ahead::of(&mut next) => Turn::Batch(batch?),
                Some(command) = inbox.recv() => Turn::Command(command),
                done = Refreshing::end(&mut self.refreshing) => Turn::Refreshed(done),
                _ = wanted.changed() => Turn::Look,
                _ = needed.changed() => Turn::Look,
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
                    // Behind, it reads while it works.
                    let last = last_of(&items, self.writer.taken());
                    self.opens = Instant::now() + PACE;
                    next = self.is_behind(last).then(|| Ahead::after(&self.context.feed, last));
                    self.take(&items).await?;
                }
                Turn::Command(command) => self.obey(command).await?,
                Turn::Refreshed(done) => self.end_refresh(done).await?,
                Turn::Look => {}
            }
            if self.unwritten.is_some_and(|since| since.elapsed() >= FAR_WRITE) {
                self.write().await?;
            }
            let (waiting, applied) = (*wanted.borrow_and_update(), self.writer.done());
            let reader_waits = waiting > self.searchable && applied > self.searchable && applied >= waiting;
            let overdue = self.dirty.is_some_and(|since| reader_waits || since.elapsed() >= EVERY);
            if overdue && self.refreshing.is_none() {
                self.begin_refresh().await;
            }
            listened.mark_unchanged();
            self.tell_changes().await;
            self.look_after().await?;
        }
    }

    fn due(&self) -> Instant {
        // What is not searchable waits for the refresh on its way.
        let dirty = self.dirty.filter(|_| self.refreshing.is_none());
        let soon = [dirty, Some(self.verified)].into_iter().flatten().map(|since| since + EVERY);
        let first = soon.chain(self.unwritten.map(|since| since + FAR_WRITE)).min();
        first.unwrap_or(self.verified + EVERY)
    }

    fn is_behind(&self, position: i64) -> bool {
        self.context.feed.head() - position >= FAR
    }

    async fn take(&mut self, items: &Items) -> Result<(), WorkError> {
        let Some(newest) = items.last().map(|item| &item.event) else { return Ok(()) };
        self.writer.absorb(items).await?;
        if !self.is_behind(newest.position) {
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

    /// Announces how far it is. While everything written can be found, what is searchable follows what is applied.
    pub fn tell(&mut self) {
        let applied = self.writer.done();
        if self.dirty.is_none() && self.refreshing.is_none() {
            self.searchable = applied;
        }
        self.context.view.folded.send_replace(Some(applied));
        self.context.announce((self.generation.number, self.edition), applied, self.searchable);
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

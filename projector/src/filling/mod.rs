//! Fills another generation of a view beside the one that serves, from the log in PostgreSQL, and hands over to it when
//! it has caught up and both agree.

mod compare;
mod pace;

use std::sync::Arc;
use std::time::Duration;

use service::telemetry::chain;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::ahead::Ahead;
use crate::elastic::IndexError;
use crate::feed::FeedError;
use crate::generation::{Filling, Generation, Generations};
use crate::joins::Joins;
use crate::progress::{Progress, Stage};
use crate::worker::{Baton, Context, WorkError};
use crate::writer::Writer;

pub use pace::Pace;

/// Checkpoints of a generation that is being filled.
const CHECKPOINT: Duration = Duration::from_secs(2);
/// A generation that is no further behind than this may be handed over to.
const NEAR: i64 = 2000;
/// Waits between tries that failed because of a server.
const BACKOFF: Duration = Duration::from_secs(1);

/// Fills generations whenever that is written down in one, beside this one that serves, until the log cannot be
/// followed.
pub async fn whenever_asked(context: Arc<Context>, live: Generation, baton: Arc<Mutex<Baton>>) -> FeedError {
    let generations = Arc::new(context.generations());
    loop {
        match once(&context, &generations, &live, &baton).await {
            // Who works on the one that served before learns it now, and ends this as well.
            Ok(true) if baton.lock().await.handed_over => std::future::pending().await,
            Ok(true) => {}
            Ok(false) => context.view.nudge.notified().await,
            Err(WorkError::Feed(error)) => return error,
            Err(WorkError::Index(error)) => {
                tracing::warn!(view = context.view.name(), error = chain(&error), "filling again");
                context.view.progress.change(|known| known.note = Some(chain(&error)));
                tokio::time::sleep(BACKOFF).await;
            }
        }
    }
}

/// Fills the generation that is to be filled, to the end; whether there was one.
async fn once(
    context: &Arc<Context>,
    generations: &Arc<Generations>,
    live: &Generation,
    baton: &Arc<Mutex<Baton>>,
) -> Result<bool, WorkError> {
    if live.shared_fields.is_some() {
        let since = Joins::reached(&context.view.view, &context.status);
        if let Err(why) = generations.begin_for_table(since).await? {
            context.view.set_error(Some(why));
        }
    }
    let Some(filling) = generations.filling().await? else {
        let gone = "the generation is gone: it was dropped, or another projector has finished it";
        context.view.progress.change(|known| known.end(gone));
        return Ok(false);
    };
    // On a thread of its own: what serves must not wait for it.
    let mut task = JoinSet::new();
    let filler = Filler {
        context: Arc::clone(context),
        generations: Arc::clone(generations),
        live: live.clone(),
        filling,
        baton: Arc::clone(baton),
    };
    task.spawn(async move { filler.run().await });
    match task.join_next().await {
        Some(Ok(done)) => done.map(|()| true),
        Some(Err(error)) => Err(IndexError::Lost(format!("filling was cut off: {error}")).into()),
        None => Ok(true),
    }
}

/// Fills one generation.
struct Filler {
    context: Arc<Context>,
    generations: Arc<Generations>,
    live: Generation,
    filling: Filling,
    baton: Arc<Mutex<Baton>>,
}

impl Filler {
    async fn run(&self) -> Result<(), WorkError> {
        let (context, generation) = (&self.context, &self.filling.generation);
        let name = context.view.name();
        context.shared.elastic.refresh(&generation.index).await?;
        let joins = context.joins(self.filling.facts_since);
        let mut writer = Writer::open(context.link(generation), joins, None, generation.applied).await?;
        let begun = Instant::now();
        tracing::info!(view = name, index = generation.index, applied = generation.applied, "filling a generation");
        context.view.progress.set(Progress::begin(generation.number, generation.applied, context.feed.head()));
        loop {
            self.fill(&mut writer).await?;
            self.context.view.progress.change(|known| known.stage = Stage::Comparing);
            let rate = rate(writer.done() - generation.applied, begun);
            match self.hand_over(&mut writer, rate).await? {
                Handed::Over => return Ok(()),
                Handed::NotYet => context.view.progress.change(|known| known.stage = Stage::Filling),
                Handed::Never(why) => {
                    tracing::error!(view = name, index = generation.index, why, "the filled generation may not serve");
                    self.generations.fail(generation.number, &why).await?;
                    context.view.progress.change(|known| known.fail(why));
                    return Ok(());
                }
            }
        }
    }

    /// Reads and writes until it is near the log's tail; then everything is written and searchable.
    async fn fill(&self, writer: &mut Writer) -> Result<(), WorkError> {
        let context = &self.context;
        let place = context.pace.enter(context.view.name(), writer.taken());
        let mut marked = Instant::now();
        if context.feed.head() > writer.taken() {
            let mut next = Ahead::after(&context.feed, writer.taken());
            loop {
                let items = (&mut next).await?;
                let last = items.last().map_or(writer.taken(), |item| item.event.position);
                let more = context.feed.head() - last > NEAR;
                if more {
                    next = Ahead::after(&context.feed, last);
                }
                writer.absorb(&items).await?;
                if writer.is_full() {
                    writer.send().await?;
                }
                self.tell(writer);
                if marked.elapsed() > CHECKPOINT {
                    marked = Instant::now();
                    self.generations.write_checkpoint(self.filling.generation.number, writer.done()).await?;
                }
                if !more {
                    break;
                }
                place.reached(last).await;
            }
        }
        drop(place);
        self.settle(writer).await
    }

    /// Writes everything, makes it searchable and notes how far it is.
    async fn settle(&self, writer: &mut Writer) -> Result<(), WorkError> {
        writer.flush().await?;
        self.context.shared.elastic.refresh(&self.filling.generation.index).await?;
        self.generations.write_checkpoint(self.filling.generation.number, writer.done()).await?;
        self.tell(writer);
        Ok(())
    }

    fn tell(&self, writer: &Writer) {
        let head = self.context.feed.head();
        metrics::gauge!("wechess_rebuild_lag", "view" => self.context.view.name())
            .set((head - writer.done()).max(0) as f64);
        self.context.view.progress.change(|known| known.reached(writer.taken(), head, writer.documents()));
    }

    /// Stops the one that serves for a moment, brings this one exactly as far, compares, and puts the alias on it.
    async fn hand_over(&self, writer: &mut Writer, rate: Option<f64>) -> Result<Handed, WorkError> {
        let samples = compare::samples(&self.context, &self.filling.generation, &self.live).await?;
        let mut watermark = self.context.view.watermark.subscribe();
        let (reached, number) = (writer.done(), self.live.number);
        // It may be behind: then it goes on, and this one waits.
        let passed = watermark.wait_for(|w| w.as_ref().is_some_and(|w| w.generation == number && w.applied >= reached));
        if passed.await.is_err() {
            return Ok(Handed::NotYet);
        }
        let mut baton: MutexGuard<'_, Baton> = self.baton.lock().await;
        let Some(there) = self.context.view.watermark.borrow().as_ref().map(|w| w.applied) else {
            return Ok(Handed::NotYet);
        };
        if there - writer.done() > NEAR {
            return Ok(Handed::NotYet);
        }
        self.catch_up(writer, there).await?;
        if let Err(why) = compare::agree(&self.context, writer, &self.filling, &self.live, samples).await? {
            return Ok(Handed::Never(why));
        }
        let filled = &self.filling.generation;
        self.generations.promote(filled.number).await?;
        if let Err(error) = self.generations.finish(filled.number, rate).await {
            tracing::warn!(index = filled.index, error = chain(&error), "it serves, but its rate is not written down");
        }
        tracing::info!(view = self.context.view.name(), index = filled.index, "the filled generation serves");
        self.context.view.progress.change(|known| known.stage = Stage::Done);
        // From here on this task is ended at any time, by whoever works on the one that served.
        baton.handed_over = true;
        self.context.view.wanted.send_modify(|_| {});
        Ok(Handed::Over)
    }

    /// Brings in the events up to a position and no further.
    async fn catch_up(&self, writer: &mut Writer, there: i64) -> Result<(), WorkError> {
        while writer.taken() < there {
            let mut items = self.context.feed.next(writer.taken()).await?;
            items.retain(|item| item.event.position <= there);
            writer.absorb(&items).await?;
        }
        self.settle(writer).await
    }
}

enum Handed {
    Over,
    NotYet,
    Never(String),
}

/// Events a second; none when there were too few to tell.
fn rate(events: i64, begun: Instant) -> Option<f64> {
    (events > 1000).then(|| events as f64 / begun.elapsed().as_secs_f64().max(0.001))
}

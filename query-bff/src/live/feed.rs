//! What changes in a view, heard from the projector while anybody reads the view live.
//!
//! Core NATS loses messages; nobody here may lose a change. Each message names the position that it begins at, so a hole
//! shows; a view whose watermark moves while no message comes is doubted; and its watermark tells when documents were put
//! right. Each is kept as a [`News::Gap`], at which readers take their list anew.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::Client;
use event_schema::names::Namespace;
use event_schema::position::LogPosition;
use event_schema::wire::{Change, Changes, Watermark};
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use futures_util::StreamExt;

use crate::cache::Mark;
use crate::view::{VIEWS, View};
use crate::watermarks::Known;

/// How often the projector is told that somebody listens.
const VOICE: Duration = Duration::from_secs(1);
/// A watermark that is ahead for so long without a message: something was lost.
const DOUBT: Duration = Duration::from_secs(3);
/// How long a view is still followed after its last reader, so that who comes back misses nothing.
const LINGER: Duration = Duration::from_secs(60);
/// So many of the newest are kept whatever they weigh: a change that is large makes nobody slow. Two, since a gap comes
/// with the message that shows it.
const NEWEST: usize = 2;

/// A document as the index holds it.
pub type Source = Map<String, Value>;

/// Everything that changed between two positions.
#[derive(Debug)]
pub struct Batch {
    /// Whoever has everything up to here ...
    pub from: i64,
    /// ... has everything up to here afterwards.
    pub to: i64,
    /// The documents, in the order of their positions.
    pub changes: Vec<Change<Source>>,
}

/// What is kept for readers.
#[derive(Clone, Debug)]
pub enum News {
    /// Changes.
    Batch(Arc<Batch>),
    /// Something may have been lost, or everything is of another log, generation or edition.
    Gap,
}

/// Where a reader stands among the news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The number of the next one for him.
    At(u64),
    /// What he needs is not kept (any more).
    Lost,
}

/// The news of one log and generation.
struct Kept {
    /// Bytes of messages that are kept for readers who are behind.
    most: usize,
    /// What they are of.
    source: Option<(Uuid, u32)>,
    /// Everything up to here was heard; none before the first message, and after a gap that was only doubted.
    heard: Option<i64>,
    /// The edition that the news are of.
    edition: Option<Uuid>,
    /// What was read up to here may be of the edition before.
    renewed: Option<i64>,
    news: VecDeque<(News, usize)>,
    /// The number of the first of them.
    first: u64,
    bytes: usize,
    /// The parts of a message that is not whole yet.
    parts: Vec<Changes<Source>>,
    /// Since when the watermark is ahead.
    behind: Option<Instant>,
    readers: usize,
    /// When the last reader went.
    left: Option<Instant>,
    followed: bool,
}

/// One view's news.
pub struct Feed {
    view: &'static View,
    kept: Mutex<Kept>,
    /// The number of the news that comes next.
    next: watch::Sender<u64>,
}

/// All views'.
pub struct Feeds {
    client: Client,
    namespace: Namespace,
    feeds: Vec<Arc<Feed>>,
}

/// A reader's hold on a feed: while there is one, the view is followed.
pub struct Hold(Arc<Feed>);

impl Drop for Hold {
    fn drop(&mut self) {
        let mut kept = self.0.lock();
        kept.readers -= 1;
        kept.left = Some(Instant::now());
    }
}

impl std::ops::Deref for Hold {
    type Target = Feed;
    fn deref(&self) -> &Feed {
        &self.0
    }
}

impl Feeds {
    /// Nothing is followed yet. Of each view so many bytes of messages are kept for readers who are behind.
    pub fn new(client: Client, namespace: Namespace, most: usize) -> Self {
        Self { client, namespace, feeds: VIEWS.iter().map(|view| Arc::new(Feed::new(view, most))).collect() }
    }

    /// The news of a view, which are followed from now on. Must be called within a tokio runtime.
    pub fn hold(&self, view: &View, known: &watch::Sender<Known>) -> Option<Hold> {
        let feed = self.feeds.iter().find(|feed| feed.view.table.name == view.table.name)?;
        let begins = {
            let mut kept = feed.lock();
            kept.readers += 1;
            !std::mem::replace(&mut kept.followed, true)
        };
        if begins {
            let (feed, client, known) = (Arc::clone(feed), self.client.clone(), known.subscribe());
            let subjects =
                (self.namespace.changes_subject(view.table.name), self.namespace.listen_subject(view.table.name));
            tokio::spawn(async move { feed.follow(&client, subjects, known).await });
        }
        Some(Hold(Arc::clone(feed)))
    }
}

impl Feed {
    fn new(view: &'static View, most: usize) -> Self {
        Self { view, kept: Mutex::new(Kept::new(most, 0)), next: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Told when there are more news: the number of the next.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.next.subscribe()
    }

    /// Everything up to here was heard; none while nothing is sure.
    pub fn heard(&self) -> Option<i64> {
        self.lock().heard
    }

    /// Where somebody goes on who has everything up to a position. `mark` is how far the view is now, if that is known.
    pub fn place(&self, since: LogPosition, mark: Option<&Mark>) -> Place {
        self.lock().place(since, mark)
    }

    /// The news of this number; `Err` when it is not kept any more, `None` when it is not there yet.
    pub fn get(&self, number: u64) -> Result<Option<News>, Place> {
        let kept = self.lock();
        let Some(at) = number.checked_sub(kept.first) else { return Err(Place::Lost) };
        Ok(usize::try_from(at).ok().and_then(|at| kept.news.get(at)).map(|(news, _)| news.clone()))
    }

    async fn follow(&self, client: &Client, (changes, listen): (String, String), known: watch::Receiver<Known>) {
        loop {
            let Ok(mut messages) = client.subscribe(changes.clone()).await else {
                tokio::time::sleep(VOICE).await;
                continue;
            };
            let mut voice = tokio::time::interval(VOICE);
            loop {
                tokio::select! {
                    message = messages.next() => match message {
                        Some(message) => self.hear(&message.payload),
                        None => break,
                    },
                    _ = voice.tick() => {
                        if self.is_over() {
                            return;
                        }
                        // Said only over a connection that stands: what waits for one would come too late.
                        if service::nats::is_connected(client) {
                            let said = client.publish(listen.clone(), bytes::Bytes::new());
                            drop(tokio::time::timeout(VOICE, said).await);
                        }
                        let watermark = known.borrow().watermark.clone();
                        self.doubt(watermark.as_ref(), Instant::now());
                    }
                }
            }
        }
    }

    /// Whether nobody has read for long; then it is followed no more, and what was heard is forgotten.
    fn is_over(&self) -> bool {
        let mut kept = self.lock();
        let over = kept.readers == 0 && kept.left.is_none_or(|left| left.elapsed() > LINGER);
        if over {
            *kept = Kept::new(kept.most, kept.first + kept.news.len() as u64);
        }
        over
    }

    fn hear(&self, payload: &[u8]) {
        let heard = serde_json::from_slice::<Changes<Source>>(payload);
        let mut kept = self.lock();
        match heard {
            Ok(changes) => kept.hear(changes, payload.len()),
            Err(error) => {
                tracing::warn!(view = self.view.table.name, %error, "changes cannot be read");
                kept.parts.clear();
            }
        }
        self.tell(&kept);
    }

    fn doubt(&self, watermark: Option<&Watermark>, now: Instant) {
        let mut kept = self.lock();
        if kept.doubt(watermark, now) {
            metrics::counter!("wechess_live_gaps_total", "view" => self.view.table.name).increment(1);
            self.tell(&kept);
        }
    }

    fn tell(&self, kept: &Kept) {
        let next = kept.first + kept.news.len() as u64;
        self.next.send_if_modified(|known| std::mem::replace(known, next) != next);
    }
}

impl Kept {
    fn new(most: usize, first: u64) -> Self {
        Self {
            most,
            source: None,
            heard: None,
            edition: None,
            renewed: None,
            news: VecDeque::new(),
            first,
            bytes: 0,
            parts: Vec::new(),
            behind: None,
            readers: 0,
            left: None,
            followed: false,
        }
    }

    fn hear(&mut self, part: Changes<Source>, bytes: usize) {
        let source = (part.log_id, part.generation);
        if self.source.replace(source).is_some_and(|known| known != source) {
            self.parts.clear();
            self.heard = None;
            self.push(News::Gap, 0);
        }
        let expected = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        if part.part == 0 {
            self.parts.clear();
        } else if part.part != expected || self.parts[0].from != part.from {
            // The next whole message shows the hole.
            self.parts.clear();
            return;
        }
        let last = part.last;
        self.parts.push(part);
        if last {
            self.whole(bytes);
        }
    }

    fn whole(&mut self, bytes: usize) {
        let parts = std::mem::take(&mut self.parts);
        let Some((from, to)) = parts.first().map(|part| (part.from, part.to)) else { return };
        // Several parts are full ones but for the last.
        let bytes = bytes.max((parts.len() - 1) << 19);
        match self.heard {
            // An older one that came twice.
            Some(heard) if to < heard || (to == heard && parts.iter().all(|part| part.changes.is_empty())) => return,
            Some(heard) if from != heard => {
                self.push(News::Gap, 0);
            }
            Some(_) | None => {}
        }
        let changes = parts.into_iter().flat_map(|part| part.changes).collect();
        self.push(News::Batch(Arc::new(Batch { from, to, changes })), bytes);
        self.heard = Some(to);
        self.behind = None;
    }

    fn push(&mut self, news: News, bytes: usize) {
        let weight = bytes + 256;
        self.news.push_back((news, weight));
        self.bytes += weight;
        while self.bytes > self.most
            && self.news.len() > NEWEST
            && let Some((_, weight)) = self.news.pop_front()
        {
            self.bytes -= weight;
            self.first += 1;
        }
    }

    /// Whether something must have been lost: a watermark is ahead for long and nothing came, or it is of another edition,
    /// of which no message tells. Notes the gap.
    fn doubt(&mut self, watermark: Option<&Watermark>, now: Instant) -> bool {
        let Some(mark) = watermark else { return false };
        if self.edition.replace(mark.edition).is_some_and(|known| known != mark.edition) {
            self.renewed = Some(mark.searchable);
            self.push(News::Gap, 0);
            return true;
        }
        let of_it = self.source.is_some_and(|source| source == (mark.log_id, mark.generation));
        if of_it && self.heard.is_some_and(|heard| heard >= mark.searchable) {
            self.behind = None;
            return false;
        }
        if now.duration_since(*self.behind.get_or_insert(now)) < DOUBT {
            return false;
        }
        self.behind = None;
        // What comes next is compared with this position: it may follow it, or show another hole.
        self.heard = Some(mark.searchable);
        self.source = Some((mark.log_id, mark.generation));
        self.push(News::Gap, 0);
        true
    }

    fn place(&self, since: LogPosition, mark: Option<&Mark>) -> Place {
        let next = self.first + self.news.len() as u64;
        let Some((log, live)) = self.source else { return Place::Lost };
        if log != since.log || mark.is_some_and(|mark| mark.generation() != live) {
            return Place::Lost;
        }
        let Some(heard) = self.heard else { return Place::Lost };
        if self.renewed.is_some_and(|upto| since.position <= upto) {
            return Place::Lost;
        }
        if since.position >= heard {
            // His answer may have come before the message. What is beyond both would make him deaf until they get there.
            let known = mark.map_or(heard, |mark| mark.position().position.max(heard));
            return if since.position <= known { Place::At(next) } else { Place::Lost };
        }
        for (back, (news, _)) in self.news.iter().rev().enumerate() {
            match news {
                News::Gap => return Place::Lost,
                News::Batch(batch) if batch.from <= since.position => return Place::At(next - 1 - back as u64),
                News::Batch(_) => {}
            }
        }
        Place::Lost
    }
}

#[cfg(test)]
mod tests;

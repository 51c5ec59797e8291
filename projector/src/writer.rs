//! Brings batches of events into one generation of a view: fold, write, and on a conflict read again and go on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moka::sync::Cache;
use service::telemetry::chain;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::document::Doc;
use crate::elastic::{Elastic, IndexError, Outcome, Write};
use crate::fold::{Folded, Group, Poison, fold, group};
use crate::joins::{Change, Filled, Joins};
use crate::keys::Item;
use crate::parked::Parked;
use crate::status::ViewStatus;

/// Most bytes of one `_bulk`, its last document apart.
const BULK_BYTES: usize = 8 << 20;
/// Bound of the documents kept in memory, of all views together (bytes of their JSON).
const CACHE_BYTES: u64 = 12 << 20;
/// Waits between tries of a server that does not take our writes.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What the writers of all views share.
#[derive(Clone)]
pub struct Shared {
    /// The client.
    pub elastic: Elastic,
    /// The newest version of a document and its JSON: a third of the memory of the values.
    cache: Cache<(u64, Uuid), (i64, Bytes)>,
    bulks: Arc<Semaphore>,
}

impl Shared {
    /// With an empty cache. At most eight bulks are in flight at once.
    pub fn new(elastic: Elastic) -> Self {
        let weigh = |_: &(u64, Uuid), doc: &(i64, Bytes)| u32::try_from(doc.1.len() + 128).unwrap_or(u32::MAX);
        let cache = Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).build();
        Self { elastic, cache, bulks: Arc::new(Semaphore::new(8)) }
    }
}

/// The one writer of a generation.
pub struct Writer<'a> {
    shared: Shared,
    status: &'a ViewStatus,
    index: String,
    /// Tells the cache entries of this opening from those of an index that was deleted.
    opening: u64,
    parked: Parked,
    joins: Joins,
}

/// A document on its way: its events, and what is known of it.
struct Work {
    group: Group,
    prior: Option<Doc>,
    folded: Option<Folded>,
}

impl<'a> Writer<'a> {
    /// A writer to an index that was just opened and refreshed.
    pub async fn open(shared: Shared, status: &'a ViewStatus, index: String, joins: Joins) -> Result<Self, IndexError> {
        static OPENINGS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let opening = OPENINGS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let parked = Parked::load(&shared.elastic, &index).await?;
        status.set_parked(parked.count(), parked.report());
        Ok(Self { shared, status, index, opening, parked, joins })
    }

    /// Brings a contiguous batch in; whether any document changed. Tries until it is done or the index is lost.
    pub async fn apply(&mut self, items: &[Arc<Item>]) -> Result<bool, IndexError> {
        let mut wrote = false;
        let mut start = 0;
        for (at, item) in items.iter().enumerate() {
            if let Some((table, id)) = self.status.view.joined_change(item) {
                wrote |= self.fold_in(&items[start..=at]).await?;
                wrote |= self.propagate(Change { table, id, position: item.event.position }).await?;
                start = at + 1;
            }
        }
        wrote |= self.fold_in(&items[start..]).await?;
        metrics::counter!("wechess_events_folded_total", "view" => self.status.name()).increment(items.len() as u64);
        Ok(wrote)
    }

    async fn fold_in(&mut self, items: &[Arc<Item>]) -> Result<bool, IndexError> {
        let mut wrote = false;
        let (waiting, groups): (Vec<Group>, Vec<Group>) =
            group(&self.status.view, items).into_iter().partition(|group| self.parked.holds(group.id));
        let mut notes: Vec<Write> = waiting.iter().filter_map(|group| self.parked.add(group)).collect();
        let begins = |group: &Group| group.items.first().is_some_and(|item| self.status.view.begins(group.id, item));
        let mut works: Vec<Work> = groups
            .into_iter()
            .map(|group| Work { prior: begins(&group).then_some(Doc::ABSENT), folded: None, group })
            .collect();
        for work in works.iter_mut().filter(|work| work.prior.is_none()) {
            work.prior = self.cached(work.group.id);
        }
        while !works.is_empty() || !notes.is_empty() {
            self.read_missing(&mut works).await?;
            self.fold_all(&mut works, &mut notes).await?;
            wrote |= !notes.is_empty() || works.iter().any(|w| w.folded.as_ref().is_some_and(|f| f.changed));
            works = self.write(works, std::mem::take(&mut notes)).await?;
        }
        Ok(wrote)
    }

    /// The document as this writer wrote it last, if it is still in memory.
    fn cached(&self, id: Uuid) -> Option<Doc> {
        let (version, json) = self.shared.cache.get(&(self.opening, id))?;
        Some(Doc::from_source(id, version, serde_json::from_slice(&json).ok()?))
    }

    /// Reads the documents that are not known.
    async fn read_missing(&self, works: &mut [Work]) -> Result<(), IndexError> {
        let missing: Vec<&mut Work> = works.iter_mut().filter(|work| work.prior.is_none()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = missing.iter().map(|work| work.group.id.to_string()).collect();
        let hits = self.patiently(|| self.shared.elastic.read(&self.index, &ids)).await?;
        for (work, hit) in missing.into_iter().zip(hits) {
            let doc = hit.source.map_or(Doc::ABSENT, |source| Doc::from_source(work.group.id, hit.version, source));
            work.prior = Some(doc);
        }
        Ok(())
    }

    async fn fold_all(&mut self, works: &mut [Work], notes: &mut Vec<Write>) -> Result<(), IndexError> {
        for work in works.iter_mut() {
            let prior = work.prior.as_ref().unwrap_or(&Doc::ABSENT);
            let mut folded = fold(&self.status.view, prior, &work.group.items);
            if let Some(poison) = folded.poison.take() {
                notes.push(self.parked.park(self.status.name(), work.group.id, poison));
                self.status.set_parked(self.parked.count(), self.parked.report());
            }
            work.folded = Some(folded);
        }
        if self.status.view.joins.is_empty() {
            return Ok(());
        }
        let mut docs: Vec<Filled<'_>> = works
            .iter_mut()
            .filter_map(|work| {
                let folded = work.folded.as_mut().filter(|folded| folded.changed)?;
                Some(Filled { prior: work.prior.as_ref().unwrap_or(&Doc::ABSENT), doc: &mut folded.doc })
            })
            .collect();
        loop {
            let filled = self.joins.fill(&self.shared.elastic, &self.status.view, &mut docs).await;
            // The other view's index may be made anew just now; this view's own is not concerned.
            let Err(error) = filled else { return Ok(()) };
            self.status.set_error(Some(chain(&error)));
            tokio::time::sleep(BACKOFF.1).await;
        }
    }

    /// Writes what changed; gives back what met a conflict, to be read and folded again.
    async fn write(&mut self, works: Vec<Work>, notes: Vec<Write>) -> Result<Vec<Work>, IndexError> {
        let mut changed: Vec<Work> =
            works.into_iter().filter(|work| work.folded.as_ref().is_some_and(|folded| folded.changed)).collect();
        let folded = changed.iter_mut().filter_map(|work| Some((work.group.id, work.folded.take()?.doc)));
        let mut writes: Vec<Write> = folded.map(|(id, doc)| write_of(id, &doc)).collect();
        writes.extend(notes);
        let outcomes = self.bulk(&writes).await?;
        let mut again = Vec::new();
        let mut refused = Vec::new();
        for ((mut work, write), outcome) in changed.into_iter().zip(writes).zip(outcomes) {
            let key = (self.opening, work.group.id);
            match outcome {
                Outcome::Done => self.shared.cache.insert(key, (write.version, write.source)),
                Outcome::Conflict => {
                    self.shared.cache.invalidate(&key);
                    work.prior = None;
                    again.push(work);
                }
                // `bulk` gives nothing back that is for later.
                Outcome::Refused(error) | Outcome::Later(error) => {
                    self.shared.cache.invalidate(&key);
                    refused.push(self.refuse(&work, error));
                }
            }
        }
        if !refused.is_empty() {
            self.status.set_parked(self.parked.count(), self.parked.report());
            self.bulk(&refused).await?;
        }
        Ok(again)
    }

    /// Parks a document that the index itself refuses.
    fn refuse(&mut self, work: &Work, error: String) -> Write {
        let known = work.prior.as_ref().map_or(0, |doc| doc.version);
        let fresh: Vec<i64> = work.group.items.iter().map(|i| i.event.position).filter(|p| *p > known).collect();
        let (first, last) = (fresh.first().copied().unwrap_or(known), fresh.last().copied().unwrap_or(known));
        let poison = Poison { position: first, error, events: fresh.len() as u64, last };
        self.parked.park(self.status.name(), work.group.id, poison)
    }

    /// Changes the documents that show facts of a changed object, page by page. Nothing else of this view is in flight.
    async fn propagate(&mut self, change: Change) -> Result<bool, IndexError> {
        self.patiently(|| self.shared.elastic.refresh(&self.index)).await?;
        let (mut wrote, mut after) = (false, None);
        loop {
            let view = &self.status.view;
            let page = self.joins.changed(&self.shared.elastic, view, &self.index, change, after.as_ref()).await;
            let (mut docs, next) = match page {
                Ok(page) => page,
                Err(error) => {
                    // The other view's index may be made anew just now. If it is this one's, its next write tells.
                    self.status.set_error(Some(chain(&error)));
                    tokio::time::sleep(BACKOFF.1).await;
                    self.patiently(|| self.shared.elastic.refresh(&self.index)).await?;
                    continue;
                }
            };
            // A parked document stays as it is; healing folds it anew, with the facts of then.
            docs.retain(|(id, _)| !self.parked.holds(*id));
            let writes: Vec<Write> = docs.iter().map(|(id, doc)| write_of(*id, doc)).collect();
            for (write, outcome) in writes.iter().zip(self.bulk(&writes).await?) {
                if let Outcome::Refused(error) = outcome {
                    tracing::error!(index = self.index, document = write.id, error, "a joined fact was refused");
                }
            }
            // Read again when needed: a conflict means that another writer has passed this change already.
            docs.iter().for_each(|(id, _)| self.shared.cache.invalidate(&(self.opening, *id)));
            wrote |= !docs.is_empty();
            match next {
                Some(next) => after = Some(next),
                None => return Ok(wrote),
            }
        }
    }

    /// Writes until each write is done, refused or met a conflict; the outcomes in order.
    async fn bulk(&self, writes: &[Write]) -> Result<Vec<Outcome>, IndexError> {
        let mut outcomes = vec![Outcome::Later(String::new()); writes.len()];
        let mut waiting: Vec<usize> = (0..writes.len()).collect();
        let mut pause = BACKOFF.0;
        while !waiting.is_empty() {
            let (places, rest) = waiting.split_at(chunk(writes, &waiting));
            let part: Vec<Write> = places.iter().map(|place| writes[*place].clone()).collect();
            let answered = self.patiently(|| self.send(&part)).await?;
            let mut later = Vec::new();
            for (place, outcome) in places.iter().zip(answered) {
                if let Outcome::Later(reason) = &outcome {
                    self.status.set_error(Some(reason.clone()));
                    later.push(*place);
                }
                outcomes[*place] = outcome;
            }
            if !later.is_empty() {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(BACKOFF.1);
            }
            later.extend_from_slice(rest);
            waiting = later;
        }
        Ok(outcomes)
    }

    async fn send(&self, part: &[Write]) -> Result<Vec<Outcome>, IndexError> {
        let permit = self.shared.bulks.acquire().await;
        let begun = tokio::time::Instant::now();
        let outcomes = self.shared.elastic.bulk(&self.index, part).await;
        drop(permit);
        metrics::histogram!("wechess_bulk_seconds", "view" => self.status.name()).record(begun.elapsed().as_secs_f64());
        metrics::histogram!("wechess_bulk_documents", "view" => self.status.name()).record(part.len() as f64);
        outcomes
    }

    /// Repeats a request until Elasticsearch answers it; only a lost index is an error.
    async fn patiently<T, F: Future<Output = Result<T, IndexError>>>(
        &self,
        mut ask: impl FnMut() -> F,
    ) -> Result<T, IndexError> {
        let mut pause = BACKOFF.0;
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(lost @ IndexError::Lost(_)) => return Err(lost),
                Err(error) => {
                    tracing::warn!(view = self.status.name(), error = chain(&error), "elasticsearch: trying again");
                    self.status.set_error(Some(chain(&error)));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACKOFF.1);
                }
            }
        }
    }
}

fn write_of(id: Uuid, doc: &Doc) -> Write {
    Write { id: id.to_string(), version: doc.version, source: doc.to_source() }
}

/// How many of the waiting writes go into one request: at least one.
fn chunk(writes: &[Write], waiting: &[usize]) -> usize {
    let mut bytes = 0;
    let fits = |place: &&usize| {
        let fits = bytes < BULK_BYTES;
        bytes += writes[**place].source.len();
        fits
    };
    waiting.iter().take_while(fits).count().max(1)
}

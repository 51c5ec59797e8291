//! Brings events into one generation of a view: folds them into documents in memory, and writes these in batches, so
//! that a document which changes often is written seldom.
//!
//! What is folded and not written yet is never read back from the index. A write that meets a newer version is done: by
//! whatever writer, that version holds every event up to it, ours included.

use std::collections::HashMap;
use std::sync::Arc;

use service::telemetry::chain;
use uuid::Uuid;

use crate::changes::Notes;
use crate::document::Doc;
use crate::elastic::{IndexError, Outcome, Write};
use crate::flight::{Flight, Landed, OldTable, source_of};
use crate::fold::{Group, Poison, fold, group};
use crate::joins::{Change, Filled, Joins, Renamed};
use crate::keys::Item;
use crate::link::{BACKOFF, Link};
use crate::parked::Parked;
use crate::pending::Pending;
use crate::refold::{Which, refold};
use crate::views::Sources;

/// As many values does a note of a parked document weigh.
const NOTE: usize = 20;

/// The one writer of a generation.
pub struct Writer {
    pub(crate) link: Link,
    pub(crate) joins: Joins,
    pub(crate) parked: Parked,
    /// What changes, for those who read live.
    pub(crate) changes: Notes,
    old: Option<Arc<OldTable>>,
    /// Tells the cache entries of this opening from those of an index that was deleted.
    opening: u64,
    /// Whether a document is one event.
    one_event: bool,
    pending: Pending,
    notes: HashMap<String, Write>,
    flight: Option<Flight>,
    /// Every event up to here is folded.
    taken: i64,
    /// Every event up to here is written or on its way.
    sent: i64,
    /// Every event up to here is written.
    done: i64,
    /// Whether anything was written since somebody asked.
    wrote: bool,
    /// Whether this writer wrote what it may not find yet.
    unfound: bool,
    documents: u64,
}

/// A document on its way into memory: its events, and what is known of it.
struct Work {
    group: Group,
    prior: Option<Doc>,
    /// It was changed before, and is not written yet.
    waits: bool,
}

impl Writer {
    /// A writer to an index that was just opened and refreshed, and has every event up to `done`.
    pub async fn open(link: Link, joins: Joins, old: Option<OldTable>, done: i64) -> Result<Self, IndexError> {
        static OPENINGS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let opening = OPENINGS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let one_event = matches!(link.view.view.sources, Sources::Event);
        let parked = Parked::load(&link.shared.elastic, &link.index).await?;
        Ok(Self {
            pending: Pending::new(&link.shared.weight),
            link,
            joins,
            parked,
            changes: Notes::default(),
            old: old.map(Arc::new),
            opening,
            one_event,
            notes: HashMap::new(),
            flight: None,
            taken: done,
            sent: done,
            done,
            wrote: false,
            unfound: false,
            documents: 0,
        })
    }

    /// Every event up to here is folded, in memory at least.
    pub fn taken(&self) -> i64 {
        self.taken
    }

    /// Every event up to here is written.
    pub fn done(&self) -> i64 {
        self.done
    }

    /// How many documents were written.
    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// Whether so much waits in memory that it must be written.
    pub fn is_full(&self) -> bool {
        self.pending.is_full(self.notes.len() * NOTE)
    }

    /// Whether documents were written since the last time that this was asked.
    pub fn wrote(&mut self) -> bool {
        std::mem::take(&mut self.wrote)
    }

    /// Folds a contiguous batch in memory.
    pub async fn absorb(&mut self, items: &[Arc<Item>]) -> Result<(), IndexError> {
        let Some(last) = items.last().map(|item| item.event.position) else { return Ok(()) };
        let (mut start, mut parts) = (0, Vec::new());
        for (at, item) in items.iter().enumerate() {
            let position = item.event.position;
            if let Some((table, id)) = self.link.view.view.joined_change(item)
                && self.joins.concerned_by(position)
            {
                let change = Change { table, id, position };
                // A part that is folded after this asks its whole itself, so all of them are looked at together.
                if self.link.view.view.joins.is_empty() {
                    parts.push(change);
                    continue;
                }
                self.fold_in(&items[start..=at]).await?;
                self.taken = position;
                self.propagate(&[change]).await?;
                start = at + 1;
            }
        }
        self.fold_in(&items[start..]).await?;
        self.taken = last;
        self.propagate(&parts).await?;
        if self.is_settled() {
            (self.sent, self.done) = (last, last);
        }
        let name = self.link.view.name();
        metrics::counter!("wechess_events_folded_total", "view" => name).increment(items.len() as u64);
        metrics::histogram!("wechess_batch_events", "view" => name).record(items.len() as f64);
        Ok(())
    }

    async fn fold_in(&mut self, items: &[Arc<Item>]) -> Result<(), IndexError> {
        let view = &self.link.view.view;
        let (waiting, groups): (Vec<Group>, Vec<Group>) =
            group(view, items).into_iter().partition(|group| self.parked.holds(group.id));
        for group in waiting {
            let note = self.parked.add(&group);
            self.notes.extend(note.map(|note| (note.id.clone(), note)));
        }
        let mut works = Vec::with_capacity(groups.len());
        for group in groups {
            let waits = self.pending.holds(group.id);
            works.push(Work { prior: self.known(&group), waits, group });
        }
        self.read_missing(&mut works).await?;
        self.fold_all(works).await;
        Ok(())
    }

    /// The document as this writer has it, or that there is none.
    fn known(&mut self, group: &Group) -> Option<Doc> {
        let id = group.id;
        // It goes back there, changed or not.
        if let Some(doc) = self.pending.remove(id) {
            return Some(doc);
        }
        if let Some(doc) = self.flight.as_ref().and_then(|flight| flight.docs.get(&id)) {
            return Some(doc.clone());
        }
        if group.items.first().is_some_and(|item| self.link.view.view.begins(id, item)) {
            return Some(Doc::ABSENT);
        }
        let (version, json) = self.link.shared.cache.get(&(self.opening, id))?;
        Some(Doc::from_source(id, version, serde_json::from_slice(&json).ok()?))
    }

    /// Reads the documents that are not known.
    async fn read_missing(&self, works: &mut [Work]) -> Result<(), IndexError> {
        let mut missing: Vec<&mut Work> = works.iter_mut().filter(|work| work.prior.is_none()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        if let Some(old) = &self.old {
            for work in missing {
                work.prior = Some(self.before(old, &work.group).await);
            }
            return Ok(());
        }
        let ids: Vec<String> = missing.iter().map(|work| work.group.id.to_string()).collect();
        let hits = self.link.patiently(|| self.link.shared.elastic.read(&self.link.index, &ids)).await?;
        for (work, hit) in missing.iter_mut().zip(hits) {
            let doc = hit.source.map_or(Doc::ABSENT, |source| Doc::from_source(work.group.id, hit.version, source));
            work.prior = Some(doc);
        }
        Ok(())
    }

    /// The document before its group's events, folded from the log. Its joined facts are filled as they are now.
    async fn before(&self, old: &OldTable, group: &Group) -> Doc {
        let first = group.items.first().map_or(0, |item| item.event.position);
        let which = Which { id: group.id, position: first };
        loop {
            match refold(&old.feed, &self.link.view.view, which, &Doc::ABSENT, first - 1).await {
                // Joined fields are filled anew by `fold_all`: to it, such a document refers to its objects for the
                // first time.
                Ok(folded) => return folded.doc,
                Err(error) => {
                    self.link.view.set_error(Some(chain(&error)));
                    tokio::time::sleep(BACKOFF.1).await;
                }
            }
        }
    }

    async fn fold_all(&mut self, works: Vec<Work>) {
        let view = self.link.view.clone();
        let mut changed: Vec<(Uuid, Doc, Doc)> = Vec::with_capacity(works.len());
        for work in works {
            let (id, prior) = (work.group.id, work.prior.unwrap_or(Doc::ABSENT));
            let mut folded = fold(&view.view, id, &prior, &work.group.items);
            if let Some(poison) = folded.poison.take() {
                let note = self.parked.park(view.name(), id, poison);
                self.notes.insert(note.id.clone(), note);
                view.set_parked(self.parked.count(), self.parked.report());
            }
            if work.group.items.first().is_some_and(|item| item.event.position <= prior.version) {
                // Written by whoever was here before: nobody noted what it was then.
                self.changes.end();
            }
            if folded.changed {
                changed.push((id, prior, folded.doc));
            } else if work.waits {
                self.pending.insert(id, prior);
            }
        }
        if view.view.asks() {
            self.fill(&mut changed).await;
        }
        for (id, prior, doc) in changed {
            self.changes.before(id, &prior);
            self.pending.insert(id, doc);
        }
    }

    async fn fill(&mut self, changed: &mut [(Uuid, Doc, Doc)]) {
        let anew = self.old.is_some();
        let mut docs: Vec<Filled<'_>> = changed
            .iter_mut()
            .map(|(_, prior, doc)| Filled { prior: if anew { &Doc::ABSENT } else { prior }, doc })
            .collect();
        loop {
            let filled = self.joins.fill(&self.link.shared.elastic, &self.link.view.view, &mut docs).await;
            // The other view's index may be made anew just now; this view's own is not concerned.
            let Err(error) = filled else { return };
            self.link.view.set_error(Some(chain(&error)));
            tokio::time::sleep(BACKOFF.1).await;
        }
    }

    /// Sends what waits in memory on its way, once what was sent before has landed.
    pub async fn send(&mut self) -> Result<(), IndexError> {
        self.land().await?;
        self.sent = self.taken;
        if self.pending.is_empty() && self.notes.is_empty() {
            self.done = self.sent;
            return Ok(());
        }
        let docs = self.pending.take();
        let notes: Vec<Write> = std::mem::take(&mut self.notes).into_values().collect();
        self.flight = Some(Flight::begin(self.link.clone(), self.old.clone(), docs, notes));
        Ok(())
    }

    /// Waits until what was sent is written.
    pub async fn land(&mut self) -> Result<(), IndexError> {
        let Some(mut flight) = self.flight.take() else { return Ok(()) };
        let landed = flight.end().await?;
        let mut refused = Vec::new();
        self.documents += landed.len() as u64;
        for Landed { id, json, outcome } in landed {
            let key = (self.opening, id);
            let version = flight.docs.get(&id).map_or(0, |doc| doc.version);
            match outcome {
                Outcome::Done => {
                    self.changes.after(id, version, &json);
                    // A document that is one event is never folded again.
                    if !self.one_event {
                        self.link.shared.cache.insert(key, (version, json));
                    }
                }
                Outcome::Conflict => {
                    self.changes.end();
                    self.link.shared.cache.invalidate(&key);
                }
                // A bulk gives nothing back that is for later.
                Outcome::Refused(error) | Outcome::Later(error) => {
                    self.link.shared.cache.invalidate(&key);
                    self.changes.refused(id);
                    let last = self.pending.remove(id).map_or(version, |doc| doc.version);
                    let poison = Poison { position: version, error, events: 1, last };
                    refused.push(self.parked.park(self.link.view.name(), id, poison));
                }
            }
        }
        if !refused.is_empty() {
            self.link.view.set_parked(self.parked.count(), self.parked.report());
            self.link.bulk(&refused).await?;
        }
        (self.wrote, self.unfound) = (true, true);
        self.done = self.sent;
        Ok(())
    }

    /// Writes everything that was folded.
    pub async fn flush(&mut self) -> Result<(), IndexError> {
        self.send().await?;
        self.land().await
    }

    /// Writes everything that was folded, and changes the documents that show facts of changed objects, page by page.
    async fn propagate(&mut self, changes: &[Change]) -> Result<(), IndexError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.flush().await?;
        let link = self.link.clone();
        let elastic = &link.shared.elastic;
        if self.unfound {
            link.patiently(|| elastic.refresh(&link.index)).await?;
            self.unfound = false;
        }
        let mut after = None;
        loop {
            let page = self.joins.changed(elastic, &link.view.view, &link.index, changes, after.as_ref()).await;
            let (mut docs, next) = match page {
                Ok(page) => page,
                Err(error) => {
                    // The other view's index may be made anew just now. If it is this one's, its next write tells.
                    link.view.set_error(Some(chain(&error)));
                    tokio::time::sleep(BACKOFF.1).await;
                    link.patiently(|| elastic.refresh(&link.index)).await?;
                    continue;
                }
            };
            // A parked document stays as it is; healing folds it anew, with the facts of then.
            docs.retain(|changed| !self.parked.holds(changed.id));
            let writes: Vec<Write> = docs.iter().map(|changed| self.write_of(changed.id, &changed.doc)).collect();
            let outcomes = link.bulk(&writes).await?;
            for ((changed, write), outcome) in docs.iter().zip(&writes).zip(outcomes) {
                self.note_renamed(changed, write, outcome);
            }
            // Read again when needed: a conflict means that another writer has passed this change already.
            docs.iter().for_each(|changed| link.shared.cache.invalidate(&(self.opening, changed.id)));
            (self.wrote, self.unfound) = (self.wrote || !docs.is_empty(), self.unfound || !docs.is_empty());
            match next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    fn note_renamed(&mut self, changed: &Renamed, write: &Write, outcome: Outcome) {
        let index = &self.link.index;
        match outcome {
            Outcome::Done => {
                self.changes.before(changed.id, &changed.prior);
                self.changes.after(changed.id, changed.doc.version, &write.source);
            }
            Outcome::Conflict | Outcome::Later(_) => self.changes.end(),
            Outcome::Refused(error) => tracing::error!(index, document = write.id, error, "a joined fact was refused"),
        }
    }

    /// Whether everything that was folded is written: nothing waits in memory, nothing is on its way.
    pub fn is_settled(&self) -> bool {
        self.pending.is_empty() && self.notes.is_empty() && self.flight.is_none()
    }

    /// The write of a document over older versions.
    pub(crate) fn write_of(&self, id: Uuid, doc: &Doc) -> Write {
        Write::newer(id.to_string(), doc.version, source_of(doc, self.old.as_deref()))
    }

    /// Forgets what it knows of a document, which was written by other means. Nothing is in flight.
    pub(crate) fn forget(&mut self, id: Uuid) {
        self.changes.end();
        self.link.shared.cache.invalidate(&(self.opening, id));
        (self.wrote, self.unfound) = (true, true);
    }
}

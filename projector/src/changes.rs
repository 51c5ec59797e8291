//! What changes in a view from one refresh to the next, for those who read it live: noted while somebody listens, and
//! told on core NATS once it can be found. What cannot be told without a hole is not told at all: the next message then
//! begins behind the hole, which tells whoever listens to look for himself.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::Client;
use bytes::Bytes;
use event_schema::names::Namespace;
use event_schema::wire::{Change, Changes};
use serde_json::value::RawValue;
use service::BoxError;
use uuid::Uuid;

use crate::document::Doc;

/// Most bytes of documents that are noted between two refreshes.
const MOST: usize = 16 << 20;
/// Bytes of documents in one message; NATS takes 1 MiB.
const MESSAGE: usize = 512 << 10;
/// NATS has to take a message by then.
const TIMEOUT: Duration = Duration::from_millis(200);

/// The documents that changed since a moment at which everything written could be found.
#[derive(Default)]
pub struct Notes {
    noted: Option<Noted>,
}

#[derive(Default)]
struct Noted {
    old: HashMap<Uuid, Option<Bytes>>,
    new: HashMap<Uuid, (i64, Bytes)>,
    bytes: usize,
}

/// A document that changed, as it is told.
type Told = Change<Box<RawValue>>;

impl Notes {
    /// Begins anew while nothing is on its way; what was noted until now, or nothing if that is not whole.
    pub fn split(&mut self, whole: bool) -> Self {
        let before = self.noted.replace(Noted::default());
        Self { noted: before.filter(|_| whole) }
    }

    /// Nobody listens, or something changed that was not noted.
    pub fn end(&mut self) {
        self.noted = None;
    }

    /// Whether everything since the beginning is noted.
    pub fn are_whole(&self) -> bool {
        self.noted.is_some()
    }

    /// Whether no document was written.
    pub fn are_empty(&self) -> bool {
        self.noted.as_ref().is_none_or(|noted| noted.new.is_empty())
    }

    /// A document is about to change; the first time counts.
    pub fn before(&mut self, id: Uuid, prior: &Doc) {
        let Some(noted) = &mut self.noted else { return };
        if noted.old.contains_key(&id) {
            return;
        }
        let source = prior.live().map(|_| prior.to_source());
        self.weigh(source.as_ref().map_or(0, Bytes::len));
        if let Some(noted) = &mut self.noted {
            noted.old.insert(id, source);
        }
    }

    /// A document was written; the last time counts.
    pub fn after(&mut self, id: Uuid, version: i64, source: &Bytes) {
        let Some(noted) = &mut self.noted else { return };
        noted.new.insert(id, (version, source.clone()));
        self.weigh(source.len());
    }

    /// The index did not take a document: it stays what it was.
    pub fn refused(&mut self, id: Uuid) {
        if let Some(noted) = &mut self.noted
            && !noted.new.contains_key(&id)
        {
            noted.old.remove(&id);
        }
    }

    fn weigh(&mut self, more: usize) {
        let Some(noted) = &mut self.noted else { return };
        noted.bytes += more;
        if noted.bytes > MOST {
            self.end();
        }
    }

    /// What changed, in the order of positions.
    fn take(self) -> Result<Vec<Told>, BoxError> {
        let Some(Noted { mut old, new, .. }) = self.noted else { return Ok(Vec::new()) };
        let raw = |source: &Bytes| serde_json::from_slice::<Box<RawValue>>(source);
        let mut all = Vec::with_capacity(new.len());
        for (id, (position, source)) in new {
            let before = old.remove(&id).flatten();
            all.push(Change { id, position, old: before.as_ref().map(raw).transpose()?, new: raw(&source)? });
        }
        all.sort_by_key(|change| (change.position, change.id));
        Ok(all)
    }
}

/// Where it is told.
#[derive(Clone)]
pub struct Announcer {
    client: Client,
    subject: String,
    log_id: Uuid,
}

impl Announcer {
    /// Tells of this view.
    pub fn new(client: Client, namespace: &Namespace, view: &str, log_id: Uuid) -> Self {
        Self { client, subject: namespace.changes_subject(view), log_id }
    }

    /// Tells that nothing changed up to `to`.
    pub async fn idle(&self, generation: u32, (from, to): (i64, i64)) -> Result<(), BoxError> {
        self.send(self.part(generation, (from, to), 0), true).await
    }

    /// Tells what was noted, which is everything from `from` to `to`.
    pub async fn tell(&self, generation: u32, range: (i64, i64), notes: Notes) -> Result<(), BoxError> {
        let mut part = self.part(generation, range, 0);
        let mut bytes = 0;
        for change in notes.take()? {
            let weight = change.new.get().len() + change.old.as_ref().map_or(0, |old| old.get().len());
            if bytes > 0 && bytes + weight > MESSAGE {
                let next = part.part + 1;
                self.send(part, false).await?;
                part = self.part(generation, range, next);
                bytes = 0;
            }
            bytes += weight;
            part.changes.push(change);
        }
        self.send(part, true).await
    }

    fn part(&self, generation: u32, (from, to): (i64, i64), part: u32) -> Changes<Box<RawValue>> {
        Changes { log_id: self.log_id, generation, from, to, part, last: false, changes: Vec::new() }
    }

    async fn send(&self, mut part: Changes<Box<RawValue>>, last: bool) -> Result<(), BoxError> {
        part.last = last;
        if !service::nats::is_connected(&self.client) {
            return Err("nats is not connected".into());
        }
        let payload = serde_json::to_vec(&part)?;
        let limit = self.client.server_info().max_payload;
        if limit > 0 && payload.len() > limit {
            return Err(format!("a message of {} bytes is more than nats takes", payload.len()).into());
        }
        tokio::time::timeout(TIMEOUT, self.client.publish(self.subject.clone(), payload.into())).await??;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Body;
    use event_schema::stored::Document;
    use serde_json::{Map, json};

    fn doc(version: i64) -> Doc {
        let fields = Map::from_iter([("plies".to_owned(), json!(version))]);
        Doc { version, body: Body::Live(Document { id: Uuid::nil(), fields, live: true, readers: json!(["*"]) }) }
    }

    fn told(notes: Notes) -> Vec<(u128, i64, Option<String>, String)> {
        let all = notes.take().unwrap().into_iter();
        let plies =
            |raw: &RawValue| serde_json::from_str::<Map<_, serde_json::Value>>(raw.get()).unwrap()["plies"].to_string();
        all.map(|c| (c.id.as_u128(), c.position, c.old.as_deref().map(plies), plies(&c.new))).collect()
    }

    #[test]
    fn a_document_is_told_once_from_its_first_state_to_its_last() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut notes = Notes::default();
        notes.before(one, &doc(1));
        assert!(!notes.are_whole() && notes.are_empty() && told(notes.split(false)).is_empty());
        notes.before(one, &doc(3));
        notes.after(one, 8, &doc(8).to_source());
        notes.before(one, &doc(8));
        notes.before(two, &Doc::ABSENT);
        notes.after(two, 7, &doc(7).to_source());
        notes.after(one, 9, &doc(9).to_source());
        assert!(notes.are_whole() && !notes.are_empty());
        let before = notes.split(true);
        assert!(notes.are_whole() && notes.are_empty());
        notes.before(one, &doc(9));
        notes.after(one, 10, &doc(10).to_source());
        assert_eq!(told(before), [(2, 7, None, "7".into()), (1, 9, Some("3".into()), "9".into())]);
        assert_eq!(told(notes), [(1, 10, Some("9".into()), "10".into())]);
    }

    #[test]
    fn what_the_index_refuses_did_not_change() {
        let one = Uuid::from_u128(1);
        let mut notes = Notes::default();
        notes.split(false);
        notes.before(one, &doc(3));
        notes.refused(one);
        notes.before(one, &doc(4));
        notes.after(one, 5, &doc(5).to_source());
        assert_eq!(told(notes), [(1, 5, Some("4".into()), "5".into())]);
    }

    #[test]
    fn too_much_is_not_noted_at_all() {
        let mut notes = Notes::default();
        notes.split(false);
        notes.after(Uuid::nil(), 1, &vec![b'x'; MOST].into());
        assert!(notes.are_whole());
        notes.after(Uuid::nil(), 2, &Bytes::from_static(b"x"));
        assert!(!notes.are_whole());
    }
}

//! Documents that are folded and not written yet, and how much they weigh in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use uuid::Uuid;

use crate::document::Doc;

/// Most values of a view's documents that wait to be sent: about 150 bytes each.
const MOST: usize = 20_000;
/// Most values of all views together, those on their way included, of which a view may gather more than [`LEAST`].
const MOST_OF_ALL: usize = 100_000;
/// So many values make a bulk that is worth its request.
const LEAST: usize = 3_000;

/// How many values are in memory, of all views together.
#[derive(Clone, Debug, Default)]
pub struct Weight(Arc<AtomicUsize>);

/// A part of it, until it is dropped.
#[derive(Debug)]
pub struct Share {
    all: Weight,
    values: usize,
}

impl Share {
    fn none(all: &Weight) -> Self {
        Self { all: all.clone(), values: 0 }
    }

    fn more(&mut self, values: usize) {
        self.values += values;
        self.all.0.fetch_add(values, Ordering::Relaxed);
    }

    fn less(&mut self, values: usize) {
        self.values -= values;
        self.all.0.fetch_sub(values, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.less(self.values);
    }
}

/// The newest of each document.
pub struct Pending {
    docs: HashMap<Uuid, Doc>,
    share: Share,
}

impl Pending {
    /// None yet; what will wait is a part of this weight.
    pub fn new(all: &Weight) -> Self {
        Self { docs: HashMap::new(), share: Share::none(all) }
    }

    /// Puts a document there, in the place of an older one.
    pub fn insert(&mut self, id: Uuid, doc: Doc) {
        self.share.more(values(&doc));
        if let Some(before) = self.docs.insert(id, doc) {
            self.share.less(values(&before));
        }
    }

    /// Takes a document out.
    pub fn remove(&mut self, id: Uuid) -> Option<Doc> {
        let doc = self.docs.remove(&id)?;
        self.share.less(values(&doc));
        Some(doc)
    }

    /// Takes all of them out; their weight lasts as long as the share.
    pub fn take(&mut self) -> (HashMap<Uuid, Doc>, Share) {
        let none = Share::none(&self.share.all);
        (std::mem::take(&mut self.docs), std::mem::replace(&mut self.share, none))
    }

    /// Whether it is there.
    pub fn holds(&self, id: Uuid) -> bool {
        self.docs.contains_key(&id)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.docs.is_empty()
    }

    /// Whether so much waits, with so many values beside it, that it must be sent: enough of this view, or a bulk's
    /// worth while all views together hold too much.
    pub fn is_full(&self, beside: usize) -> bool {
        let own = self.values() + beside;
        own >= MOST || (own >= LEAST && self.share.all.0.load(Ordering::Relaxed) >= MOST_OF_ALL)
    }

    /// How many values they have in all, those in arrays and objects included: a game's document has dozens of fields
    /// and may have thousands of values in its moves.
    fn values(&self) -> usize {
        self.share.values
    }
}

/// The values of a document; a tombstone weighs something too.
fn values(doc: &Doc) -> usize {
    doc.live().map_or(1, |document| document.fields.values().map(count).sum())
}

fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(count).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Body;
    use event_schema::stored::Document;
    use serde_json::{Map, json};

    fn doc(id: Uuid, moves: usize) -> Doc {
        let moves: Vec<Value> = (0..moves).map(|number| json!({"moveNumber": number, "uci": "e2e4"})).collect();
        let fields = Map::from_iter([("id".to_owned(), json!(id)), ("moves".to_owned(), json!(moves))]);
        Doc { version: 1, body: Body::Live(Document { id, fields, live: true, readers: json!([]) }) }
    }

    #[test]
    fn a_long_document_weighs_more_than_a_short_one() {
        let all = Weight::default();
        let (mut pending, ids) = (Pending::new(&all), [Uuid::from_u128(1), Uuid::from_u128(2)]);
        pending.insert(ids[0], doc(ids[0], 0));
        assert_eq!(pending.values(), 2);
        pending.insert(ids[1], doc(ids[1], 100));
        assert_eq!(pending.values(), 2 + 2 + 300);
        pending.insert(ids[1], doc(ids[1], 1));
        assert_eq!(pending.values(), 2 + 2 + 3);
        assert!(pending.remove(ids[0]).is_some() && !pending.holds(ids[0]));
        pending.insert(ids[0], Doc { version: 2, body: Body::Tombstone });
        assert_eq!(pending.values(), 5 + 1);
        let (docs, share) = pending.take();
        assert_eq!((docs.len(), pending.values(), all.0.load(Ordering::Relaxed)), (2, 0, 6));
        drop(share);
        assert!(pending.is_empty() && all.0.load(Ordering::Relaxed) == 0);
    }

    #[test]
    fn a_view_is_full_by_itself_or_with_a_bulks_worth_when_all_are() {
        let all = Weight::default();
        let with = |values: usize| {
            let mut pending = Pending::new(&all);
            pending.share.more(values);
            pending
        };
        let (large, small, tiny) = (with(MOST), with(LEAST), with(LEAST - 1));
        assert!(large.is_full(0) && !small.is_full(0) && small.is_full(MOST - LEAST));
        let others = with(MOST_OF_ALL);
        assert!(small.is_full(0) && !tiny.is_full(0) && tiny.is_full(1));
        drop(others);
        assert!(!small.is_full(0));
    }
}

//! Documents that are folded and not written yet, and how much they weigh in memory.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use crate::document::Doc;

/// The newest of each document.
#[derive(Default)]
pub struct Pending {
    docs: HashMap<Uuid, Doc>,
    values: usize,
}

impl Pending {
    /// Puts a document there, in the place of an older one.
    pub fn insert(&mut self, id: Uuid, doc: Doc) {
        self.values += values(&doc);
        if let Some(before) = self.docs.insert(id, doc) {
            self.values -= values(&before);
        }
    }

    /// Takes a document out.
    pub fn remove(&mut self, id: Uuid) -> Option<Doc> {
        let doc = self.docs.remove(&id)?;
        self.values -= values(&doc);
        Some(doc)
    }

    /// Takes all of them out.
    pub fn take(&mut self) -> HashMap<Uuid, Doc> {
        self.values = 0;
        std::mem::take(&mut self.docs)
    }

    /// Whether it is there.
    pub fn holds(&self, id: Uuid) -> bool {
        self.docs.contains_key(&id)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.docs.is_empty()
    }

    /// How many values they have in all, those in arrays and objects included: a game's document has dozens of fields
    /// and may have thousands of values in its moves.
    pub fn values(&self) -> usize {
        self.values
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
        let (mut pending, ids) = (Pending::default(), [Uuid::from_u128(1), Uuid::from_u128(2)]);
        pending.insert(ids[0], doc(ids[0], 0));
        assert_eq!(pending.values(), 2);
        pending.insert(ids[1], doc(ids[1], 100));
        assert_eq!(pending.values(), 2 + 2 + 300);
        pending.insert(ids[1], doc(ids[1], 1));
        assert_eq!(pending.values(), 2 + 2 + 3);
        assert!(pending.remove(ids[0]).is_some() && !pending.holds(ids[0]));
        pending.insert(ids[0], Doc { version: 2, body: Body::Tombstone });
        assert_eq!((pending.values(), pending.take().len()), (5 + 1, 2));
        assert!(pending.is_empty() && pending.values() == 0);
    }
}

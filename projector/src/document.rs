//! A document as it stands in an index: whole, with the hidden fields, at the version of the last event folded in.

use bytes::Bytes;
use event_schema::object::hidden;
use event_schema::stored::Document;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What is known of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Doc {
    /// Position of the last event folded in; its external version. 0 when absent.
    pub version: i64,
    /// Its content.
    pub body: Body,
}

/// The content of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// There is none.
    Absent,
    /// It was deleted: no content, and it stays dead.
    Tombstone,
    /// It is there.
    Live(Document),
}

impl Doc {
    /// No document.
    pub const ABSENT: Self = Self { version: 0, body: Body::Absent };

    /// The live content.
    pub fn live(&self) -> Option<&Document> {
        match &self.body {
            Body::Live(document) => Some(document),
            Body::Absent | Body::Tombstone => None,
        }
    }

    /// Reads what the index holds under an id.
    pub fn from_source(id: Uuid, version: i64, mut source: Map<String, Value>) -> Self {
        source.shift_remove(hidden::POSITION);
        let live = source.shift_remove(hidden::LIVE) == Some(Value::Bool(true));
        let readers = source.shift_remove(hidden::READERS).unwrap_or_else(|| json!([]));
        let body = if live { Body::Live(Document { id, fields: source, live, readers }) } else { Body::Tombstone };
        Self { version, body }
    }

    /// What the index is to hold.
    pub fn to_source(&self) -> Bytes {
        self.to_source_of(&|_| true)
    }

    /// The same of an index whose table has only these fields.
    pub fn to_source_of(&self, has: &dyn Fn(&str) -> bool) -> Bytes {
        let mut json = Vec::with_capacity(1024);
        match serde_json::to_writer(&mut json, &Source { doc: self, has }) {
            Ok(()) => Bytes::from(json),
            // Values with text keys, written into memory: there is nothing that could fail.
            Err(_) => Bytes::from_static(b"{}"),
        }
    }
}

/// A document as JSON, without a copy of its values.
struct Source<'a> {
    doc: &'a Doc,
    has: &'a dyn Fn(&str) -> bool,
}

impl Serialize for Source<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let live = self.doc.live();
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in live.into_iter().flat_map(|document| &document.fields) {
            if (self.has)(name) {
                map.serialize_entry(name, value)?;
            }
        }
        map.serialize_entry(hidden::POSITION, &self.doc.version)?;
        map.serialize_entry(hidden::LIVE, &live.is_some())?;
        match live {
            Some(document) => map.serialize_entry(hidden::READERS, &document.readers)?,
            None => map.serialize_entry(hidden::READERS, &[] as &[&str])?,
        }
        map.end()
    }
}

/// A document of the projector itself beside the view's: never live, so no query finds it. `readers` names its kind, so
/// that the projector can.
pub fn own_source(kind: &str, position: i64, mut state: Map<String, Value>) -> Bytes {
    state.insert("kind".to_owned(), json!(kind));
    let source = json!({
        hidden::POSITION: position, hidden::LIVE: false, hidden::READERS: [kind], hidden::STATE: state,
    });
    Bytes::from(source.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_tombstones_read_back() {
        let id = Uuid::from_u128(7);
        let fields = Map::from_iter([("id".to_owned(), json!(id)), ("name".to_owned(), json!("x"))]);
        let live = Document { id, fields, live: true, readers: json!(["*"]) };
        for doc in [Doc { version: 9, body: Body::Live(live) }, Doc { version: 10, body: Body::Tombstone }] {
            let source: Map<String, Value> = serde_json::from_slice(&doc.to_source()).unwrap();
            assert_eq!(source["_position"], doc.version);
            assert_eq!(Doc::from_source(id, doc.version, source), doc);
        }
    }
    #[test]
    fn an_older_table_gets_only_its_own_fields() {
        let fields = Map::from_iter([("id".to_owned(), json!("x")), ("added".to_owned(), json!(1))]);
        let live = Document { id: Uuid::nil(), fields, live: true, readers: json!(["*"]) };
        let source = Doc { version: 3, body: Body::Live(live) }.to_source_of(&|name| name != "added");
        let source: Value = serde_json::from_slice(&source).unwrap();
        assert_eq!(source, json!({"id": "x", "_position": 3, "_live": true, "_readers": ["*"]}));
    }
}

//! Parked documents: an event that cannot be folded stops its document, and only that, until it is healed.
//!
//! What is parked stands in the same generation as the document, in a hidden document of its own: `_id` is
//! `parked:<document>`, `_state` tells the first event that could not be folded, the error, and how many wait.

use std::collections::HashMap;

use event_schema::object::hidden;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::document::own_source;
use crate::elastic::{Elastic, How, IndexError, Write};
use crate::fold::{Group, Poison};

/// The kind of these documents.
const PARKED: &str = "parked";
/// How many are shown in the health report.
const SHOWN: usize = 20;

/// The parked documents of one generation.
#[derive(Debug, Default)]
pub struct Parked {
    documents: HashMap<Uuid, Poison>,
}

impl Parked {
    /// Those of an index that was refreshed just before.
    pub async fn load(elastic: &Elastic, index: &str) -> Result<Self, IndexError> {
        let query = json!({
            "query": {"bool": {"filter": [{"term": {hidden::LIVE: false}}, {"term": {hidden::READERS: PARKED}}]}},
            "sort": [{hidden::POSITION: "asc"}, "_doc"],
        });
        let mut documents = HashMap::new();
        let mut after: Option<Value> = None;
        loop {
            let hits = elastic.search(index, query.clone(), after.as_ref()).await?;
            let Some(last) = hits.last() else { return Ok(Self { documents }) };
            after = Some(last.sort.clone());
            documents
                .extend(hits.iter().filter_map(|hit| Some((document_of(&hit.id)?, poison_of(hit.source.as_ref()?)?))));
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.documents.len()
    }

    /// Whether this document is parked.
    pub fn holds(&self, id: Uuid) -> bool {
        self.documents.contains_key(&id)
    }

    /// Parks a document from this event on.
    pub fn park(&mut self, view: &str, id: Uuid, poison: Poison) -> Write {
        tracing::error!(view, document = %id, position = poison.position, error = poison.error, "parked a document");
        metrics::counter!("wechess_parked_total", "view" => view.to_owned()).increment(1);
        let write = write_of(id, &poison);
        self.documents.insert(id, poison);
        write
    }

    /// The parked documents.
    pub fn ids(&self) -> Vec<Uuid> {
        let mut all: Vec<(&Uuid, &Poison)> = self.documents.iter().collect();
        all.sort_unstable_by_key(|(_, poison)| poison.position);
        all.into_iter().map(|(id, _)| *id).collect()
    }

    /// Where the event stands at which a document was parked.
    pub fn position(&self, id: Uuid) -> Option<i64> {
        self.documents.get(&id).map(|poison| poison.position)
    }

    /// Keeps a document parked, for the reason of now.
    pub fn keep(&mut self, id: Uuid, poison: Poison) -> Write {
        let known = self.documents.get(&id).map_or(0, |known| known.last);
        let poison = Poison { last: poison.last.max(known), ..poison };
        let write = Write { how: How::AtLeast, ..write_of(id, &poison) };
        self.documents.insert(id, poison);
        write
    }

    /// Lets a healed document go on: its note is deleted.
    pub fn release(&mut self, id: Uuid, upto: i64) -> Write {
        let last = self.documents.remove(&id).map_or(upto, |poison| poison.last.max(upto));
        Write { id: note_of(id), version: last, source: bytes::Bytes::new(), how: How::Delete }
    }

    /// Counts later events of a parked document; `None` if they are counted already.
    pub fn add(&mut self, group: &Group) -> Option<Write> {
        let poison = self.documents.get_mut(&group.id)?;
        let fresh: Vec<i64> = group.items.iter().map(|i| i.event.position).filter(|p| *p > poison.last).collect();
        poison.last = *fresh.last()?;
        poison.events += fresh.len() as u64;
        Some(write_of(group.id, poison))
    }

    /// What the health report shows: the first few.
    pub fn report(&self) -> Value {
        self.first(SHOWN)
    }

    /// The first so many of them.
    pub fn first(&self, most: usize) -> Value {
        let mut all: Vec<(&Uuid, &Poison)> = self.documents.iter().collect();
        all.sort_unstable_by_key(|(_, poison)| poison.position);
        let show = |(id, p): &(&Uuid, &Poison)| json!({"document": id, "position": p.position, "error": p.error, "events": p.events});
        all.iter().take(most).map(show).collect()
    }
}

fn document_of(id: &str) -> Option<Uuid> {
    id.strip_prefix(PARKED)?.strip_prefix(':')?.parse().ok()
}

fn note_of(id: Uuid) -> String {
    format!("{PARKED}:{id}")
}

fn poison_of(source: &Map<String, Value>) -> Option<Poison> {
    let state = source.get(hidden::STATE)?;
    Some(Poison {
        position: state["position"].as_i64()?,
        error: state["error"].as_str()?.to_owned(),
        events: state["events"].as_u64()?,
        last: state["last"].as_i64()?,
    })
}

fn write_of(id: Uuid, poison: &Poison) -> Write {
    let state = Map::from_iter([
        ("position".to_owned(), json!(poison.position)),
        ("error".to_owned(), json!(poison.error)),
        ("events".to_owned(), json!(poison.events)),
        ("last".to_owned(), json!(poison.last)),
    ]);
    Write::newer(note_of(id), poison.last, own_source(PARKED, poison.last, state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::history;

    #[test]
    fn later_events_of_a_parked_document_are_counted_once() {
        let items = history(1, 4);
        let id = items[0].event.stream_id;
        let mut parked = Parked::default();
        let poison = Poison { position: 2, error: "x".into(), events: 1, last: 2 };
        let write = parked.park("chessGame", id, poison.clone());
        let source: Map<String, Value> = serde_json::from_slice(&write.source).unwrap();
        assert_eq!((document_of(&write.id), poison_of(&source)), (Some(id), Some(poison)));
        let group = Group { id, items };
        assert_eq!(parked.add(&group).map(|w| w.version), Some(6));
        assert!(parked.add(&group).is_none());
        assert_eq!((parked.count(), parked.documents[&id].events), (1, 5));
    }
}

//! A batch of documents on its way into an index.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::document::Doc;
use crate::elastic::{IndexError, Outcome, Write};
use crate::feed::Feed;
use crate::link::Link;
use crate::pending::Share;

/// The table of an older generation that still serves: its documents are written with its own fields only, and never
/// read back, because they lack what the fold needs.
pub struct OldTable {
    /// The fields that it has.
    pub fields: HashSet<String>,
    /// Where documents are folded from instead.
    pub feed: Arc<Feed>,
}

/// Documents on their way.
pub struct Flight {
    /// The documents.
    pub docs: Arc<HashMap<Uuid, Doc>>,
    task: JoinSet<Result<Vec<Landed>, IndexError>>,
    _weight: Share,
}

/// What became of a document that was on its way: what the cache keeps of it.
pub struct Landed {
    /// Which.
    pub id: Uuid,
    /// As a fold reads it back.
    pub json: Bytes,
    /// What became of it.
    pub outcome: Outcome,
}

impl Flight {
    /// Sends documents and notes on their way.
    pub fn begin(
        link: Link,
        old: Option<Arc<OldTable>>,
        (docs, weight): (HashMap<Uuid, Doc>, Share),
        notes: Vec<Write>,
    ) -> Self {
        let docs = Arc::new(docs);
        let going = Arc::clone(&docs);
        let mut task = JoinSet::new();
        task.spawn(async move { fly(&link, old.as_deref(), &going, notes).await });
        Self { docs, task, _weight: weight }
    }

    /// Waits for the end; what became of the documents.
    pub async fn end(&mut self) -> Result<Vec<Landed>, IndexError> {
        match self.task.join_next().await {
            Some(Ok(landed)) => landed,
            Some(Err(error)) => Err(IndexError::Lost(format!("a bulk was cut off: {error}"))),
            None => Err(IndexError::Lost("a bulk has no task".to_owned())),
        }
    }
}

/// A document as an index of this table takes it.
pub fn source_of(doc: &Doc, old: Option<&OldTable>) -> Bytes {
    match old {
        Some(old) => doc.to_source_of(&|name| old.fields.contains(name)),
        None => doc.to_source(),
    }
}

/// Writes documents and notes; what became of the documents.
async fn fly(
    link: &Link,
    old: Option<&OldTable>,
    docs: &HashMap<Uuid, Doc>,
    notes: Vec<Write>,
) -> Result<Vec<Landed>, IndexError> {
    let begun = tokio::time::Instant::now();
    let mut writes: Vec<Write> =
        docs.iter().map(|(id, doc)| Write::newer(id.to_string(), doc.version, source_of(doc, old))).collect();
    writes.extend(notes);
    let outcomes = link.bulk(&writes).await?;
    metrics::histogram!("wechess_flush_seconds", "view" => link.view.name()).record(begun.elapsed().as_secs_f64());
    let landed = docs.iter().zip(writes).zip(outcomes).map(|(((id, doc), write), outcome)| {
        let json = if old.is_some() { doc.to_source() } else { write.source };
        Landed { id: *id, json, outcome }
    });
    Ok(landed.collect())
}

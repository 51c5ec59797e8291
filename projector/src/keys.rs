//! Opens the personal fields of events, with the data keys as they stand when the events are read.

use std::collections::HashMap;
use std::sync::Arc;

use event_schema::envelope::Recorded;
use event_schema::personal::{SEALED, personal_fields};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use service::SourceError;
use service::seal::{DataKey, KeyRing, MasterKey, open_event};
use service::telemetry::chain;

use crate::log::{Log, LogError, Read};

/// An event as the views take it: personal fields opened, those of destroyed keys null.
#[derive(Clone, Debug)]
pub struct Item {
    /// The event.
    pub event: Recorded,
    /// Length of its data: what it weighs in memory, roughly.
    pub bytes: usize,
    /// Why nobody can read it: it parks the documents that it concerns.
    pub fault: Option<String>,
}

/// Opens events. Keys are never kept: one query for each batch that holds personal fields, so a destroyed key opens
/// nothing any more.
#[derive(Clone)]
pub struct Opener {
    log: Log,
    master: Arc<MasterKey>,
}

struct Keys<'a> {
    master: &'a MasterKey,
    wrapped: HashMap<String, Option<Vec<u8>>>,
}

impl KeyRing for Keys<'_> {
    fn key(&self, key_id: &str) -> BoxFuture<'_, Result<Option<DataKey>, SourceError>> {
        let key = match self.wrapped.get(key_id) {
            Some(Some(wrapped)) => self.master.unwrap_key(key_id, wrapped).map(Some),
            Some(None) | None => Ok(None),
        };
        std::future::ready(key.map_err(|e| SourceError::new("a data key", e))).boxed()
    }
}

impl Opener {
    /// An opener with this master key.
    pub fn new(log: Log, master: MasterKey) -> Self {
        Self { log, master: Arc::new(master) }
    }

    /// Opens what was read. An error is only that the keys cannot be asked for now; an event that cannot be opened
    /// has its `fault` set.
    pub async fn open(&self, reads: Vec<Read>) -> Result<Vec<Arc<Item>>, LogError> {
        let mut ids: Vec<String> = reads.iter().flat_map(|read| key_ids(&read.event)).collect();
        if ids.is_empty() {
            return Ok(reads.into_iter().map(plain).collect());
        }
        ids.sort_unstable();
        ids.dedup();
        let keys = Keys { master: &self.master, wrapped: self.log.keys(&ids).await? };
        let mut items = Vec::with_capacity(reads.len());
        for mut read in reads {
            if !key_ids(&read.event).is_empty()
                && let Err(error) = open_event(&keys, &mut read.event).await
            {
                read.fault = Some(chain(&error));
            }
            items.push(plain(read));
        }
        Ok(items)
    }

    /// Whether the master key opens the data keys: one of them is tried. `Ok(false)` is a wrong master key.
    pub async fn fits(&self) -> Result<bool, LogError> {
        let sample = self.log.some_key().await?;
        Ok(sample.is_none_or(|(id, wrapped)| self.master.unwrap_key(&id, &wrapped).is_ok()))
    }
}

fn plain(read: Read) -> Arc<Item> {
    Arc::new(Item { event: read.event, bytes: read.bytes, fault: read.fault })
}

/// The ids of the keys under which fields of the event are sealed.
fn key_ids(event: &Recorded) -> Vec<String> {
    let Some(data) = event.data.as_object() else { return Vec::new() };
    let sealed_under =
        |field: &str| Some(data.get(field)?.as_str()?.strip_prefix(SEALED)?.rsplit_once(':')?.0.to_owned());
    let fields = personal_fields(&event.category, event.stream_id, data);
    fields.iter().filter_map(|(field, _)| sealed_under(field)).collect()
}

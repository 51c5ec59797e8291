//! State rows: the newest state of every stream, and a bounded cache of the hot ones.

use std::any::Any;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use event_schema::envelope::Recorded;
use event_schema::event::DomainEvent;
use event_schema::object::Bookkeeping;
use moka::sync::Cache;
use serde::de::Error as _;
use serde_json::Value;
use uuid::Uuid;

use super::aggregate::{Aggregate, EventOf};
use super::history::ReadError;
use super::log::Log;

/// The state of a stream as of a version. Version 0: the stream does not exist.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    /// The stream.
    pub stream: Uuid,
    /// The state.
    pub state: Arc<A>,
    /// How many events it holds.
    pub version: i32,
    /// When the first and the last of them were recorded.
    pub times: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl<A: Aggregate> Loaded<A> {
    /// A stream without events.
    pub fn empty(stream: Uuid) -> Self {
        Self { stream, state: Arc::new(A::default()), version: 0, times: None }
    }

    /// The state one recorded event later. The event's personal fields are open.
    pub fn after(mut self, recorded: &Recorded) -> Result<Self, ReadError> {
        let event = EventOf::<A>::from_recorded(recorded)?;
        Arc::make_mut(&mut self.state).evolve(&event, recorded.actor_id);
        self.version = recorded.version;
        self.times = Some((self.times.map_or(recorded.recorded_at, |(first, _)| first), recorded.recorded_at));
        Ok(self)
    }

    /// What an answer shows besides the object; none while the stream does not exist.
    pub fn bookkeeping(&self) -> Option<Bookkeeping> {
        let (stored, (created_at, updated_at)) = (self.state.stored()?, self.times?);
        Some(Bookkeeping {
            id: self.stream,
            is_active: stored.active,
            record_version: self.version,
            created_at,
            updated_at,
            owner: stored.owner,
        })
    }
}

/// What the columns of a state row are called; the last are when its newest event was recorded, its type and its schema.
pub fn columns(schema: &str) -> String {
    let newest = format!("{schema}.events e where e.stream_id = s.stream_id and e.version = s.version");
    format!(
        "s.stream_id, s.version, s.created_at, s.state, (select e.recorded_at from {newest}), \
         (select array[e.type, e.schema::text] from {newest})"
    )
}

/// The state in the text of a state row. One that holds what this program would not write again is refused: a newer one
/// has written it, and what is decided and written here would lose that, whatever the stream's newest event is.
pub fn decode<A: Aggregate>(stream: Uuid, text: &str) -> Result<A, ReadError> {
    let state: A = serde_json::from_str(text)?;
    let again = serde_json::to_string(&state)?;
    // What this program has written is the same text.
    if again != text
        && let Some(place) = lost(&serde_json::from_str(text)?, &serde_json::from_str(&again)?)
    {
        let told = format!("the state of stream {stream} has `{place}`, which this program does not know");
        return Err(serde_json::Error::custom(told).into());
    }
    Ok(state)
}

/// The JSON pointer of a value in `row` that is not in `again`; none when nothing is lost. A null says nothing.
fn lost(row: &Value, again: &Value) -> Option<String> {
    let below = |step: &str, row: &Value, again: Option<&Value>| match again {
        Some(again) => lost(row, again).map(|place| format!("/{step}{place}")),
        None => (!row.is_null()).then(|| format!("/{step}")),
    };
    match (row, again) {
        (Value::Object(row), again) => row.iter().find_map(|(name, value)| below(name, value, again.get(name))),
        (Value::Array(row), again) => {
            row.iter().enumerate().find_map(|(nth, value)| below(&nth.to_string(), value, again.get(nth)))
        }
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => None,
    }
}

/// The state in a row of [`columns`]. One that a newer program has written may hold what this one would lose.
pub fn loaded<A: Aggregate>(row: &tokio_postgres::Row) -> Result<Loaded<A>, ReadError> {
    if let Some(newest) = row.try_get::<_, Option<Vec<String>>>(5)?
        && let [kind, schema] = &newest[..]
        && !EventOf::<A>::knows(kind, schema.parse().unwrap_or(i16::MAX))
    {
        return Err(ReadError::Newer { stream: row.try_get(0)?, kind: kind.clone(), schema: schema.clone() });
    }
    let stream = row.try_get(0)?;
    Ok(Loaded {
        stream,
        version: row.try_get(1)?,
        state: Arc::new(decode(stream, row.try_get(3)?)?),
        times: Some((row.try_get(2)?, row.try_get(4)?)),
    })
}

/// Reads the state row of a stream; a stream of another kind is no such stream.
pub async fn load<A: Aggregate>(log: &Log, stream: Uuid) -> Result<Loaded<A>, ReadError> {
    let client = log.pool.get().await?;
    let schema = &log.schema;
    let sql = format!("select {} from {schema}.streams s where s.stream_id = $1 and s.kind = $2", columns(schema));
    let statement = client.prepare_cached(&sql).await?;
    match client.query_opt(&statement, &[&stream, &EventOf::<A>::CATEGORY]).await? {
        Some(row) => loaded(&row),
        None => Ok(Loaded::empty(stream)),
    }
}

/// The states of hot streams. May be stale: an append on a stale one meets a conflict.
#[derive(Clone)]
pub struct StateCache(Cache<Uuid, (u32, Arc<dyn Any + Send + Sync>)>);

impl StateCache {
    /// A cache of at most this many bytes of state rows.
    pub fn new(bytes: u64) -> Self {
        Self(Cache::builder().max_capacity(bytes).weigher(|_, (weight, _)| *weight).build())
    }

    /// What is known of a stream.
    pub fn get<A: Aggregate>(&self, stream: Uuid) -> Option<Loaded<A>> {
        let (_, known) = self.0.get(&stream)?;
        known.downcast_ref::<Loaded<A>>().cloned()
    }

    /// Keeps a state whose row has this many bytes, unless a newer one is known.
    pub fn put<A: Aggregate>(&self, loaded: &Loaded<A>, bytes: usize) {
        let newer = self.get::<A>(loaded.stream).is_some_and(|known| known.version > loaded.version);
        if !newer {
            // The decoded state takes about as much as its JSON and its parts.
            let weight = u32::try_from(bytes * 2 + 256).unwrap_or(u32::MAX);
            self.0.insert(loaded.stream, (weight, Arc::new(loaded.clone())));
        }
    }
}

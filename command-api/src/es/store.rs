//! Carries out commands: load, decide, append, and again when somebody was faster.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_schema::envelope::{At, Recorded};
use event_schema::event::DomainEvent;
use event_schema::stored::{DataObject, fields_of};
use serde_json::{Map, Value};
use service::seal::DataKey;
use uuid::Uuid;

use super::aggregate::{Aggregate, Command, Context, Decision, EventOf, Rejection};
use super::alarm::Alarm;
use super::appender::Appender;
use super::effect::Effect;
use super::gates::{Crowded, Gates};
use super::history::{COLUMNS, ReadError, recorded};
use super::item::{AppendError, EventRow, Item, Outcome, Write};
use super::keys::Keys;
use super::log::Log;
use super::request::Request;
use super::state::{Loaded, StateCache, load};

/// How often a command is decided anew because somebody was faster.
const ATTEMPTS: usize = 16;
/// How many commands on one stream may wait for each other, and for how long.
const LINE: (usize, Duration) = (1024, Duration::from_secs(8));

/// A command that was carried out, or that was so already.
#[derive(Clone)]
pub struct Done<A: Aggregate> {
    /// The stream after it (of a retry: as it was then).
    pub loaded: Loaded<A>,
    /// Its events; none when it was so already.
    pub events: Vec<(EventOf<A>, At)>,
    /// A position that covers it: the consistency token.
    pub position: i64,
    /// Whether this is the answer of an earlier request with the same key.
    pub replayed: bool,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A rule said no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The idempotency key was used with another body.
    #[error("the Idempotency-Key was used before with another body")]
    KeyReused,
    /// Too many others changed the same stream at the same time.
    #[error("the object changed too often in the meantime")]
    Contended,
    /// Too many commands wait for this one stream: nothing was done.
    #[error(transparent)]
    Crowded(#[from] Crowded),
    /// The log gave no outcome.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The event store of one process.
pub struct Store {
    /// The log.
    pub log: Log,
    /// Keys of personal data.
    pub keys: Arc<Keys>,
    appender: Appender,
    cache: StateCache,
    gates: Gates,
    alarm: Arc<Alarm>,
}

/// One attempt: what was decided on what.
struct Attempt<A: Aggregate> {
    before: Loaded<A>,
    after: A,
    events: Vec<EventOf<A>>,
    item: Item,
    /// When the first of the timers that it sets is due.
    rings: Option<DateTime<Utc>>,
}

impl Store {
    /// A store over an open log.
    pub fn new(log: Log, keys: Arc<Keys>, appender: Appender, cache_bytes: u64) -> Self {
        let (cache, gates) = (StateCache::new(cache_bytes), Gates::new(LINE.0, LINE.1));
        Self { log, keys, appender, cache, gates, alarm: Arc::default() }
    }

    /// Rings when a timer is due that this process has set.
    pub fn alarm(&self) -> Arc<Alarm> {
        Arc::clone(&self.alarm)
    }

    /// The door to the log.
    pub fn appender(&self) -> &Appender {
        &self.appender
    }

    /// The newest state of a stream, from its state row.
    pub async fn load<A: Aggregate>(&self, stream: Uuid) -> Result<Loaded<A>, ReadError> {
        load(&self.log, stream).await
    }

    /// As [`Store::load`]; the next command on the stream decides on it without another read.
    async fn load_for_others<A: Aggregate>(&self, stream: Uuid) -> Result<Loaded<A>, ReadError> {
        let loaded = self.load(stream).await?;
        if loaded.version > 0 {
            self.cache.put(&loaded, 4096);
        }
        Ok(loaded)
    }

    /// Carries out a command on one stream. Commands on one stream that write take turns within this process.
    pub async fn transact<C: Command>(
        &self,
        stream: Uuid,
        command: &C,
        request: &Request,
    ) -> Result<Done<C::Aggregate>, Failure> {
        let mut turn = Some(self.gates.turn(stream).await?);
        let cached = self.cache.get::<C::Aggregate>(stream);
        let mut fresh = cached.is_none();
        let mut before = match cached {
            Some(known) => known,
            None => self.load_for_others(stream).await?,
        };
        for _ in 0..ATTEMPTS {
            let cx = Context { actor: request.actor, now: Utc::now(), command: request.command, stream };
            let decided = command.decide(&before.state, &cx);
            if !fresh && !decided.as_ref().is_ok_and(|d| !d.events.is_empty() || !d.effects.is_empty()) {
                // Never refuse, or do nothing, on a state that may be stale. Who writes nothing keeps nobody waiting.
                turn = None;
                before = self.load(stream).await?;
                fresh = true;
                continue;
            }
            let decision = match decided {
                Ok(decision) if !decision.events.is_empty() => decision,
                Ok(decision) if !decision.effects.is_empty() => return Err(AppendError::NoEvent.into()),
                Ok(_) => {
                    drop(turn);
                    return self.already_so(before, request).await;
                }
                Err(rejection) => {
                    drop(turn);
                    return self.refused(rejection, request).await;
                }
            };
            if turn.is_none() {
                turn = Some(self.gates.turn(stream).await?);
            }
            let attempt = self.prepare(before, decision, request).await?;
            match self.appender.append(attempt.item.clone()).await? {
                Outcome::Appended { position, at } => return Ok(self.appended(attempt, position, at)),
                Outcome::Already { .. } => return self.done_before(request).await,
                Outcome::Conflict { missed, .. } => {
                    before = self.catch_up(attempt.before, missed).await?;
                    fresh = true;
                }
                Outcome::KeyTaken { key } => return self.refused(command.key_taken(&key), request).await,
            }
        }
        Err(Failure::Contended)
    }

    /// Nothing to do: a retry gets the first answer, everybody else the state as it is.
    async fn already_so<A: Aggregate>(&self, loaded: Loaded<A>, request: &Request) -> Result<Done<A>, Failure> {
        if let Some(done) = self.replay(request).await? {
            return Ok(done);
        }
        let position = self.log.tail().await?;
        Ok(Done { loaded, events: Vec::new(), position, replayed: false })
    }

    /// A refusal, unless the same command was accepted before.
    async fn refused<A: Aggregate>(&self, rejection: Rejection, request: &Request) -> Result<Done<A>, Failure> {
        match self.replay(request).await? {
            Some(done) => Ok(done),
            None => Err(Failure::Rejected(rejection)),
        }
    }

    /// The log holds this very command: a retry's, or our own whose acknowledgement got lost on the way.
    async fn done_before<A: Aggregate>(&self, request: &Request) -> Result<Done<A>, Failure> {
        let done = self.recall(request).await?.ok_or(Failure::Contended)?;
        Ok(Done { replayed: request.keyed, ..done })
    }

    /// What a retry is answered. Nobody can repeat a command without a key.
    async fn replay<A: Aggregate>(&self, request: &Request) -> Result<Option<Done<A>>, Failure> {
        if request.keyed { self.recall(request).await } else { Ok(None) }
    }

    /// The answer of the first request with this command id, rendered from the stream as of that version.
    async fn recall<A: Aggregate>(&self, request: &Request) -> Result<Option<Done<A>>, Failure> {
        let schema = &self.log.schema;
        let client = self.log.pool.get().await.map_err(ReadError::from)?;
        let sql = format!(
            "select {COLUMNS}, meta from {schema}.events where command_id = $1 and ordinal = 0 union all \
             select {COLUMNS}, meta from {schema}.events e where e.position > (select position from {schema}.events \
             where command_id = $1 and ordinal = 0) and e.position < (select position from {schema}.events \
             where command_id = $1 and ordinal = 0) + 64 and e.command_id = $1 order by position"
        );
        let rows = client.query(&sql, &[&request.command.0]).await.map_err(ReadError::from)?;
        let Some(first) = rows.first() else { return Ok(None) };
        let meta: Option<&str> = first.try_get(13).map_err(ReadError::from)?;
        if meta.map(str::to_owned) != request.meta() {
            return Err(Failure::KeyReused);
        }
        let own: Vec<Recorded> = rows.iter().map(recorded).collect::<Result<_, _>>()?;
        let stream = own[0].stream_id;
        let up_to = own.iter().filter(|e| e.stream_id == stream).map(|e| e.version).max().unwrap_or(0);
        let sql =
            format!("select {COLUMNS} from {schema}.events where stream_id = $1 and version <= $2 order by version");
        let rows = client.query(&sql, &[&stream, &up_to]).await.map_err(ReadError::from)?;
        drop(client);
        let history = rows.iter().map(recorded).collect::<Result<Vec<_>, _>>()?;
        let loaded = self.catch_up(Loaded::empty(stream), history).await?;
        let position = own.iter().map(|e| e.position).max().unwrap_or(0);
        let events = own
            .iter()
            .filter(|e| e.stream_id == stream)
            .map(|e| Ok((EventOf::<A>::from_recorded(e).map_err(ReadError::from)?, e.at())))
            .collect::<Result<Vec<_>, Failure>>()?;
        Ok(Some(Done { loaded, events, position, replayed: true }))
    }

    /// The state after the events that were missed, their personal fields opened.
    async fn catch_up<A: Aggregate>(&self, mut loaded: Loaded<A>, missed: Vec<Recorded>) -> Result<Loaded<A>, Failure> {
        if missed.is_empty() || missed[0].version != loaded.version + 1 {
            return Ok(self.load(loaded.stream).await?);
        }
        for mut event in missed {
            service::seal::open_event(&*self.keys, &mut event).await.map_err(ReadError::from)?;
            loaded = loaded.after(&event)?;
        }
        Ok(loaded)
    }

    /// Everything that the append needs: the next state, sealed events, effects, the index columns that change.
    async fn prepare<A: Aggregate>(
        &self,
        before: Loaded<A>,
        decision: Decision<EventOf<A>>,
        request: &Request,
    ) -> Result<Attempt<A>, Failure> {
        let Decision { events, mut effects } = decision;
        let actor = request.actor.user_id().map(|id| id.0);
        let mut after = (*before.state).clone();
        for event in &events {
            after.evolve(event, actor);
        }
        let changed = changed_columns(&*before.state, &after);
        if !changed.is_empty() {
            effects.insert(0, Effect::Index { stream: before.stream, kind: EventOf::<A>::CATEGORY, set: changed });
        }
        let made = self.make_keys(&effects);
        let mut rows = Vec::with_capacity(events.len());
        for event in &events {
            let (kind, mut data) = event.to_row();
            if let Value::Object(map) = &mut data {
                let keys: Vec<_> = made.iter().map(|(id, key, _)| (id.clone(), key.clone())).collect();
                self.keys.seal(EventOf::<A>::CATEGORY, before.stream, map, &keys).await?;
            }
            rows.push(EventRow { schema: EventOf::<A>::schema(&kind), kind, data: data.to_string() });
        }
        let wrapped = |id: &str| made.iter().find(|(key, ..)| key == id).map(|(.., wrapped)| wrapped.clone());
        let write = Write {
            stream: before.stream,
            category: EventOf::<A>::CATEGORY,
            expected: before.version,
            state: serde_json::to_string(&after).map_err(ReadError::from)?,
            events: rows,
        };
        let item = Item {
            command: request.command,
            actor,
            correlation: request.correlation,
            causation: request.causation,
            meta: request.meta(),
            claims: effects.iter().filter_map(|e| e.claimed_key().map(str::to_owned)).collect(),
            effects: effects.iter().map(|e| e.to_row(wrapped)).collect(),
            writes: vec![write],
        };
        let rings = effects.iter().filter_map(Effect::rings).min();
        Ok(Attempt { before, after, events, item, rings })
    }

    fn make_keys(&self, effects: &[Effect]) -> Vec<(String, DataKey, String)> {
        let ids = effects
            .iter()
            .filter_map(|effect| if let Effect::MakeKey { key_id } = effect { Some(key_id) } else { None });
        ids.map(|id| {
            let (key, wrapped) = self.keys.master.new_data_key(id);
            (id.clone(), key, base64::Engine::encode(&base64::engine::general_purpose::STANDARD, wrapped))
        })
        .collect()
    }

    fn appended<A: Aggregate>(&self, attempt: Attempt<A>, position: i64, at: DateTime<Utc>) -> Done<A> {
        let Attempt { before, after, events, item, rings } = attempt;
        if let Some(due) = rings {
            self.alarm.set(due);
        }
        let actor_id = item.actor;
        let events: Vec<_> = events
            .into_iter()
            .zip(0i16..)
            .map(|(event, ordinal)| {
                let at = At {
                    position: position + i64::from(ordinal),
                    stream_id: before.stream,
                    version: before.version + 1 + i32::from(ordinal),
                    event_id: item.command.event_id(ordinal),
                    actor_id,
                    recorded_at: at,
                };
                (event, at)
            })
            .collect();
        let last = events.last().map_or(position, |(_, at)| at.position);
        let loaded = Loaded {
            stream: before.stream,
            state: Arc::new(after),
            version: before.version + i32::try_from(events.len()).unwrap_or(0),
            times: Some((before.times.map_or(at, |(first, _)| first), at)),
        };
        self.cache.put(&loaded, item.bytes());
        Done { loaded, events, position: last, replayed: false }
    }
}

/// The list column that deleted objects have. Stored.
pub const DELETED: &str = "_deleted";

/// The filter columns that differ between two states; null where a value went.
pub(super) fn changed_columns<A: Aggregate>(before: &A, after: &A) -> Map<String, Value> {
    let columns = |state: &A| state.stored().map(|stored| fields_of(&stored.object)).unwrap_or_default();
    let (old, new) = (columns(before), columns(after));
    let listed = <A::Object as DataObject>::TABLE.all_fields().filter(|f| f.listed);
    let text = |map: &Map<String, Value>, name: &str| match map.get(name) {
        None | Some(Value::Null) => Value::Null,
        Some(Value::String(text)) => Value::String(text.clone()),
        Some(other) => Value::String(other.to_string()),
    };
    let deleted = |state: &A| match state.stored() {
        Some(stored) if !stored.active => Value::String("true".into()),
        Some(_) | None => Value::Null,
    };
    let pairs = listed.map(|f| (f.name, text(&old, f.name), text(&new, f.name))).chain(std::iter::once((
        DELETED,
        deleted(before),
        deleted(after),
    )));
    pairs.filter(|(_, old, new)| old != new).map(|(name, _, new)| (name.to_owned(), new)).collect()
}

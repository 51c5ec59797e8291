//! Carries out commands: load, decide, append, and again when somebody was faster.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_schema::envelope::{At, Recorded};
use event_schema::event::DomainEvent;
use service::seal::DataKey;
use uuid::Uuid;

use super::aggregate::{Aggregate, Context, Decision, EventOf, Rejection};
use super::alarm::Alarm;
use super::appender::Appender;
use super::effect::Effect;
use super::gates::{Crowded, Gates};
use super::history::{COLUMNS, ReadError, recorded};
use super::item::{AppendError, Item, Outcome};
use super::joint::{Decisions, Transaction};
use super::keys::Keys;
use super::log::Log;
use super::request::Request;
use super::state::{Loaded, StateCache, load};
pub use super::step::DELETED;
use super::step::{Landed, Step};

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

/// What a command decides on.
struct Before<T: Transaction> {
    main: Loaded<T::Main>,
    other: Option<Loaded<T::Other>>,
}

/// One attempt: what was decided on what.
struct Attempt<T: Transaction> {
    main: Step<T::Main>,
    other: Option<Step<T::Other>>,
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

    /// Carries out a command. Commands on one stream that write take turns within this process.
    pub async fn transact<T: Transaction>(
        &self,
        stream: Uuid,
        command: &T,
        request: &Request,
    ) -> Result<Done<T::Main>, Failure> {
        let mut turn = Some(self.gates.turns(stream, command.other()).await?);
        let cached = self.cached(stream, command);
        let mut fresh = cached.is_none();
        let mut before = match cached {
            Some(known) => known,
            None => self.load_for_others(stream, command).await?,
        };
        for _ in 0..ATTEMPTS {
            let cx = Context { actor: request.actor, now: Utc::now(), command: request.command, stream };
            let decided = command.decide_all(&before.main.state, before.other.as_ref().map(|other| &*other.state), &cx);
            if !fresh && !decided.as_ref().is_ok_and(does_something) {
                // Never refuse, or do nothing, on a state that may be stale. Who writes nothing keeps nobody waiting.
                turn = None;
                before = self.load_all(stream, command).await?;
                fresh = true;
                continue;
            }
            let decisions = match decided {
                Ok(decisions) if !decisions.0.events.is_empty() => decisions,
                Ok(decisions) if does_something(&decisions) => return Err(AppendError::NoEvent.into()),
                Ok(_) => {
                    drop(turn);
                    return self.already_so(before.main, request).await;
                }
                Err(rejection) => {
                    drop(turn);
                    return self.refused(rejection, request).await;
                }
            };
            if turn.is_none() {
                turn = Some(self.gates.turns(stream, command.other()).await?);
            }
            let attempt = self.prepare::<T>(before, decisions, request).await?;
            match self.appender.append(attempt.item.clone()).await? {
                Outcome::Appended { position, at } => return Ok(self.appended(attempt, position, at)),
                Outcome::Already { .. } => return self.done_before(request).await,
                Outcome::Conflict { missed, .. } => {
                    before = match attempt.other {
                        None => Before { main: self.catch_up(attempt.main.back(), missed).await?, other: None },
                        // One of the two is stale, and nobody said that the other is not.
                        Some(_) => self.load_all(stream, command).await?,
                    };
                    fresh = true;
                }
                Outcome::KeyTaken { key } => return self.refused(command.refuse_key(&key), request).await,
            }
        }
        Err(Failure::Contended)
    }

    /// What is known without a read, which may be stale; none unless everything is known.
    fn cached<T: Transaction>(&self, stream: Uuid, command: &T) -> Option<Before<T>> {
        let main = self.cache.get(stream)?;
        let other = match command.other() {
            Some(other) => Some(self.cache.get(other)?),
            None => None,
        };
        Some(Before { main, other })
    }

    /// What the command decides on, from the state rows.
    async fn load_all<T: Transaction>(&self, stream: Uuid, command: &T) -> Result<Before<T>, ReadError> {
        let main = self.load(stream).await?;
        let other = match command.other() {
            Some(other) => Some(self.load(other).await?),
            None => None,
        };
        Ok(Before { main, other })
    }

    /// As [`Store::load_all`]; the next command on the streams decides on it without another read.
    async fn load_for_others<T: Transaction>(&self, stream: Uuid, command: &T) -> Result<Before<T>, ReadError> {
        let before = self.load_all(stream, command).await?;
        if before.main.version > 0 {
            self.cache.put(&before.main, 4096);
        }
        if let Some(other) = before.other.as_ref().filter(|other| other.version > 0) {
            self.cache.put(other, 4096);
        }
        Ok(before)
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

    /// Everything that the append needs: the next states, sealed events, effects, the index columns that change.
    async fn prepare<T: Transaction>(
        &self,
        before: Before<T>,
        (on_main, on_other): Decisions<T::Main, T::Other>,
        request: &Request,
    ) -> Result<Attempt<T>, Failure> {
        let actor = request.actor.user_id().map(|id| id.0);
        let main = Step::new(before.main, on_main.events, actor);
        let other = before.other.map(|other| Step::new(other, on_other.events, actor));
        let indexed = main.index().into_iter().chain(other.as_ref().and_then(Step::index));
        let effects: Vec<Effect> = indexed.chain(on_other.effects).chain(on_main.effects).collect();
        let made = self.make_keys(&effects);
        let keys: Vec<_> = made.iter().map(|(id, key, _)| (id.clone(), key.clone())).collect();
        // The main stream first: the item's first event is how a retry finds its answer.
        let mut writes: Vec<_> = main.write(&self.keys, &keys).await?.into_iter().collect();
        if let Some(other) = &other {
            writes.extend(other.write(&self.keys, &keys).await?);
        }
        let wrapped = |id: &str| made.iter().find(|(key, ..)| key == id).map(|(.., wrapped)| wrapped.clone());
        let item = Item {
            command: request.command,
            actor,
            correlation: request.correlation,
            causation: request.causation,
            meta: request.meta(),
            claims: effects.iter().filter_map(|e| e.claimed_key().map(str::to_owned)).collect(),
            effects: effects.iter().map(|e| e.to_row(wrapped)).collect(),
            writes,
        };
        let rings = effects.iter().filter_map(Effect::rings).min();
        Ok(Attempt { main, other, item, rings })
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

    fn appended<T: Transaction>(&self, attempt: Attempt<T>, position: i64, at: DateTime<Utc>) -> Done<T::Main> {
        let Attempt { main, other, item, rings } = attempt;
        if let Some(due) = rings {
            self.alarm.set(due);
        }
        let landed = Landed { command: item.command, actor: item.actor, first: position, at };
        let (loaded, events) = main.landed(&landed, 0);
        self.cache.put(&loaded, item.bytes());
        let mut last = events.last().map_or(position, |(_, at)| at.position);
        if let Some(other) = other {
            let (other, more) = other.landed(&landed, i16::try_from(events.len()).unwrap_or(i16::MAX));
            if let Some((_, at)) = more.last() {
                last = at.position;
                self.cache.put(&other, item.bytes());
            }
        }
        Done { loaded, events, position: last, replayed: false }
    }
}

/// Whether anything would be written.
fn does_something<M, O>((main, other): &(Decision<M>, Decision<O>)) -> bool {
    let writes = !main.events.is_empty() || !main.effects.is_empty();
    writes || !other.events.is_empty() || !other.effects.is_empty()
}

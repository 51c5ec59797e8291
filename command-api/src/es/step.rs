//! One stream's part in an attempt: what it is before and after a decision, what is written of it, and the stream as it
//! stands when that has landed in the log.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use event_schema::envelope::At;
use event_schema::event::DomainEvent;
use event_schema::ids::CommandId;
use event_schema::stored::{DataObject, fields_of};
use serde_json::{Map, Value};
use service::seal::DataKey;
use uuid::Uuid;

use super::aggregate::{Aggregate, EventOf};
use super::effect::Effect;
use super::history::ReadError;
use super::item::{EventRow, Write};
use super::keys::Keys;
use super::state::Loaded;

/// One stream before and after these events.
pub struct Step<A: Aggregate> {
    before: Loaded<A>,
    after: A,
    events: Vec<EventOf<A>>,
}

/// Where an item stands in the log.
#[derive(Clone, Copy, Debug)]
pub struct Landed {
    /// Its command.
    pub command: CommandId,
    /// Who.
    pub actor: Option<Uuid>,
    /// Position of its first event.
    pub first: i64,
    /// When it was recorded.
    pub at: DateTime<Utc>,
}

impl<A: Aggregate> Step<A> {
    /// The step that these events are.
    pub fn new(before: Loaded<A>, events: Vec<EventOf<A>>, actor: Option<Uuid>) -> Self {
        let mut after = (*before.state).clone();
        for event in &events {
            after.evolve(event, actor);
        }
        Self { before, after, events }
    }

    /// The stream before it.
    pub fn back(self) -> Loaded<A> {
        self.before
    }

    /// The list columns that change.
    pub fn index(&self) -> Option<Effect> {
        let set = changed_columns(&*self.before.state, &self.after);
        (!set.is_empty()).then(|| Effect::Index { stream: self.before.stream, kind: EventOf::<A>::CATEGORY, set })
    }

    /// What is to be written, personal fields sealed; nothing without events. `made` are keys that the command makes.
    pub async fn write(&self, keys: &Keys, made: &[(String, DataKey)]) -> Result<Option<Write>, ReadError> {
        let (stream, category) = (self.before.stream, EventOf::<A>::CATEGORY);
        let mut events = Vec::with_capacity(self.events.len());
        for event in &self.events {
            let (kind, mut data) = event.to_row();
            if let Value::Object(map) = &mut data {
                keys.seal(category, stream, map, made).await?;
            }
            events.push(EventRow { schema: EventOf::<A>::schema(&kind), kind, data: data.to_string() });
        }
        if events.is_empty() {
            return Ok(None);
        }
        let state = serde_json::to_string(&self.after)?;
        Ok(Some(Write { stream, category, expected: self.before.version, state, events }))
    }

    /// The stream and its events in the log, the first of them number `ordinal` of the item.
    pub fn landed(self, item: &Landed, ordinal: i16) -> (Loaded<A>, Vec<(EventOf<A>, At)>) {
        let Self { before, after, events } = self;
        let events: Vec<_> = events
            .into_iter()
            .zip(0i16..)
            .map(|(event, place)| {
                let at = At {
                    position: item.first + i64::from(ordinal + place),
                    stream_id: before.stream,
                    version: before.version + 1 + i32::from(place),
                    event_id: item.command.event_id(ordinal + place),
                    actor_id: item.actor,
                    recorded_at: item.at,
                };
                (event, at)
            })
            .collect();
        let Some((_, last)) = events.last() else { return (before, events) };
        let loaded = Loaded {
            stream: before.stream,
            state: Arc::new(after),
            version: last.version,
            times: Some((before.times.map_or(item.at, |(first, _)| first), item.at)),
        };
        (loaded, events)
    }
}

/// The list column that deleted objects have. Stored.
pub const DELETED: &str = "_deleted";

/// The filter columns that differ between two states; null where a value went.
pub fn changed_columns<A: Aggregate>(before: &A, after: &A) -> Map<String, Value> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::es::aggregate::Plain;
    use event_schema::gameplay::game_event::GameStatus;
    use event_schema::gameplay::invitation::{ChessGameInvitation, InvitationEvent};

    #[test]
    fn events_of_a_second_stream_stand_behind_those_of_the_first() {
        let item = Landed { command: CommandId(Uuid::from_u128(7)), actor: None, first: 40, at: DateTime::UNIX_EPOCH };
        let before = Loaded { version: 3, ..Loaded::<Plain<ChessGameInvitation>>::empty(Uuid::from_u128(2)) };
        let event = InvitationEvent::InvitationDeclined { game_status: GameStatus::Pending };
        let (loaded, events) = Step::new(before, vec![event.clone(), event], None).landed(&item, 2);
        let places: Vec<_> = events.iter().map(|(_, at)| (at.position, at.version, at.event_id)).collect();
        assert_eq!(places, [(42, 4, item.command.event_id(2)), (43, 5, item.command.event_id(3))]);
        assert_eq!((loaded.version, loaded.times), (5, Some((item.at, item.at))));
    }

    #[test]
    fn without_events_nothing_happens_to_a_stream() {
        let item = Landed { command: CommandId::new(), actor: None, first: 1, at: DateTime::UNIX_EPOCH };
        let step = Step::new(Loaded::<Plain<ChessGameInvitation>>::empty(Uuid::from_u128(2)), Vec::new(), None);
        assert!(step.index().is_none());
        let (loaded, events) = step.landed(&item, 1);
        assert_eq!((loaded.version, loaded.times, events.len()), (0, None, 0));
    }
}

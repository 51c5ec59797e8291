//! Objects folded from events: what mirrors are made of, in the projector and in the answers alike.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::auth::user::Role;
use crate::envelope::{At, Recorded};
use crate::event::{DecodeError, DomainEvent};
use crate::object::{Bookkeeping, Field, Object, hidden};

/// Who may read a document of a view (those apart who read the whole view: `Object::read_by`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Every logged-in user.
    Everybody,
    /// These users.
    Users(Vec<Uuid>),
    /// This user, and every user of exactly this role.
    UserAndRole(Uuid, Role),
}

impl Readers {
    /// The value of the hidden field.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Everybody => json!([hidden::EVERYBODY]),
            Self::Users(ids) => json!(ids),
            Self::UserAndRole(id, role) => json!([id.to_string(), hidden::of_role(*role)]),
        }
    }
}

/// An object that others are parts of, and that says who reads them: a deleted game takes its moves out of sight, and who
/// joins a game reads what was said in its room before.
#[derive(Clone, Copy)]
pub struct Whole {
    /// Its table.
    pub table: &'static Object,
    /// The field of its parts that holds its id.
    pub by: &'static str,
    /// The types of its events that may change who reads its parts.
    pub changed_by: &'static [&'static str],
    /// Whether a part is made before any of these: then it tells its readers itself, and is looked at when one comes.
    /// Else the whole is asked whenever the part changes.
    pub comes_first: bool,
    /// Who reads a part with these fields, while the whole has those.
    pub readers: fn(&Map<String, Value>, &Map<String, Value>) -> Readers,
}

/// An object that is the state of its own stream.
pub trait DataObject: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its table.
    const TABLE: &'static Object;
    /// What it is a part of.
    const WHOLE: Option<&'static Whole> = None;
    /// The events of its stream.
    type Event: DomainEvent;
    /// The object after its first event; `None` if that event does not begin one.
    fn begin(event: &Self::Event) -> Option<Self>;
    /// Applies a later event. Must not fail: the event has happened. Sees the event alone, so that a state row written
    /// with the event and a view folded from it later are the same.
    fn evolve(&mut self, event: &Self::Event);
    /// Whether this event deletes the object.
    fn deletes(event: &Self::Event) -> bool;
    /// Who may read the object with this id now.
    fn readers(&self, id: Uuid) -> Readers;
}

/// An object that is one event of another object's stream.
pub trait EventObject: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its table.
    const TABLE: &'static Object;
    /// What it is a part of.
    const WHOLE: Option<&'static Whole> = None;
    /// The events among which it is.
    type Event: DomainEvent;
    /// The object that this event is; `None` for the others. Its id is the event's id.
    fn from_event(event: &Self::Event, at: &At) -> Option<Self>;
    /// Who may read it.
    fn readers(&self) -> Readers;
}

/// An object with what the log knows of it. Its JSON is a state row's: a stored shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored<O> {
    /// The object itself.
    pub object: O,
    /// false when deleted.
    pub active: bool,
    /// The actor of the first event.
    pub owner: Option<Uuid>,
}

impl<O: DataObject> Stored<O> {
    /// The object after one more event.
    pub fn apply(prior: Option<Self>, event: &O::Event, actor: Option<Uuid>) -> Option<Self> {
        match prior {
            None => O::begin(event).map(|object| Self { object, active: true, owner: actor }),
            Some(mut stored) => {
                if O::deletes(event) {
                    stored.active = false;
                }
                stored.object.evolve(event);
                Some(stored)
            }
        }
    }
}

/// A document of a view.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The document's id.
    pub id: Uuid,
    /// What clients see, in the order of the table.
    pub fields: Map<String, Value>,
    /// false: a tombstone without content.
    pub live: bool,
    /// The value of `_readers`.
    pub readers: Value,
}

/// The document of a view after one more event.
pub type Fold = fn(Option<&Map<String, Value>>, &Recorded) -> Result<Option<Document>, DecodeError>;

/// Which events a mirror's document is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// Those of the stream that has its id.
    OfItsStream,
    /// The one event that has its id.
    OfOneEvent,
}

/// One mirror: the generic view of one data object, as plain functions over its table.
pub struct Mirror {
    /// The object's table.
    pub table: &'static Object,
    /// The category whose events concern it.
    pub category: &'static str,
    /// Which events a document is made of.
    pub made: Made,
    /// What its object is a part of.
    pub whole: Option<&'static Whole>,
    /// The id of the document that this event concerns, if any.
    pub key: fn(&Recorded) -> Result<Option<Uuid>, DecodeError>,
    /// The document after this event. The event's personal fields are opened already.
    pub fold: Fold,
}

/// The mirror of an object with a stream of its own.
pub const fn mirror<O: DataObject>() -> Mirror {
    Mirror {
        table: O::TABLE,
        category: O::Event::CATEGORY,
        made: Made::OfItsStream,
        whole: O::WHOLE,
        key: |event| Ok(Some(event.stream_id)),
        fold: fold_object::<O>,
    }
}

/// The mirror of an object that is an event.
pub const fn event_mirror<O: EventObject>() -> Mirror {
    Mirror {
        table: O::TABLE,
        category: O::Event::CATEGORY,
        made: Made::OfOneEvent,
        whole: O::WHOLE,
        key: event_key::<O>,
        fold: fold_event::<O>,
    }
}

/// The value of these fields in a rendered document of a view, without the companions and the bookkeeping.
pub fn object_of<'a, O: DeserializeOwned>(
    view: &'static str,
    fields: impl Iterator<Item = &'a Field>,
    document: &Map<String, Value>,
) -> Result<O, DecodeError> {
    let own = fields.filter_map(|field| Some((field.name, document.get(field.name)?)));
    O::deserialize(MapDeserializer::new(own)).map_err(|e| DecodeError::Document(view, e))
}

/// The fields of an object as JSON by name.
pub fn fields_of<O: Serialize>(object: &O) -> Map<String, Value> {
    match serde_json::to_value(object) {
        Ok(Value::Object(map)) => map,
        Ok(_) | Err(_) => Map::new(),
    }
}

fn fold_object<O: DataObject>(
    prior: Option<&Map<String, Value>>,
    recorded: &Recorded,
) -> Result<Option<Document>, DecodeError> {
    let event = O::Event::from_recorded(recorded)?;
    let at = recorded.at();
    let prior_stored = prior
        .map(|doc| {
            Ok::<_, DecodeError>(Stored {
                object: object_of::<O>(O::TABLE.name, O::TABLE.all_fields(), doc)?,
                active: doc.get("isActive").and_then(Value::as_bool).unwrap_or(true),
                owner: doc.get("_owner").and_then(Value::as_str).and_then(|t| t.parse().ok()),
            })
        })
        .transpose()?;
    let created_at = prior.and_then(|doc| time_of(doc, "createdAt")).unwrap_or(at.recorded_at);
    let Some(stored) = Stored::apply(prior_stored, &event, at.actor_id) else { return Ok(None) };
    let book = Bookkeeping {
        id: at.stream_id,
        is_active: stored.active,
        record_version: at.version,
        created_at,
        updated_at: at.recorded_at,
        owner: stored.owner,
    };
    let readers = if stored.active { stored.object.readers(at.stream_id) } else { Readers::Users(Vec::new()) };
    Ok(Some(Document {
        id: at.stream_id,
        fields: O::TABLE.render(&fields_of(&stored.object), &book, |f| f.in_views()),
        live: stored.active || O::TABLE.deletion == crate::object::Deletion::Soft,
        readers: readers.to_value(),
    }))
}

fn time_of(document: &Map<String, Value>, name: &str) -> Option<DateTime<Utc>> {
    document.get(name)?.as_str()?.parse().ok()
}

fn event_key<O: EventObject>(recorded: &Recorded) -> Result<Option<Uuid>, DecodeError> {
    let event = O::Event::from_recorded(recorded)?;
    Ok(O::from_event(&event, &recorded.at()).map(|_| recorded.id()))
}

fn fold_event<O: EventObject>(
    _: Option<&Map<String, Value>>,
    recorded: &Recorded,
) -> Result<Option<Document>, DecodeError> {
    let event = O::Event::from_recorded(recorded)?;
    let at = recorded.at();
    Ok(O::from_event(&event, &at).map(|object| Document {
        id: at.event_id,
        fields: O::TABLE.render(&fields_of(&object), &event_bookkeeping(&at), |f| f.in_views()),
        live: true,
        readers: object.readers().to_value(),
    }))
}

/// The bookkeeping of an object that is one event: version 1, made and changed when the event was recorded.
pub fn event_bookkeeping(at: &At) -> Bookkeeping {
    Bookkeeping {
        id: at.event_id,
        is_active: true,
        record_version: 1,
        created_at: at.recorded_at,
        updated_at: at.recorded_at,
        owner: at.actor_id,
    }
}

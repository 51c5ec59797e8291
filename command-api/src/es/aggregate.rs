//! What a stream is to the rules: a state that events fold into, and commands that decide new events. All pure.

use chrono::{DateTime, Utc};
use event_schema::auth::user::Role;
use event_schema::ids::{CommandId, UserId};
use event_schema::stored::{DataObject, Stored};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::effect::Effect;

/// The events of an aggregate.
pub type EventOf<A> = <<A as Aggregate>::Object as DataObject>::Event;

/// The state of one stream: the object that the API shows, and what only decisions need. Its JSON is the state row: a
/// field may be added and never goes, since a row with a field that the program does not know is a newer one's to it.
pub trait Aggregate: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The data object that this stream is.
    type Object: DataObject;

    /// Applies an event. Must not fail: the event has happened.
    fn evolve(&mut self, event: &EventOf<Self>, actor: Option<Uuid>);

    /// The object; none before the first event.
    fn stored(&self) -> Option<&Stored<Self::Object>>;
}

/// An aggregate that needs nothing besides its object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plain<O>(pub Option<Stored<O>>);

impl<O> Default for Plain<O> {
    fn default() -> Self {
        Self(None)
    }
}

impl<O: DataObject> Aggregate for Plain<O> {
    type Object = O;

    fn evolve(&mut self, event: &O::Event, actor: Option<Uuid>) {
        self.0 = Stored::apply(self.0.take(), event, actor);
    }

    fn stored(&self) -> Option<&Stored<O>> {
        self.0.as_ref()
    }
}

/// Who issues a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A logged-in user.
    User(UserId, Role),
    /// Nobody yet: a registration.
    Anonymous,
    /// The system itself: timers, first start.
    System,
}

impl Actor {
    /// The user, if it is one.
    pub fn user_id(self) -> Option<UserId> {
        match self {
            Self::User(id, _) => Some(id),
            Self::Anonymous | Self::System => None,
        }
    }

    /// Whether he may do what admins may.
    pub fn is_admin(self) -> bool {
        match self {
            Self::User(_, role) => role.is_admin(),
            Self::System => true,
            Self::Anonymous => false,
        }
    }
}

/// Everything that a decision may know besides the state.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Who.
    pub actor: Actor,
    /// Server time.
    pub now: DateTime<Utc>,
    /// The command's id: ids that the command makes derive from it.
    pub command: CommandId,
    /// The stream that is decided on.
    pub stream: Uuid,
}

/// What a command does: events of its stream, and effects beside them. No events = "already so", a success.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<E> {
    /// New events.
    pub events: Vec<E>,
    /// Carried out with them, or not at all.
    pub effects: Vec<Effect>,
}

impl<E> From<Vec<E>> for Decision<E> {
    fn from(events: Vec<E>) -> Self {
        Self { events, effects: Vec::new() }
    }
}

impl<E> Default for Decision<E> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<E> Decision<E> {
    /// Adds an effect.
    pub fn with(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }
}

/// One use-case on one stream.
pub trait Command: Send + Sync {
    /// The stream's aggregate.
    type Aggregate: Aggregate;

    /// Decides on the newest state. Pure: may be called again after a conflict.
    fn decide(&self, state: &Self::Aggregate, cx: &Context) -> Result<Decision<EventOf<Self::Aggregate>>, Rejection>;

    /// The refusal when a unique key that the decision claims belongs to another stream.
    fn key_taken(&self, key: &str) -> Rejection {
        key_taken(key)
    }
}

/// The refusal of a unique key that belongs to another stream.
pub fn key_taken(key: &str) -> Rejection {
    let kind = key.split_once(':').map_or(key, |(kind, _)| kind);
    Rejection::conflict("errMsg_KeyTaken", format!("`{kind}` is taken"))
}

/// The kind of a refusal: decides the HTTP status at the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no such thing.
    NotFound,
    /// It exists, but not for this actor.
    Forbidden,
    /// Its state forbids it.
    Conflict,
    /// The command itself is wrong.
    Invalid,
}

/// Why a rule said no. Knows nothing of HTTP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Rejection {
    /// The kind.
    pub kind: Refused,
    /// `errMsg_…`: stable, for programs.
    pub code: &'static str,
    /// For people: names the thing, the value and the way out.
    pub detail: String,
    /// JSON pointer to the body's field, where one is at fault.
    pub pointer: Option<&'static str>,
}

impl Rejection {
    fn new(kind: Refused, code: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, code, detail: detail.into(), pointer: None }
    }
    /// There is no such thing.
    pub fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Refused::NotFound, code, detail)
    }
    /// It exists, but not for this actor.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Refused::Forbidden, code, detail)
    }
    /// Its state forbids it.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Refused::Conflict, code, detail)
    }
    /// The command itself is wrong.
    pub fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Refused::Invalid, code, detail)
    }
    /// Names the field at fault.
    pub fn at(mut self, pointer: &'static str) -> Self {
        self.pointer = Some(pointer);
        self
    }
}

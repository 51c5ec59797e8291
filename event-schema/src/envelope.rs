//! An event as it stands in the log, and what the log knows of it besides its data.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::ids::CommandId;

/// One row of the log. This JSON is also the payload in the event stream: a wire contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// Place in the log: dense, in commit order, from 1; the sequence in the event stream.
    pub position: i64,
    /// The stream: the id of the object.
    pub stream_id: Uuid,
    /// Place in its stream, dense, from 1.
    pub version: i32,
    /// Stored category, for example `chessGame`.
    pub category: String,
    /// Stored type, for example `MovePlayed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The number of the shape of `data`; older ones are lifted by `upcast` before they are decoded.
    pub schema: i16,
    /// The command that made it.
    pub command_id: CommandId,
    /// Which of that command's events it is, from 0.
    pub ordinal: i16,
    /// The first command of the chain that led here.
    pub correlation_id: Uuid,
    /// The event or command that directly led here; none for a client's own command.
    pub causation_id: Option<Uuid>,
    /// Who; none for the system itself.
    pub actor_id: Option<Uuid>,
    /// When the log took it (server time of PostgreSQL, never falling with the position).
    pub recorded_at: DateTime<Utc>,
    /// The event's own fields; personal ones are sealed (see [`crate::personal`]).
    pub data: Value,
}

impl Recorded {
    /// The event's id, derived from its command and ordinal.
    pub fn id(&self) -> Uuid {
        self.command_id.event_id(self.ordinal)
    }

    /// What a fold may know besides the event's data.
    pub fn at(&self) -> At {
        At {
            position: self.position,
            stream_id: self.stream_id,
            version: self.version,
            event_id: self.id(),
            actor_id: self.actor_id,
            recorded_at: self.recorded_at,
        }
    }
}

/// What the log knows of an event besides its data: the part that a fold may use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct At {
    /// Place in the log.
    pub position: i64,
    /// The stream.
    pub stream_id: Uuid,
    /// Place in the stream.
    pub version: i32,
    /// The event's id.
    pub event_id: Uuid,
    /// Who.
    pub actor_id: Option<Uuid>,
    /// When.
    pub recorded_at: DateTime<Utc>,
}

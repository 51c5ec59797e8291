//! What a command does besides events: carried out by the append function in the same commit.

use chrono::{DateTime, Utc};
use event_schema::ids::{SessionId, UserId};
use event_schema::object::instant;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// One effect. Accepted or refused together with the command's events.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Filter columns of lists that changed; null removes.
    Index {
        /// The object.
        stream: Uuid,
        /// Its kind.
        kind: &'static str,
        /// The changed columns.
        set: Map<String, Value>,
    },
    /// Only one stream may hold this key; a second one is refused.
    ClaimKey {
        /// `<kind>:<value>`.
        key: String,
        /// The holder.
        stream: Uuid,
    },
    /// Frees a key that this stream holds.
    ReleaseKey {
        /// `<kind>:<value>`.
        key: String,
        /// The holder.
        stream: Uuid,
    },
    /// Something to do at a time; replaces the stream's timer of that kind.
    SetTimer {
        /// The stream.
        stream: Uuid,
        /// One of [`super::timers`]' kinds.
        kind: &'static str,
        /// Grows with each arming: a fired timer's command id is made of it.
        arming: i32,
        /// When.
        due_at: DateTime<Utc>,
    },
    /// Takes the timer back.
    CancelTimer {
        /// The stream.
        stream: Uuid,
        /// Its kind.
        kind: &'static str,
    },
    /// Makes a new key for personal data. The store makes and wraps it; it seals this command's events.
    MakeKey {
        /// For example `user:<id>`.
        key_id: String,
    },
    /// Destroys a key: the hard delete of all that it seals.
    DestroyKey {
        /// Which.
        key_id: String,
    },
    /// A password hash or a code.
    PutSecret {
        /// For example `password`.
        kind: &'static str,
        /// Whose.
        id: String,
        /// The hash.
        data: String,
        /// Until when it is good.
        expires_at: Option<DateTime<Utc>>,
    },
    /// Removes a secret.
    DeleteSecret {
        /// For example `password`.
        kind: &'static str,
        /// Whose.
        id: String,
    },
    /// Begins a session.
    PutSession {
        /// Its id.
        session: SessionId,
        /// Whose.
        user: UserId,
        /// Until when.
        expires_at: DateTime<Utc>,
    },
    /// Ends all sessions of a user.
    EndSessions {
        /// Whose.
        user: UserId,
    },
    /// A reaction has read up to here.
    AdvanceCursor {
        /// Which reaction.
        reaction: &'static str,
        /// The position.
        position: i64,
    },
    /// A message to a person, sent later from the outbox.
    SendMessage {
        /// The event that caused it.
        event: Uuid,
        /// `email`, `sms`, `push`.
        channel: &'static str,
        /// The message.
        message: String,
    },
}

/// An effect in the form of the append function: its name and one JSON object.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectRow {
    /// The word of `apply_effects`.
    pub kind: &'static str,
    /// Its arguments.
    pub args: String,
}

impl Effect {
    /// The row; `wrapped` gives the wrapped key of a [`Effect::MakeKey`], base64.
    pub fn to_row(&self, wrapped: impl Fn(&str) -> Option<String>) -> EffectRow {
        let (kind, args) = match self {
            Self::Index { stream, kind, set } => ("index", json!({"stream": stream, "kind": kind, "set": set})),
            Self::ClaimKey { key, stream } => ("claimKey", json!({"key": key, "stream": stream})),
            Self::ReleaseKey { key, stream } => ("releaseKey", json!({"key": key, "stream": stream})),
            Self::SetTimer { stream, kind, arming, due_at } => {
                ("setTimer", json!({"stream": stream, "kind": kind, "arming": arming, "dueAt": instant(*due_at)}))
            }
            Self::CancelTimer { stream, kind } => ("cancelTimer", json!({"stream": stream, "kind": kind})),
            Self::MakeKey { key_id } => ("makeKey", json!({"keyId": key_id, "wrapped": wrapped(key_id)})),
            Self::DestroyKey { key_id } => ("destroyKey", json!({"keyId": key_id})),
            Self::PutSecret { kind, id, data, expires_at } => {
                ("putSecret", json!({"kind": kind, "id": id, "data": data, "expiresAt": expires_at.map(instant)}))
            }
            Self::DeleteSecret { kind, id } => ("deleteSecret", json!({"kind": kind, "id": id})),
            Self::PutSession { session, user, expires_at } => {
                ("putSession", json!({"session": session, "user": user, "expiresAt": instant(*expires_at)}))
            }
            Self::EndSessions { user } => ("endSessions", json!({"user": user})),
            Self::AdvanceCursor { reaction, position } => {
                ("advanceCursor", json!({"reaction": reaction, "position": position}))
            }
            Self::SendMessage { event, channel, message } => {
                ("sendMessage", json!({"event": event, "channel": channel, "message": message}))
            }
        };
        EffectRow { kind, args: args.to_string() }
    }

    /// When the timer is due that it sets.
    pub fn rings(&self) -> Option<DateTime<Utc>> {
        if let Self::SetTimer { due_at, .. } = self { Some(*due_at) } else { None }
    }

    /// The unique key that it claims: a batch holds each only once.
    pub fn claimed_key(&self) -> Option<&str> {
        match self {
            Self::ClaimKey { key, .. } => Some(key),
            Self::Index { .. }
            | Self::ReleaseKey { .. }
            | Self::SetTimer { .. }
            | Self::CancelTimer { .. }
            | Self::MakeKey { .. }
            | Self::DestroyKey { .. }
            | Self::PutSecret { .. }
            | Self::DeleteSecret { .. }
            | Self::PutSession { .. }
            | Self::EndSessions { .. }
            | Self::AdvanceCursor { .. }
            | Self::SendMessage { .. } => None,
        }
    }
}

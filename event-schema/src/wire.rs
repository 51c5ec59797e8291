//! What the processes say to each other over NATS besides events. JSON; wire contracts.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::ids::{SessionId, UserId};

/// The `what` of [`crate::names::Namespace::ask_subject`]: requests to command-api.
pub mod ask {
    /// [`super::SessionRequest`] -> [`super::Reply`] of [`super::SessionFacts`].
    pub const SESSION: &str = "session";
    /// [`super::PublicKeyRequest`] -> [`super::Reply`] of [`super::PublicKey`].
    pub const PUBLIC_KEY: &str = "publickey";
    /// [`super::SaveFilter`] -> [`super::Reply`] of [`super::FilterSaved`].
    pub const SAVE_FILTER: &str = "filters.save";
    /// [`super::DeleteFilter`] -> [`super::Reply`] of [`super::FilterSaved`].
    pub const DELETE_FILTER: &str = "filters.delete";
    /// All of them.
    pub const ALL: &[&str] = &[SESSION, PUBLIC_KEY, SAVE_FILTER, DELETE_FILTER];
}

/// The `what` of [`crate::names::Namespace::push_subject`].
pub mod push {
    /// A [`super::Push`].
    pub const SESSIONS: &str = "sessions";
    /// Empty payload, every second: the channel is up.
    pub const BEAT: &str = "beat";
}

/// An answer over request/reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reply<T> {
    /// It was done.
    Ok(T),
    /// It was refused: the HTTP status, the `errMsg_…` code, and a sentence for the client.
    Refused {
        /// HTTP status.
        status: u16,
        /// `errMsg_…`.
        code: String,
        /// For the client.
        detail: String,
    },
}

/// Who is this session?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRequest {
    /// The session named by a verified token.
    pub session_id: SessionId,
}

/// What a session may be used for, as of now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionFacts {
    /// The session.
    pub session_id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// The role now.
    pub role: crate::auth::user::Role,
    /// Ended sessions and those of deleted users are refused with 401.
    pub ended: bool,
}

/// A public key by its id; without one, the current key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicKeyRequest {
    /// The `kid` of a token.
    pub key_id: Option<String>,
}

/// A public key (answer of `/publickey` as well).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicKey {
    /// The `kid`.
    pub key_id: String,
    /// PEM (SubjectPublicKeyInfo).
    pub key_data: String,
}

/// Saves a filter for the bearer of the token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SaveFilter {
    /// The user's own access token.
    pub token: String,
    /// The idempotency key of the client's request, if any.
    pub idempotency_key: Option<String>,
    /// The view.
    pub index_name: String,
    /// What the user calls it.
    pub filter_name: Option<String>,
    /// The filter, checked by the query service.
    pub conditions: Value,
    /// Everybody of this role may use it: the bearer's own, or nobody.
    #[serde(default)]
    pub shared_with: Option<crate::auth::user::Role>,
}

/// Deletes a saved filter of the bearer of the token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteFilter {
    /// The user's own access token.
    pub token: String,
    /// The view.
    pub index_name: String,
    /// Which.
    pub filter_id: Uuid,
}

/// The saved (or, deleted, last) filter as rendered by command-api.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterSaved {
    /// The object `savedFilter`.
    pub item: Value,
    /// `Consistency-Token` of the command.
    pub consistency_token: String,
}

/// A change of sessions that caches must take over at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Push {
    /// This session ended.
    SessionEnded(SessionId),
    /// The role or existence of this user changed: forget his sessions.
    UserChanged(UserId),
}

/// Asks the projector to bring everything up to `position` into a view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefreshRequest {
    /// The position that the reader waits for.
    pub position: i64,
    /// Whether it must be searchable. Else it is enough that reads by id see it, and nothing is answered: the watermark
    /// tells.
    #[serde(default = "yes")]
    pub searchable: bool,
}

fn yes() -> bool {
    true
}

/// The projector's answer: sent when the position is searchable, or when it cannot be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefreshReply {
    /// The watermark now.
    pub watermark: Watermark,
    /// The log's tail: a position beyond it is no position of this log.
    pub tail: i64,
}

/// How far a view is. The value of the key-value bucket's key `<view in lower case>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Watermark {
    /// The log that it was made from.
    pub log_id: Uuid,
    /// The live generation of the index.
    pub generation: u32,
    /// Which edition of it, a UUID v7: another one after the projector began anew, found the index gone and made it anew
    /// with the same number, or put documents right. What is kept of one says nothing of another at the same position.
    #[serde(default)]
    pub edition: Uuid,
    /// Every event up to here is in the index (reads by id).
    pub applied: i64,
    /// Every event up to here is found by searches.
    pub searchable: i64,
}

/// What changed in a view between two refreshes: every document whose last event stands behind `from` and not behind
/// `to`, once. Both are positions that were announced as searchable, and no other one was between them unless nothing
/// changed. Whoever has seen everything up to `from` has seen everything up to `to` after the last part; if the next
/// `from` is behind that, something was lost. `D` is a document's source, hidden fields included.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changes<D> {
    /// The log.
    pub log_id: Uuid,
    /// The generation of the index.
    pub generation: u32,
    /// Everything up to here was told before.
    pub from: i64,
    /// With the last part everything up to here has been told.
    pub to: i64,
    /// From 0; too many changes for one message stand in several.
    pub part: u32,
    /// Whether no part follows.
    pub last: bool,
    /// The documents.
    pub changes: Vec<Change<D>>,
}

/// A document that changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change<D> {
    /// Its id.
    pub id: Uuid,
    /// Where its last event stands.
    pub position: i64,
    /// As it was at `from`; none when it was not there.
    pub old: Option<D>,
    /// As it is at `to`; dead ones have no content.
    pub new: D,
}

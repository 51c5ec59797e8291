//! Which fields of an event are personal and under which key they are sealed. Read off the tables; no I/O and no
//! cryptography here.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::event::table_of;
use crate::object::KeyOf;

/// The stored start of a sealed value: `sealed:<key id>:<base64 of nonce and ciphertext>`.
pub const SEALED: &str = "sealed:";

/// The id of the data key of one user's personal data.
pub fn user_key(user: Uuid) -> String {
    format!("user:{user}")
}

/// The user whose key this is, if it is a user's.
pub fn user_of(key_id: &str) -> Option<Uuid> {
    key_id.strip_prefix("user:")?.parse().ok()
}

/// The personal fields of an event's data: field name and key id. Empty for nearly all events, without allocation.
pub fn personal_fields(category: &str, stream: Uuid, data: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let Some(table) = table_of(category) else { return Vec::new() };
    table
        .all_fields()
        .filter_map(|field| Some((field.name, field.personal?)))
        .filter(|(name, _)| data.get(*name).is_some_and(|v| !v.is_null()))
        .map(|(name, key)| {
            let owner = match key {
                KeyOf::Stream => stream,
                KeyOf::Field(of) => data.get(of).and_then(Value::as_str).and_then(|t| t.parse().ok()).unwrap_or(stream),
            };
            (name, user_key(owner))
        })
        .collect()
}

//! Identifiers: newtypes over UUIDs, and ids that derive from the command that made them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is no UUID.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a UUID")]
pub struct NotAnId(pub String);

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Uuid::parse_str(text).map(Self).map_err(|_| NotAnId(text.to_owned()))
            }
        }
    )*};
}

ids! {
    /// A person, registered or guest; also the stream of that user.
    UserId,
    /// A game; also the stream of that game.
    GameId,
    /// An invitation to a game; also its stream.
    InvitationId,
    /// One login.
    SessionId,
    /// One command: the idempotency key of an append.
    CommandId,
}

/// Under which the names of players have ids. Stored: never change it.
const NAMES: Uuid = Uuid::from_u128(0x0b63_9d5c_4a0e_4f0b_9c1d_5e36_57a4_c0de);

impl UserId {
    /// Somebody who plays in imported games and has no account: everywhere the same id for the same name.
    ///
    /// It is a UUID of version 5, and no account has one: theirs are of version 7.
    pub fn named(name: &str) -> Self {
        Self(Uuid::new_v5(&NAMES, name.as_bytes()))
    }

    /// Whether this can be somebody who logs in, not only a name.
    pub fn has_account(self) -> bool {
        self.0.get_version_num() != 5
    }
}

impl CommandId {
    /// A new id for a command that brings no idempotency key (UUID v7: ids of one time stand together in an index).
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id of the thing that this command makes under `label`. Keeps the command's time bits and has the UUID v7
    /// layout, so a retry makes the same ids and an index on them stays dense.
    pub fn derive(self, label: &str) -> Uuid {
        let mut input = Vec::with_capacity(16 + label.len());
        input.extend_from_slice(self.0.as_bytes());
        input.extend_from_slice(label.as_bytes());
        timed(*self.0.as_bytes(), Uuid::new_v5(&Uuid::NAMESPACE_OID, &input))
    }

    /// The id of the command's event number `ordinal` (from 0).
    pub fn event_id(self, ordinal: i16) -> Uuid {
        self.derive(&format!("event/{ordinal}"))
    }
}

/// The bytes of `hash` with the first 48 bits (unix milliseconds) of `time` and the version number 7.
fn timed(time: [u8; 16], hash: Uuid) -> Uuid {
    let mut bytes = *hash.as_bytes();
    bytes[..6].copy_from_slice(&time[..6]);
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    Uuid::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_repeat_and_keep_the_time() {
        let command = CommandId::new();
        assert_eq!(command.derive("game"), command.derive("game"));
        assert_ne!(command.derive("game"), command.derive("user"));
        assert_eq!(command.derive("game").as_bytes()[..6], command.0.as_bytes()[..6]);
        assert_eq!(command.derive("game").get_version_num(), 7);
        assert_ne!(command.event_id(0), command.event_id(1));
    }

    #[test]
    fn a_name_has_an_id_that_is_no_account() {
        assert_eq!(UserId::named("Anderssen").to_string(), "a575e771-24a6-517d-8e92-b4625f02ad04");
        assert!(!UserId::named("Anderssen").has_account() && UserId(Uuid::now_v7()).has_account());
    }

    #[test]
    fn an_id_that_is_no_uuid_is_named() {
        assert_eq!("x7".parse::<GameId>(), Err(NotAnId("x7".into())));
    }
}

//! Events declared once: one row per stream category.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde_json::{Value, json};

use crate::envelope::Recorded;

/// An event or a document cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The category is not declared.
    #[error("unknown event category `{0}`")]
    Category(String),
    /// The data does not fit the type.
    #[error("event {kind} of schema {schema} at position {position} cannot be read: {source}")]
    Event {
        /// Where it stands.
        position: i64,
        /// Its stored type.
        kind: String,
        /// Its stored schema number.
        schema: i16,
        /// What does not fit.
        source: serde_json::Error,
    },
    /// It was written by a newer version of this program.
    #[error("event {kind} has schema {schema}, newer than this program's {known}")]
    Newer {
        /// Its stored type.
        kind: String,
        /// Its stored schema number.
        schema: i16,
        /// The newest that we know.
        known: i16,
    },
    /// A view's document does not fit the table.
    #[error("document of {0} cannot be read: {1}")]
    Document(&'static str, serde_json::Error),
}

/// The events of one category: adjacently tagged (`type`, `data`), as the log's columns are.
pub trait DomainEvent: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// Stored: never change it.
    const CATEGORY: &'static str;

    /// The newest schema number of a type. Raised with any change of the stored shape, an optional field included.
    fn schema(kind: &str) -> i16;

    /// Lifts `data` from `schema` to `schema + 1`, on raw JSON.
    fn upcast(kind: &str, schema: i16, data: Value) -> Value;

    /// The stored type and data of this event.
    fn to_row(&self) -> (String, Value) {
        match serde_json::to_value(self) {
            Ok(Value::Object(mut tagged)) => {
                let kind = tagged.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
                (kind, tagged.remove("data").unwrap_or_else(|| json!({})))
            }
            Ok(_) | Err(_) => (String::new(), Value::Null),
        }
    }

    /// The event in a row, lifted to its newest shape first.
    fn from_row(kind: &str, schema: i16, data: &Value) -> Result<Self, serde_json::Error> {
        let newest = Self::schema(kind);
        let kind_value = Value::from(kind);
        let tagged =
            |data| Self::deserialize(MapDeserializer::new([("type", &kind_value), ("data", data)].into_iter()));
        if schema >= newest {
            return tagged(data);
        }
        tagged(&(schema..newest).fold(data.clone(), |data, step| Self::upcast(kind, step, data)))
    }

    /// Whether this program knows the type and schema: what a newer one has written it may not.
    fn knows(kind: &str, schema: i16) -> bool {
        // Without data a known type fails for another reason, if at all.
        let named = serde_json::from_value::<Self>(json!({"type": kind}));
        schema <= Self::schema(kind) && !named.is_err_and(|e| e.to_string().starts_with("unknown variant"))
    }

    /// The event in a recorded row.
    fn from_recorded(row: &Recorded) -> Result<Self, DecodeError> {
        let known = Self::schema(&row.kind);
        if row.schema > known {
            return Err(DecodeError::Newer { kind: row.kind.clone(), schema: row.schema, known });
        }
        Self::from_row(&row.kind, row.schema, &row.data).map_err(|source| DecodeError::Event {
            position: row.position,
            kind: row.kind.clone(),
            schema: row.schema,
            source,
        })
    }
}

macro_rules! categories {
    ($($name:ident = $path:path : $object:path,)*) => {
        /// Any event of the system.
        #[derive(Clone, Debug)]
        pub enum Event { $(
            #[doc = concat!("An event of `", stringify!($path), "`.")]
            $name($path),
        )* }

        /// The stored names of all categories.
        pub const CATEGORIES: &[&str] = &[$(<$path as DomainEvent>::CATEGORY,)*];

        impl Event {
            /// Reads a recorded row of any category.
            pub fn decode(row: &Recorded) -> Result<Self, DecodeError> {
                match row.category.as_str() {
                    $(c if c == <$path as DomainEvent>::CATEGORY => <$path>::from_recorded(row).map(Self::$name),)*
                    other => Err(DecodeError::Category(other.to_owned())),
                }
            }
        }

        /// The table whose personal fields the events of this category carry.
        pub fn table_of(category: &str) -> Option<&'static crate::object::Object> {
            match category {
                $(c if c == <$path as DomainEvent>::CATEGORY => Some(<$object as crate::stored::DataObject>::TABLE),)*
                _ => None,
            }
        }
    };
}

categories! {
    User = crate::auth::user::UserEvent : crate::auth::user::User,
    Game = crate::gameplay::game_event::GameEvent : crate::gameplay::chess_game::ChessGame,
    Invitation = crate::gameplay::invitation::InvitationEvent : crate::gameplay::invitation::ChessGameInvitation,
    CustomBoard = crate::gameplay::custom_board::CustomBoardEvent : crate::gameplay::custom_board::CustomBoard,
    BoardTheme = crate::gameplay::board_theme::BoardThemeEvent : crate::gameplay::board_theme::BoardTheme,
    UserPreference = crate::gameplay::user_preference::UserPreferenceEvent : crate::gameplay::user_preference::UserPreference,
    GameHubMessage = crate::gameplay::hub_message::GameHubMessageEvent : crate::gameplay::hub_message::GameHubMessage,
    SavedFilter = crate::saved_filter::SavedFilterEvent : crate::saved_filter::SavedFilter,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gameplay::game_event::GameEvent;

    #[test]
    fn what_a_newer_program_wrote_is_not_known() {
        assert!(GameEvent::knows("MovePlayed", 1) && GameEvent::knows("GameEnded", 1));
        let newer = GameEvent::schema("MovePlayed") + 1;
        assert!(!GameEvent::knows("MovePlayed", newer) && !GameEvent::knows("PieceDropped", 1));
    }
}

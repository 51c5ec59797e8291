//! Values of filters: each is read as its column's type or refused with what was expected.

use chrono::{DateTime, Utc};
use event_schema::auth::user::Role;
use event_schema::ids::UserId;
use event_schema::object::Kind;
use serde_json::Value;
use uuid::Uuid;

use super::dates;
use super::expr::Scalar;
use super::faults::quoted;
use crate::view::Column;

/// Who asks and when: his rights to fields, and what values may stand for. One per request.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// Which fields he may use.
    pub role: Role,
    /// `$me`.
    pub me: UserId,
    /// `now`.
    pub now: DateTime<Utc>,
}

/// The word that stands for the asking user's id.
pub const ME: &str = "$me";

/// A value of the column's type, or a sentence that says what was expected.
pub fn scalar(column: &Column, value: &Value, asker: &Asker) -> Result<Scalar, String> {
    let read = match column.kind {
        Kind::String | Kind::Text => {
            value.as_str().filter(|text| !text.contains('\0')).map(|text| Scalar::Text(text.to_owned()))
        }
        Kind::Id => value.as_str().and_then(|text| id(text, asker)).map(Scalar::Id),
        Kind::Enum(words) => value
            .as_str()
            .and_then(|text| words.iter().find(|word| word.eq_ignore_ascii_case(text)))
            .map(|word| Scalar::Word(word)),
        Kind::Boolean => value.as_bool().map(Scalar::Bool),
        Kind::Integer => value.as_i64().filter(|number| in_bounds(column, *number)).map(Scalar::Integer),
        Kind::Double => value.as_f64().filter(|number| number.is_finite()).map(Scalar::Double),
        Kind::Date => value.as_str().and_then(|text| dates::parse(text, asker.now)).map(Scalar::Date),
        Kind::Json => None,
    };
    read.ok_or_else(|| format!("`{}` wants {}, not {}", column.name, expected(column), shown(value)))
}

/// `$me` or a UUID in its usual form with hyphens.
fn id(text: &str, asker: &Asker) -> Option<Uuid> {
    if text == ME {
        return Some(asker.me.0);
    }
    Uuid::parse_str(text).ok().filter(|_| text.len() == 36)
}

fn in_bounds(column: &Column, number: i64) -> bool {
    match column.companion_of {
        Some(words) => usize::try_from(number).is_ok_and(|index| index < words),
        None => true,
    }
}

fn expected(column: &Column) -> String {
    match column.kind {
        Kind::String | Kind::Text => "a string without U+0000".to_owned(),
        Kind::Id => format!("a UUID or `{ME}`"),
        Kind::Enum(words) => format!("one of {}", words.join(", ")),
        Kind::Boolean => "true or false".to_owned(),
        Kind::Integer => match column.companion_of {
            Some(words) => format!("an integer from 0 to {}", words.saturating_sub(1)),
            None => "an integer".to_owned(),
        },
        Kind::Double => "a number".to_owned(),
        Kind::Date => dates::FORMS.to_owned(),
        Kind::Json => "nothing".to_owned(),
    }
}

/// What the client sent, in a few words.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => format!("`{flag}`"),
        Value::Number(number) => quoted(&number.to_string()),
        Value::String(text) => quoted(text),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

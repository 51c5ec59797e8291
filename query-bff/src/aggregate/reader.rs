//! Reads the parts of a body, and notes whatever is wrong with them.

use serde_json::{Map, Value};

use crate::query::faults::{Code, Faults, did_you_mean, quoted, step};
use crate::query::fields::field;
use crate::query::value::{Asker, shown};
use crate::view::{Column, View};

/// Characters of a name.
pub const MAX_NAME: usize = 64;

/// What reading a body needs.
pub struct Reading<'a> {
    /// The view that is asked.
    pub view: &'static View,
    /// Who asks.
    pub asker: &'a Asker,
    /// What is wrong so far.
    pub faults: &'a mut Faults,
    /// Metrics that cannot be read: whatever names one is not at fault for that.
    pub spoilt: Vec<String>,
}

/// Notes a fault; never a value.
pub fn fault<T>(ask: &mut Reading<'_>, at: &str, code: Code, message: impl Into<String>) -> Option<T> {
    ask.faults.push(at, code, message);
    None
}

/// An object with no other keys than these; `like` shows one.
pub fn object<'j>(
    ask: &mut Reading<'_>,
    json: &'j Value,
    at: &str,
    keys: &[&str],
    like: &str,
) -> Option<&'j Map<String, Value>> {
    let Some(map) = json.as_object() else {
        return fault(ask, at, Code::InvalidShape, format!("expected an object such as {like}, not {}", shown(json)));
    };
    for key in map.keys().filter(|key| !keys.contains(&key.as_str())) {
        let hint = did_you_mean(key, keys.iter().copied());
        let told = format!("{} is no key here ({}){hint}", quoted(key), keys.join(", "));
        ask.faults.push(step(at, key), Code::InvalidShape, told);
    }
    Some(map)
}

/// A list of at most so many; empty without one.
pub fn list<'j>(ask: &mut Reading<'_>, json: Option<&'j Value>, at: &str, most: usize, what: &str) -> &'j [Value] {
    let found = match json {
        None => Some(&[][..]),
        Some(Value::Array(list)) if list.len() <= most => Some(list.as_slice()),
        Some(Value::Array(list)) => {
            let told = format!("at most {most} {what}, not {}", list.len());
            fault(ask, at, Code::OverBudget, told)
        }
        Some(other) => fault(ask, at, Code::InvalidShape, format!("expected a list of {what}, not {}", shown(other))),
    };
    found.unwrap_or_default()
}

/// A flag; false without one.
pub fn flag(ask: &mut Reading<'_>, json: Option<&Value>, at: &str) -> bool {
    match json {
        None => false,
        Some(Value::Bool(flag)) => *flag,
        Some(other) => {
            fault(ask, at, Code::InvalidValue, format!("expected true or false, not {}", shown(other))).unwrap_or(false)
        }
    }
}

/// A text.
pub fn text<'j>(ask: &mut Reading<'_>, json: &'j Value, at: &str, what: &str) -> Option<&'j str> {
    match json.as_str() {
        Some(text) => Some(text),
        None => fault(ask, at, Code::InvalidValue, format!("expected {what}, not {}", shown(json))),
    }
}

/// The column that a field names, as far as the role may use it.
pub fn column(ask: &mut Reading<'_>, json: &Value, at: &str) -> Option<&'static Column> {
    let name = text(ask, json, at, "the name of a field")?;
    field(ask.view, ask.asker.role, name, at, ask.faults)
}

/// A name for a key of the rows.
pub fn name(ask: &mut Reading<'_>, text: &str, at: &str) -> Option<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let good = (1..=MAX_NAME).contains(&text.len())
        && text.chars().all(word)
        && !text.starts_with(|c: char| c.is_ascii_digit());
    if good {
        return Some(text.to_owned());
    }
    let told =
        format!("{} is no name: 1 to {MAX_NAME} of A-Z, a-z, 0-9 and _, with no digit at the beginning", quoted(text));
    fault(ask, at, Code::InvalidValue, told)
}

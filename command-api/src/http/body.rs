//! Bodies declared as tables: one table gives the check of a request (all faults at once), the JSON Schema and the
//! samples of the documents.

use chrono::{DateTime, Utc};
use event_schema::object::{Kind, is_leap_second};
use serde_json::{Map, Value, json};
use service::{ApiError, Fault};
use uuid::Uuid;

/// One field of a body.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its JSON name.
    pub name: &'static str,
    /// How its value looks.
    pub kind: Kind,
    /// Whether it must be there (absent and null are the same).
    pub required: bool,
    /// The longest text in characters.
    pub longest: usize,
    /// What it means, for the documents.
    pub about: &'static str,
}

/// The longest text of a field that says nothing else.
const LONGEST: usize = 2048;

/// A field that must be there.
pub const fn required(name: &'static str, kind: Kind, about: &'static str) -> Param {
    Param { name, kind, required: true, longest: LONGEST, about }
}

/// A field that may be there.
pub const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Param {
    Param { name, kind, required: false, longest: LONGEST, about }
}

impl Param {
    /// The same field where it may be left out.
    pub const fn if_sent(mut self) -> Self {
        self.required = false;
        self
    }
    /// Bounds its text.
    pub const fn at_most(mut self, characters: usize) -> Self {
        self.longest = characters;
        self
    }
}

/// Checks a body against its table: every fault in one answer. Nulls are taken out: absent and null are the same.
pub fn check(params: &[Param], body: Value) -> Result<Map<String, Value>, ApiError> {
    let Value::Object(mut map) = body else {
        let fault = "errMsg_bodyIsNotAnObject";
        return Err(ApiError::faults(vec![Fault {
            pointer: String::new(),
            code: fault.into(),
            message: "the body must be a JSON object".into(),
        }]));
    };
    let mut faults = Vec::new();
    for (name, value) in &map {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        match params.iter().find(|p| p.name == name) {
            None => faults.push(unknown(params, pointer, name)),
            Some(param) if !value.is_null() => faults.extend(fault_of(param, pointer, value)),
            Some(_) => {}
        }
    }
    map.retain(|_, value| !value.is_null());
    for param in params.iter().filter(|p| p.required && !map.contains_key(p.name)) {
        faults.push(Fault {
            pointer: format!("/{}", param.name),
            code: format!("errMsg_{}IsRequired", param.name),
            message: format!("`{}` is required", param.name),
        });
    }
    if faults.is_empty() { Ok(map) } else { Err(ApiError::faults(faults)) }
}

fn unknown(params: &[Param], pointer: String, name: &str) -> Fault {
    let known: Vec<&str> = params.iter().map(|p| p.name).collect();
    let known = if known.is_empty() { "no field".to_owned() } else { known.join(", ") };
    let shown: String = name.chars().take(64).collect();
    Fault {
        pointer,
        code: "errMsg_unknownField".into(),
        message: format!("`{shown}` is not a field of this body; it takes {known}"),
    }
}

fn fault_of(param: &Param, pointer: String, value: &Value) -> Option<Fault> {
    let wrong = wrong(param, value)?;
    Some(Fault {
        pointer,
        code: format!("errMsg_{}IsNotValid", param.name),
        message: format!("`{}` {wrong}", param.name),
    })
}

/// What is wrong with a value, if anything.
fn wrong(param: &Param, value: &Value) -> Option<String> {
    let text = value.as_str();
    match param.kind {
        Kind::String | Kind::Text => match text {
            None => Some("must be a string".into()),
            Some(text) if text.contains('\0') => Some("must not contain U+0000".into()),
            Some(text) if text.chars().count() > param.longest => {
                Some(format!("must have at most {} characters", param.longest))
            }
            Some(_) => None,
        },
        Kind::Id => text.is_none_or(|t| Uuid::parse_str(t).is_err()).then(|| "must be a UUID".into()),
        Kind::Boolean => (!value.is_boolean()).then(|| "must be true or false".into()),
        Kind::Integer => value.as_i64().is_none().then(|| "must be a whole number".into()),
        Kind::Double => value.as_f64().is_none().then(|| "must be a number".into()),
        Kind::Date => {
            let instant = text.and_then(|text| text.parse::<DateTime<Utc>>().ok()).filter(|at| !is_leap_second(at));
            instant.is_none().then(|| "must be an instant such as 2026-01-31T12:00:00Z, in no leap second".into())
        }
        Kind::Json => contains_nul(value).then(|| "must not contain U+0000".into()),
        Kind::Enum(words) => {
            (!text.is_some_and(|t| words.contains(&t))).then(|| format!("must be one of {}", words.join(", ")))
        }
    }
}

/// Whether any string in it holds U+0000, which PostgreSQL cannot store.
pub fn contains_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(contains_nul),
        Value::Object(map) => map.iter().any(|(name, value)| name.contains('\0') || contains_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The JSON Schema of a body.
pub fn schema(params: &[Param]) -> Value {
    let required: Vec<&str> = params.iter().filter(|p| p.required).map(|p| p.name).collect();
    let properties: Map<String, Value> = params.iter().map(|p| (p.name.to_owned(), value_schema(p))).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn value_schema(param: &Param) -> Value {
    let mut schema = match param.kind {
        Kind::String | Kind::Text => json!({"type": "string", "maxLength": param.longest}),
        Kind::Id => json!({"type": "string", "format": "uuid"}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Integer => json!({"type": "integer"}),
        Kind::Double => json!({"type": "number"}),
        Kind::Date => json!({"type": "string", "format": "date-time"}),
        Kind::Json => json!({}),
        Kind::Enum(words) => json!({"type": "string", "enum": words}),
    };
    schema["description"] = json!(param.about);
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: &[Param] = &[
        required("name", Kind::String, "a name").at_most(5),
        optional("gameId", Kind::Id, "a game"),
        optional("mode", Kind::Enum(&["public", "private"]), "who may find it"),
    ];

    #[test]
    fn every_fault_is_told_in_one_answer() {
        let body = json!({"gameId": "x", "mode": "open", "nme": 1});
        let error = check(PARAMS, body).unwrap_err();
        let body = error.body();
        let pointers: Vec<_> =
            body["errors"].as_array().unwrap().iter().map(|f| f["pointer"].as_str().unwrap()).collect();
        assert_eq!(pointers, ["/gameId", "/mode", "/nme", "/name"]);
        assert_eq!(error.status(), 400);
    }

    #[test]
    fn an_instant_stands_in_no_leap_second() {
        let params = [optional("at", Kind::Date, "when")];
        for (text, fits) in [
            ("2026-12-31T23:59:59.999Z", true),
            ("2026-12-31T23:59:60Z", false),
            ("2026-12-31T23:59:60.5Z", false),
            ("2026-01-31T14:00:60+02:00", false),
            ("2026-01-31", false),
        ] {
            assert_eq!(check(&params, json!({"at": text})).is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn null_is_absent_and_nul_is_refused() {
        assert_eq!(
            check(PARAMS, json!({"name": "ann", "mode": null})).unwrap(),
            *json!({"name": "ann"}).as_object().unwrap()
        );
        assert!(check(PARAMS, json!({"name": "a\0"})).is_err());
        assert!(check(PARAMS, json!({"name": "longer"})).is_err());
        assert!(check(PARAMS, json!([])).is_err());
        assert!(contains_nul(&json!({"a": ["\0"]})));
    }
}

//! JSON Schema of tables.

use event_schema::object::{BOOKKEEPING, Field, Kind, Object, Shown};
use serde_json::{Map, Value, json};

/// The JSON Schema of one field's values; every field may be null in an answer.
pub fn field_schema(field: &Field) -> Value {
    if field.shown == Shown::Withheld {
        return json!({"type": "null"});
    }
    match field.kind {
        Kind::String | Kind::Text => json!({"type": ["string", "null"]}),
        Kind::Id => json!({"type": ["string", "null"], "format": "uuid"}),
        Kind::Boolean => json!({"type": ["boolean", "null"]}),
        Kind::Integer => json!({"type": ["integer", "null"]}),
        Kind::Double => json!({"type": ["number", "null"]}),
        Kind::Date => json!({"type": ["string", "null"], "format": "date-time"}),
        Kind::Json => json!({}),
        Kind::Enum(words) => {
            let mut values: Vec<Value> = words.iter().map(|word| json!(word)).collect();
            values.push(Value::Null);
            json!({"type": ["string", "null"], "enum": values})
        }
    }
}

/// The JSON Schema of an object that has all of these properties and no other.
pub fn closed(properties: Value) -> Value {
    let names: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({"type": "object", "required": names, "additionalProperties": false, "properties": properties})
}

/// The JSON Schemas of some fields of a table, each under the name that it is shown by.
pub fn fields_schema(object: &Object, names: &[(&str, &str)]) -> Map<String, Value> {
    let schema = |(shown, name): &(&str, &str)| Some(((*shown).to_owned(), field_schema(object.field(name)?)));
    names.iter().filter_map(schema).collect()
}

/// The properties of an object as answers show it: its fields with their companions, and the bookkeeping.
pub fn object_properties(object: &Object) -> Map<String, Value> {
    let mut properties = Map::new();
    for field in object.all_fields().chain(BOOKKEEPING) {
        properties.insert(field.name.to_owned(), field_schema(field));
        if let Some(companion) = field.companion() {
            properties.insert(companion, json!({"type": ["integer", "null"]}));
        }
    }
    properties
}

//! The page at `/` that explains the API and tries it.

use serde_json::{Map, Value, json};

use super::Operation;

/// The style of the page, served beside it.
pub const STYLE: &str = include_str!("../../assets/face.css");
/// The script of the page, served beside it.
pub const SCRIPT: &str = include_str!("../../assets/face.js");
/// The service's mark, served as `/favicon.ico`.
pub const ICON: &str = include_str!("../../assets/icon.svg");
const PAGE: &str = include_str!("../../assets/face.html");

/// The page. Everything on it comes from the operations; it asks no other host for anything.
pub fn face(name: &str, version: &str, operations: &[Operation]) -> String {
    let rows: Vec<Value> = operations.iter().map(row).collect();
    // `<` cannot end the script element that carries the data.
    let data = json!({"name": name, "version": version, "operations": rows}).to_string().replace('<', "\\u003c");
    PAGE.replace("{{name}}", &escape(name)).replace("{{version}}", &escape(version)).replace("{{data}}", &data)
}

fn row(operation: &Operation) -> Value {
    let parameters: Vec<Value> = operation
        .parameters
        .iter()
        .map(|p| {
            json!({"name": p.name, "place": p.place.as_str(), "required": p.required, "schema": p.schema,
                "description": p.description})
        })
        .collect();
    json!({
        "method": operation.method,
        "path": operation.full_path(),
        "group": operation.group(),
        "name": operation.name,
        "summary": operation.summary,
        "permission": operation.permission,
        "needsToken": operation.needs_token(),
        "parameters": parameters,
        "body": operation.body,
        "example": operation.body.as_ref().map(example),
        "answer": operation.answer,
        "status": operation.status,
        "errors": operation.errors,
        "others": operation.others.iter().map(|other| other.status).collect::<Vec<_>>(),
    })
}

/// A body to begin with: the required fields of a schema, or all of them when none is.
pub(super) fn example(schema: &Value) -> Value {
    if let Some(given) = schema.get("example").or_else(|| schema["examples"].get(0)).or_else(|| schema.get("default")) {
        return given.clone();
    }
    if let Some(word) = schema["enum"].get(0) {
        return word.clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("object") => Value::Object(example_fields(schema)),
        Some("array") => json!([]),
        Some("integer" | "number") => json!(0),
        Some("boolean") => json!(false),
        Some("string") if schema["format"] == "uuid" => json!("00000000-0000-0000-0000-000000000000"),
        Some("string") => json!(""),
        Some(_) | None => Value::Null,
    }
}

fn example_fields(schema: &Value) -> Map<String, Value> {
    let Some(properties) = schema["properties"].as_object() else { return Map::new() };
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    properties
        .iter()
        .filter(|(name, _)| required.is_empty() || required.contains(&name.as_str()))
        .map(|(name, field)| (name.clone(), example(field)))
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

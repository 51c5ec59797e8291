//! A Postman collection, format 2.1.

use serde_json::{Value, json};

use super::{Operation, Place};

/// The collection: a folder per group, `{{baseUrl}}` and `{{accessToken}}` as variables.
pub fn postman(name: &str, version: &str, base_url: &str, operations: &[Operation]) -> Value {
    let mut groups: Vec<&str> = operations.iter().map(Operation::group).collect();
    groups.sort_unstable();
    groups.dedup();
    let folders: Vec<Value> = groups
        .iter()
        .map(|group| {
            let items: Vec<Value> = operations.iter().filter(|o| o.group() == *group).map(item).collect();
            json!({"name": group, "item": items})
        })
        .collect();
    json!({
        "info": {
            "name": format!("weChess {name}"),
            "version": version,
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{accessToken}}", "type": "string"}]},
        "variable": [{"key": "baseUrl", "value": base_url}, {"key": "accessToken", "value": ""}],
        "item": folders,
    })
}

fn item(operation: &Operation) -> Value {
    let path: Vec<String> = operation
        .full_path()
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|s| s.strip_prefix('{').and_then(|s| s.strip_suffix('}')).map_or(s.to_owned(), |name| format!(":{name}")))
        .collect();
    let in_place = |place: Place| operation.parameters.iter().filter(move |p| p.place == place);
    let shown = |p: &super::Parameter| json!({"key": p.name, "value": "", "description": p.description});
    let query: Vec<Value> = in_place(Place::Query)
        .map(|p| json!({"key": p.name, "value": "", "description": p.description, "disabled": !p.required}))
        .collect();
    let header: Vec<Value> = in_place(Place::Header)
        .map(|p| json!({"key": p.name, "value": "", "description": p.description, "disabled": !p.required}))
        .collect();
    let mut request = json!({
        "method": operation.method,
        "description": format!("{} Permission: {}.", operation.summary, operation.permission),
        "header": header,
        "url": {
            "raw": format!("{{{{baseUrl}}}}/{}", path.join("/")),
            "host": ["{{baseUrl}}"],
            "path": path,
            "query": query,
            "variable": in_place(Place::Path).map(shown).collect::<Vec<_>>(),
        },
    });
    if let Some(map) = request.as_object_mut() {
        if !operation.needs_token() {
            map.insert("auth".into(), json!({"type": "noauth"}));
        }
        if let Some(schema) = &operation.body {
            let raw = serde_json::to_string_pretty(&super::face::example(schema)).unwrap_or_default();
            let options = json!({"raw": {"language": "json"}});
            map.insert("body".into(), json!({"mode": "raw", "raw": raw, "options": options}));
        }
    }
    json!({"name": operation.name, "request": request})
}

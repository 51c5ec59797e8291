//! OpenAPI 3.1.

use serde_json::{Map, Value, json};

use super::{JSON, Operation, Other, Parameter, closed};
use crate::token::{TOKEN_NAME, TOKEN_PARAMETER};

/// The OpenAPI 3.1 document of these operations.
pub fn openapi(name: &str, version: &str, operations: &[Operation]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for (index, operation) in operations.iter().enumerate() {
        let path = paths.entry(operation.full_path()).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            let before = operations[..index].iter().filter(|other| other.name == operation.name).count();
            methods.insert(operation.method.to_ascii_lowercase(), entry(operation, before));
        }
    }
    let mut groups: Vec<&str> = operations.iter().map(Operation::group).collect();
    groups.sort_unstable();
    groups.dedup();
    json!({
        "openapi": "3.1.0",
        "info": {"title": format!("weChess {name}"), "version": version, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "tags": groups.iter().map(|group| json!({"name": group})).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "header": {"type": "apiKey", "in": "header", "name": TOKEN_NAME},
                "cookie": {"type": "apiKey", "in": "cookie", "name": TOKEN_NAME},
                "query": {"type": "apiKey", "in": "query", "name": TOKEN_PARAMETER},
            },
            "schemas": {"Error": error_schema()},
            "responses": {"Error": {
                "description": "Refused; `message` is the code, `detail` the sentence.",
                "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
            }},
        },
    })
}

/// One operation, which stands under so many other paths as well; its id says which one it is, because ids are unique.
fn entry(operation: &Operation, before: usize) -> Value {
    let id = if before == 0 { operation.name.to_owned() } else { format!("{}_{}", operation.name, before + 1) };
    let security = if operation.needs_token() {
        json!([{"bearer": []}, {"header": []}, {"cookie": []}, {"query": []}])
    } else {
        json!([])
    };
    let mut entry = json!({
        "operationId": id,
        "tags": [operation.group()],
        "summary": operation.summary,
        "description": format!("Permission: {}.", operation.permission),
        "security": security,
        "parameters": operation.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": responses(operation),
    });
    if let (Some(schema), Some(map)) = (&operation.body, entry.as_object_mut()) {
        let mut content = contents(&[JSON], schema);
        content.extend(contents(operation.texts, &json!({"type": "string"})));
        map.insert("requestBody".into(), json!({"required": is_required(schema), "content": content}));
    }
    entry
}

/// By status: the success, the refusals, and what is neither.
fn responses(operation: &Operation) -> Map<String, Value> {
    let done = json!({"description": "Done.", "content": contents(&operation.media, &operation.answer)});
    let refused = operation.errors.iter().map(|status| (*status, json!({"$ref": "#/components/responses/Error"})));
    let others = operation.others.iter().map(|other| (other.status, other_response(other)));
    let all = std::iter::once((operation.status, done)).chain(refused).chain(others);
    all.map(|(status, response)| (status.to_string(), response)).collect()
}

fn other_response(other: &Other) -> Value {
    match other.body {
        Some(schema) => json!({"description": other.about, "content": contents(&[JSON], &schema())}),
        None => json!({"description": other.about}),
    }
}

/// A body of this shape in each of these media types.
fn contents(media: &[&str], schema: &Value) -> Map<String, Value> {
    media.iter().map(|kind| ((*kind).to_owned(), json!({"schema": schema}))).collect()
}

/// A body is needed when any of its fields is.
fn is_required(schema: &Value) -> bool {
    schema["required"].as_array().is_some_and(|fields| !fields.is_empty())
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": parameter.place.as_str(),
        "required": parameter.required,
        "description": parameter.description,
        "schema": parameter.schema,
    })
}

fn error_schema() -> Value {
    let text = || json!({"type": "string"});
    let fault = closed(json!({"pointer": text(), "code": text(), "message": text()}));
    let mut schema = closed(json!({
        "result": {"const": "ERR"},
        "status": {"type": "integer"},
        "message": {"type": "string", "examples": ["errMsg_recordNotFound"]},
        "errCode": {"type": ["integer", "string"]},
        "date": {"type": "string", "format": "date-time"},
        "detail": text(),
    }));
    // Only where there is more to say than one thing.
    schema["properties"]["errors"] = json!({"type": "array", "minItems": 1, "items": fault});
    schema
}

//! OpenAPI 3.1.

use serde_json::{Map, Value, json};

use super::{Operation, Parameter};

/// The OpenAPI 3.1 document of these operations.
pub fn openapi(name: &str, version: &str, operations: &[Operation]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let path = paths.entry(operation.full_path()).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(operation.method.to_ascii_lowercase(), entry(operation));
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
                "header": {"type": "apiKey", "in": "header", "name": crate::token::TOKEN_NAME},
                "cookie": {"type": "apiKey", "in": "cookie", "name": crate::token::TOKEN_NAME},
                "query": {"type": "apiKey", "in": "query", "name": "access_token"},
            },
            "schemas": {"Error": error_schema()},
            "responses": {"Error": {
                "description": "Refused; `message` is the code, `detail` the sentence.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            }},
        },
    })
}

fn entry(operation: &Operation) -> Value {
    let mut responses = Map::new();
    // An answer that is no JSON says so in its schema.
    let media = operation.answer["contentMediaType"].as_str().unwrap_or("application/json");
    let answer = json!({media: {"schema": operation.answer}});
    responses.insert(operation.status.to_string(), json!({"description": "Done.", "content": answer}));
    for status in &operation.errors {
        responses.insert(status.to_string(), json!({"$ref": "#/components/responses/Error"}));
    }
    let security = if operation.needs_token() {
        json!([{"bearer": []}, {"header": []}, {"cookie": []}, {"query": []}])
    } else {
        json!([])
    };
    let mut entry = json!({
        "operationId": operation.name,
        "tags": [operation.group()],
        "summary": operation.summary,
        "description": format!("Permission: {}.", operation.permission),
        "security": security,
        "parameters": operation.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": responses,
    });
    if let (Some(schema), Some(map)) = (&operation.body, entry.as_object_mut()) {
        let content = json!({"application/json": {"schema": schema}});
        map.insert("requestBody".into(), json!({"required": is_required(schema), "content": content}));
    }
    entry
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
    json!({
        "type": "object",
        "required": ["result", "status", "message", "errCode", "date", "detail"],
        "properties": {
            "result": {"const": "ERR"},
            "status": {"type": "integer"},
            "message": {"type": "string", "examples": ["errMsg_recordNotFound"]},
            "errCode": {"type": ["integer", "string"]},
            "date": {"type": "string", "format": "date-time"},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": {"type": "object", "properties": {
                "pointer": {"type": "string"}, "code": {"type": "string"}, "message": {"type": "string"},
            }}},
        },
    })
}

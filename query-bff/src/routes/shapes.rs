//! The shapes of bodies and answers, for the documents.

use event_schema::auth::user::Role;
use serde_json::{Map, Value, json};
use service::document::{JSON, closed};

use crate::live::event;
use crate::params::{FILTERS, Param};
use crate::{aggregate, export, reads, saved_filters};

/// The grammar of filters; `/:index/schema` says which fields and operators there are.
fn grammar() -> Value {
    json!({
        "type": "object",
        "description": "{field: value | null | [values] | {op: value, ...} | {\"operator\": op, \"value\" | \"values\": ...}, \
                        \"$and\": [...], \"$or\": [...], \"$not\": {...}}",
        "example": {"status": "completed", "createdAt": {"gte": "now-7d/d"}},
    })
}

pub(super) fn list_body() -> Value {
    body_of_params(reads::LIST)
}

pub(super) fn count_body() -> Value {
    body_of_params(reads::COUNT)
}

/// A body whose keys are the parameters of its route.
fn body_of_params(params: &[&Param]) -> Value {
    let property = |param: &&Param| {
        let schema = if param.name == FILTERS.name { grammar() } else { param.body_schema() };
        (param.name.to_owned(), schema)
    };
    json!({
        "type": "object",
        "description": "any of the parameters; or, with none of these keys, the bare map of filters",
        "properties": params.iter().map(property).collect::<Map<_, _>>(),
    })
}

pub(super) fn aggregate_body() -> Value {
    aggregate::document::body(grammar())
}

pub(super) fn aggregate_answer() -> Value {
    body_of(aggregate::document::answer())
}

pub(super) fn export_body() -> Value {
    body_of_params(export::PARAMS)
}

pub(super) fn export_answer() -> Value {
    json!({"type": "string", "description": "the rows in the format that was asked for"})
}

pub(super) fn save_body() -> Value {
    json!({
        "type": "object",
        "required": ["conditions"],
        "properties": {"filterName": {"type": ["string", "null"], "maxLength": saved_filters::MAX_NAME}, "conditions": grammar(),
            "sharedWith": {"type": ["string", "null"], "enum": sharing(), "description": "your own role: all who have it may use the filter"}},
    })
}

fn sharing() -> Vec<Value> {
    Role::OPTIONS.iter().map(|role| json!(role)).chain([Value::Null]).collect()
}

fn body_of(properties: Value) -> Value {
    let mut all = json!({"status": {"type": "string", "const": "OK"}});
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), properties) {
        all.extend(more);
    }
    closed(all)
}

pub(super) fn list_answer() -> Value {
    let whole = || json!({"type": "integer"});
    let page = || json!({"type": ["integer", "null"]});
    let cursor = || json!({"type": ["string", "null"]});
    body_of(json!({
        "statusCode": whole(), "total": whole(), "totalPage": whole(), "currentPage": page(), "nextPage": page(),
        "prevPage": page(), "pageItem": whole(), "items": {"type": "array", "items": {"type": "object"}},
        "filters": {"type": "array", "items": facet()}, "nextCursor": cursor(), "prevCursor": cursor(),
    }))
}

fn facet() -> Value {
    let whole = || json!({"type": "integer"});
    let value = closed(json!({"value": {"type": ["string", "number", "boolean"]}, "count": whole()}));
    closed(json!({
        "field": {"type": "string"}, "values": {"type": "array", "items": value}, "other": whole(), "missing": whole(),
    }))
}

pub(super) fn count_answer() -> Value {
    body_of(json!({"total": {"type": "integer"}}))
}

pub(super) fn schema_answer() -> Value {
    let names = || json!({"type": "array", "items": {"type": "string"}});
    let field = closed(json!({
        "name": {"type": "string"}, "type": {"type": "string"}, "operators": names(), "sortable": {"type": "boolean"},
        "enum": {"type": ["array", "null"], "items": {"type": "string"}},
    }));
    body_of(json!({
        "filtirableFields": names(), "filterableFields": names(), "sortableFields": names(),
        "fields": {"type": "array", "items": field},
    }))
}

pub(super) fn record_answer() -> Value {
    body_of(json!({"statusCode": {"type": "integer"}, "item": {"type": "object"}}))
}

pub(super) fn saved_answer() -> Value {
    let id = || json!({"type": "string", "format": "uuid"});
    body_of(json!({
        "statusCode": {"type": "integer"}, "id": id(), "filterId": id(), "filterName": {"type": ["string", "null"]},
        "conditions": {"type": "object"}, "sharedWith": {"type": ["string", "null"]}, "item": {"type": "object"},
    }))
}

/// One event. What its data holds depends on its name.
pub(super) fn live_answer() -> Value {
    let names: Vec<&str> = event::NAMES.iter().map(|name| name.as_str()).collect();
    json!({
        "type": "object",
        "description": "one event of the stream: snapshot {reason, total, items}, enter and change {id, item}, leave {id}, end {reason, detail}",
        "required": ["event", "data"],
        "properties": {
            "id": {"type": "string", "description": "the position up to which all has been told"},
            "event": {"enum": names},
            "data": {"type": "string", "contentMediaType": JSON, "contentSchema": {"type": "object"}},
            "retry": {"type": "integer"},
        },
    })
}

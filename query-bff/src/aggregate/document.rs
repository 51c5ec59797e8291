//! The shapes of body and answer, for OpenAPI; printed from the tables that the parser reads.

use serde_json::{Map, Value, json};

use super::dimension::INTERVALS;
use super::dimension_reader::MAX_RANGES;
use super::metric::{FUNCTIONS, Takes};
use super::plan::{LIMIT, MAX_DIMENSIONS, MAX_LIMIT, MAX_METRICS, OPS};

/// The JSON Schema of the body. `filters` is the grammar of filters.
pub fn body(filters: Value) -> Value {
    let name = json!({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,63}$"});
    let orders = json!({"type": "array", "items": {"type": "object", "properties": {
        "metric": {"type": "string", "description": "a metric, or `<metric>.<percent>`"},
        "dimension": {"type": "string"}, "order": {"enum": ["asc", "desc"], "default": "asc"},
    }}});
    let bounds: Map<String, Value> =
        OPS.iter().map(|(op, _)| ((*op).to_owned(), json!({"type": ["number", "string"]}))).collect();
    json!({
        "type": "object",
        "properties": {
            "filters": filters.clone(),
            "q": {"type": "string", "maxLength": crate::query::budget::MAX_TEXT},
            "groupBy": {"type": "array", "maxItems": MAX_DIMENSIONS, "items": dimension(&name)},
            "missing": {"type": "boolean", "default": false, "description": "documents without a value make groups of their own (key null)"},
            "metrics": {"type": "object", "maxProperties": MAX_METRICS, "propertyNames": name, "additionalProperties": metric(&filters)},
            "having": {"type": "object", "additionalProperties": {"type": "object", "properties": bounds}},
            "orderBy": orders,
            "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": LIMIT},
            "cursor": {"type": ["string", "null"], "description": "the `nextCursor` of the page before"},
            "totals": {"type": "boolean", "default": false, "description": "the metrics of all documents that match, in groups or not"},
        },
        "example": example(),
    })
}

/// The example of the documents; a test reads it.
pub fn example() -> Value {
    json!({
        "filters": {"status": "completed", "createdAt": {"gte": "now-90d/d"}},
        "groupBy": [
            {"field": "createdAt", "name": "month", "interval": "month", "timeZone": "Europe/Berlin"},
            {"field": "plies", "ranges": [{"to": 40, "name": "short"}, {"from": 40}]},
        ],
        "metrics": {
            "games": {"count": true},
            "whiteWins": {"ratio": {"of": {"result": "whiteWin"}}},
            "length": {"percentiles": "plies", "percents": [50, 95]},
        },
        "having": {"games": {"gte": 10}},
        "orderBy": [{"metric": "whiteWins", "order": "desc"}],
        "totals": true,
    })
}

fn dimension(name: &Value) -> Value {
    let names: Vec<&str> = INTERVALS.iter().map(|(name, _)| *name).collect();
    let end = || json!({"type": ["number", "string", "null"]});
    json!({
        "type": "object",
        "required": ["field"],
        "properties": {
            "field": {"type": "string"},
            "name": name,
            "interval": {"enum": names},
            "timeZone": {"type": "string", "default": "UTC", "examples": ["Europe/Berlin"]},
            "ranges": {"type": "array", "minItems": 1, "maxItems": MAX_RANGES, "items": {"type": "object", "properties": {
                "from": end(), "to": end(), "name": {"type": "string", "maxLength": 64},
            }}},
        },
    })
}

fn metric(filters: &Value) -> Value {
    let takes = |takes: Takes| match takes {
        Takes::True => json!({"const": true}),
        Takes::Any | Takes::Number | Takes::Ordered => json!({"type": "string"}),
        Takes::Filters => json!({"type": "object", "required": ["of"], "properties": {"of": filters}}),
    };
    let mut properties: Map<String, Value> = Map::new();
    for row in FUNCTIONS {
        let mut schema = takes(row.takes);
        schema["description"] = json!(format!("{}; takes {}", row.about, row.takes.words()));
        properties.insert(row.name.to_owned(), schema);
    }
    properties
        .insert("percents".into(), json!({"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 100}}));
    json!({"type": "object", "properties": properties})
}

/// The properties of the answer.
pub fn answer() -> Value {
    let whole = || json!({"type": "integer"});
    json!({
        "statusCode": whole(),
        "documents": {"type": "integer", "description": "how many documents match"},
        "groups": {"type": ["integer", "null"], "description": "how many groups there are; null where that is not known"},
        "pageItem": whole(),
        "items": {"type": "array", "items": {"type": "object"}},
        "totals": {"type": ["object", "null"]},
        "nextCursor": {"type": ["string", "null"]},
    })
}

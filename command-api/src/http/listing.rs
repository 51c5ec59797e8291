//! The rows as the documents show them.

use serde_json::{Value, json};
use service::document::{Operation, Parameter, Place, object_schema};

use super::body;
use super::rows::{Access, Action, Answer, Row};
use event_schema::object::Kind;

/// One operation per row and prefix.
pub fn operations(rows: &[Row]) -> Vec<Operation> {
    rows.iter().flat_map(|row| row.prefixes.iter().map(move |prefix| operation(row, prefix))).collect()
}

fn operation(row: &Row, prefix: &'static str) -> Operation {
    let permission = match row.access {
        Access::Public => "public".to_owned(),
        Access::LoggedIn if row.who.is_empty() => "every logged-in user".to_owned(),
        Access::LoggedIn | Access::Admins => row.who.to_owned(),
    };
    Operation {
        method: row.method.to_owned(),
        path: row.path.to_owned(),
        prefix,
        name: row.name,
        summary: row.about.to_owned(),
        permission,
        parameters: parameters(row),
        body: (!row.body.is_empty()).then(|| body::schema(row.body)),
        answer: answer(row),
        status: row.status,
        errors: errors(row),
    }
}

fn errors(row: &Row) -> Vec<u16> {
    let mut errors = vec![400];
    if row.access != Access::Public {
        errors.extend([401, 403]);
    }
    match row.action {
        Action::Get => errors.push(404),
        Action::Create | Action::Update | Action::Delete => errors.extend([404, 409, 413, 415, 422]),
        Action::Raw if !row.body.is_empty() => errors.extend([413, 415]),
        Action::List | Action::Raw => {}
    }
    if row.limit.is_some() {
        errors.push(429);
    }
    errors.push(503);
    errors
}

fn parameters(row: &Row) -> Vec<Parameter> {
    let text = |name: &str, place, required, schema, description: &str| Parameter {
        name: name.to_owned(),
        place,
        required,
        schema,
        description: description.to_owned(),
    };
    let mut all: Vec<Parameter> = path_names(row.path)
        .map(|name| text(name, Place::Path, true, json!({"type": "string", "format": "uuid"}), "The object's id."))
        .collect();
    for filter in row.filters {
        let schema = match filter.kind {
            Kind::Enum(words) => json!({"type": "string", "enum": words}),
            Kind::Id => json!({"type": "string", "format": "uuid"}),
            Kind::String | Kind::Text | Kind::Boolean | Kind::Integer | Kind::Double | Kind::Date | Kind::Json => {
                json!({"type": "string"})
            }
        };
        all.push(text(filter.name, Place::Query, false, schema, "Filter; repeat for any of several, `null` for none."));
    }
    all.extend(
        row.extra.iter().map(|name| text(name, Place::Query, false, json!({"type": "string"}), "See the description.")),
    );
    if row.action == Action::List {
        let number = json!({"type": "integer", "minimum": 0, "default": 1});
        all.push(text("pageNumber", Place::Query, false, number, "From 1; 0 = all rows, at most 10,000."));
        let rows = json!({"type": "integer", "minimum": 1, "maximum": 500, "default": 25});
        all.push(text("pageRowCount", Place::Query, false, rows, "Rows a page."));
    }
    all.push(text("requestId", Place::Query, false, json!({"type": "string"}), "Tracks the request through the logs."));
    if matches!(row.action, Action::Create | Action::Update | Action::Delete) {
        let key = json!({"type": "string", "maxLength": 255});
        all.push(text("Idempotency-Key", Place::Header, false, key, "A retry with the same key never runs twice."));
    }
    all
}

/// The names in braces of a path.
fn path_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn answer(row: &Row) -> Value {
    let object = match row.answer {
        Answer::Schema(schema) => return schema(),
        Answer::Object(object) => object_schema(object),
    };
    let data = if row.action == Action::List { json!({"type": "array", "items": object}) } else { object };
    json!({"type": "object", "properties": {
        "status": {"const": "OK"}, "statusCode": {"const": row.status}, "elapsedMs": {"type": "integer"},
        "ssoTime": {"type": "integer"}, "source": {"type": "string"}, "cacheKey": {"type": ["string", "null"]},
        "userId": {"type": ["string", "null"]}, "sessionId": {"type": ["string", "null"]},
        "requestId": {"type": "string"}, "dataName": {"const": row.data_name()}, "method": {"const": row.method},
        "action": {"const": row.action.as_str()}, "appVersion": {"type": "string"}, "rowCount": {"type": "integer"},
        row.data_name(): data,
    }})
}

//! The rows as the documents show them.

use event_schema::object::{Kind, Object};
use serde_json::{Map, Value, json};
use service::document::{JSON, Operation, Parameter, Place, closed, object_properties};

use super::call::{GUESSED, TEXTS};
use super::query::{COMMON, DEEPEST, MOST_ROWS};
use super::rows::{Access, Action, Answer, Row};
use super::{body, envelope};

/// One operation per row and prefix.
pub fn operations(rows: &[Row]) -> Vec<Operation> {
    rows.iter().flat_map(|row| row.prefixes.iter().map(move |prefix| operation(row, prefix))).collect()
}

/// Whether the documents know this status of the row.
pub fn documents(row: &Row, status: u16) -> bool {
    operation(row, "").documents(status)
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
        texts: if row.text.is_some() { TEXTS } else { &[] },
        answer: answer(row),
        media: vec![media(row)],
        status: row.status,
        errors: errors(row),
        others: row.others,
    }
}

fn media(row: &Row) -> &'static str {
    match row.answer {
        Answer::Text(media) => media,
        Answer::Object(_) | Answer::Schema(_) => JSON,
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
    if row.limit.is_some() || takes_code(row) {
        errors.push(429);
    }
    errors.push(503);
    errors.extend(row.errors);
    errors
}

/// Whether codes can be tried here.
fn takes_code(row: &Row) -> bool {
    row.extra.contains(&GUESSED) || row.filters.iter().any(|filter| filter.name == GUESSED)
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
        let number = json!({"type": "integer", "minimum": 0, "maximum": DEEPEST, "default": 1});
        all.push(text("pageNumber", Place::Query, false, number, "From 1; 0 = all rows, at most 10,000."));
        let rows = json!({"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": 25});
        all.push(text("pageRowCount", Place::Query, false, rows, "Rows a page."));
    }
    all.extend(COMMON.iter().map(|common| text(common.name, Place::Query, false, common.schema(), common.about)));
    if matches!(row.action, Action::Create | Action::Update | Action::Delete) {
        let key = json!({"type": "string", "minLength": 1, "maxLength": 255});
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
        Answer::Text(_) => return json!({"type": "string"}),
        Answer::Object(object) => shown(row, object),
    };
    closed(match row.action {
        Action::List => envelope::list_properties(row, json!({"type": "array", "items": object})),
        Action::Get | Action::Create | Action::Update | Action::Delete | Action::Raw => {
            envelope::properties(row, object)
        }
    })
}

/// The object as the row shows it.
fn shown(row: &Row, object: &Object) -> Value {
    let mut properties: Map<String, Value> = object_properties(object);
    if !row.only.is_empty() {
        properties.retain(|name, _| row.only.contains(&name.as_str()));
    }
    let more = (row.more)();
    properties.extend(more.clone());
    let mut schema = closed(Value::Object(properties));
    schema["title"] = json!(object.name);
    // `getJoins=false` leaves out what a read shows beyond its object.
    if row.action == Action::Get
        && let Some(required) = schema["required"].as_array_mut()
    {
        required.retain(|name| name.as_str().is_none_or(|name| !more.contains_key(name)));
    }
    schema
}

//! The bodies of answers, in the contract's words and order; ours after them. `filters` of a list are its facets.

use event_schema::auth::user::Role;
use event_schema::ids::UserId;
use event_schema::object::Kind;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use crate::cursor::Neighbours;
use crate::es::document::Document;
use crate::es::{EsError, Found};
use crate::page::Page;
use crate::query::operators;
use crate::view::{Column, View};

/// A document as clients see it: these columns in their order, nothing else.
pub fn item(shown: &[&Column], source: &Map<String, Value>) -> Map<String, Value> {
    let value = |column: &Column| source.get(&column.name).cloned().unwrap_or(Value::Null);
    shown.iter().map(|column| (column.name.clone(), value(column))).collect()
}

/// A document of a list as clients see it: the columns that are shown, their values as they stand in the index.
pub struct Item<'a> {
    shown: &'a [&'a Column],
    document: Document<'a>,
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (mut map, mut at) = (serializer.serialize_map(Some(self.shown.len()))?, 0);
        for column in self.shown {
            map.serialize_entry(&column.name, &self.document.value(&column.name, &mut at))?;
        }
        map.end()
    }
}

/// The items of what was found.
pub fn items<'a>(shown: &'a [&'a Column], found: &'a Found) -> Result<Vec<Item<'a>>, EsError> {
    found.rows.iter().map(|row| Ok(Item { shown, document: row.document()? })).collect()
}

/// A page of a list of so many rows a page. A page that has no number, because a cursor led to it, has null there.
pub fn list<I: Serialize>(limit: u32, page: Option<Page>, total: u64, listed: Listed<I>) -> impl Serialize {
    List {
        status: "OK",
        status_code: 200,
        total,
        total_page: total.div_ceil(u64::from(limit.max(1))),
        current_page: page.map(|page| page.number),
        next_page: page.and_then(|page| page.next(total)),
        prev_page: page.and_then(|page| page.previous(total)),
        page_item: listed.items.len(),
        items: listed.items,
        filters: listed.facets,
        next_cursor: listed.around.next,
        prev_cursor: listed.around.previous,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<I> {
    status: &'static str,
    status_code: u16,
    total: u64,
    total_page: u64,
    current_page: Option<u32>,
    next_page: Option<u64>,
    prev_page: Option<u64>,
    page_item: usize,
    items: Vec<I>,
    filters: Vec<Value>,
    next_cursor: Option<String>,
    prev_cursor: Option<String>,
}

/// What stands on a page.
#[derive(Debug, Default)]
pub struct Listed<I> {
    /// The records.
    pub items: Vec<I>,
    /// The facets.
    pub facets: Vec<Value>,
    /// The pages around it.
    pub around: Neighbours,
}

/// How many.
pub fn count(total: u64) -> Value {
    json!({"status": "OK", "total": total})
}

/// One record.
pub fn record(item: Map<String, Value>) -> Value {
    json!({"status": "OK", "statusCode": 200, "item": item})
}

/// A saved filter that was made (201) or deleted (200). `id` and `filterId` are the same.
pub fn saved_filter(status: u16, item: &Value) -> Value {
    json!({
        "status": "OK",
        "statusCode": status,
        "id": item["id"],
        "filterId": item["id"],
        "filterName": item["filterName"],
        "conditions": item["conditions"],
        "sharedWith": item["sharedWith"],
        "item": item,
    })
}

/// A saved filter in a list: its record, `filterId`, and whether it is the reader's own.
pub fn marked(mut item: Map<String, Value>, reader: UserId) -> Map<String, Value> {
    let id = item.get("id").cloned().unwrap_or(Value::Null);
    let own = item.get("userId") == Some(&json!(reader));
    item.insert("filterId".into(), id);
    item.insert("own".into(), json!(own));
    item
}

/// What may be filtered, sorted and shown by this role.
pub fn schema(view: &View, role: Role) -> Value {
    let names = |keep: &dyn Fn(&Column) -> bool| -> Vec<&str> {
        view.columns_for(role).filter(|column| keep(column)).map(|column| column.name.as_str()).collect()
    };
    let filterable = names(&|column| operators::names_for(column).next().is_some());
    json!({
        "status": "OK",
        "filtirableFields": filterable,
        "filterableFields": filterable,
        "sortableFields": names(&Column::sortable),
        "fields": view.columns_for(role).map(field).collect::<Vec<_>>(),
    })
}

fn field(column: &Column) -> Value {
    let words: Option<&[&str]> = match column.kind {
        Kind::Enum(words) => Some(words),
        Kind::String
        | Kind::Text
        | Kind::Id
        | Kind::Boolean
        | Kind::Integer
        | Kind::Double
        | Kind::Date
        | Kind::Json => None,
    };
    json!({
        "name": column.name,
        "type": type_name(column.kind),
        "operators": operators::names_for(column).collect::<Vec<_>>(),
        "sortable": column.sortable(),
        "enum": words,
    })
}

/// The contract's word for a kind.
fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "String",
        Kind::Text => "Text",
        Kind::Id => "ID",
        Kind::Boolean => "Boolean",
        Kind::Integer => "Integer",
        Kind::Double => "Double",
        Kind::Date => "Date",
        Kind::Json => "Object",
        Kind::Enum(_) => "Enum",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::es::Row;
    use crate::view::by_name;

    #[test]
    fn hidden_fields_are_stripped_and_the_order_is_the_tables() {
        let view = by_name("savedFilter").unwrap();
        let all: Vec<_> = view.columns_for(Role::Guest).collect();
        let source =
            json!({"_live": true, "_position": 7, "_readers": ["*"], "password": "x", "filterName": "mine", "id": "7"});
        let shown = item(&all, source.as_object().unwrap());
        let names: Vec<_> = shown.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "id",
                "indexName",
                "filterName",
                "conditions",
                "userId",
                "sharedWith",
                "sharedWith_idx",
                "recordVersion",
                "createdAt",
                "updatedAt",
                "_owner",
                "isActive"
            ]
        );
        assert_eq!(shown["filterName"], "mine");
        let only = [view.column_for(Role::Guest, "filterName").unwrap()];
        assert_eq!(Value::Object(item(&only, source.as_object().unwrap())), json!({"filterName": "mine"}));
    }

    #[test]
    fn items_hold_what_stands_in_the_index_and_nothing_hidden() {
        let view = by_name("savedFilter").unwrap();
        let all: Vec<_> = view.columns_for(Role::Guest).collect();
        let source = json!({"id": "7", "filterName": "a\"\n\u{e9}", "conditions": {"x": [1.50, null]}, "_owner": null,
            "recordVersion": 3, "_live": true, "_position": 7, "_readers": ["*"], "password": "x"});
        let rows = vec![Row { source: serde_json::value::to_raw_value(&source).unwrap(), sort: None }];
        let found = Found { total: 1, rows, ..Found::default() };
        let shown = items(&all, &found).unwrap();
        let plain = item(&all, source.as_object().unwrap());
        assert_eq!(serde_json::to_string(&shown).unwrap(), serde_json::to_string(&[&plain]).unwrap());
        assert_eq!(serde_json::to_value(&shown).unwrap(), json!([plain]));
        let strange =
            Found { rows: vec![Row { source: RawValue::from_string("7".into()).unwrap(), sort: None }], ..found };
        assert!(items(&all, &strange).is_err());
    }

    #[test]
    fn a_list_says_where_it_stands() {
        let listed = || Listed { items: vec![Map::new()], ..Listed::default() };
        let body = list(10, Some(Page { number: 2, limit: 10 }), 25, listed());
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"status":"OK","statusCode":200,"total":25,"totalPage":3,"currentPage":2,"nextPage":3,"prevPage":1,"pageItem":1,"items":[{}],"filters":[],"nextCursor":null,"prevCursor":null}"#
        );
        let body = serde_json::to_value(list(10, None, 25, listed())).unwrap();
        assert_eq!((&body["currentPage"], &body["totalPage"]), (&Value::Null, &json!(3)));
    }

    #[test]
    fn the_schema_of_the_game_list() {
        insta::assert_json_snapshot!(
            "schema_of_chess_game_list_view",
            schema(by_name("chessGameListView").unwrap(), Role::User)
        );
    }

    #[test]
    fn the_schema_is_that_of_the_role() {
        let of = |role| schema(crate::view::ruled(), role).to_string();
        assert!(of(Role::Admin).contains("email") && of(Role::Admin).contains("level_idx"));
        assert!(!of(Role::User).contains("email") && !of(Role::User).contains("level"));
    }

    #[test]
    fn json_is_shown_but_neither_filtered_nor_sorted() {
        let body = schema(by_name("savedFilter").unwrap(), Role::User);
        let has = |list: &str| body[list].as_array().unwrap().contains(&json!("conditions"));
        assert_eq!((has("filterableFields"), has("filtirableFields"), has("sortableFields")), (false, false, false));
        assert!(body["fields"].as_array().unwrap().iter().any(|f| f["name"] == "conditions" && f["type"] == "Object"));
    }
}

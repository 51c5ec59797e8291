//! Questions to the query service, and their answers from rows in memory.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use wechess_tests::Actor;

/// So many values does a facet list.
const MOST_VALUES: usize = 50;

/// Rows as a view must show them.
pub type Rows = Vec<Row>;
/// One of them.
pub type Row = Map<String, Value>;

/// All documents of a view that fit, page by page.
pub async fn listed(who: &Actor, view: &str, filters: &Value, sort: &str) -> Rows {
    let (mut all, mut page) = (Rows::new(), Some(1));
    while let Some(number) = page {
        let path = format!("/bff-api/{view}/list?limit=100&page={number}&{sort}");
        let answer = who.search(&path, filters).await;
        let items = answer.is(200)["items"].as_array().expect("items");
        all.extend(items.iter().map(|item| item.as_object().expect("an item").clone()));
        page = answer.body["nextPage"].as_u64();
    }
    all
}

/// How many rows have each value, or each pair of values, of these columns.
pub fn counted(rows: &[Row], columns: &[&str]) -> BTreeMap<String, (Value, u64)> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let key: Map<String, Value> = columns.iter().map(|name| ((*name).to_owned(), row[*name].clone())).collect();
        let key = Value::Object(key);
        counts.entry(key.to_string()).or_insert((key, 0)).1 += 1;
    }
    counts
}

/// Asks for the count of every value of these columns.
pub async fn counts_are(who: &Actor, view: &str, rows: &[Row], columns: &[&str]) {
    for (key, count) in counted(rows, columns).into_values() {
        assert_eq!(who.count(view, &key).await, count, "{view}: {key}");
    }
}

/// The value as a number; nothing for null.
pub fn number(row: &Row, column: &str) -> Option<f64> {
    row[column].as_f64()
}

/// Asks for the list sorted by a column of numbers or words, in both directions: null comes last.
pub async fn order_is(who: &Actor, view: &str, rows: &[Row], column: &str) {
    for order in ["asc", "desc"] {
        let mut wanted: Vec<&Value> = rows.iter().map(|row| &row[column]).filter(|value| !value.is_null()).collect();
        wanted.sort_by(|a, b| match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => a.as_str().cmp(&b.as_str()),
        });
        if order == "desc" {
            wanted.reverse();
        }
        let nothing = rows.len() - wanted.len();
        let sort = format!("sortBy={column}&sortOrder={order}&fields={column}");
        let found = listed(who, view, &json!({}), &sort).await;
        let (there, missing) = found.split_at(found.len() - nothing);
        assert_eq!(there.iter().map(|row| &row[column]).collect::<Vec<_>>(), wanted, "{view} by {column} {order}");
        assert!(missing.iter().all(|row| row[column].is_null()), "{view} by {column} {order}");
    }
}

/// Asks for facets of these columns, beside one condition: a facet leaves its own condition out, the others hold.
pub async fn facets_are(who: &Actor, view: &str, rows: &[Row], columns: &[&str], chosen: (&str, &Value)) {
    let path = format!("/bff-api/{view}/list?limit=1&facets={}", columns.join(","));
    let answer = who.search(&path, &json!({chosen.0: chosen.1})).await;
    let facets = answer.is(200)["filters"].as_array().expect("facets");
    assert_eq!(facets.iter().map(|facet| &facet["field"]).collect::<Vec<_>>(), columns);
    for (facet, column) in facets.iter().zip(columns) {
        let holds = |row: &&Row| *column == chosen.0 || row[chosen.0] == *chosen.1;
        let rows: Vec<Row> = rows.iter().filter(holds).cloned().collect();
        let missing = rows.iter().filter(|row| row[*column].is_null()).count();
        let counts: Vec<(Value, u64)> =
            counted(&rows, &[*column]).into_values().filter(|(key, _)| !key[*column].is_null()).collect();
        let mut wanted: Vec<u64> = counts.iter().map(|(_, count)| *count).collect();
        wanted.sort_unstable_by(|a, b| b.cmp(a));
        let other: u64 = wanted.iter().skip(MOST_VALUES).sum();
        wanted.truncate(MOST_VALUES);
        let values = facet["values"].as_array().expect("values");
        let found: Vec<u64> = values.iter().filter_map(|value| value["count"].as_u64()).collect();
        assert_eq!((found, &facet["other"], &facet["missing"]), (wanted, &json!(other), &json!(missing)), "{column}");
        for value in values {
            let told = counts.iter().find(|(key, _)| key[*column] == value["value"]).map(|(_, count)| *count);
            assert_eq!(told, value["count"].as_u64(), "{view}: {column} {value}");
        }
    }
}

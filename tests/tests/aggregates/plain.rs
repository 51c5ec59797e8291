//! What an aggregate must answer, computed from the documents one by one.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Duration, SecondsFormat, Timelike, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

/// What is expected: rows in order, with a percentile's values sorted in the place of its numbers.
pub struct Expected {
    pub documents: usize,
    pub totals: Value,
    pub rows: Vec<Value>,
}

/// The place of a key in the order of keys, and how it is shown.
type Key = (Place, Value);

#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Place {
    Flag(bool),
    Number(f64),
    Text(String),
    Missing,
}

pub fn aggregate(documents: &[Value], body: &Value) -> Expected {
    let matching: Vec<&Value> = documents.iter().filter(|document| matches(document, &body["filters"])).collect();
    let dimensions = body["groupBy"].as_array().cloned().unwrap_or_default();
    let missing = body["missing"] == true;
    let mut groups: Vec<(Vec<Key>, Vec<&Value>)> = Vec::new();
    if dimensions.is_empty() {
        groups.push((Vec::new(), matching.clone()));
    }
    for document in matching.iter().filter(|_| !dimensions.is_empty()) {
        let keys: Option<Vec<Key>> = dimensions.iter().map(|dimension| key(document, dimension, missing)).collect();
        let Some(keys) = keys else { continue };
        match groups.iter_mut().find(|(known, _)| known.iter().map(|k| &k.0).eq(keys.iter().map(|k| &k.0))) {
            Some((_, members)) => members.push(document),
            None => groups.push((keys, vec![document])),
        }
    }
    let mut rows: Vec<(Vec<Key>, Map<String, Value>)> =
        groups.into_iter().map(|(keys, members)| (keys, metrics(&members, &body["metrics"]))).collect();
    rows.retain(|(_, metrics)| wanted(metrics, &body["having"]));
    rows.sort_by(|a, b| order(a, b, body, &dimensions));
    let shown = |(keys, metrics): (Vec<Key>, Map<String, Value>)| {
        let mut row: Map<String, Value> = dimensions
            .iter()
            .zip(keys)
            .map(|(d, key)| (d["name"].as_str().expect("as asked").to_owned(), key.1))
            .collect();
        row.extend(metrics);
        Value::Object(row)
    };
    Expected {
        documents: matching.len(),
        totals: Value::Object(metrics(&matching, &body["metrics"])),
        rows: rows.into_iter().map(shown).collect(),
    }
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str()?.parse().ok()
}

/// A number on the axis of a value: dates in milliseconds.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| time(value).map(|time| time.timestamp_millis() as f64))
}

fn matches(document: &Value, filters: &Value) -> bool {
    filters.as_object().expect("as asked").iter().all(|(field, wanted)| {
        let value = &document[field.as_str()];
        match wanted {
            Value::Object(ops) => ops.iter().all(|(op, bound)| {
                number(value).is_some_and(|number| compare(op, number, bound.as_f64().expect("as asked")))
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => value == wanted,
        }
    })
}

fn compare(op: &str, number: f64, bound: f64) -> bool {
    match op {
        "eq" => number == bound,
        "ne" => number != bound,
        "gt" => number > bound,
        "gte" => number >= bound,
        "lt" => number < bound,
        "lte" => number <= bound,
        other => panic!("{other}"),
    }
}

/// The key of a document; none when it is in no group.
fn key(document: &Value, dimension: &Value, missing: bool) -> Option<Key> {
    let value = &document[dimension["field"].as_str().expect("as asked")];
    if value.is_null() {
        return missing.then_some((Place::Missing, Value::Null));
    }
    if let Some(ranges) = dimension["ranges"].as_array() {
        let at = number(value).expect("as asked");
        let within = |range: &Value| {
            number(&range["from"]).is_none_or(|from| at >= from) && number(&range["to"]).is_none_or(|to| at < to)
        };
        let index = ranges.iter().position(within)?;
        let range = &ranges[index];
        let end = |end: &Value| match end {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => end.to_string(),
        };
        let name = range["name"]
            .as_str()
            .map_or_else(|| format!("{}..{}", end(&range["from"]), end(&range["to"])), str::to_owned);
        return Some((Place::Number(index as f64), json!(name)));
    }
    if let Some(interval) = dimension["interval"].as_str() {
        let zone: Tz = dimension["timeZone"].as_str().expect("as asked").parse().expect("as asked");
        return Some(begin(time(value).expect("as asked").with_timezone(&zone), interval));
    }
    let place = match value {
        Value::Bool(flag) => Place::Flag(*flag),
        Value::String(text) => {
            time(value).map_or(Place::Text(text.clone()), |at| Place::Number(at.timestamp_millis() as f64))
        }
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Place::Number(value.as_f64().expect("as asked"))
        }
    };
    Some((place, value.clone()))
}

fn begin(local: DateTime<Tz>, interval: &str) -> Key {
    if interval == "hour" {
        let within = Duration::minutes(i64::from(local.minute()))
            + Duration::seconds(i64::from(local.second()))
            + Duration::milliseconds(i64::from(local.timestamp_subsec_millis()));
        let hour = local - within;
        return (Place::Number(hour.timestamp_millis() as f64), json!(hour.to_rfc3339_opts(SecondsFormat::Secs, true)));
    }
    let day = local.date_naive();
    let first = match interval {
        "day" => day,
        "week" => day - Duration::days(i64::from(day.weekday().num_days_from_monday())),
        "month" => day.with_day(1).expect("as asked"),
        "quarter" => day.with_day(1).expect("as asked").with_month(day.month0() / 3 * 3 + 1).expect("as asked"),
        "year" => day.with_ordinal(1).expect("as asked"),
        other => panic!("{other}"),
    };
    (Place::Number(f64::from(first.num_days_from_ce())), json!(first.to_string()))
}

fn metrics(members: &[&Value], metrics: &Value) -> Map<String, Value> {
    metrics
        .as_object()
        .expect("as asked")
        .iter()
        .map(|(name, metric)| (name.clone(), self::metric(members, metric)))
        .collect()
}

fn metric(members: &[&Value], metric: &Value) -> Value {
    let (function, operand) = metric.as_object().expect("as asked").iter().next().expect("as asked");
    let values = || {
        members.iter().map(|document| &document[operand.as_str().expect("as asked")]).filter(|value| !value.is_null())
    };
    let numbers = || values().filter_map(number);
    // A date stays a date.
    let extreme = |best: Option<f64>| values().find(|value| number(value) == best).cloned().unwrap_or(Value::Null);
    match function.as_str() {
        "count" => json!(members.len()),
        "distinct" => json!(values().map(Value::to_string).collect::<BTreeSet<_>>().len()),
        "sum" => json!(numbers().sum::<f64>()),
        "avg" if numbers().next().is_none() => Value::Null,
        "avg" => json!(numbers().sum::<f64>() / numbers().count() as f64),
        "min" => extreme(numbers().min_by(f64::total_cmp)),
        "max" => extreme(numbers().max_by(f64::total_cmp)),
        "ratio" if members.is_empty() => Value::Null,
        "ratio" => {
            let matching = members.iter().filter(|document| matches(document, &operand["of"])).count();
            json!(matching as f64 / members.len() as f64)
        }
        "percentiles" => {
            let mut sorted: Vec<f64> = numbers().collect();
            sorted.sort_by(f64::total_cmp);
            json!(sorted)
        }
        other => panic!("{other}"),
    }
}

fn wanted(metrics: &Map<String, Value>, having: &Value) -> bool {
    having.as_object().into_iter().flatten().all(|(name, ops)| {
        ops.as_object().expect("as asked").iter().all(|(op, bound)| {
            metrics[name].as_f64().is_some_and(|number| compare(op, number, bound.as_f64().expect("as asked")))
        })
    })
}

type Row = (Vec<Key>, Map<String, Value>);

fn order(a: &Row, b: &Row, body: &Value, dimensions: &[Value]) -> Ordering {
    let place = |row: &Row, step: &Value| -> Place {
        match step["dimension"].as_str() {
            Some(name) => row.0[dimensions.iter().position(|d| d["name"] == name).expect("as asked")].0.clone(),
            None => number(&row.1[step["metric"].as_str().expect("as asked")]).map_or(Place::Missing, Place::Number),
        }
    };
    let steps = body["orderBy"].as_array().cloned().unwrap_or_default();
    let whole = !steps.is_empty() || body.get("having").is_some();
    for step in &steps {
        let (x, y) = (place(a, step), place(b, step));
        let rising = x.partial_cmp(&y).expect("as asked");
        let falls = step["order"] == "desc" && x != Place::Missing && y != Place::Missing;
        let order = if falls { rising.reverse() } else { rising };
        if order.is_ne() {
            return order;
        }
    }
    // Of pages in the order of keys the ranges come first.
    let ranged = |d: &Value| d.get("ranges").is_some();
    let first: Vec<usize> = (0..dimensions.len()).filter(|i| !whole && ranged(&dimensions[*i])).collect();
    let rest = (0..dimensions.len()).filter(|i| !first.contains(i));
    let mut keys = first.iter().copied().chain(rest).map(|i| a.0[i].0.partial_cmp(&b.0[i].0).expect("as asked"));
    keys.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Numbers to the last digits, percentiles by their rank, all else exactly.
#[track_caller]
pub fn assert_same(body: &Value, found: &Value, expected: &Value) {
    let (found, expected) = (found.as_object().expect("a row"), expected.as_object().expect("a row"));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{body}");
    for (name, expected) in expected {
        let found = &found[name];
        match (found, expected) {
            (Value::Object(percentiles), Value::Array(sorted)) => {
                let sorted: Vec<f64> = sorted.iter().filter_map(Value::as_f64).collect();
                for (percent, value) in percentiles {
                    match value.as_f64() {
                        Some(value) => assert_percentile(&sorted, percent.parse().expect("as asked"), value),
                        None => assert!(sorted.is_empty(), "{body}: {name} is null"),
                    }
                }
            }
            (Value::Number(found), Value::Number(expected)) => {
                let (found, expected) = (found.as_f64().expect("as asked"), expected.as_f64().expect("as asked"));
                assert!(
                    (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
                    "{body}: {name} {found}, not {expected}"
                );
            }
            (found, expected) => assert_eq!(found, expected, "{body}: {name}"),
        }
    }
}

/// Within 1 % of the documents, or between two neighbours.
#[track_caller]
pub fn assert_percentile(sorted: &[f64], percent: f64, found: f64) {
    let last = sorted.len().checked_sub(1).expect("values");
    let rank = percent / 100.0 * sorted.len() as f64;
    let slack = 0.01 * sorted.len() as f64;
    let at = |rank: f64| sorted[(rank.max(0.0) as usize).min(last)];
    let (least, most) = (at((rank - slack).floor() - 1.0), at((rank + slack).ceil()));
    assert!((least..=most).contains(&found), "{percent} %: {found} is not from {least} to {most} of {}", sorted.len());
}

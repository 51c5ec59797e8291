//! `groupBy`, checked.

use std::str::FromStr;

use chrono_tz::{TZ_VARIANTS, Tz};
use event_schema::object::Kind;
use serde_json::{Map, Value};

use super::dimension::{By, Dimension, INTERVALS, Range};
use super::plan::{MAX_DIMENSIONS, named};
use super::reader::{self, MAX_NAME, Reading, fault, list, object, text};
use crate::query::expr::Scalar;
use crate::query::faults::{Code, did_you_mean, quoted, step};
use crate::query::value;
use crate::view::Column;

/// Ranges of a dimension.
pub const MAX_RANGES: usize = 20;
/// Combinations of the ranges of all dimensions, those without a value included.
const MAX_COMBINATIONS: usize = 64;

/// Reads `groupBy`.
pub fn dimensions(ask: &mut Reading<'_>, json: Option<&Value>) -> Vec<Dimension> {
    let parts = list(ask, json, "/groupBy", MAX_DIMENSIONS, "dimensions");
    let read = parts.iter().enumerate().map(|(index, json)| (step("/groupBy", &index.to_string()), json));
    let all: Vec<Dimension> = read.filter_map(|(at, json)| dimension(ask, json, &at)).collect();
    let combinations: usize = all.iter().filter_map(Dimension::ranges).map(|ranges| ranges.len() + 1).product();
    if combinations > MAX_COMBINATIONS {
        let told = format!("the ranges make {combinations} combinations, at most {MAX_COMBINATIONS} are computed");
        ask.faults.push("/groupBy", Code::OverBudget, told);
    }
    all
}

fn dimension(ask: &mut Reading<'_>, json: &Value, at: &str) -> Option<Dimension> {
    let keys = &["field", "name", "interval", "timeZone", "ranges"];
    let map = object(ask, json, at, keys, "{\"field\": \"status\"}")?;
    let Some(field) = map.get("field") else {
        return fault(ask, at, Code::InvalidShape, "a dimension wants a `field`");
    };
    let column = reader::column(ask, field, &step(at, "field"))?;
    let name = named(ask, map.get("name"), at, &column.name);
    if !column.sortable() {
        let told = format!("`{}` holds JSON and cannot be grouped by", column.name);
        return fault(ask, &step(at, "field"), Code::OperatorNotAllowed, told);
    }
    if map.contains_key("timeZone") && !map.contains_key("interval") {
        ask.faults.push(step(at, "timeZone"), Code::InvalidShape, "`timeZone` stands beside an `interval` only");
    }
    let by = match (map.get("interval"), map.get("ranges")) {
        (None, None) => By::Value,
        (Some(interval), None) => self::interval(ask, column, interval, map, at)?,
        (None, Some(ranges)) => By::Ranges(self::ranges(ask, column, ranges, &step(at, "ranges"))?),
        (Some(_), Some(_)) => {
            return fault(ask, at, Code::InvalidShape, "expected either `interval` or `ranges`, not both");
        }
    };
    Some(Dimension { name: name?, column, by })
}

fn interval(ask: &mut Reading<'_>, column: &Column, json: &Value, map: &Map<String, Value>, at: &str) -> Option<By> {
    let zone = match map.get("timeZone") {
        None => Some(Tz::UTC),
        Some(json) => zone(ask, json, &step(at, "timeZone")),
    };
    let at = step(at, "interval");
    if column.kind != Kind::Date {
        let told = format!("`{}` holds no dates, so it has no intervals; group by its values or `ranges`", column.name);
        return fault(ask, &at, Code::OperatorNotAllowed, told);
    }
    let word = text(ask, json, &at, "an interval")?;
    match INTERVALS.iter().find(|(name, _)| *name == word) {
        Some((_, interval)) => Some(By::Interval(*interval, zone?)),
        None => {
            let names: Vec<&str> = INTERVALS.iter().map(|(name, _)| *name).collect();
            let hint = did_you_mean(word, names.iter().copied());
            let told = format!("{} is no interval ({}){hint}", quoted(word), names.join(", "));
            fault(ask, &at, Code::InvalidValue, told)
        }
    }
}

fn zone(ask: &mut Reading<'_>, json: &Value, at: &str) -> Option<Tz> {
    let word = text(ask, json, at, "a time zone")?;
    Tz::from_str(word).ok().or_else(|| {
        let hint = did_you_mean(word, TZ_VARIANTS.iter().map(|zone| zone.name()));
        let told = format!("{} is no time zone of the IANA database, such as `Europe/Berlin`{hint}", quoted(word));
        fault(ask, at, Code::InvalidValue, told)
    })
}

fn ranges(ask: &mut Reading<'_>, column: &Column, json: &Value, at: &str) -> Option<Vec<Range>> {
    if !matches!(column.kind, Kind::Integer | Kind::Double | Kind::Date) {
        let told =
            format!("`{}` holds neither numbers nor dates, so it has no ranges; group by its values", column.name);
        return fault(ask, at, Code::OperatorNotAllowed, told);
    }
    let parts = list(ask, Some(json), at, MAX_RANGES, "ranges");
    if json.as_array().is_some_and(Vec::is_empty) {
        return fault(ask, at, Code::InvalidShape, "expected at least one range such as {\"from\": 0, \"to\": 10}");
    }
    let mut all: Vec<Range> = Vec::new();
    for (index, json) in parts.iter().enumerate() {
        let at = step(at, &index.to_string());
        let Some(range) = self::range(ask, column, json, &at) else { continue };
        if all.iter().any(|known| known.name == range.name) {
            ask.faults.push(step(&at, "name"), Code::InvalidValue, format!("`{}` names two ranges", range.name));
        }
        if all.last().is_some_and(|before| !is_behind(before, &range)) {
            let told = "ranges rise and do not overlap: `from` is not less than the `to` of the range before";
            ask.faults.push(step(&at, "from"), Code::InvalidValue, told);
        }
        all.push(range);
    }
    (all.len() == parts.len() && !all.is_empty()).then_some(all)
}

fn is_behind(before: &Range, range: &Range) -> bool {
    match (before.to.as_ref().and_then(place), range.from.as_ref().and_then(place)) {
        (Some(to), Some(from)) => from >= to,
        (Some(_), None) | (None, _) => false,
    }
}

fn range(ask: &mut Reading<'_>, column: &Column, json: &Value, at: &str) -> Option<Range> {
    let map = object(ask, json, at, &["from", "to", "name"], "{\"from\": 1600, \"to\": 1800}")?;
    let mut end = |key: &str| -> Option<Option<Scalar>> {
        let Some(json) = map.get(key).filter(|json| !json.is_null()) else { return Some(None) };
        match value::scalar(column, json, ask.asker) {
            Ok(scalar) => Some(Some(scalar)),
            Err(told) => fault(ask, &step(at, key), Code::InvalidValue, told),
        }
    };
    let (from, to) = (end("from"), end("to"));
    let (from, to) = (from?, to?);
    match (from.as_ref().and_then(place), to.as_ref().and_then(place)) {
        (None, None) => return fault(ask, at, Code::InvalidShape, "a range wants `from`, `to` or both"),
        (Some(from), Some(to)) if from >= to => {
            return fault(ask, &step(at, "to"), Code::InvalidValue, "`to` is greater than `from`");
        }
        (Some(_), Some(_)) | (Some(_), None) | (None, Some(_)) => {}
    }
    let written = |key: &str| match map.get(key) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let name = match map.get("name") {
        None => format!("{}..{}", written("from"), written("to")),
        Some(json) => {
            let at = step(at, "name");
            let name = text(ask, json, &at, "a name")?;
            if name.is_empty() || name.chars().count() > MAX_NAME || name.contains('\0') {
                let told = format!("the name of a range has 1 to {MAX_NAME} characters without U+0000");
                return fault(ask, &at, Code::InvalidValue, told);
            }
            name.to_owned()
        }
    };
    Some(Range { name, from, to })
}

/// Where a value stands on its axis.
fn place(value: &Scalar) -> Option<f64> {
    match value {
        Scalar::Integer(number) => Some(*number as f64),
        Scalar::Double(number) => Some(*number),
        Scalar::Date(span) => Some(span.first.timestamp_millis() as f64),
        Scalar::Text(_) | Scalar::Id(_) | Scalar::Word(_) | Scalar::Bool(_) => None,
    }
}

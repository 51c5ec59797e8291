//! Dimensions: what documents are grouped by.

use std::cmp::Ordering;

use chrono::{DateTime, SecondsFormat, TimeZone};
use chrono_tz::Tz;
use event_schema::object::{Kind, instant};
use serde_json::{Value, json};

use crate::query::compile::clause;
use crate::query::expr::{Cond, Filter, Scalar};
use crate::view::Column;

/// A calendar interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// From the full hour.
    Hour,
    /// From midnight.
    Day,
    /// From Monday.
    Week,
    /// From the first.
    Month,
    /// From the first of January, April, July, October.
    Quarter,
    /// From the first of January.
    Year,
}

/// Every interval with its name, which is also Elasticsearch's.
pub const INTERVALS: &[(&str, Interval)] = &[
    ("hour", Interval::Hour),
    ("day", Interval::Day),
    ("week", Interval::Week),
    ("month", Interval::Month),
    ("quarter", Interval::Quarter),
    ("year", Interval::Year),
];

impl Interval {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        INTERVALS.iter().find(|(_, interval)| *interval == self).map_or("day", |(name, _)| name)
    }
}

/// One range: from the first value, included, to the second, excluded.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// How it is called in answers.
    pub name: String,
    /// The least value; none: from the very first.
    pub from: Option<Scalar>,
    /// The end; none: without end.
    pub to: Option<Scalar>,
}

/// How a column's values make groups.
#[derive(Clone, Debug, PartialEq)]
pub enum By {
    /// Each value one.
    Value,
    /// Each calendar interval in this time zone one.
    Interval(Interval, Tz),
    /// Each of these one; values beside them are in none.
    Ranges(Vec<Range>),
}

/// One dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct Dimension {
    /// Its key in the rows.
    pub name: String,
    /// What is grouped by.
    pub column: &'static Column,
    /// How.
    pub by: By,
}

/// A value of a dimension.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// Which of the ranges, from 0.
    Range(usize),
    /// A flag.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Double(f64),
    /// Text, an id, a word.
    Text(String),
    /// Milliseconds since 1970.
    Instant(i64),
    /// The documents without a value.
    Missing,
}

impl Key {
    /// The order of keys, rising. Elasticsearch has the same: text by its bytes, what is missing last.
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Range(a), Self::Range(b)) => a.cmp(b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Integer(a), Self::Integer(b)) | (Self::Instant(a), Self::Instant(b)) => a.cmp(b),
            (Self::Double(a), Self::Double(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Range(_) => 0,
            Self::Bool(_) => 1,
            Self::Integer(_) => 2,
            Self::Double(_) => 3,
            Self::Text(_) => 4,
            Self::Instant(_) => 5,
            Self::Missing => 6,
        }
    }
}

impl Dimension {
    /// Its ranges, if it has any.
    pub fn ranges(&self) -> Option<&[Range]> {
        match &self.by {
            By::Ranges(ranges) => Some(ranges),
            By::Value | By::Interval(..) => None,
        }
    }

    /// The source of a composite aggregation; none for ranges.
    pub fn source(&self, missing: bool) -> Option<Value> {
        let field = self.column.name.as_str();
        let (kind, mut source) = match &self.by {
            By::Value => ("terms", json!({"field": field})),
            By::Interval(interval, zone) => {
                let (interval, zone) = (interval.as_str(), zone.name());
                ("date_histogram", json!({"field": field, "calendar_interval": interval, "time_zone": zone}))
            }
            By::Ranges(_) => return None,
        };
        if missing {
            source["missing_bucket"] = json!(true);
            source["missing_order"] = json!("last");
        }
        Some(json!({kind: source}))
    }

    /// The clause of one of its ranges, or of the documents without a value.
    pub fn clause(&self, key: &Key) -> Option<Value> {
        let filter = match key {
            Key::Range(index) => {
                let range = self.ranges()?.get(*index)?;
                let is = |cond| Filter::Is(self.column, cond);
                let from = range.from.clone().map(|value| is(Cond::Gte(value)));
                Filter::And(from.into_iter().chain(range.to.clone().map(|value| is(Cond::Lt(value)))).collect())
            }
            Key::Missing => Filter::Is(self.column, Cond::Exists(false)),
            Key::Bool(_) | Key::Integer(_) | Key::Double(_) | Key::Text(_) | Key::Instant(_) => return None,
        };
        Some(clause(&filter))
    }

    /// The key in a bucket.
    pub fn key(&self, value: &Value) -> Option<Key> {
        if value.is_null() {
            return Some(Key::Missing);
        }
        match self.column.kind {
            Kind::String | Kind::Text | Kind::Id | Kind::Enum(_) => {
                value.as_str().map(|text| Key::Text(text.to_owned()))
            }
            Kind::Boolean => value.as_bool().map(Key::Bool),
            Kind::Integer => value.as_i64().map(Key::Integer),
            Kind::Double => value.as_f64().map(Key::Double),
            Kind::Date => value.as_i64().map(Key::Instant),
            Kind::Json => None,
        }
    }

    /// The key as clients see it.
    pub fn shown(&self, key: &Key) -> Value {
        match key {
            Key::Missing => Value::Null,
            Key::Bool(flag) => json!(flag),
            Key::Integer(number) => json!(number),
            Key::Double(number) => json!(number),
            Key::Text(text) => json!(text),
            Key::Range(index) => {
                json!(self.ranges().and_then(|ranges| ranges.get(*index)).map(|range| range.name.as_str()))
            }
            Key::Instant(milliseconds) => match DateTime::from_timestamp_millis(*milliseconds) {
                Some(time) => match &self.by {
                    By::Interval(interval, zone) => json!(begin(*interval, zone, time.timestamp_millis())),
                    By::Value | By::Ranges(_) => json!(instant(time)),
                },
                None => Value::Null,
            },
        }
    }
}

/// How the beginning of an interval is written: its day in its time zone, hours with their offset.
fn begin(interval: Interval, zone: &Tz, milliseconds: i64) -> Option<String> {
    let local = zone.timestamp_millis_opt(milliseconds).single()?;
    Some(match interval {
        Interval::Hour => local.to_rfc3339_opts(SecondsFormat::Secs, true),
        Interval::Day | Interval::Week | Interval::Month | Interval::Quarter | Interval::Year => {
            local.format("%Y-%m-%d").to_string()
        }
    })
}

//! Metrics: what is computed of a group.

use event_schema::object::{Kind, instant};
use serde_json::{Map, Value, json};

use crate::query::compile::clause;
use crate::query::expr::Filter;
use crate::view::Column;

/// Up to so many values `distinct` counts nearly without fault (see `docs/api.md`); beyond it estimates within 1 %.
pub const DISTINCT_THRESHOLD: u32 = 40_000;
/// The size of the digests behind percentiles: a percentile is off by less than 1 % of the documents.
const COMPRESSION: u32 = 300;

/// What is computed.
#[derive(Clone, Debug, PartialEq)]
pub enum Function {
    /// How many documents.
    Count,
    /// How many different values.
    Distinct(&'static Column),
    /// The mean; null without values.
    Avg(&'static Column),
    /// The sum; 0 without values.
    Sum(&'static Column),
    /// The least value; null without values.
    Min(&'static Column),
    /// The greatest value; null without values.
    Max(&'static Column),
    /// The values that so many percent of the documents do not exceed, rising; null without values.
    Percentiles(&'static Column, Vec<f64>),
    /// The share of the group's documents that match, 0 to 1; null without documents.
    Ratio(Filter),
}

/// What a function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// `true`.
    True,
    /// A field, any that can be sorted by.
    Any,
    /// A field of numbers.
    Number,
    /// A field of numbers or dates.
    Ordered,
    /// `{"of": <filters>}`.
    Filters,
}

/// A row of the table of functions.
#[derive(Debug)]
pub struct Row {
    /// Its key in a metric.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// What it computes, for the documents.
    pub about: &'static str,
}

const fn row(name: &'static str, takes: Takes, about: &'static str) -> Row {
    Row { name, takes, about }
}

/// Every function. A new one is a row here and an arm where the compiler says so.
pub const FUNCTIONS: &[Row] = &[
    row("count", Takes::True, "how many documents"),
    row("distinct", Takes::Any, "how many different values"),
    row("avg", Takes::Number, "the mean"),
    row("sum", Takes::Number, "the sum"),
    row("min", Takes::Ordered, "the least value"),
    row("max", Takes::Ordered, "the greatest value"),
    row("percentiles", Takes::Number, "the values that so many `percents` of the documents do not exceed"),
    row("ratio", Takes::Filters, "the share of the documents that match the filters `of`, 0 to 1"),
];

impl Takes {
    /// Whether a column will do.
    pub fn allows(self, column: &Column) -> bool {
        let number = matches!(column.kind, Kind::Integer | Kind::Double);
        match self {
            Self::True | Self::Filters => false,
            Self::Any => column.sortable(),
            Self::Number => number,
            Self::Ordered => number || column.kind == Kind::Date,
        }
    }

    /// The words for a column that will do.
    pub fn words(self) -> &'static str {
        match self {
            Self::True | Self::Filters => "no field",
            Self::Any => "a field that is no JSON",
            Self::Number => "a field of numbers",
            Self::Ordered => "a field of numbers or dates",
        }
    }
}

/// One metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its key in the rows.
    pub name: String,
    /// What is computed.
    pub function: Function,
}

/// How the numbers of a metric are shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// An instant, in milliseconds since 1970 here.
    Instant(&'static Column),
}

/// The digits of a percent: `50`, `99.9`.
pub fn percent_name(percent: f64) -> String {
    format!("{percent}")
}

impl Metric {
    /// The names by which `having` and `orderBy` call its numbers: its own, or `<name>.<percent>` for each percentile.
    pub fn paths(&self) -> Vec<String> {
        match &self.function {
            Function::Percentiles(_, percents) => {
                percents.iter().map(|percent| format!("{}.{}", self.name, percent_name(*percent))).collect()
            }
            Function::Count
            | Function::Distinct(_)
            | Function::Avg(_)
            | Function::Sum(_)
            | Function::Min(_)
            | Function::Max(_)
            | Function::Ratio(_) => vec![self.name.clone()],
        }
    }

    /// How its numbers are shown.
    pub fn shape(&self) -> Shape {
        match &self.function {
            Function::Count | Function::Distinct(_) => Shape::Whole,
            Function::Avg(_) | Function::Percentiles(..) | Function::Ratio(_) => Shape::Number,
            Function::Sum(column) if column.kind == Kind::Integer => Shape::Whole,
            Function::Sum(_) => Shape::Number,
            Function::Min(column) | Function::Max(column) => match column.kind {
                Kind::Date => Shape::Instant(column),
                Kind::Integer => Shape::Whole,
                Kind::String | Kind::Text | Kind::Id | Kind::Boolean | Kind::Double | Kind::Json | Kind::Enum(_) => {
                    Shape::Number
                }
            },
        }
    }

    /// The aggregation that computes it; none for what every bucket says.
    pub fn aggregation(&self) -> Option<Value> {
        let of = |kind: &str, column: &Column| json!({kind: {"field": column.name}});
        match &self.function {
            Function::Count => None,
            Function::Distinct(column) => {
                Some(json!({"cardinality": {"field": column.name, "precision_threshold": DISTINCT_THRESHOLD}}))
            }
            Function::Avg(column) => Some(of("avg", column)),
            Function::Sum(column) => Some(of("sum", column)),
            Function::Min(column) => Some(of("min", column)),
            Function::Max(column) => Some(of("max", column)),
            Function::Percentiles(column, percents) => {
                let digest = json!({"compression": COMPRESSION});
                let body = json!({"field": column.name, "percents": percents, "keyed": false, "tdigest": digest});
                Some(json!({"percentiles": body}))
            }
            Function::Ratio(filter) => Some(json!({"filter": clause(filter)})),
        }
    }

    /// Its numbers in a bucket of so many documents.
    pub fn numbers(&self, documents: u64, answer: &Value) -> Option<Vec<Option<f64>>> {
        Some(match &self.function {
            Function::Count => vec![Some(documents as f64)],
            Function::Distinct(_) | Function::Avg(_) | Function::Sum(_) | Function::Min(_) | Function::Max(_) => {
                vec![answer.get("value")?.as_f64()]
            }
            Function::Percentiles(_, percents) => {
                let values = answer.get("values")?.as_array().filter(|values| values.len() == percents.len())?;
                values.iter().map(|value| value["value"].as_f64()).collect()
            }
            Function::Ratio(_) => {
                let matching = answer.get("doc_count")?.as_u64()?;
                vec![(documents > 0).then(|| matching as f64 / documents as f64)]
            }
        })
    }

    /// Its numbers as clients see them.
    pub fn shown(&self, numbers: &[Option<f64>]) -> Value {
        let shape = self.shape();
        let one = |number: Option<f64>| number.map_or(Value::Null, |number| shape.shown(number));
        match &self.function {
            Function::Percentiles(_, percents) => {
                let named = percents.iter().zip(numbers);
                let all: Map<String, Value> =
                    named.map(|(percent, number)| (percent_name(*percent), one(*number))).collect();
                Value::Object(all)
            }
            Function::Count
            | Function::Distinct(_)
            | Function::Avg(_)
            | Function::Sum(_)
            | Function::Min(_)
            | Function::Max(_)
            | Function::Ratio(_) => one(numbers.first().copied().flatten()),
        }
    }
}

impl Shape {
    fn shown(self, number: f64) -> Value {
        match self {
            Self::Whole => json!(number as i64),
            Self::Number => json!(number),
            Self::Instant(_) => match chrono::DateTime::from_timestamp_millis(number as i64) {
                Some(time) => json!(instant(time)),
                None => Value::Null,
            },
        }
    }
}

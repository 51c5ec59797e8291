//! `metrics`, checked.

use serde_json::{Map, Value};

use super::metric::{FUNCTIONS, Function, Metric, Row, Takes};
use super::plan::MAX_METRICS;
use super::reader::{self, Reading, fault, list, name, object};
use crate::query::faults::{Code, step};
use crate::query::parse;
use crate::query::value::shown;
use crate::view::Column;

/// Percentiles of a metric.
const MAX_PERCENTS: usize = 10;

/// Reads `metrics`; without them the one metric `count`.
pub fn metrics(ask: &mut Reading<'_>, json: Option<&Value>) -> Vec<Metric> {
    let Some(json) = json else {
        return vec![Metric { name: "count".to_owned(), function: Function::Count }];
    };
    let Some(map) = json.as_object() else {
        let told = format!("expected an object such as {{\"games\": {{\"count\": true}}}}, not {}", shown(json));
        ask.faults.push("/metrics", Code::InvalidShape, told);
        return Vec::new();
    };
    if map.len() > MAX_METRICS {
        ask.faults.push("/metrics", Code::OverBudget, format!("at most {MAX_METRICS} metrics, not {}", map.len()));
        return Vec::new();
    }
    let mut all = Vec::new();
    for (given, json) in map {
        match metric(ask, given, json) {
            Some(metric) => all.push(metric),
            None => ask.spoilt.push(given.clone()),
        }
    }
    all
}

fn metric(ask: &mut Reading<'_>, given: &str, json: &Value) -> Option<Metric> {
    let at = step("/metrics", given);
    let name = name(ask, given, &at);
    let keys: Vec<&str> = FUNCTIONS.iter().map(|row| row.name).chain(["percents"]).collect();
    let map = object(ask, json, &at, &keys, "{\"avg\": \"plies\"}")?;
    let mut functions = FUNCTIONS.iter().filter_map(|row| Some((row, map.get(row.name)?)));
    let (Some((row, operand)), None) = (functions.next(), functions.next()) else {
        let names: Vec<&str> = FUNCTIONS.iter().map(|row| row.name).collect();
        return fault(ask, &at, Code::InvalidShape, format!("a metric wants exactly one of {}", names.join(", ")));
    };
    if map.contains_key("percents") && row.name != "percentiles" {
        ask.faults.push(step(&at, "percents"), Code::InvalidShape, "`percents` stands beside `percentiles` only");
    }
    let function = function(ask, row, operand, map, &at);
    Some(Metric { name: name?, function: function? })
}

fn function(ask: &mut Reading<'_>, row: &Row, operand: &Value, map: &Map<String, Value>, at: &str) -> Option<Function> {
    let place = step(at, row.name);
    match row.takes {
        Takes::True if operand == &Value::Bool(true) => Some(Function::Count),
        Takes::True => fault(ask, &place, Code::InvalidValue, format!("expected true, not {}", shown(operand))),
        Takes::Filters => {
            let like = "{\"of\": {\"result\": \"draw\"}}";
            let of = object(ask, operand, &place, &["of"], like)?.get("of");
            let Some(json) = of else {
                return fault(ask, &place, Code::InvalidShape, format!("expected {like}"));
            };
            let (view, at) = (ask.view, step(&place, "of"));
            parse::filters(view, ask.asker, json, &at, ask.faults).map(Function::Ratio)
        }
        Takes::Any | Takes::Number | Takes::Ordered => {
            let column = reader::column(ask, operand, &place)?;
            if !row.takes.allows(column) {
                let told = format!("`{}` wants {}, which `{}` is not", row.name, row.takes.words(), column.name);
                return fault(ask, &place, Code::OperatorNotAllowed, told);
            }
            of_column(ask, row, column, map, at)
        }
    }
}

fn of_column(
    ask: &mut Reading<'_>,
    row: &Row,
    column: &'static Column,
    map: &Map<String, Value>,
    at: &str,
) -> Option<Function> {
    match row.name {
        "distinct" => Some(Function::Distinct(column)),
        "avg" => Some(Function::Avg(column)),
        "sum" => Some(Function::Sum(column)),
        "min" => Some(Function::Min(column)),
        "max" => Some(Function::Max(column)),
        _ => percents(ask, map.get("percents"), &step(at, "percents")).map(|all| Function::Percentiles(column, all)),
    }
}

fn percents(ask: &mut Reading<'_>, json: Option<&Value>, at: &str) -> Option<Vec<f64>> {
    let Some(json) = json else { return Some(vec![50.0]) };
    let mut all = Vec::new();
    for (index, json) in list(ask, Some(json), at, MAX_PERCENTS, "percents").iter().enumerate() {
        let at = step(at, &index.to_string());
        match json.as_f64().filter(|percent| (0.0..=100.0).contains(percent)) {
            Some(percent) if all.contains(&percent) => {
                ask.faults.push(at, Code::InvalidValue, "this stands there twice")
            }
            Some(percent) => all.push(percent),
            None => {
                let told = format!("expected a number from 0 to 100, not {}", shown(json));
                ask.faults.push(at, Code::InvalidValue, told);
            }
        }
    }
    if all.is_empty() {
        return fault(ask, at, Code::InvalidShape, "expected a list of percents such as [50, 95]");
    }
    all.sort_by(f64::total_cmp);
    Some(all)
}

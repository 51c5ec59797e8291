//! JSON to [`Filter`]. Both grammars, one pass, every fault of the query noted with its JSON pointer.
//!
//! ```text
//! Expr := { field: Cond, ..., "$and": [Expr], "$or": [Expr], "$not": Expr }      keys are ANDed
//! Cond := scalar (eq) | null (missing) | [scalar, ...] (in) | { op: value, ... } | { "operator": op, "value" | "values": ... }
//! ```

use serde_json::{Map, Value};

use super::budget::{self, Budget, MAX_PATTERN, MAX_TEXT};
use super::expr::{Cond, Filter, Scalar};
use super::faults::{Code, Faults, did_you_mean, quoted, step};
use super::fields::field_or;
use super::operators::{self, Op, Operand, Operator};
use super::value::{self, Asker, shown};
use crate::view::{Column, View};

/// Parses the filters that stand at `pointer`. `None` exactly when a fault was noted.
pub fn filters(view: &'static View, asker: &Asker, json: &Value, pointer: &str, faults: &mut Faults) -> Option<Filter> {
    let mut parser = Parser { view, asker, faults, budget: Budget::default() };
    parser.expr(json, pointer, 1)
}

struct Parser<'a> {
    view: &'static View,
    asker: &'a Asker,
    faults: &'a mut Faults,
    budget: Budget,
}

impl Parser<'_> {
    fn expr(&mut self, json: &Value, pointer: &str, level: usize) -> Option<Filter> {
        if !budget::depth(level, pointer, self.faults) {
            return None;
        }
        let Value::Object(map) = json else {
            let message = format!("filters are an object such as {{\"field\": \"value\"}}, not {}", shown(json));
            self.faults.push(pointer, Code::InvalidShape, message);
            return None;
        };
        let parsed: Vec<Option<Filter>> =
            map.iter().map(|(key, value)| self.entry(key, value, &step(pointer, key), level)).collect();
        let mut all = parsed.into_iter().collect::<Option<Vec<_>>>()?;
        Some(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn entry(&mut self, key: &str, value: &Value, at: &str, level: usize) -> Option<Filter> {
        match key {
            "$and" => self.several(value, at, level).map(Filter::And),
            "$or" => self.several(value, at, level).map(Filter::Or),
            "$not" => self.expr(value, at, level + 1).map(|inner| Filter::Not(Box::new(inner))),
            _ => self.field(key, value, at),
        }
    }

    fn several(&mut self, value: &Value, at: &str, level: usize) -> Option<Vec<Filter>> {
        let Some(list) = value.as_array().filter(|list| !list.is_empty()) else {
            self.faults.push(at, Code::InvalidShape, "expected a list of at least one filter object");
            return None;
        };
        let parsed: Vec<Option<Filter>> = list
            .iter()
            .enumerate()
            .map(|(index, inner)| self.expr(inner, &step(at, &index.to_string()), level + 1))
            .collect();
        parsed.into_iter().collect()
    }

    fn field(&mut self, name: &str, value: &Value, at: &str) -> Option<Filter> {
        let view = self.view;
        let column = field_or(view, self.asker.role, name, &["$and", "$or", "$not"], at, self.faults)?;
        let conds = match value {
            Value::Null => vec![self.leaf(column, "missing", &Value::Bool(true), at)],
            Value::Array(_) => vec![self.leaf(column, "in", value, at)],
            Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![self.leaf(column, "eq", value, at)],
            Value::Object(map) if map.contains_key("operator") => vec![self.original(column, map, at)],
            Value::Object(map) if map.is_empty() => {
                let message = format!("expected a condition such as {{\"eq\": ...}} on `{name}`, not an empty object");
                self.faults.push(at, Code::InvalidShape, message);
                return None;
            }
            Value::Object(map) => {
                map.iter().map(|(op, operand)| self.leaf(column, op, operand, &step(at, op))).collect()
            }
        };
        let mut all: Vec<Filter> = conds.into_iter().collect::<Option<Vec<_>>>()?;
        Some(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    /// `{"operator": ..., "value": ...}` or `{"operator": ..., "values": [...]}`.
    fn original(&mut self, column: &'static Column, map: &Map<String, Value>, at: &str) -> Option<Filter> {
        let mut sound = true;
        for key in map.keys().filter(|key| !["operator", "value", "values"].contains(&key.as_str())) {
            let hint = did_you_mean(key, ["operator", "value", "values"].into_iter());
            let message = format!("{} does not belong beside `operator`{hint}", quoted(key));
            self.faults.push(step(at, key), Code::InvalidShape, message);
            sound = false;
        }
        let Some(name) = map.get("operator").and_then(Value::as_str) else {
            self.faults.push(step(at, "operator"), Code::InvalidShape, "expected the name of an operator");
            return None;
        };
        let (operand, place) = match (map.get("value"), map.get("values")) {
            (Some(_), Some(_)) => {
                self.faults.push(
                    step(at, "values"),
                    Code::InvalidShape,
                    "expected either `value` or `values`, not both",
                );
                return None;
            }
            (Some(value), None) => (Some(value), "value"),
            (None, Some(values)) => (Some(values), "values"),
            (None, None) => (None, "value"),
        };
        let takes_flag = operators::by_name(name).is_some_and(|operator| operator.operand == Operand::Flag);
        let operand = match operand {
            Some(operand) => operand,
            None if takes_flag => &Value::Bool(true),
            None => {
                self.faults.push(at, Code::InvalidShape, format!("{} wants a `value` or `values`", quoted(name)));
                return None;
            }
        };
        let name = match (name, place) {
            ("eq", "values") => "in",
            ("ne" | "noteq", "values") => "nin",
            (name, _) => name,
        };
        if operators::by_name(name).is_none() {
            self.unknown_operator(name, column, &step(at, "operator"));
            return None;
        }
        self.leaf(column, name, operand, &step(at, place)).filter(|_| sound)
    }

    /// One operator on one column.
    fn leaf(&mut self, column: &'static Column, name: &str, operand: &Value, at: &str) -> Option<Filter> {
        if !self.budget.leaf(at, self.faults) {
            return None;
        }
        let Some(operator) = operators::by_name(name) else {
            self.unknown_operator(name, column, at);
            return None;
        };
        if !operators::allowed(operator, column) {
            let may: Vec<_> = operators::names_for(column).collect();
            let message = if may.is_empty() {
                format!("`{}` holds JSON and cannot be filtered on", column.name)
            } else {
                format!("`{name}` cannot be used on `{}`, use one of {}", column.name, may.join(", "))
            };
            self.faults.push(at, Code::OperatorNotAllowed, message);
            return None;
        }
        self.cond(column, operator, operand, at).map(|cond| Filter::Is(column, cond))
    }

    fn unknown_operator(&mut self, name: &str, column: &Column, at: &str) {
        let hint = did_you_mean(name, operators::names());
        let may: Vec<_> = operators::names_for(column).collect();
        let message = format!("{} is no operator of `{}` ({}){hint}", quoted(name), column.name, may.join(", "));
        self.faults.push(at, Code::UnknownOperator, message);
    }

    fn cond(&mut self, column: &Column, operator: &Operator, operand: &Value, at: &str) -> Option<Cond> {
        match operator.op {
            Op::Eq if operand.is_null() => Some(Cond::Exists(false)),
            Op::Ne if operand.is_null() => Some(Cond::Exists(true)),
            Op::Eq | Op::Has => self.one(column, operand, at).map(Cond::Eq),
            Op::Ne => self.one(column, operand, at).map(Cond::Ne),
            Op::In => self.many(column, operand, at).map(Cond::In),
            Op::Nin => self.many(column, operand, at).map(Cond::Nin),
            Op::Gt => self.one(column, operand, at).map(Cond::Gt),
            Op::Gte => self.one(column, operand, at).map(Cond::Gte),
            Op::Lt => self.one(column, operand, at).map(Cond::Lt),
            Op::Lte => self.one(column, operand, at).map(Cond::Lte),
            Op::Between => self.pair(column, operand, at).map(|(least, most)| Cond::Between(least, most)),
            Op::Exists => self.flag(operand, at).map(Cond::Exists),
            Op::Missing => self.flag(operand, at).map(|flag| Cond::Exists(!flag)),
            Op::Prefix => self.text(operand, MAX_PATTERN, at).map(Cond::Prefix),
            Op::Contains => self.text(operand, MAX_PATTERN, at).map(Cond::Contains),
            Op::Wildcard => self.text(operand, MAX_PATTERN, at).map(Cond::Wildcard),
            Op::Regexp => self.text(operand, MAX_PATTERN, at).map(Cond::Regexp),
            Op::Match => self.text(operand, MAX_TEXT, at).map(Cond::Match),
            Op::MatchPhrase => self.text(operand, MAX_TEXT, at).map(Cond::MatchPhrase),
            Op::MatchPhrasePrefix => self.text(operand, MAX_TEXT, at).map(Cond::MatchPhrasePrefix),
        }
    }

    fn one(&mut self, column: &Column, value: &Value, at: &str) -> Option<Scalar> {
        if !self.budget.values(1, at, self.faults) {
            return None;
        }
        match value::scalar(column, value, self.asker) {
            Ok(scalar) => Some(scalar),
            Err(message) => {
                self.faults.push(at, Code::InvalidValue, message);
                None
            }
        }
    }

    fn many(&mut self, column: &Column, value: &Value, at: &str) -> Option<Vec<Scalar>> {
        let Some(list) = value.as_array() else {
            self.faults.push(at, Code::InvalidShape, format!("expected a list of values, not {}", shown(value)));
            return None;
        };
        let read: Vec<Option<Scalar>> = list
            .iter()
            .enumerate()
            .map(|(index, value)| self.one(column, value, &step(at, &index.to_string())))
            .collect();
        read.into_iter().collect()
    }

    /// `[least, most]`; null leaves an end open, but not both.
    fn pair(&mut self, column: &Column, value: &Value, at: &str) -> Option<(Option<Scalar>, Option<Scalar>)> {
        let Some([least, most]) = value.as_array().map(Vec::as_slice) else {
            self.faults.push(at, Code::InvalidShape, "expected a list of two values, the least and the greatest");
            return None;
        };
        if least.is_null() && most.is_null() {
            self.faults.push(at, Code::InvalidShape, "expected at least one end that is not null");
            return None;
        }
        let mut end = |value: &Value, place: &str| {
            if value.is_null() { Some(None) } else { self.one(column, value, &step(at, place)).map(Some) }
        };
        let (least, most) = (end(least, "0"), end(most, "1"));
        Some((least?, most?))
    }

    fn flag(&mut self, value: &Value, at: &str) -> Option<bool> {
        let flag = value.as_bool();
        if flag.is_none() {
            self.faults.push(at, Code::InvalidValue, format!("expected true or false, not {}", shown(value)));
        }
        flag
    }

    fn text(&mut self, value: &Value, most: usize, at: &str) -> Option<String> {
        if !self.budget.values(1, at, self.faults) {
            return None;
        }
        let fits = |text: &&str| !text.is_empty() && !text.contains('\0') && text.chars().count() <= most;
        let text = value.as_str().filter(fits);
        if text.is_none() {
            let message = format!("expected a string of 1 to {most} characters without U+0000, not {}", shown(value));
            self.faults.push(at, Code::InvalidValue, message);
        }
        text.map(str::to_owned)
    }
}

//! Questions, made up over the whole grammar from the values that documents have, or nearly so.

use std::sync::Arc;

use event_schema::object::Kind;
use proptest::prelude::*;
use proptest::sample::Index;
use query_bff::facets::{MAX_FACETS, senseless};
use query_bff::query::operators::{Operand, by_name, names_for};
use query_bff::view::Column;
use serde_json::{Value, json};

use super::words::{plain_runs, text};
use super::{Documents, Item, Query};

/// A column, what may be asked of it, and the values that it has.
struct Pool {
    column: &'static Column,
    operators: Vec<&'static str>,
    values: Vec<Value>,
    /// Plain words that stand next to each other in its values; none where words are not searched.
    runs: Vec<Vec<String>>,
}

fn pools(documents: &Documents) -> Vec<Pool> {
    let of = |column: &'static Column| {
        let mut values: Vec<Value> = Vec::new();
        for value in documents.items.iter().map(|item| &item[&column.name]).filter(|value| !value.is_null()) {
            if values.len() < 40 && !values.contains(value) {
                values.push(value.clone());
            }
        }
        let texts = values.iter().filter(|_| column.searched).filter_map(Value::as_str);
        let runs: Vec<Vec<String>> = texts.flat_map(plain_runs).collect();
        let sayable = |name: &&str| !runs.is_empty() || !is_of_words(name);
        Pool { column, operators: names_for(column).filter(sayable).collect(), values, runs }
    };
    documents.view.columns_for(documents.asker.role).map(of).filter(|pool| !pool.operators.is_empty()).collect()
}

fn is_of_words(operator: &str) -> bool {
    by_name(operator).is_some_and(|operator| operator.operand == Operand::Words)
}

/// Some of the words of a run, the last one whole or only begun, perhaps with two letters that changed places.
fn said(runs: &[Vec<String>], picks: &[Index], bits: u8, begun: bool) -> String {
    let run = picks[0].get(runs);
    let from = picks[1].index(run.len());
    let mut asked: Vec<String> = run[from..].iter().take(1 + usize::from(bits % 3)).cloned().collect();
    if let Some(last) = asked.last_mut() {
        if bits.is_multiple_of(7) && last.len() > 3 {
            let swapped = [&last[..1], &last[2..3], &last[1..2], &last[3..]].concat();
            *last = swapped;
        }
        if begun {
            last.truncate(1 + picks[2].index(last.len()));
        }
    }
    text(&asked, bits)
}

impl Pool {
    /// A value that it has, or nearly so.
    fn value(&self, pick: Index, twist: u8) -> Value {
        let had = if self.values.is_empty() { None } else { Some(pick.get(&self.values)) };
        let text = had.and_then(Value::as_str).unwrap_or("a");
        match self.column.kind {
            Kind::String | Kind::Text if twist.is_multiple_of(5) => json!(text.to_uppercase()),
            Kind::String | Kind::Text => json!(text),
            Kind::Id if had.is_none() || twist.is_multiple_of(7) => json!("$me"),
            Kind::Id => json!(text),
            Kind::Boolean => json!(twist.is_multiple_of(2)),
            Kind::Integer => match (self.column.companion_of, had.and_then(Value::as_i64)) {
                (Some(words), _) => json!(usize::from(twist) % words),
                (None, had) => json!(had.unwrap_or(0).saturating_add(i64::from(twist % 3) - 1)),
            },
            Kind::Double => had.cloned().unwrap_or(json!(0.5)),
            Kind::Date if had.is_none() || twist.is_multiple_of(6) => json!(format!("now-{}d/d", twist % 9)),
            Kind::Date if twist.is_multiple_of(3) => json!(text[..10]),
            Kind::Date => json!(text),
            Kind::Enum(words) => {
                let word = words[usize::from(twist) % words.len()];
                json!(if pick.index(2) == 0 { word.to_uppercase() } else { word.to_owned() })
            }
            Kind::Json => Value::Null,
        }
    }

    /// A pattern that a value of it fits, or nearly so.
    fn pattern(&self, operator: &str, pick: Index, twist: u8) -> Value {
        let value = if self.values.is_empty() { Value::Null } else { pick.get(&self.values).clone() };
        let chars: Vec<char> = value.as_str().filter(|text| !text.is_empty()).unwrap_or("a").chars().collect();
        let from = if matches!(operator, "contains") { usize::from(twist) % chars.len() } else { 0 };
        let part: String = chars[from..].iter().take(1 + usize::from(twist % 5)).collect();
        let part = if twist.is_multiple_of(2) { part } else { part.to_uppercase() };
        json!(match operator {
            "wildcard" => format!("{}?*", part.trim_end_matches('\\')),
            "regexp" =>
                part.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '.' }).collect::<String>() + ".*",
            _ => part,
        })
    }

    fn leaf(&self, operator: Index, picks: &[Index], twist: u8, original: bool) -> Value {
        let name = *operator.get(&self.operators);
        let value = |pick: &Index| self.value(*pick, twist);
        let operand = match by_name(name).map(|operator| operator.operand) {
            Some(Operand::Many) => picks.iter().map(value).collect(),
            Some(Operand::Pair) if twist.is_multiple_of(4) => json!([null, value(&picks[0])]),
            Some(Operand::Pair) => json!([value(&picks[0]), value(&picks[1])]),
            Some(Operand::Flag) => json!(twist.is_multiple_of(2)),
            Some(Operand::Pattern) => self.pattern(name, picks[0], twist),
            Some(Operand::Words) => json!(said(&self.runs, picks, twist, name == "match_phrase_prefix")),
            Some(Operand::One) | None => value(&picks[0]),
        };
        let condition = match (original, name) {
            (true, _) => json!({"operator": name, "value": operand}),
            (false, "missing") if twist.is_multiple_of(2) => Value::Null,
            (false, "eq" | "in") => operand,
            (false, _) => json!({name: operand}),
        };
        json!({self.column.name.as_str(): condition})
    }
}

/// Filters over the whole grammar, mostly with values that there are.
pub(super) fn expressions(documents: &Documents) -> BoxedStrategy<Value> {
    let pools = Arc::new(pools(documents));
    let picks = proptest::collection::vec(any::<Index>(), 3);
    let leaf = (any::<Index>(), any::<Index>(), picks, any::<u8>(), any::<bool>()).prop_map(
        move |(pool, operator, picks, twist, original)| pool.get(&pools).leaf(operator, &picks, twist, original),
    );
    let tree = leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..3).prop_map(|all| json!({"$and": all})),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(|any| json!({"$or": any})),
            inner.prop_map(|not| json!({"$not": not})),
        ]
    });
    let several = proptest::collection::vec(tree, 0..3).prop_map(|all| {
        let merged: Item =
            all.iter().filter_map(Value::as_object).flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
        if merged.len() == all.len() { Value::Object(merged) } else { json!({"$and": all}) }
    });
    several.boxed()
}

/// Words for a third of the questions, where the view has fields that are searched for them.
fn q(documents: &Documents) -> BoxedStrategy<Option<String>> {
    let runs: Arc<Vec<Vec<String>>> = Arc::new(pools(documents).into_iter().flat_map(|pool| pool.runs).collect());
    if runs.is_empty() {
        return Just(None).boxed();
    }
    let words = (proptest::collection::vec(any::<Index>(), 3), any::<u8>())
        .prop_map(move |(picks, bits)| Some(said(&runs, &picks, bits, true)));
    prop_oneof![2 => Just(None), 1 => words].boxed()
}

/// Questions to these documents.
pub fn queries(documents: &Documents) -> BoxedStrategy<Query> {
    let columns: Vec<&'static Column> = documents.view.columns_for(documents.asker.role).collect();
    let names = |keep: &dyn Fn(&Column) -> bool| -> Arc<Vec<String>> {
        Arc::new(columns.iter().filter(|column| keep(column)).map(|column| column.name.clone()).collect())
    };
    let (sortable, countable) = (names(&Column::sortable), names(&|column| senseless(column).is_none()));
    let chosen = |names: Arc<Vec<String>>, most: usize| {
        proptest::collection::vec(any::<Index>(), 0..=most).prop_map(move |picks| {
            let mut all: Vec<String> = picks.into_iter().map(|pick| pick.get(&names).clone()).collect();
            let mut seen = Vec::new();
            all.retain(|name| {
                !seen.contains(name) && {
                    seen.push(name.clone());
                    true
                }
            });
            all
        })
    };
    let sort = (chosen(sortable, 3), any::<u8>()).prop_map(|(names, bits)| {
        let falls = |place: usize| bits >> (place % 8) & 1 == 1;
        names.into_iter().enumerate().map(|(place, name)| (name, falls(place))).collect::<Vec<_>>()
    });
    let paging = (1usize..20, 1usize..5, any::<bool>());
    (expressions(documents), q(documents), sort, paging, chosen(countable, MAX_FACETS))
        .prop_map(|(filters, q, sort, (limit, page, post), facets)| Query {
            filters,
            q,
            sort,
            limit,
            page,
            facets,
            post,
        })
        .boxed()
}

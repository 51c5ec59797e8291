//! Questions to views, made up over the whole grammar, and their answers worked out in memory from the documents that
//! the asker sees: filtered, ordered, cut into pages and counted without Elasticsearch.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use event_schema::auth::user::Role;
use event_schema::ids::UserId;
use event_schema::object::Kind;
use proptest::prelude::*;
use proptest::sample::Index;
use query_bff::facets::{MAX_FACETS, MAX_VALUES, senseless};
use query_bff::query::faults::Faults;
use query_bff::query::matches::matches;
use query_bff::query::operators::{Operand, by_name, names_for};
use query_bff::query::parse::filters;
use query_bff::query::value::Asker;
use query_bff::view::{self, Column, View};
use serde_json::{Map, Value, json};

use crate::Actor;

/// A record as clients see it.
pub type Item = Map<String, Value>;

/// The documents of a view that somebody sees.
pub struct Documents {
    /// The view.
    pub view: &'static View,
    /// Who asks.
    pub asker: Asker,
    /// The documents.
    pub items: Vec<Item>,
}

/// A question to a list.
#[derive(Clone, Debug)]
pub struct Query {
    /// The filters.
    pub filters: Value,
    /// Fields and whether they fall.
    pub sort: Vec<(String, bool)>,
    /// Rows a page.
    pub limit: usize,
    /// The page asked for by number.
    pub page: usize,
    /// What is counted.
    pub facets: Vec<String>,
    /// Whether it is asked by POST.
    pub post: bool,
}

impl Documents {
    /// Reads all that somebody sees, by cursors.
    pub async fn of(who: &Actor, role: Role, name: &str) -> Self {
        let view = view::by_name(name).expect("a view");
        let asker = Asker { role, me: UserId(who.id.parse().expect("an id")), now: Utc::now() };
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let answer = who.look(&format!("/bff-api/{name}/list?limit=100&sortBy=id{cursor}")).await;
            let page: Vec<Item> = serde_json::from_value(answer.is(200)["items"].clone()).expect("items");
            items.extend(page);
            match answer.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Self { view, asker, items },
            }
        }
    }

    fn column(&self, name: &str) -> &'static Column {
        self.view.column_for(self.asker.role, name).expect("a column")
    }

    /// What filters find, in no order.
    pub fn fitting(&self, json: &Value) -> Vec<&Item> {
        let mut faults = Faults::default();
        let filter = filters(self.view, &self.asker, json, "", &mut faults);
        let filter = filter.unwrap_or_else(|| panic!("{json} is refused: {:?}", faults.listed()));
        self.items.iter().filter(|item| matches(&filter, item)).collect()
    }

    /// The ids that a question finds, in its order.
    pub fn ordered(&self, query: &Query) -> Vec<String> {
        let mut found = self.fitting(&query.filters);
        let mut sort: Vec<(&Column, bool)> = query.sort.iter().map(|(name, desc)| (self.column(name), *desc)).collect();
        if sort.is_empty() {
            sort.push((self.column("createdAt"), true));
        }
        sort.push((self.column("id"), false));
        found.sort_by(|one, other| {
            let ways = sort.iter().map(|(column, desc)| order(column, *desc, one, other));
            ways.fold(Ordering::Equal, Ordering::then)
        });
        found.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// The facets of a question.
    pub fn facets(&self, query: &Query) -> Vec<Value> {
        let mut conditions = Vec::new();
        conjuncts(&query.filters, &mut conditions);
        query.facets.iter().map(|name| self.facet(name, &conditions)).collect()
    }

    fn facet(&self, name: &str, conditions: &[Value]) -> Value {
        let others = |condition: &&Value| {
            let mut fields = Vec::new();
            named(condition, &mut fields);
            fields.is_empty() || fields.iter().any(|field| field != name)
        };
        let kept: Vec<&Value> = conditions.iter().filter(others).collect();
        let found = if kept.is_empty() { self.fitting(&json!({})) } else { self.fitting(&json!({"$and": kept})) };
        let column = self.column(name);
        let mut counts: BTreeMap<Key, (Value, u64)> = BTreeMap::new();
        let mut missing = 0;
        for item in found {
            match key(column, &item[name]) {
                Some(key) => counts.entry(key).or_insert_with(|| (item[name].clone(), 0)).1 += 1,
                None => missing += 1,
            }
        }
        let mut counts: Vec<(Value, u64)> = counts.into_values().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let rest = counts.split_off(counts.len().min(MAX_VALUES as usize));
        let values: Vec<Value> = counts.iter().map(|(value, count)| json!({"value": value, "count": count})).collect();
        let other: u64 = rest.iter().map(|(_, count)| count).sum();
        json!({"field": name, "values": values, "other": other, "missing": missing})
    }
}

/// A value as Elasticsearch orders it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i64),
    Text(String),
}

/// None for what counts as missing.
fn key(column: &Column, value: &Value) -> Option<Key> {
    match column.kind {
        Kind::String | Kind::Text | Kind::Id | Kind::Enum(_) => value.as_str().map(|text| Key::Text(text.to_owned())),
        Kind::Boolean => value.as_bool().map(|flag| Key::Number(i64::from(flag))),
        Kind::Integer => value.as_i64().map(Key::Number),
        // The doubles of our views are halves.
        Kind::Double => value.as_f64().map(|number| Key::Number((number * 1_000.0) as i64)),
        Kind::Date => {
            let time = value.as_str()?.parse::<DateTime<Utc>>().expect("an instant");
            Some(Key::Number(time.timestamp_millis()))
        }
        Kind::Json => None,
    }
}

fn order(column: &Column, desc: bool, one: &Item, other: &Item) -> Ordering {
    let of = |item: &Item| key(column, &item[&column.name]);
    match (of(one), of(other)) {
        (Some(one), Some(other)) if desc => other.cmp(&one),
        (Some(one), Some(other)) => one.cmp(&other),
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}

/// The conditions that are ANDed at the top of filters, each on its own.
fn conjuncts(json: &Value, out: &mut Vec<Value>) {
    for (name, inner) in json.as_object().expect("filters") {
        match (name.as_str(), inner) {
            ("$and", Value::Array(all)) => all.iter().for_each(|one| conjuncts(one, out)),
            (_, Value::Object(several)) if !name.starts_with('$') && !several.contains_key("operator") => {
                out.extend(several.iter().map(|(op, operand)| json!({name: {op: operand}})));
            }
            _ => out.push(json!({name: inner})),
        }
    }
}

/// The fields that filters name.
fn named(json: &Value, out: &mut Vec<String>) {
    for (name, inner) in json.as_object().expect("filters") {
        match (name.as_str(), inner) {
            ("$and" | "$or", Value::Array(all)) => all.iter().for_each(|one| named(one, out)),
            ("$not", _) => named(inner, out),
            _ => out.push(name.clone()),
        }
    }
}

/// A column, what may be asked of it, and the values that it has.
struct Pool {
    column: &'static Column,
    operators: Vec<&'static str>,
    values: Vec<Value>,
}

fn pools(documents: &Documents) -> Vec<Pool> {
    let of = |column: &'static Column| {
        let mut values: Vec<Value> = Vec::new();
        for value in documents.items.iter().map(|item| &item[&column.name]).filter(|value| !value.is_null()) {
            if values.len() < 40 && !values.contains(value) {
                values.push(value.clone());
            }
        }
        // What a word is only Elasticsearch knows.
        let in_memory = |name: &&str| by_name(name).is_some_and(|operator| operator.operand != Operand::Words);
        Pool { column, operators: names_for(column).filter(in_memory).collect(), values }
    };
    documents.view.columns_for(documents.asker.role).map(of).filter(|pool| !pool.operators.is_empty()).collect()
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
            Some(Operand::One | Operand::Words) | None => value(&picks[0]),
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
fn expressions(documents: &Documents) -> BoxedStrategy<Value> {
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
    (expressions(documents), sort, paging, chosen(countable, MAX_FACETS))
        .prop_map(|(filters, sort, (limit, page, post), facets)| Query { filters, sort, limit, page, facets, post })
        .boxed()
}

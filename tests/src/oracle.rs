//! Questions to views, made up over the whole grammar, and their answers worked out in memory from the documents that
//! the asker sees: filtered, ordered, cut into pages and counted without Elasticsearch.

mod generated;
mod grouped;
mod leaf;
mod words;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_schema::auth::user::Role;
use event_schema::ids::UserId;
use event_schema::object::Kind;
use query_bff::facets::MAX_VALUES;
use query_bff::query::value::Asker;
use query_bff::view::{self, Column, View};
use serde_json::{Map, Value, json};

pub use generated::queries;
pub use grouped::groupings;

use crate::Actor;
use leaf::{Leaf, leaves};
use words::{Said, found_by_q};

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
    /// The words of their searched fields, by field.
    words: Vec<BTreeMap<&'static str, Vec<String>>>,
}

/// A question to a list.
#[derive(Clone, Debug)]
pub struct Query {
    /// The filters.
    pub filters: Value,
    /// What is searched for in all text fields.
    pub q: Option<String>,
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

impl Query {
    /// The body of a list, from its first page on.
    pub fn body(&self) -> Value {
        let mut body = json!({"filters": self.filters, "limit": self.limit, "facets": self.facets});
        if !self.sort.is_empty() {
            body["sortBy"] = self.sort.iter().map(|(name, _)| json!(name)).collect();
            body["sortOrder"] = self.sort.iter().map(|(_, desc)| json!(if *desc { "desc" } else { "asc" })).collect();
        }
        if let Some(q) = &self.q {
            body["q"] = json!(q);
        }
        body
    }

    /// The body of a count, or of an export.
    pub fn filtered(&self) -> Value {
        match &self.q {
            Some(q) => json!({"filters": self.filters, "q": q}),
            None => json!({"filters": self.filters}),
        }
    }
}

impl Documents {
    /// Reads all that somebody sees, by cursors.
    pub async fn of(who: &Actor, role: Role, name: &str) -> Self {
        let view = view::by_name(name).expect("a view");
        let asker = Asker { role, me: UserId(who.id.parse().expect("an id")), now: Utc::now() };
        let (mut items, mut cursor) = (Vec::<Item>::new(), String::new());
        loop {
            let answer = who.look(&format!("/bff-api/{name}/list?limit=100&sortBy=id{cursor}")).await;
            let page: Vec<Item> = serde_json::from_value(answer.is(200)["items"].clone()).expect("items");
            items.extend(page);
            match answer.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let of_field = |item: &Item, column: &'static Column| {
            let text = item.get(&column.name).and_then(Value::as_str).unwrap_or_default();
            (column.name.as_str(), words::words(text))
        };
        let of_item =
            |item: &Item| view.searched_for(role).map(|column| of_field(item, column)).collect::<BTreeMap<_, _>>();
        let words = items.iter().map(of_item).collect();
        Self { view, asker, items, words }
    }

    fn column(&self, name: &str) -> &'static Column {
        self.view.column_for(self.asker.role, name).expect("a column")
    }

    /// What filters and words find, in no order.
    pub fn fitting(&self, json: &Value, q: Option<&str>) -> Vec<&Item> {
        let (filter, asked) = (self.read(json), q.map(words::words));
        let tolerant = self.view.read_whole_by(self.asker.role);
        let fits = |item: &Item, words: &BTreeMap<&str, Vec<String>>| {
            filter.holds(item, words)
                && asked.as_ref().is_none_or(|asked| words.values().any(|said| found_by_q(said, asked, tolerant)))
        };
        self.items.iter().zip(&self.words).filter(|(item, words)| fits(item, words)).map(|(item, _)| item).collect()
    }

    fn read(&self, json: &Value) -> Tree {
        let several = |list: &Vec<Value>| list.iter().map(|inner| self.read(inner)).collect();
        let one = |(name, inner): (&String, &Value)| match (name.as_str(), inner) {
            ("$and", Value::Array(list)) => Tree::All(several(list)),
            ("$or", Value::Array(list)) => Tree::Any(several(list)),
            ("$not", _) => Tree::Not(Box::new(self.read(inner))),
            _ => self.leaf(name, inner),
        };
        Tree::All(json.as_object().expect("filters").iter().map(one).collect())
    }

    fn leaf(&self, name: &str, cond: &Value) -> Tree {
        let original = cond.get("operator").and_then(Value::as_str).map(|operator| (operator, &cond["value"]));
        let ours = || cond.as_object()?.iter().next().map(|(operator, operand)| (operator.as_str(), operand));
        if let Some((operator, operand)) = original.or_else(ours)
            && let Some(said) = Said::by(operator)
        {
            return Tree::Said(name.to_owned(), said, words::words(operand.as_str().expect("words")));
        }
        Tree::All(leaves(self.column(name), cond, self.asker).into_iter().map(Tree::Is).collect())
    }

    /// The ids that a question finds, in its order.
    pub fn ordered(&self, query: &Query) -> Vec<String> {
        let mut found = self.fitting(&query.filters, query.q.as_deref());
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
        query.facets.iter().map(|name| self.facet(name, &conditions, query.q.as_deref())).collect()
    }

    fn facet(&self, name: &str, conditions: &[Value], q: Option<&str>) -> Value {
        let others = |condition: &&Value| {
            let mut fields = Vec::new();
            named(condition, &mut fields);
            fields.is_empty() || fields.iter().any(|field| field != name)
        };
        let kept: Vec<&Value> = conditions.iter().filter(others).collect();
        let found = self.fitting(&if kept.is_empty() { json!({}) } else { json!({"$and": kept}) }, q);
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

/// Filters, ready for many documents.
enum Tree {
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
    Said(String, Said, Vec<String>),
    Is(Leaf),
}

impl Tree {
    fn holds(&self, item: &Item, words: &BTreeMap<&str, Vec<String>>) -> bool {
        match self {
            Self::All(all) => all.iter().all(|inner| inner.holds(item, words)),
            Self::Any(any) => any.iter().any(|inner| inner.holds(item, words)),
            Self::Not(inner) => !inner.holds(item, words),
            Self::Said(field, said, asked) => words.get(field.as_str()).is_some_and(|there| said.holds(there, asked)),
            Self::Is(leaf) => leaf.holds(item),
        }
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

//! [`Filter`] to Elasticsearch, `bool.filter` only, and the read rule around it.

use event_schema::auth::user::Role;
use event_schema::ids::UserId;
use event_schema::object::{Kind, hidden};
use serde_json::{Value, json};

use super::expr::{Cond, Filter, Scalar};
use super::words::Words;
use crate::view::Column;

/// The determinised states that a regular expression may cost.
const REGEXP_STATES: u32 = 1_000;
/// The words that the beginning of one may stand for where it is longer than the prefixes that the index holds. Which of
/// them come first depends on all documents, so the bound is far beyond what there is: hidden ones must not push out any.
const BEGUN_WORDS: u32 = 10_000;

/// What this reader may see of the view. The client's filters never reach this list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadRule {
    /// Every living document.
    All,
    /// Those whose readers name him, his role or everybody.
    ReadersWith(UserId, Role),
}

impl ReadRule {
    fn clauses(&self) -> Vec<Value> {
        let mut clauses = vec![json!({"term": {hidden::LIVE: true}})];
        match self {
            Self::All => {}
            Self::ReadersWith(user, role) => {
                let readers = json!([user, hidden::EVERYBODY, hidden::of_role(*role)]);
                clauses.push(json!({"terms": {hidden::READERS: readers}}));
            }
        }
        clauses
    }

    /// The same rule on a document's hidden fields.
    pub fn allows(&self, source: &serde_json::Map<String, Value>) -> bool {
        if source.get(hidden::LIVE) != Some(&Value::Bool(true)) {
            return false;
        }
        match self {
            Self::All => true,
            Self::ReadersWith(user, role) => {
                let readers = source.get(hidden::READERS).and_then(Value::as_array);
                let (user, role) = (user.to_string(), hidden::of_role(*role));
                readers.is_some_and(|list| list.iter().any(|r| r == hidden::EVERYBODY || *r == user || *r == role))
            }
        }
    }
}

/// The order of a sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Rising.
    Asc,
    /// Falling.
    Desc,
}

impl Order {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asc => "asc",
            Self::Desc => "desc",
        }
    }

    /// The other one.
    pub fn reversed(self) -> Self {
        match self {
            Self::Asc => Self::Desc,
            Self::Desc => Self::Asc,
        }
    }
}

/// The part of a page's request that is not its query.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Rows before the first.
    pub from: u32,
    /// Rows at most; 0 only counts.
    pub size: u32,
    /// Columns and their orders; always ends in the unique id.
    pub sort: Vec<(&'static Column, Order)>,
    /// The row after which to begin, as the list of its sort values.
    pub after: Option<Value>,
    /// Whether to go through the list from its end. What is found is then in the reverse order.
    pub backwards: bool,
}

impl Window {
    /// No rows: only the total is wanted.
    pub const NOTHING: Self = Self { from: 0, size: 0, sort: Vec::new(), after: None, backwards: false };
}

/// The query: the read rule and the living first, then what the client asked, all in filter context.
pub fn query(rule: &ReadRule, filter: Option<&Filter>, q: Option<&Words>) -> Value {
    let mut clauses = rule.clauses();
    clauses.extend(filter.map(clause));
    clauses.extend(q.map(Words::clause));
    json!({"bool": {"filter": clauses}})
}

/// The body of a search. What is missing comes last in either order, so first when the list is gone through backwards.
pub fn search(query: Value, window: &Window) -> Value {
    let missing = if window.backwards { "_first" } else { "_last" };
    let sort: Vec<Value> = window
        .sort
        .iter()
        .map(|(column, order)| {
            let order = if window.backwards { order.reversed() } else { *order };
            let how = json!({"order": order.as_str(), "missing": missing, "unmapped_type": mapped_type(column)});
            json!({column.name.as_str(): how})
        })
        .collect();
    let mut body =
        json!({"from": window.from, "size": window.size, "track_total_hits": true, "query": query, "sort": sort});
    if let Some(after) = &window.after {
        body["search_after"] = after.clone();
    }
    body
}

/// The type to sort a column by that an older generation of the index does not map yet.
fn mapped_type(column: &Column) -> &'static str {
    match column.kind {
        // As the table maps it: what stands for a missing value in a cursor is of the type.
        Kind::Integer if column.companion_of.is_some() => "byte",
        Kind::String | Kind::Text | Kind::Id | Kind::Enum(_) | Kind::Json => "keyword",
        Kind::Boolean => "boolean",
        Kind::Integer => "long",
        Kind::Double => "double",
        Kind::Date => "date",
    }
}

/// One filter as a clause.
pub fn clause(filter: &Filter) -> Value {
    match filter {
        Filter::And(all) => json!({"bool": {"filter": all.iter().map(clause).collect::<Vec<_>>()}}),
        Filter::Or(any) => {
            json!({"bool": {"should": any.iter().map(clause).collect::<Vec<_>>(), "minimum_should_match": 1}})
        }
        Filter::Not(inner) => not(clause(inner)),
        Filter::Is(column, cond) => leaf(column, cond),
    }
}

fn not(inner: Value) -> Value {
    json!({"bool": {"must_not": [inner]}})
}

fn leaf(column: &Column, cond: &Cond) -> Value {
    let field = column.name.as_str();
    let words = || column.words();
    match cond {
        Cond::Eq(value) => equal(field, value),
        Cond::Ne(value) => not(equal(field, value)),
        Cond::In(values) => one_of(field, values),
        Cond::Nin(values) => not(one_of(field, values)),
        Cond::Gt(value) => json!({"range": {field: {"gt": value.last()}}}),
        Cond::Gte(value) => json!({"range": {field: {"gte": value.first()}}}),
        Cond::Lt(value) => json!({"range": {field: {"lt": value.first()}}}),
        Cond::Lte(value) => json!({"range": {field: {"lte": value.last()}}}),
        Cond::Between(least, most) => {
            let mut ends = serde_json::Map::new();
            ends.extend(least.as_ref().map(|value| ("gte".to_owned(), value.first())));
            ends.extend(most.as_ref().map(|value| ("lte".to_owned(), value.last())));
            json!({"range": {field: ends}})
        }
        Cond::Exists(true) => json!({"exists": {"field": field}}),
        Cond::Exists(false) => not(json!({"exists": {"field": field}})),
        Cond::Prefix(text) => without_case("prefix", field, text),
        Cond::Contains(text) => without_case("wildcard", field, &containing(text)),
        Cond::Wildcard(pattern) => without_case("wildcard", field, pattern),
        Cond::Regexp(pattern) => {
            json!({"regexp": {field: {"value": pattern, "flags": "NONE", "max_determinized_states": REGEXP_STATES}}})
        }
        Cond::Match(text) => json!({"match": {words(): {"query": text}}}),
        Cond::MatchPhrase(text) => json!({"match_phrase": {words(): {"query": text}}}),
        Cond::MatchPhrasePrefix(text) => {
            json!({"match_phrase_prefix": {words(): {"query": text, "max_expansions": BEGUN_WORDS}}})
        }
    }
}

fn equal(field: &str, value: &Scalar) -> Value {
    match value {
        Scalar::Date(_) => json!({"range": {field: {"gte": value.first(), "lte": value.last()}}}),
        Scalar::Text(_)
        | Scalar::Id(_)
        | Scalar::Word(_)
        | Scalar::Bool(_)
        | Scalar::Integer(_)
        | Scalar::Double(_) => {
            json!({"term": {field: value.first()}})
        }
    }
}

fn one_of(field: &str, values: &[Scalar]) -> Value {
    if values.iter().any(|value| matches!(value, Scalar::Date(_))) {
        let any: Vec<Value> = values.iter().map(|value| equal(field, value)).collect();
        return json!({"bool": {"should": any, "minimum_should_match": 1}});
    }
    json!({"terms": {field: values.iter().map(Scalar::first).collect::<Vec<_>>()}})
}

/// Elasticsearch knows the case of ASCII letters only, so other letters are asked for in both.
fn without_case(query: &str, field: &str, pattern: &str) -> Value {
    let one = |pattern: &String| json!({query: {field: {"value": pattern, "case_insensitive": true}}});
    match cases(pattern).as_slice() {
        [only] => one(only),
        several => {
            json!({"bool": {"should": several.iter().map(one).collect::<Vec<_>>(), "minimum_should_match": 1}})
        }
    }
}

/// The cases in which a pattern is asked for; they differ in more than ASCII letters.
pub fn cases(pattern: &str) -> Vec<String> {
    let mut cases: Vec<String> = vec![pattern.to_owned()];
    for case in [pattern.to_lowercase(), pattern.to_uppercase()] {
        if !pattern.is_ascii() && !cases.iter().any(|known| known.eq_ignore_ascii_case(&case)) {
            cases.push(case);
        }
    }
    cases
}

/// The wildcard for what contains this text, in which nothing means anything else.
pub fn containing(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    out.push('*');
    for c in text.chars() {
        if matches!(c, '*' | '?' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('*');
    out
}

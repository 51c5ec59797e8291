//! A query after parsing: typed, bounded, free of anything that the client wrote but values.

use event_schema::object::instant;
use serde_json::{Value, json};
use uuid::Uuid;

use super::dates::Span;
use crate::view::Column;

/// A condition on a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of these; true without any.
    And(Vec<Filter>),
    /// At least one of these.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// A condition on one column.
    Is(&'static Column, Cond),
}

/// A condition on one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cond {
    /// Equal.
    Eq(Scalar),
    /// Not equal, or missing.
    Ne(Scalar),
    /// One of these.
    In(Vec<Scalar>),
    /// None of these, or missing.
    Nin(Vec<Scalar>),
    /// Greater.
    Gt(Scalar),
    /// Greater or equal.
    Gte(Scalar),
    /// Less.
    Lt(Scalar),
    /// Less or equal.
    Lte(Scalar),
    /// Between the two, both included.
    Between(Option<Scalar>, Option<Scalar>),
    /// Has a value (true), or none (false).
    Exists(bool),
    /// Starts with, without case.
    Prefix(String),
    /// Contains, without case.
    Contains(String),
    /// Fits a pattern of `*` and `?`, without case.
    Wildcard(String),
    /// Fits a regular expression.
    Regexp(String),
    /// Contains one of the words.
    Match(String),
    /// Contains the words next to each other.
    MatchPhrase(String),
    /// Contains the words next to each other, the last one as a prefix.
    MatchPhrasePrefix(String),
}

/// A value of a column's type.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Text.
    Text(String),
    /// An id.
    Id(Uuid),
    /// A word of the column's enum, as it is stored.
    Word(&'static str),
    /// true or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A finite number.
    Double(f64),
    /// An instant or a rounded date.
    Date(Span),
}

impl Scalar {
    /// The value in Elasticsearch where the least instant of a date is meant.
    pub fn first(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Id(id) => json!(id),
            Self::Word(word) => json!(word),
            Self::Bool(flag) => json!(flag),
            Self::Integer(number) => json!(number),
            Self::Double(number) => json!(number),
            Self::Date(span) => json!(instant(span.first)),
        }
    }

    /// The value in Elasticsearch where the last instant of a date is meant.
    pub fn last(&self) -> Value {
        match self {
            Self::Date(span) => json!(instant(span.last)),
            Self::Text(_) | Self::Id(_) | Self::Word(_) | Self::Bool(_) | Self::Integer(_) | Self::Double(_) => {
                self.first()
            }
        }
    }
}

impl Filter {
    /// The one column that the whole condition is about, if it is about one.
    pub fn only_column(&self) -> Option<&'static Column> {
        match self {
            Self::Is(column, _) => Some(column),
            Self::Not(inner) => inner.only_column(),
            Self::And(all) | Self::Or(all) => {
                let first = all.first()?.only_column()?;
                all.iter().all(|inner| inner.only_column() == Some(first)).then_some(first)
            }
        }
    }

    /// What two filters ask together.
    pub fn both(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(Self::And(vec![one, other])),
            (one, other) => one.or(other),
        }
    }

    /// Every condition in it and its column, in the order in which they stand there.
    pub fn each_condition(&self, visit: &mut impl FnMut(&'static Column, &Cond)) {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().for_each(|inner| inner.each_condition(visit)),
            Self::Not(inner) => inner.each_condition(visit),
            Self::Is(column, cond) => visit(column, cond),
        }
    }

    /// Whether a regular expression stands in it, whose syntax only Elasticsearch knows.
    pub fn has_regexp(&self) -> bool {
        let mut found = false;
        self.each_condition(&mut |_, cond| found |= matches!(cond, Cond::Regexp(_)));
        found
    }
}

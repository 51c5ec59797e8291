//! The query string: the contract's common parameters, and the filters of lists (contract 1.2).

use event_schema::object::Kind;
use serde_json::{Value, json};
use service::token::TOKEN_PARAMETER;
use service::{ApiError, Fault};
use uuid::Uuid;

use super::predicate::Predicate;

/// A filter that a list takes.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    /// Its name in the query string, also the list column.
    pub name: &'static str,
    /// How its values are compared.
    pub kind: Kind,
}

/// How the value of a common parameter looks.
#[derive(Clone, Copy, Debug)]
enum Form {
    Text,
    Flag,
    Seconds,
}

/// A query parameter that every route takes.
#[derive(Debug)]
pub struct Common {
    /// Its name.
    pub name: &'static str,
    form: Form,
    /// What it means, for the documents.
    pub about: &'static str,
}

const fn common(name: &'static str, form: Form, about: &'static str) -> Common {
    Common { name, form, about }
}

impl Common {
    /// The JSON Schema of its values.
    pub fn schema(&self) -> Value {
        match self.form {
            Form::Text => json!({"type": "string"}),
            Form::Flag => json!({"type": "boolean"}),
            Form::Seconds => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        }
    }

    fn fault(&self, value: &str) -> Option<Fault> {
        let (fits, wanted) = match self.form {
            Form::Text => (true, "text"),
            Form::Flag => (["true", "false"].contains(&value), "true or false"),
            Form::Seconds => (value.parse::<u32>().is_ok(), "seconds"),
        };
        let name = self.name;
        (!fits).then(|| fault(name, "IsNotValid", format!("`{name}` must be {wanted}, not `{value}`")))
    }
}

/// Query parameters that every route takes, besides the token.
pub const COMMON: &[Common] = &[
    common("requestId", Form::Text, "Tracks the request through the logs."),
    common("getJoins", Form::Flag, "false: getGame without moves and opening; else no effect."),
    common("excludeCQRS", Form::Flag, "No effect: answers come from the log's own rows."),
    common("caching", Form::Flag, "No effect: nothing is answered from a cache."),
    common("cacheTTL", Form::Seconds, "No effect; seconds."),
];
/// Query parameters that every list takes.
const PAGING: &[&str] = &["pageNumber", "pageRowCount"];
/// The most rows of a page, and of an answer without pages.
pub const MOST_ROWS: i64 = 500;
/// The last row that paging reaches; `pageNumber=0` gives at most as many.
pub const DEEPEST: i64 = 10_000;

/// Which rows of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// From 1; 0 = all rows.
    pub number: i64,
    /// Rows a page.
    pub rows: i64,
}

/// A decoded query string.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes `a=b&c=d`.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        actix_web::web::Query::<Vec<(String, String)>>::from_query(text)
            .map(|query| Self(query.into_inner()))
            .map_err(|e| ApiError::new(400, "errMsg_badQuery", format!("the query string cannot be read: {e}")))
    }

    /// The values of a parameter, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a parameter.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Checks names and common values: everything that is wrong, at once.
    pub fn check(&self, filters: &[Filter], extra: &[&str], is_list: bool) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (name, value) in &self.0 {
            let common = COMMON.iter().find(|common| common.name == name);
            let known = common.is_some() || name == TOKEN_PARAMETER || extra.contains(&name.as_str());
            let paging = is_list && PAGING.contains(&name.as_str());
            let filter = filters.iter().find(|f| f.name == name);
            if !known && !paging && filter.is_none() {
                faults.push(fault(name, "unknownParameter", format!("`{name}` is not a parameter of this route")));
            }
            faults.extend(common.and_then(|common| common.fault(value)));
            if value.contains('\0') {
                faults.push(fault(name, "IsNotValid", format!("`{name}` must not contain U+0000")));
            }
            if let Some(filter) = filter {
                faults.extend(wrong_value(filter, value).map(|told| fault(name, "IsNotValid", told)));
            }
        }
        if is_list && let Err(more) = self.page() {
            faults.extend(more);
        }
        faults
    }

    /// The page asked for (contract README, rows 24 and 37).
    pub fn page(&self) -> Result<Page, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut number = |name: &'static str, default: i64, range: std::ops::RangeInclusive<i64>| {
            let Some(text) = self.first(name) else { return default };
            let value = text.parse::<i64>().ok().filter(|n| range.contains(n));
            value.unwrap_or_else(|| {
                let told = format!("`{name}` must be {} to {}, not `{text}`", range.start(), range.end());
                faults.push(fault(name, "IsNotValid", told));
                default
            })
        };
        let page =
            Page { number: number("pageNumber", 1, 0..=DEEPEST), rows: number("pageRowCount", 25, 1..=MOST_ROWS) };
        if page.number * page.rows > DEEPEST {
            let told =
                format!("pageNumber * pageRowCount must be at most {DEEPEST}; ask for less, or use the query service");
            faults.push(fault("pageNumber", "IsNotValid", told));
        }
        if faults.is_empty() { Ok(page) } else { Err(faults) }
    }

    /// The filters that are there, as conditions.
    pub fn conditions(&self, filters: &[Filter]) -> Vec<Predicate> {
        let asked = filters.iter().filter(|f| self.first(f.name).is_some());
        asked
            .map(|filter| {
                let (null, values): (Vec<&str>, Vec<&str>) = self.all(filter.name).partition(|v| *v == "null");
                let mut any = Vec::new();
                if !null.is_empty() {
                    any.push(Predicate::Missing(filter.name));
                }
                if !values.is_empty() {
                    any.push(compare(filter, &values));
                }
                Predicate::Or(any)
            })
            .collect()
    }
}

fn compare(filter: &Filter, values: &[&str]) -> Predicate {
    match filter.kind {
        Kind::String | Kind::Text | Kind::Json => {
            Predicate::Contains(filter.name, values.iter().map(|v| (*v).to_owned()).collect())
        }
        Kind::Id => {
            let ids = values.iter().filter_map(|v| Uuid::parse_str(v).ok());
            Predicate::Is(filter.name, ids.map(|id| id.to_string()).collect())
        }
        Kind::Enum(words) => {
            let words = values.iter().filter_map(|v| words.iter().find(|w| w.eq_ignore_ascii_case(v)));
            Predicate::Is(filter.name, words.map(|w| (*w).to_owned()).collect())
        }
        Kind::Boolean | Kind::Integer | Kind::Double | Kind::Date => {
            Predicate::Is(filter.name, values.iter().map(|v| (*v).to_owned()).collect())
        }
    }
}

fn wrong_value(filter: &Filter, value: &str) -> Option<String> {
    if value == "null" {
        return None;
    }
    let name = filter.name;
    match filter.kind {
        Kind::Id => Uuid::parse_str(value).is_err().then(|| format!("`{name}` must be a UUID, not `{value}`")),
        Kind::Enum(words) => (!words.iter().any(|w| w.eq_ignore_ascii_case(value)))
            .then(|| format!("`{name}` must be one of {}, not `{value}`", words.join(", "))),
        Kind::Boolean => {
            (!["true", "false"].contains(&value)).then(|| format!("`{name}` must be true or false, not `{value}`"))
        }
        Kind::Integer => {
            value.parse::<i64>().is_err().then(|| format!("`{name}` must be a whole number, not `{value}`"))
        }
        Kind::String | Kind::Text | Kind::Json | Kind::Double | Kind::Date => None,
    }
}

fn fault(name: &str, code: &str, message: String) -> Fault {
    let name: String = name.chars().take(64).collect();
    let code = if code == "IsNotValid" { format!("errMsg_{name}IsNotValid") } else { format!("errMsg_{code}") };
    Fault { pointer: name, code, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILTERS: &[Filter] = &[
        Filter { name: "status", kind: Kind::Enum(&["pending", "active"]) },
        Filter { name: "fullname", kind: Kind::String },
        Filter { name: "gameId", kind: Kind::Id },
    ];

    fn faults(text: &str) -> Vec<String> {
        Query::parse(text).unwrap().check(FILTERS, &[], true).into_iter().map(|f| f.pointer).collect()
    }

    #[test]
    fn all_that_is_wrong_is_named() {
        assert!(faults("status=ACTIVE&status=null&getJoins=false&pageNumber=2").is_empty());
        assert_eq!(faults("colour=red&status=x&gameId=7&caching=maybe&pageRowCount=0").len(), 5);
        assert_eq!(faults("pageNumber=401&pageRowCount=25"), ["pageNumber"]);
    }

    #[test]
    fn filters_become_conditions() {
        let query = Query::parse("status=ACTIVE&fullname=an&fullname=null").unwrap();
        assert_eq!(
            query.conditions(FILTERS),
            [
                Predicate::Or(vec![Predicate::Is("status", vec!["active".into()])]),
                Predicate::Or(vec![Predicate::Missing("fullname"), Predicate::Contains("fullname", vec!["an".into()])]),
            ]
        );
    }
}

//! Query parameters: declared once, checked here, printed in the documents.

use serde_json::{Map, Value, json};
use service::document::JSON;

use crate::query::faults::{Code, Faults, did_you_mean, quoted, step};
use crate::query::value::shown;

/// What a parameter's text must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A whole number between these, both included.
    Integer(i64, i64),
    /// `true` or `false`.
    Flag,
    /// At most this many characters.
    Text(usize),
    /// Names separated by commas, at most this many characters; in a body a list of names as well.
    Names(usize),
    /// JSON, whose size is checked where it is parsed.
    Json,
}

/// A query parameter.
#[derive(Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it must look like.
    pub form: Form,
    /// What it does.
    pub about: &'static str,
}

const fn param(name: &'static str, form: Form, about: &'static str) -> Param {
    Param { name, form, about }
}

/// Page from 1.
pub const PAGE: Param = param("page", Form::Integer(1, 10_000), "page, from 1; page times limit is at most 10000");
/// Rows a page.
pub const LIMIT: Param = param("limit", Form::Integer(1, 100), "rows a page, default 10");
/// Rows a page of "get all".
pub const LIMIT_OF_ALL: Param = param(LIMIT.name, LIMIT.form, "rows a page, default 25");
/// Columns to sort by.
pub const SORT_BY: Param =
    param("sortBy", Form::Names(500), "fields to sort by, separated by commas; default createdAt");
/// Their orders.
pub const SORT_ORDER: Param = param(
    "sortOrder",
    Form::Names(100),
    "asc or desc, one for all or one for each field of sortBy; default asc, without sortBy desc",
);
/// Words.
pub const Q: Param =
    param("q", Form::Text(crate::query::budget::MAX_TEXT), "words or beginnings of words to search for");
/// Columns to answer.
pub const FIELDS: Param = param("fields", Form::Names(2_000), "fields of the answer, separated by commas; default all");
/// Columns to count.
pub const FACETS: Param = param(
    "facets",
    Form::Names(500),
    "fields whose values to count, separated by commas, at most 5; a field's own filter is left out of its counts",
);
/// Where a page begins.
pub const CURSOR: Param = param(
    "cursor",
    Form::Text(crate::signed::MAX_TOKEN),
    "nextCursor or prevCursor of an answer to the same question; instead of page",
);
/// A saved filter.
pub const FILTER: Param = param("filter", Form::Text(36), "the id of a saved filter, ANDed with all else");
/// Filters of a GET.
pub const FILTERS: Param = param("filters", Form::Json, "the filters as JSON");
/// The token of a command, for those who cannot set headers.
pub const CONSISTENCY_TOKEN: Param =
    param("consistencyToken", Form::Text(100), "as the header Consistency-Token: wait for what this command did");

/// Where a live read goes on, for those who cannot set headers.
pub const LAST_EVENT_ID: Param =
    param("lastEventId", Form::Text(100), "as the header Last-Event-ID: go on behind the event with this id");

/// The access token, for those who cannot set headers; the documents show it among the ways to log in.
pub const TOKEN: Param = param(service::token::TOKEN_PARAMETER, Form::Text(8_192), "the access token");

/// `false` goes past the answers that are kept.
pub const CACHING: &str = "caching";

/// Common to all services; checked, and without effect on reads here.
pub const COMMON: &[Param] = &[
    param("requestId", Form::Text(128), "an id that traces the request through the logs"),
    TOKEN,
    param("getJoins", Form::Flag, "no effect: views hold their joins"),
    param("excludeCQRS", Form::Flag, "no effect: views are all there is here"),
    param(CACHING, Form::Flag, "false: searched anew, whatever answer is kept"),
    param("cacheTTL", Form::Integer(0, 86_400), "no effect: an answer is kept until its view changes"),
    param("pageNumber", Form::Integer(0, 10_000), "no effect here: see page"),
    param("pageRowCount", Form::Integer(1, 500), "no effect here: see limit"),
];

impl Param {
    /// Its JSON Schema.
    pub fn schema(&self) -> Value {
        match self.form {
            Form::Integer(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Form::Flag => json!({"type": "boolean"}),
            Form::Text(most) | Form::Names(most) => json!({"type": "string", "maxLength": most}),
            Form::Json => json!({"type": "string", "contentMediaType": JSON}),
        }
    }

    /// Its JSON Schema in a body; that of JSON is the caller's.
    pub fn body_schema(&self) -> Value {
        match self.form {
            Form::Names(_) => json!({"anyOf": [self.schema(), {"type": "array", "items": {"type": "string"}}]}),
            Form::Integer(..) | Form::Flag | Form::Text(_) | Form::Json => self.schema(),
        }
    }

    /// The text that a value in a body stands for; none if it is of another type.
    fn text_of(&self, value: &Value) -> Option<String> {
        match self.form {
            Form::Integer(..) => value.is_i64().then(|| value.to_string()),
            Form::Flag => value.is_boolean().then(|| value.to_string()),
            Form::Text(_) => value.as_str().map(str::to_owned),
            Form::Names(_) => match value.as_array() {
                Some(names) => names.iter().map(Value::as_str).collect::<Option<Vec<_>>>().map(|names| names.join(",")),
                None => value.as_str().map(str::to_owned),
            },
            Form::Json => Some(value.to_string()),
        }
    }

    /// Whether two texts mean the same.
    fn same(&self, one: &str, other: &str) -> bool {
        match self.form {
            Form::Integer(..) => one.parse::<i64>().ok() == other.parse().ok(),
            Form::Names(_) => crate::page::names(one).eq(crate::page::names(other)),
            Form::Json => serde_json::from_str::<Value>(one).ok() == serde_json::from_str(other).ok(),
            Form::Flag | Form::Text(_) => one == other,
        }
    }

    /// What is wrong with a text, if something is.
    fn fault(&self, text: &str) -> Option<String> {
        let fits = match self.form {
            Form::Integer(least, most) => text.parse::<i64>().is_ok_and(|number| (least..=most).contains(&number)),
            Form::Flag => matches!(text, "true" | "false"),
            Form::Text(most) | Form::Names(most) => text.chars().count() <= most && !text.contains('\0'),
            Form::Json => true,
        };
        (!fits).then(|| format!("`{}` {}, not {}", self.name, self.wanted(), quoted(text)))
    }

    /// What it is, in words that follow its name.
    fn wanted(&self) -> String {
        match self.form {
            Form::Integer(least, most) => format!("is an integer from {least} to {most}"),
            Form::Flag => "is true or false".to_owned(),
            Form::Text(most) => format!("is at most {most} characters without U+0000"),
            Form::Names(most) => format!("is names, at most {most} characters without U+0000"),
            Form::Json => "is JSON".to_owned(),
        }
    }
}

/// The parameters of a request, by name; those with faults are left out.
#[derive(Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a query string. Names beside `known` and [`COMMON`], repeated names and bad values are faults.
    pub fn read(query: &str, known: &[&Param], faults: &mut Faults) -> Self {
        let pairs = match actix_web::web::Query::<Vec<(String, String)>>::from_query(query) {
            Ok(pairs) => pairs.into_inner(),
            Err(error) => {
                faults.push("", Code::InvalidParameter, format!("the query string cannot be read: {error}"));
                return Self::default();
            }
        };
        let mut params = Self::default();
        for (name, text) in pairs {
            let at = step("", &name);
            let Some(param) = known.iter().copied().chain(COMMON).find(|param| param.name == name) else {
                let hint = did_you_mean(&name, known.iter().copied().chain(COMMON).map(|param| param.name));
                let message = format!("{} is no parameter of this route{hint}", quoted(&name));
                faults.push(at, Code::UnknownParameter, message);
                continue;
            };
            if params.get(&name).is_some() {
                faults.push(at, Code::InvalidParameter, format!("`{name}` stands there twice"));
            } else if let Some(message) = param.fault(&text) {
                faults.push(at, Code::InvalidParameter, message);
            } else {
                params.0.push((name, text));
            }
        }
        params
    }

    /// Reads parameters that stand in a body. What stands in the query string as well must say the same.
    pub fn read_body(&mut self, body: &Map<String, Value>, known: &[&Param], faults: &mut Faults) {
        for (name, value) in body {
            let at = step("", name);
            let Some(param) = known.iter().copied().find(|param| param.name == name) else {
                let names = || known.iter().map(|param| param.name);
                let (listed, hint) = (names().collect::<Vec<_>>().join(", "), did_you_mean(name, names()));
                faults.push(
                    at,
                    Code::InvalidShape,
                    format!("{} is no key of this body ({listed}){hint}", quoted(name)),
                );
                continue;
            };
            if value.is_null() {
                continue;
            }
            let text = param.text_of(value);
            let wrong = || Some(format!("`{name}` {}, not {}", param.wanted(), shown(value)));
            if let Some(message) = text.as_deref().map_or_else(wrong, |text| param.fault(text)) {
                faults.push(at, Code::InvalidParameter, message);
            } else if let Some(text) = text {
                match self.get(name) {
                    None => self.0.push((name.clone(), text)),
                    Some(other) if param.same(other, &text) => {}
                    Some(_) => {
                        let message = format!("`{name}` says one thing in the query string and another in the body");
                        faults.push(at, Code::InvalidParameter, message);
                    }
                }
            }
        }
    }

    /// The text of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// The number of an integer parameter, whose form was checked already.
    pub fn number(&self, param: &Param) -> Option<u32> {
        self.get(param.name).and_then(|text| text.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_noted_and_common_ones_are_accepted() {
        let mut faults = Faults::default();
        let query = "page=0&limt=5&limit=5&limit=6&caching=maybe&requestId=abc&getJoins=true&pageNumber=0&x%00=1";
        let params = Params::read(query, &[&PAGE, &LIMIT], &mut faults);
        let told: Vec<_> = faults.listed().iter().map(|f| (f.pointer.as_str(), f.message.as_str())).collect();
        assert_eq!(
            told,
            [
                ("/page", "`page` is an integer from 1 to 10000, not `0`"),
                ("/limt", "`limt` is no parameter of this route, did you mean `limit`?"),
                ("/limit", "`limit` stands there twice"),
                ("/caching", "`caching` is true or false, not `maybe`"),
                ("/x\0", "`x\0` is no parameter of this route"),
            ]
        );
        assert_eq!((params.number(&LIMIT), params.number(&PAGE)), (Some(5), None));
    }

    fn both(query: &str, body: &Value) -> (Params, Vec<String>) {
        let known: &[&Param] = &[&PAGE, &SORT_BY, &FILTERS, &Q];
        let mut faults = Faults::default();
        let mut params = Params::read(query, known, &mut faults);
        params.read_body(body.as_object().unwrap(), known, &mut faults);
        (params, faults.listed().iter().map(|f| format!("{} {}", f.pointer, f.message)).collect())
    }

    #[test]
    fn a_body_says_what_a_query_string_says() {
        let (params, told) =
            both("", &json!({"page": 2, "sortBy": ["plies", "eco"], "q": "x", "filters": {"eco": "B"}}));
        assert!(told.is_empty(), "{told:?}");
        assert_eq!(
            (params.number(&PAGE), params.get("sortBy"), params.get("q")),
            (Some(2), Some("plies,eco"), Some("x"))
        );
        assert_eq!(params.get("filters"), Some(r#"{"eco":"B"}"#));
        let same = json!({"page": 2, "sortBy": ["plies", "eco"], "q": null, "filters": {"eco": "B"}});
        assert!(both("page=2&sortBy=plies,%20eco&q=x&filters=%7B%20%22eco%22:%22B%22%7D", &same).1.is_empty());
    }

    #[test]
    fn a_body_that_contradicts_or_misspells_is_refused_whole() {
        let body = json!({"page": 3, "sortBy": [1], "filters": {"eco": "C"}, "q": 7, "sortby": "x", "limit": 5});
        let told = both("page=2&filters=%7B%22eco%22:%22B%22%7D", &body).1;
        let expected = [
            "/page `page` says one thing in the query string and another in the body",
            "/sortBy `sortBy` is names, at most 500 characters without U+0000, not a list",
            "/filters `filters` says one thing in the query string and another in the body",
            "/q `q` is at most 200 characters without U+0000, not `7`",
            "/sortby `sortby` is no key of this body (page, sortBy, filters, q), did you mean `sortBy`?",
            "/limit `limit` is no key of this body (page, sortBy, filters, q)",
        ];
        assert_eq!(told, expected);
        assert_eq!(both("", &json!({"page": 0})).1, ["/page `page` is an integer from 1 to 10000, not `0`"]);
        assert_eq!(both("", &json!({"page": "2"})).1, ["/page `page` is an integer from 1 to 10000, not `2`"]);
    }
}

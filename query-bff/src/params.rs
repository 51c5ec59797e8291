//! Query parameters: declared once, checked here, printed in the documents.

use serde_json::{Value, json};

use crate::query::faults::{Code, Faults, did_you_mean, quoted, step};

/// What a parameter's text must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A whole number between these, both included.
    Integer(i64, i64),
    /// `true` or `false`.
    Flag,
    /// At most this many characters.
    Text(usize),
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
    param("sortBy", Form::Text(500), "fields to sort by, separated by commas; default createdAt");
/// Their orders.
pub const SORT_ORDER: Param = param(
    "sortOrder",
    Form::Text(100),
    "asc or desc, one for all or one for each field of sortBy; default asc, without sortBy desc",
);
/// Words.
pub const Q: Param =
    param("q", Form::Text(crate::query::budget::MAX_TEXT), "words or beginnings of words to search for");
/// Columns to answer.
pub const FIELDS: Param = param("fields", Form::Text(2_000), "fields of the answer, separated by commas; default all");
/// Filters of a GET.
pub const FILTERS: Param = param("filters", Form::Json, "the filters as JSON");
/// The token of a command, for those who cannot set headers.
pub const CONSISTENCY_TOKEN: Param =
    param("consistencyToken", Form::Text(100), "as the header Consistency-Token: wait for what this command did");

/// Common to all services; checked, and without effect on reads here.
pub const COMMON: &[Param] = &[
    param("requestId", Form::Text(128), "an id that traces the request through the logs"),
    param("access_token", Form::Text(8_192), "the access token"),
    param("getJoins", Form::Flag, "no effect: views hold their joins"),
    param("excludeCQRS", Form::Flag, "no effect: views are all there is here"),
    param("caching", Form::Flag, "no effect yet: nothing is cached"),
    param("cacheTTL", Form::Integer(0, 86_400), "no effect yet: nothing is cached"),
    param("pageNumber", Form::Integer(0, 10_000), "no effect here: see page"),
    param("pageRowCount", Form::Integer(1, 500), "no effect here: see limit"),
];

impl Param {
    /// Its JSON Schema.
    pub fn schema(&self) -> Value {
        match self.form {
            Form::Integer(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Form::Flag => json!({"type": "boolean"}),
            Form::Text(most) => json!({"type": "string", "maxLength": most}),
            Form::Json => json!({"type": "string", "contentMediaType": "application/json"}),
        }
    }

    fn fault(&self, text: &str) -> Option<String> {
        let wanted = match self.form {
            Form::Integer(least, most) => {
                let fits = text.parse::<i64>().is_ok_and(|number| (least..=most).contains(&number));
                (!fits).then(|| format!("an integer from {least} to {most}"))
            }
            Form::Flag => (!matches!(text, "true" | "false")).then(|| "true or false".to_owned()),
            Form::Text(most) => {
                let fits = text.chars().count() <= most && !text.contains('\0');
                (!fits).then(|| format!("at most {most} characters without U+0000"))
            }
            Form::Json => None,
        };
        wanted.map(|wanted| format!("`{}` is {wanted}, not {}", self.name, quoted(text)))
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
}

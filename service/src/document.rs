//! Documents printed from the table of routes: OpenAPI 3.1, a Postman collection, the page that explains the API.

mod face;
mod openapi;
mod postman;
mod schema;

use serde_json::Value;

pub use face::face;
pub(crate) use face::{ICON, SCRIPT, STYLE};
pub use openapi::openapi;
pub use postman::postman;
pub use schema::{closed, field_schema, fields_schema, object_properties};

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query string.
    Query,
    /// A header.
    Header,
}

impl Place {
    /// The word of OpenAPI.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

/// One parameter of a route.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Whether a request without it is refused.
    pub required: bool,
    /// JSON Schema of its values.
    pub schema: Value,
    /// What it means.
    pub description: String,
}

/// The media type of bodies that say nothing else.
pub const JSON: &str = "application/json";

/// An answer of a route that is neither its success nor an error in the usual form.
#[derive(Clone, Copy, Debug)]
pub struct Other {
    /// Its status.
    pub status: u16,
    /// When it comes.
    pub about: &'static str,
    /// JSON Schema of its body; none: it has no body.
    pub body: Option<fn() -> Value>,
}

/// One route as the documents show it.
#[derive(Clone, Debug)]
pub struct Operation {
    /// `GET`, `POST`, ...
    pub method: String,
    /// The path behind the prefix, as actix writes it (`/v1/games/{gameId}`).
    pub path: String,
    /// The service's documented root (`/gameplay-api`), or empty for routes at the root.
    pub prefix: &'static str,
    /// The name in the contract (`createGame`); unique.
    pub name: &'static str,
    /// One sentence.
    pub summary: String,
    /// Who may, in words. `public` means without a token.
    pub permission: String,
    /// Path, query and header parameters.
    pub parameters: Vec<Parameter>,
    /// JSON Schema of the body, if it has one.
    pub body: Option<Value>,
    /// The media types of text that the body may be in place of JSON.
    pub texts: &'static [&'static str],
    /// JSON Schema of the answer; of each event, where it is a stream of events.
    pub answer: Value,
    /// The media types of the answer.
    pub media: Vec<&'static str>,
    /// The status of success.
    pub status: u16,
    /// The statuses of refusal.
    pub errors: Vec<u16>,
    /// What it may answer besides.
    pub others: &'static [Other],
}

impl Operation {
    /// Prefix and path, with parameters in braces and without actix's patterns (`{tail:.*}` becomes `{tail}`).
    pub fn full_path(&self) -> String {
        let mut out = String::from(self.prefix);
        let mut rest = self.path.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').unwrap_or((after, ""));
            out.push_str(before);
            out.push('{');
            out.push_str(name.split(':').next().unwrap_or(name));
            out.push('}');
            rest = behind;
        }
        out.push_str(rest);
        if out.is_empty() { "/".to_owned() } else { out }
    }

    /// Whether the documents know this status of it.
    pub fn documents(&self, status: u16) -> bool {
        let mut others = self.others.iter().map(|other| other.status);
        self.status == status || self.errors.contains(&status) || others.any(|other| other == status)
    }

    /// Whether it needs a token.
    pub fn needs_token(&self) -> bool {
        !self.permission.starts_with("public")
    }

    /// The group under which documents list it: the first word of the prefix, or `common`.
    pub fn group(&self) -> &'static str {
        let group = self.prefix.trim_start_matches('/').split('/').next().unwrap_or_default();
        if group.is_empty() { "common" } else { group }
    }
}

#[cfg(test)]
mod tests;

//! One request, checked: who calls, what the query and the body say.

use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::web::{Bytes, Data};
use serde_json::{Map, Value};
use service::sessions::Caller;
use service::{ApiError, Fault};
use uuid::Uuid;

use super::body;
use super::limits;
use super::query::Query;
use super::rows::{Access, Action, Row};
use crate::app::App;
use crate::es::aggregate::Actor;
use crate::es::request::Request;

/// A request that has passed the checks of its row.
pub struct Call {
    /// Its row.
    pub row: &'static Row,
    /// The service.
    pub app: Data<App>,
    /// The HTTP request.
    pub req: HttpRequest,
    /// When it came.
    pub started: Instant,
    /// How long the session check took.
    pub sso_ms: u128,
    /// Tracks it through logs, events and answers.
    pub request_id: String,
    /// The decoded query string.
    pub query: Query,
    /// The checked body, nulls taken out.
    pub body: Map<String, Value>,
    /// Who; always there on routes that need a login.
    caller: Option<Caller>,
    /// The command that it issues, if it writes.
    pub request: Request,
}

impl Call {
    /// Checks token, query and body against the row.
    pub async fn open(row: &'static Row, app: Data<App>, req: HttpRequest, bytes: Bytes) -> Result<Self, ApiError> {
        let started = Instant::now();
        let caller = match row.access {
            Access::LoggedIn => Some(app.sessions.caller(&req).await?),
            Access::Admins => Some(admin(&app, &req).await?),
            Access::Public => app.sessions.caller(&req).await.ok(),
        };
        let sso_ms = started.elapsed().as_millis();
        let query = Query::parse(req.query_string())?;
        let faults = query.check(row.filters, row.extra, row.action == Action::List);
        if !faults.is_empty() {
            return Err(ApiError::faults(faults));
        }
        let body = if row.body.is_empty() { Map::new() } else { body::check(row.body, json_of(row, &req, &bytes)?)? };
        check_code_guesses(&app, &req, caller.as_ref(), guesses(row.action, &query, &body))?;
        let actor = caller.as_ref().map_or(Actor::Anonymous, |c| Actor::User(c.user_id, c.role));
        let request = match idempotency_key(req.headers())? {
            Some(key) if row.action != Action::Raw => {
                let whole = serde_json::json!({"path": req.path(), "body": body});
                Request::keyed(actor, key, row.name, &whole, &app.store.keys.master)
            }
            Some(_) | None => Request::once(actor),
        };
        let request_id = service::http::RequestId::of(&req).0;
        Ok(Self { row, app, req, started, sso_ms, request_id, query, body, caller, request })
    }

    /// Who calls. Rows with [`Access::LoggedIn`] always have one.
    pub fn caller(&self) -> Result<&Caller, ApiError> {
        self.caller.as_ref().ok_or_else(ApiError::unauthenticated)
    }

    /// Who calls, if anybody is logged in.
    pub fn maybe_caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    /// The id in the path. The contract's error names it (`errMsg_chessGameIdisNotAValidID`).
    pub fn path_id(&self) -> Result<Uuid, ApiError> {
        let (name, text) = self.req.match_info().iter().next().unwrap_or_default();
        Uuid::parse_str(text).map_err(|_| {
            let code = format!("errMsg_{name}isNotAValidID");
            let message = format!("`{}` is not a UUID", text.chars().take(64).collect::<String>());
            ApiError::faults(vec![Fault { pointer: name.to_owned(), code, message }])
        })
    }

    /// A text of the body.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    /// A UUID of the body.
    pub fn id(&self, name: &str) -> Option<Uuid> {
        self.text(name).and_then(|text| Uuid::parse_str(text).ok())
    }

    /// A word of the body; the table has checked that it is one.
    pub fn word<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name).and_then(|text| text.parse().ok())
    }
}

/// Who calls, who must be an admin.
pub async fn admin(app: &App, req: &HttpRequest) -> Result<Caller, ApiError> {
    let caller = app.sessions.caller(req).await?;
    if caller.role.is_admin() { Ok(caller) } else { Err(ApiError::forbidden("only admins may do this")) }
}

/// The code that one might guess, in queries and bodies.
pub const GUESSED: &str = "invitationCode";

/// How many codes a request tries; the one in the body of create is the client's own.
fn guesses(action: Action, query: &Query, body: &Map<String, Value>) -> usize {
    query.all(GUESSED).count() + usize::from(action == Action::Update && body.contains_key(GUESSED))
}

/// Who tries invitation codes is limited, on every route that takes one (contract README, row 32). Each code counts.
fn check_code_guesses(app: &App, req: &HttpRequest, caller: Option<&Caller>, guesses: usize) -> Result<(), ApiError> {
    let Some(caller) = caller.filter(|caller| !caller.role.is_admin()) else { return Ok(()) };
    let peer = req.peer_addr().map(|addr| addr.ip());
    for _ in 0..guesses {
        app.limits.check(limits::CODES, peer, &caller.user_id.to_string())?;
    }
    Ok(())
}

/// The media types of bodies that are text.
pub const TEXTS: &[&str] = &["text/plain", "application/x-chess-pgn", "application/vnd.chess-pgn"];

/// The text of a body in UTF-8, or else in ISO 8859-1, in which PGN files were written before.
fn text_of(bytes: &Bytes) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// The JSON of a body; an empty one is an empty object, and plain text the field that the row says.
fn json_of(row: &Row, req: &HttpRequest, bytes: &Bytes) -> Result<Value, ApiError> {
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let kind = req.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("application/json");
    let media = kind.split(';').next().unwrap_or_default().trim();
    if let Some(field) = row.text
        && TEXTS.iter().any(|text| media.eq_ignore_ascii_case(text))
    {
        return Ok(serde_json::json!({field: text_of(bytes)}));
    }
    if !media.eq_ignore_ascii_case("application/json") && !media.ends_with("+json") {
        let others = if row.text.is_some() { format!(", {}", TEXTS.join(", ")) } else { String::new() };
        let told = format!("the body must be application/json{others}, not `{media}`");
        return Err(ApiError::new(415, "errMsg_unsupportedMediaType", told));
    }
    serde_json::from_slice(bytes)
        .map_err(|e| ApiError::new(400, "errMsg_invalidJson", format!("the body is not valid JSON: {e}")))
}

/// The client's idempotency key: 1 to 255 visible ASCII characters.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get("Idempotency-Key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
    key.map(Some).ok_or_else(|| {
        let told = "`Idempotency-Key` must be 1 to 255 visible ASCII characters; a UUID v7 is best";
        ApiError::new(400, "errMsg_IdempotencyKeyIsNotValid", told)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::{check, optional};
    use event_schema::object::Kind;

    #[test]
    fn a_code_is_a_guess_however_it_is_written() {
        let told = |action, query: &str, body: &str| {
            let body = serde_json::from_str(body).unwrap();
            let body = check(&[optional(GUESSED, Kind::String, "a code")], body).unwrap();
            guesses(action, &Query::parse(query).unwrap(), &body)
        };
        assert_eq!(told(Action::Update, "", r#"{"invitationCode":"a"}"#), 1);
        assert_eq!(told(Action::Update, "", r#"{"invitationC\u006fde":"a"}"#), 1);
        assert_eq!(told(Action::Update, "invitationC%6Fde=a", r#"{"invitationCode":"b"}"#), 2);
        assert_eq!(told(Action::List, "invitationCode=a&invitationCode=b&invitationCode=c", "{}"), 3);
        assert_eq!(told(Action::Create, "", r#"{"invitationCode":"mine"}"#), 0);
        assert_eq!(told(Action::Update, "", r#"{"invitationCode":null}"#), 0);
    }
}

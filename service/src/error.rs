//! The one error of the HTTP edge, and its body.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Value, json};

/// Any error below the edge.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Something that was asked for a fact did not answer; nothing is known about the fact.
#[derive(Debug, thiserror::Error)]
#[error("{what} does not answer")]
pub struct SourceError {
    /// Who was asked.
    pub what: &'static str,
    /// Why it did not answer.
    #[source]
    pub source: BoxError,
}

impl SourceError {
    /// `what` names who was asked (`postgres`, `command-api`).
    pub fn new(what: &'static str, source: impl Into<BoxError>) -> Self {
        Self { what, source: source.into() }
    }
}

/// One of several faults of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// JSON pointer into the body, or the parameter's name.
    pub pointer: String,
    /// `errMsg_…`.
    pub code: String,
    /// What is wrong and the way out.
    pub message: String,
}

/// What the HTTP edge may answer instead of the thing asked for. `Display` is the client's sentence; the source is only
/// for the log, which the request log writes once, with the request id.
#[derive(Clone, Debug)]
pub struct ApiError {
    status: u16,
    code: Cow<'static, str>,
    word: Option<Cow<'static, str>>,
    detail: Box<str>,
    faults: Vec<Fault>,
    retry_after: Option<u32>,
    stale: bool,
    // Shared: one failure may be told to several.
    source: Option<Arc<BoxError>>,
}

/// Seconds of `Retry-After` where the caller knows nothing better.
const RETRY_AFTER_SECONDS: u32 = 1;

impl ApiError {
    /// `code` is the contract's `errMsg_…`, `detail` the sentence for the client.
    pub fn new(status: u16, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            word: None,
            detail: detail.into().into(),
            faults: Vec::new(),
            retry_after: matches!(status, 429 | 503).then_some(RETRY_AFTER_SECONDS),
            stale: false,
            source: None,
        }
    }

    /// Adds one fault.
    pub fn fault(mut self, pointer: impl Into<String>, code: impl Into<String>, message: impl Into<String>) -> Self {
        self.faults.push(Fault { pointer: pointer.into(), code: code.into(), message: message.into() });
        self
    }

    /// 400 that lists all faults of a request. The first one gives the code; an empty list is a plain 400.
    pub fn faults(faults: Vec<Fault>) -> Self {
        Self::faults_as(400, faults)
    }

    /// As [`ApiError::faults`], with another status.
    pub fn faults_as(status: u16, faults: Vec<Fault>) -> Self {
        let code = faults.first().map_or("errMsg_badRequest".to_owned(), |fault| fault.code.clone());
        let told: Vec<String> = faults
            .iter()
            .map(|f| if f.pointer.is_empty() { f.message.clone() } else { format!("{}: {}", f.pointer, f.message) })
            .collect();
        let detail = if told.is_empty() { "the request is not valid".to_owned() } else { told.join("; ") };
        let mut error = Self::new(status, code, detail);
        error.faults = faults;
        error
    }

    /// A word in `errCode` in place of the status, where the contract names one (`EmailVerificationNeeded`).
    pub fn word(mut self, word: impl Into<Cow<'static, str>>) -> Self {
        self.word = Some(word.into());
        self
    }

    /// When to try again.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(u32::try_from(seconds).unwrap_or(u32::MAX));
        self
    }

    /// Whether it was told by a view that has not reached what the request wants: `Stale: true`.
    pub fn stale(mut self, stale: bool) -> Self {
        self.stale = stale;
        self
    }

    /// What lies below; only for the log.
    pub fn because(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(Arc::new(source.into()));
        self
    }

    /// 401: no valid token.
    pub fn unauthenticated() -> Self {
        Self::new(401, "errMsg_userNotAuthenticated", "a valid access token is needed; log in for one")
    }

    /// 403: known, but not allowed.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(403, "errMsg_forbidden", detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, "errMsg_recordNotFound", detail)
    }

    /// 409: the state forbids it.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(409, "errMsg_conflict", detail)
    }

    /// 413.
    pub fn too_large(limit: usize) -> Self {
        Self::new(413, "errMsg_bodyTooLarge", format!("the body is larger than the limit of {limit} bytes"))
    }

    /// 415.
    pub fn not_json() -> Self {
        Self::new(415, "errMsg_unsupportedMediaType", "the body must be JSON (`Content-Type: application/json`)")
    }

    /// 500 with a fixed sentence; the chain of `source` goes to the log.
    pub fn internal(source: impl Into<BoxError>) -> Self {
        let told = "something went wrong here; the request id finds it in the log";
        Self::new(500, "errMsg_internalError", told).because(source)
    }

    /// 503 with `Retry-After`; `detail` says whether anything was changed.
    pub fn unavailable(detail: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::new(503, "errMsg_serviceUnavailable", detail).because(source)
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The contract's `errMsg_…`.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The client's sentence.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What lies below, if anything does.
    pub fn cause(&self) -> Option<&BoxError> {
        self.source.as_deref()
    }

    /// The contract's body.
    pub fn body(&self) -> Value {
        let mut body = json!({
            "result": "ERR",
            "status": self.status,
            "message": self.code,
            "errCode": self.word.as_ref().map_or(json!(self.status), |word| json!(word)),
            "date": event_schema::object::instant(chrono::Utc::now()),
            "detail": self.detail,
        });
        if let (false, Some(map)) = (self.faults.is_empty(), body.as_object_mut()) {
            map.insert("errors".into(), json!(self.faults));
        }
        body
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ApiError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause().map(|source| source.as_ref() as &(dyn std::error::Error + 'static))
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if self.stale {
            response.insert_header(("stale", "true"));
        }
        response.json(self.body())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_the_contracts() {
        let mut body = ApiError::not_found("no game `7`").body();
        let date = body.as_object_mut().unwrap().remove("date").unwrap();
        assert!(chrono::DateTime::parse_from_rfc3339(date.as_str().unwrap()).is_ok());
        assert_eq!(
            body,
            json!({"result": "ERR", "status": 404, "message": "errMsg_recordNotFound", "errCode": 404, "detail": "no game `7`"})
        );
        assert_eq!(
            ApiError::forbidden("x").word("EmailVerificationNeeded").body()["errCode"],
            "EmailVerificationNeeded"
        );
    }

    #[test]
    fn several_faults_are_told_and_listed() {
        let fault = |pointer: &str| Fault {
            pointer: pointer.into(),
            code: "errMsg_unknownField".into(),
            message: "unknown field".into(),
        };
        let error = ApiError::faults(vec![fault("/a"), fault("/b")]);
        assert_eq!(error.detail(), "/a: unknown field; /b: unknown field");
        assert_eq!(error.body()["errors"][1]["pointer"], "/b");
    }

    #[test]
    fn the_client_never_sees_the_source() {
        let error = ApiError::internal("password of the database");
        assert!(!error.body().to_string().contains("password") && !error.to_string().contains("password"));
        assert_eq!(error.cause().unwrap().to_string(), "password of the database");
        let busy = ApiError::unavailable("nothing was changed", "down").error_response();
        assert_eq!(busy.headers().get(RETRY_AFTER).unwrap(), "1");
    }

    #[test]
    fn what_a_late_view_does_not_know_is_stale() {
        let header = |stale| {
            let response = ApiError::not_found("no game `7`").stale(stale).error_response();
            response.headers().get("stale").map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!((header(true).as_deref(), header(false)), (Some("true"), None));
    }
}

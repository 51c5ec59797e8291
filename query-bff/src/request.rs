//! What all routes do first: who asks, which view, which parameters; and what they do last: the headers of freshness.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use chrono::Utc;
use serde_json::{Map, Value};
use service::error::ApiError;
use service::sessions::Caller;
use uuid::Uuid;

use crate::App;
use crate::es::{EsError, Found, Search};
use crate::freshness::{Fresh, Wanted};
use crate::params::{FILTERS, Param, Params, Q};
use crate::query::compile::{ReadRule, Window, query, search};
use crate::query::expr::Filter;
use crate::query::faults::{Code, Faults, did_you_mean, quoted, step};
use crate::query::value::Asker;
use crate::query::words::Words;
use crate::query::{budget, parse};
use crate::view::{self, View};

/// A request by a known caller for a known view. Its faults are collected until [`Ask::sound`].
pub struct Ask {
    /// Who asks.
    pub caller: Caller,
    /// Which view.
    pub view: &'static View,
    /// `$me` and `now`.
    pub asker: Asker,
    /// The query parameters.
    pub params: Params,
    /// How fresh the answer must be.
    pub wanted: Wanted,
    /// What is wrong so far.
    pub faults: Faults,
}

impl Ask {
    /// 401 before 404 before all faults of the request. `known` are the parameters of the route.
    pub async fn open(app: &App, req: &HttpRequest, known: &[&Param]) -> Result<Self, ApiError> {
        let caller = app.sessions.caller(req).await.map_err(name_what_is_down)?;
        let name = req.match_info().get("index").unwrap_or_default();
        let view = view::by_name(name).ok_or_else(|| no_such_view(name))?;
        let mut faults = Faults::default();
        let params = Params::read(req.query_string(), known, &mut faults);
        let wanted = Wanted::read(req, &params, &mut faults);
        let asker = Asker { role: caller.role, me: caller.user_id, now: Utc::now() };
        Ok(Self { caller, view, asker, params, wanted, faults })
    }

    /// The read rule of this caller on a view.
    pub fn rule(&self, view: &View) -> ReadRule {
        let (user, role) = (self.caller.user_id, self.caller.role);
        if view.read_whole_by(role) { ReadRule::All } else { ReadRule::ReadersWith(user, role) }
    }

    /// The filters of `?filters=<JSON>`.
    pub fn query_filters(&mut self) -> Option<Filter> {
        let text = self.params.get(FILTERS.name)?;
        if !budget::bytes(text.len(), "/filters", &mut self.faults) {
            return None;
        }
        match serde_json::from_str::<Value>(text) {
            Ok(json) => parse::filters(self.view, &self.asker, &json, "/filters", &mut self.faults),
            Err(error) => {
                self.faults.push("/filters", Code::InvalidShape, format!("`filters` is not valid JSON: {error}"));
                None
            }
        }
    }

    /// The filters of a body: `{"filters": {...}}` or the bare map.
    pub fn body_filters(&mut self, body: &Value) -> Option<Filter> {
        let (json, pointer) = match body {
            Value::Object(map) if map.contains_key("filters") => {
                only_keys(map, &["filters"], &mut self.faults);
                (&body["filters"], "/filters")
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                (body, "")
            }
        };
        parse::filters(self.view, &self.asker, json, pointer, &mut self.faults)
    }

    /// The words of `q`.
    pub fn words(&mut self) -> Option<Words> {
        let q = self.params.get(Q.name).map(str::trim).filter(|q| !q.is_empty())?;
        let words = Words::new(self.view, self.caller.role, q);
        if words.is_none() {
            let message = format!("{} has no field that `q` searches", self.view.table.name);
            self.faults.push("/q", Code::InvalidParameter, message);
        }
        words
    }

    /// One 400 with all faults, if there are any.
    pub fn sound(&mut self) -> Result<(), ApiError> {
        std::mem::take(&mut self.faults).into_result()
    }

    /// The id in the path, under this name.
    pub fn path_id(&mut self, req: &HttpRequest, name: &str) -> Uuid {
        let text = req.match_info().get(name).unwrap_or_default();
        Uuid::parse_str(text).ok().filter(|_| text.len() == 36).unwrap_or_else(|| {
            let message = format!("`{name}` is a UUID, not {}", quoted(text));
            self.faults.push(step("", name), Code::InvalidParameter, message);
            Uuid::nil()
        })
    }
}

/// Sessions are asked over NATS, so a 503 from there can say what does not answer.
fn name_what_is_down(error: ApiError) -> ApiError {
    match error.status() {
        503 => ApiError::unavailable(
            "nats or command-api does not answer, so the session cannot be checked; try again",
            error,
        ),
        _ => error,
    }
}

/// Refuses the other keys of a body.
pub fn only_keys(map: &Map<String, Value>, known: &[&str], faults: &mut Faults) {
    for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
        let hint = did_you_mean(key, known.iter().copied());
        let listed = known.join(", ");
        faults.push(
            step("", key),
            Code::InvalidShape,
            format!("{} is no key of this body ({listed}){hint}", quoted(key)),
        );
    }
}

fn no_such_view(name: &str) -> ApiError {
    let names = || view::VIEWS.iter().map(|view| view.table.name);
    let hint = did_you_mean(name, names());
    let listed: Vec<_> = names().collect();
    let told = format!("there is no index {} ({}){hint}", quoted(name), listed.join(", "));
    ApiError::new(404, "errMsg_indexNotFound", told)
}

/// The body of a request as JSON: 415 for another type, 400 for what is no JSON.
pub fn json_body(req: &HttpRequest, body: Result<Bytes, actix_web::Error>) -> Result<Value, actix_web::Error> {
    let bytes = body?;
    let kind = actix_web::HttpMessage::content_type(req).to_ascii_lowercase();
    if kind != "application/json" && !kind.ends_with("+json") {
        let told = "the body must be JSON (`Content-Type: application/json`)";
        return Err(ApiError::new(415, "errMsg_unsupportedMediaType", told).into());
    }
    let mut faults = Faults::default();
    if !budget::bytes(bytes.len(), "", &mut faults) {
        faults.into_result()?;
    }
    let read = serde_json::from_slice(&bytes);
    Ok(read.map_err(|e| ApiError::new(400, "errMsg_invalidJson", format!("the body is not valid JSON: {e}")))?)
}

/// Searches a view under the read rule.
pub async fn find(
    app: &App,
    view: &View,
    rule: &ReadRule,
    filter: Option<&Filter>,
    q: Option<&Words>,
    window: &Window,
) -> Result<Found, ApiError> {
    let body = search(query(rule, filter, q), window);
    let request = Search::new(app.namespace.index(view.table.name), &body);
    app.elastic.search(&request).await.map_err(|error| match &error {
        // Only Elasticsearch knows its syntax of regular expressions and what they cost; all else was checked here.
        EsError::Refused { status: 400, reason } if filter.is_some_and(Filter::has_regexp) => {
            let told = format!("a regular expression in the filters is not accepted: {reason}");
            ApiError::new(400, Code::InvalidValue.as_str(), told.clone()).fault("", Code::InvalidValue.as_str(), told)
        }
        EsError::Down(_)
        | EsError::NoIndex(_)
        | EsError::Partial(_)
        | EsError::Refused { .. }
        | EsError::Unreadable(_) => error.into_api(),
    })
}

/// An answer with its promise of freshness.
pub fn respond(status: u16, body: &Value, fresh: Fresh) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    promising(HttpResponse::build(status).json(body), fresh)
}

/// Sets the headers of freshness.
pub fn promising(mut response: HttpResponse, fresh: Fresh) -> HttpResponse {
    let watermark = fresh.watermark.and_then(|mark| HeaderValue::from_str(&mark.to_string()).ok());
    if let Some(watermark) = watermark {
        response.headers_mut().insert(HeaderName::from_static("watermark"), watermark);
    }
    if fresh.stale {
        response.headers_mut().insert(HeaderName::from_static("stale"), HeaderValue::from_static("true"));
    }
    response
}

//! What all routes do first: who asks, which view, which parameters; and what they do last: the headers of freshness.

use actix_web::http::header::{HeaderName, HeaderValue, IF_NONE_MATCH};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use service::error::ApiError;
use service::sessions::Caller;
use uuid::Uuid;

use crate::App;
use crate::cache;
use crate::cursor::{self, Cursor};
use crate::es::{Found, Search};
use crate::facets;
use crate::freshness::{Fresh, Wanted};
use crate::params::{CACHING, FILTERS, Param, Params, Q};
use crate::query::compile::{ReadRule, Window, query, search};
use crate::query::expr::Filter;
use crate::query::faults::{Code, Faults, did_you_mean, quoted, step};
use crate::query::value::Asker;
use crate::query::words::Words;
use crate::query::{budget, parse, unique};
use crate::refusal;
use crate::saved_filters;
use crate::signed::Signer;
use crate::view::{self, Column, View};

/// Who asks of which view: the first thing that is known of a request.
pub struct Call {
    /// Who asks.
    pub caller: Caller,
    /// Which view.
    pub view: &'static View,
}

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
    /// Whether a kept answer will do: not with `caching=false`.
    pub caching: bool,
    /// The answers that the client of a GET has already.
    if_none_match: Option<String>,
    /// What is wrong so far.
    pub faults: Faults,
    /// Whether the filters so far may speak of `now`.
    pub relative: bool,
    /// Whether the view of saved filters does not reach what the request wants.
    pub stale: bool,
    /// A body that is a bare map of filters.
    bare: Option<Value>,
    /// The bytes of the request, if they alone may tell what is asked.
    pub repeat: Option<Bytes>,
}

impl Call {
    /// 401 before 404.
    pub async fn of(app: &App, req: &HttpRequest) -> Result<Self, ApiError> {
        let caller = app.sessions.caller(req).await.map_err(name_what_is_down)?;
        let name = req.match_info().get("index").unwrap_or_default();
        Ok(Self { caller, view: view::by_name(name).ok_or_else(|| no_such_view(name))? })
    }
}

impl Ask {
    /// 401 before 404 before all faults of the request. `known` are the parameters of the route.
    pub async fn open(app: &App, req: &HttpRequest, known: &[&Param]) -> Result<Self, ApiError> {
        Ok(Self::read(Call::of(app, req).await?, req, known, None, Faults::default()))
    }

    /// As [`Ask::open`], for a route whose parameters may stand in a JSON body as well; a body in which none of them
    /// stands is the bare map of filters.
    pub async fn with_body(
        app: &App,
        req: &HttpRequest,
        known: &[&Param],
        body: Result<Bytes, actix_web::Error>,
    ) -> Result<Self, actix_web::Error> {
        let call = Call::of(app, req).await?;
        Self::of(call, req, known, Some(body?))
    }

    /// As both, of a known caller and view.
    pub fn of(call: Call, req: &HttpRequest, known: &[&Param], body: Option<Bytes>) -> Result<Self, actix_web::Error> {
        let mut faults = Faults::default();
        let body = body.map(|bytes| json_body(req, Ok(bytes), &mut faults)).transpose()?;
        Ok(Self::read(call, req, known, body, faults))
    }

    fn read(call: Call, req: &HttpRequest, known: &[&Param], body: Option<Value>, mut faults: Faults) -> Self {
        let Call { caller, view } = call;
        let mut params = Params::read(req.query_string(), known, &mut faults);
        let bare = match body {
            Some(Value::Object(map)) if map.keys().any(|key| known.iter().any(|param| param.name == key)) => {
                params.read_body(&map, known, &mut faults);
                None
            }
            bare => bare,
        };
        let wanted = Wanted::read(req, &params, &mut faults);
        let asker = Asker { role: caller.role, me: caller.user_id, now: Utc::now() };
        let caching = params.get(CACHING) != Some("false");
        let if_none_match = named_tags(req);
        Self {
            caller,
            view,
            asker,
            params,
            wanted,
            caching,
            if_none_match,
            faults,
            relative: false,
            stale: false,
            bare,
            repeat: None,
        }
    }

    /// The bytes of the request, if an equal one has the same answer for as long as the view does not change: it does
    /// not speak of `now` and waits for nothing.
    pub fn repeat(&self) -> Option<&Bytes> {
        self.repeat.as_ref().filter(|_| !self.relative && self.wanted.token.is_none())
    }

    /// Whether the client has the answer with this tag already.
    pub fn has(&self, tag: &HeaderValue) -> bool {
        self.if_none_match.as_deref().is_some_and(|named| cache::names(named, tag))
    }

    /// The read rule of this caller on a view.
    pub fn rule(&self, view: &View) -> ReadRule {
        let (user, role) = (self.caller.user_id, self.caller.role);
        if view.read_whole_by(role) { ReadRule::All } else { ReadRule::ReadersWith(user, role) }
    }

    /// The cursor of a list, if one leads to the page. `now` is then what it was on the first page.
    pub fn cursor(&mut self, signer: &Signer) -> Option<Cursor> {
        let cursor = cursor::read(&self.params, signer, &mut self.faults);
        let then = cursor.as_ref().and_then(|cursor| DateTime::from_timestamp_millis(cursor.now?));
        self.asker.now = then.unwrap_or(self.asker.now);
        cursor
    }

    /// All that is to be filtered by: `filters` of the query string or the body, and the saved filter.
    pub async fn filter(&mut self, app: &App) -> Result<Option<Filter>, ApiError> {
        let saved = saved_filters::used(app, self).await?;
        let asked = self.filters();
        Ok(Filter::both(asked, saved))
    }

    /// The filters of `filters` or of a bare body.
    pub fn filters(&mut self) -> Option<Filter> {
        let named = match self.params.get(FILTERS.name) {
            Some(text) if !budget::bytes(text.len(), "/filters", &mut self.faults) => return None,
            Some(text) => match unique::read(text.as_bytes(), "/filters", &mut self.faults) {
                Ok(json) => Some(json),
                Err(error) => {
                    let message = format!("`filters` is not valid JSON: {error}");
                    self.faults.push("/filters", Code::InvalidShape, message);
                    return None;
                }
            },
            None => None,
        };
        let (json, at) = match (named, self.bare.take()) {
            (Some(named), Some(bare)) if named != bare => {
                let message = "`filters` says one thing in the query string and another in the body";
                self.faults.push("/filters", Code::InvalidParameter, message);
                return None;
            }
            (Some(named), _) => (named, "/filters"),
            (None, Some(bare)) => (bare, ""),
            (None, None) => return None,
        };
        self.relative |= mentions_now(&json);
        parse::filters(self.view, &self.asker, &json, at, &mut self.faults)
    }

    /// What `now` was, when the filters speak of it.
    pub fn now(&self) -> Option<i64> {
        self.relative.then(|| self.asker.now.timestamp_millis())
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

/// Whether the client of a GET says that it has the answer with this tag already.
pub fn names_it(req: &HttpRequest, tag: &HeaderValue) -> bool {
    named_tags(req).is_some_and(|named| cache::names(&named, tag))
}

/// The answers that the client of a GET has already; other methods are always answered whole.
fn named_tags(req: &HttpRequest) -> Option<String> {
    let all: Vec<&str> = req.headers().get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok()).collect();
    (req.method() == Method::GET && !all.is_empty()).then(|| all.join(","))
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

/// Whether a value in this JSON may be date math from `now`.
pub fn mentions_now(json: &Value) -> bool {
    match json {
        Value::String(text) => text.starts_with("now"),
        Value::Array(all) => all.iter().any(mentions_now),
        Value::Object(map) => map.values().any(mentions_now),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
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

/// The body of a request as JSON: 415 for another type, 400 for what is no JSON. Repeated keys are faults.
pub fn json_body(
    req: &HttpRequest,
    body: Result<Bytes, actix_web::Error>,
    faults: &mut Faults,
) -> Result<Value, actix_web::Error> {
    let bytes = body?;
    let kind = actix_web::HttpMessage::content_type(req).to_ascii_lowercase();
    if kind != "application/json" && !kind.ends_with("+json") {
        let told = "the body must be JSON (`Content-Type: application/json`)";
        return Err(ApiError::new(415, "errMsg_unsupportedMediaType", told).into());
    }
    let mut too_large = Faults::default();
    if !budget::bytes(bytes.len(), "", &mut too_large) {
        too_large.into_result()?;
    }
    let read = unique::read(&bytes, "", faults);
    Ok(read.map_err(|e| ApiError::new(400, "errMsg_invalidJson", format!("the body is not valid JSON: {e}")))?)
}

/// What a search asks of a view.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// What the caller may see.
    pub rule: &'a ReadRule,
    /// What is filtered by.
    pub filter: Option<&'a Filter>,
    /// What is searched for.
    pub q: Option<&'a Words>,
    /// What is counted beside the page.
    pub facets: &'a [&'static Column],
}

impl Question<'_> {
    /// The compiled query without a page.
    pub fn query(&self) -> Value {
        query(self.rule, self.filter, self.q)
    }

    /// Whether a regular expression stands in it.
    pub fn has_regexp(&self) -> bool {
        self.filter.is_some_and(Filter::has_regexp)
    }

    /// The request for these rows; `query` is [`Question::query`].
    pub fn request(&self, query: Value, window: &Window) -> Value {
        if self.facets.is_empty() {
            return search(query, window);
        }
        let faceted = facets::compile(self.rule, self.filter, self.q, self.facets);
        let mut body = search(faceted.query, window);
        body["post_filter"] = faceted.post_filter;
        body["aggs"] = faceted.aggs;
        body
    }
}

/// Searches a view.
pub async fn find(app: &App, view: &View, question: &Question<'_>, window: &Window) -> Result<Found, ApiError> {
    let request = Search::new(app.namespace.index(view.table.name), &question.request(question.query(), window));
    found(app, &request, question.has_regexp()).await
}

/// Runs a compiled search. With a regular expression in it, a refusal is told to the client.
pub async fn found(app: &App, search: &Search, has_regexp: bool) -> Result<Found, ApiError> {
    app.elastic.search(search).await.map_err(|error| refusal::of_search(error, has_regexp))
}

/// An answer with its promise of freshness.
pub fn respond(status: u16, body: &impl Serialize, fresh: Fresh) -> HttpResponse {
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

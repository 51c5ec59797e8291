//! Saved filters: read from the view `savedFilter`, written by command-api in the user's name.

use std::time::Duration;

use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpRequest, HttpResponse};
use event_schema::position::LogPosition;
use event_schema::saved_filter::SAVED_FILTER;
use event_schema::wire::{DeleteFilter, FilterSaved, Reply, SaveFilter, ask};
use serde::Serialize;
use serde_json::{Value, json};
use service::error::ApiError;

use crate::App;
use crate::answer;
use crate::page::{self, LIST_ROWS, Page};
use crate::params::{CONSISTENCY_TOKEN, LIMIT, PAGE, Param};
use crate::query::expr::{Cond, Filter, Scalar};
use crate::query::faults::{Code, Faults};
use crate::query::parse;
use crate::query::value::shown;
use crate::request::{Ask, find, json_body, only_keys, respond};
use crate::view::{self, Column, View};
use crate::watermarks::Need;

/// The parameters of `GET /:index/filters`.
pub const LIST: &[&Param] = &[&PAGE, &LIMIT, &CONSISTENCY_TOKEN];
/// The parameters of the writing routes.
pub const WRITE: &[&Param] = &[];

/// How long command-api may take.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// Characters of a filter's name; command-api holds to the same.
pub const MAX_NAME: usize = 100;
/// Characters of an idempotency key.
const MAX_KEY: usize = 255;

/// `GET /:index/filters`: the caller's own filters of this view.
pub async fn list(app: Data<App>, req: HttpRequest) -> Result<HttpResponse, Error> {
    let mut ask = Ask::open(&app, &req, LIST).await?;
    let page = Page::read(&ask.params, LIST_ROWS, &mut ask.faults);
    ask.sound()?;
    let saved = saved_view()?;
    let sort = page::sort(saved, ask.caller.role, &ask.params, &mut Faults::default());
    let mine = mine(saved, &ask);
    let fresh = app.freshness.wait(saved, &ask.wanted, Need::Searchable).await?;
    let found = find(&app, saved, &ask.rule(saved), mine.as_ref(), None, &page.window(sort)).await?;
    let shown: Vec<&Column> = saved.columns_for(ask.caller.role).collect();
    let items = answer::items(&shown, &found).into_iter().map(answer::with_filter_id).collect();
    Ok(respond(200, &answer::list(page, found.total, items), fresh))
}

fn saved_view() -> Result<&'static View, ApiError> {
    view::by_name(SAVED_FILTER.name).ok_or_else(|| ApiError::internal("there is no view of saved filters"))
}

fn mine(saved: &'static View, ask: &Ask) -> Option<Filter> {
    let of_view = Cond::Eq(Scalar::Text(ask.view.table.name.to_owned()));
    let of_me = Cond::Eq(Scalar::Id(ask.caller.user_id.0));
    let column = |name| saved.column_for(ask.caller.role, name).ok();
    Some(Filter::And(vec![Filter::Is(column("indexName")?, of_view), Filter::Is(column("userId")?, of_me)]))
}

/// `POST /:index/filters`: `{filterName, conditions}` or `{filterName, filters}`.
pub async fn save(app: Data<App>, req: HttpRequest, body: Result<Bytes, Error>) -> Result<HttpResponse, Error> {
    let mut ask = Ask::open(&app, &req, WRITE).await?;
    let body = json_body(&req, body)?;
    let named = read(&mut ask, &body);
    let idempotency_key = idempotency_key(&req, &mut ask.faults);
    ask.sound()?;
    let (filter_name, conditions) = named;
    let question = SaveFilter {
        token: ask.caller.token.clone(),
        idempotency_key,
        index_name: ask.view.table.name.to_owned(),
        filter_name,
        conditions,
    };
    let saved = command(&app, ask::SAVE_FILTER, &question).await?;
    Ok(written(201, &saved))
}

/// `DELETE /:index/filters/:filterId`.
pub async fn delete(app: Data<App>, req: HttpRequest) -> Result<HttpResponse, Error> {
    let mut ask = Ask::open(&app, &req, WRITE).await?;
    let filter_id = ask.path_id(&req, "filterId");
    ask.sound()?;
    let question =
        DeleteFilter { token: ask.caller.token.clone(), index_name: ask.view.table.name.to_owned(), filter_id };
    let deleted = command(&app, ask::DELETE_FILTER, &question).await?;
    Ok(written(200, &deleted))
}

/// The name and the conditions, which are parsed as a list would parse them and kept as they were sent.
fn read(ask: &mut Ask, body: &Value) -> (Option<String>, Value) {
    let Some(map) = body.as_object() else {
        let told = "expected an object {\"filterName\": ..., \"conditions\": {...}}";
        ask.faults.push("", Code::InvalidShape, format!("{told}, not {}", shown(body)));
        return (None, Value::Null);
    };
    only_keys(map, &["filterName", "conditions", "filters"], &mut ask.faults);
    let name = match map.get("filterName") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) if name.chars().count() <= MAX_NAME && !name.contains('\0') => Some(name.clone()),
        Some(other) => {
            let told = format!("`filterName` is a string of at most {MAX_NAME} characters, not {}", shown(other));
            ask.faults.push("/filterName", Code::InvalidValue, told);
            None
        }
    };
    let (conditions, at) = match (map.get("conditions"), map.get("filters")) {
        (Some(conditions), None) => (conditions, "/conditions"),
        (None, Some(filters)) => (filters, "/filters"),
        (Some(_), Some(_)) | (None, None) => {
            ask.faults.push("/conditions", Code::InvalidShape, "expected either `conditions` or `filters`");
            return (name, Value::Null);
        }
    };
    parse::filters(ask.view, &ask.asker, conditions, at, &mut ask.faults);
    (name, conditions.clone())
}

fn idempotency_key(req: &HttpRequest, faults: &mut Faults) -> Option<String> {
    let value = req.headers().get("Idempotency-Key")?;
    let key = value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= MAX_KEY);
    if key.is_none() {
        let told = format!("`Idempotency-Key` is 1 to {MAX_KEY} visible ASCII characters");
        faults.push("/Idempotency-Key", Code::InvalidParameter, told);
    }
    key.map(str::to_owned)
}

async fn command<Q: Serialize>(app: &App, what: &str, question: &Q) -> Result<FilterSaved, ApiError> {
    match app.command_api.ask::<Q, FilterSaved>(what, question, ANSWER_TIME).await {
        Ok(Reply::Ok(saved)) => Ok(saved),
        Ok(Reply::Refused { status, code, detail }) => Err(ApiError::new(status, code, detail)),
        Err(error) => {
            let told = "command-api does not answer; whether it was done is unknown: try again, with the same \
                        Idempotency-Key if there was one";
            Err(ApiError::unavailable(told, error).retry_after(2))
        }
    }
}

/// The answer of a write, with the token of what it did.
fn written(status: u16, saved: &FilterSaved) -> HttpResponse {
    let fresh = crate::freshness::Fresh { watermark: None, stale: false };
    let item = if saved.item.is_object() { saved.item.clone() } else { json!({}) };
    let mut response = respond(status, &answer::saved_filter(status, &item), fresh);
    if let Ok(token) = saved.consistency_token.parse::<LogPosition>()
        && let Ok(value) = actix_web::http::header::HeaderValue::from_str(&token.to_string())
    {
        response.headers_mut().insert(actix_web::http::header::HeaderName::from_static("consistency-token"), value);
    }
    response
}

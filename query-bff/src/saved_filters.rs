//! Saved filters: read from the view `savedFilter`, written by command-api in the user's name.

use std::time::Duration;

use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpRequest, HttpResponse};
use event_schema::auth::user::Role;
use event_schema::position::LogPosition;
use event_schema::saved_filter::SAVED_FILTER;
use event_schema::stored::fields_of;
use event_schema::wire::{DeleteFilter, FilterSaved, Reply, SaveFilter, ask};
use serde::Serialize;
use serde_json::{Map, Value, json};
use service::error::ApiError;
use uuid::Uuid;

use crate::App;
use crate::answer::{self, Listed};
use crate::es::EsError;
use crate::page::{self, LIST_ROWS, Page};
use crate::params::{CONSISTENCY_TOKEN, FILTER, LIMIT, PAGE, Param};
use crate::query::expr::{Cond, Filter, Scalar};
use crate::query::faults::{Code, Faults, quoted};
use crate::query::parse;
use crate::query::value::shown;
use crate::request::{Ask, Question, find, json_body, mentions_now, only_keys, respond};
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

/// `GET /:index/filters`: the caller's own filters of this view, and those that are shared with his role.
pub async fn list(app: Data<App>, req: HttpRequest) -> Result<HttpResponse, Error> {
    let mut ask = Ask::open(&app, &req, LIST).await?;
    let page = Page::read(&ask.params, LIST_ROWS, &mut ask.faults);
    ask.sound()?;
    let saved = saved_view()?;
    let role = ask.caller.role;
    let sort = page::sort(saved, role, &ask.params, &mut Faults::default());
    let shown: Vec<&Column> = saved.columns_for(role).collect();
    // The read rule keeps those of others away.
    let of_view = Filter::Is(index_name(saved, role)?, Cond::Eq(Scalar::Text(ask.view.table.name.to_owned())));
    let fresh = app.freshness.wait(saved, &ask.wanted, Need::Searchable).await?;
    let rule = ask.rule(saved);
    let question = Question { rule: &rule, filter: Some(&of_view), q: None, facets: &[] };
    let found = find(&app, saved, &question, &page.window(sort)).await?;
    let items = answer::items(&shown, &found).map_err(EsError::into_api)?;
    let marked = |item| answer::marked(fields_of(item), ask.caller.user_id);
    let listed = Listed { items: items.iter().map(marked).collect(), ..Listed::default() };
    Ok(respond(200, &answer::list(page.limit, Some(page), found.total, listed), fresh))
}

fn saved_view() -> Result<&'static View, ApiError> {
    view::by_name(SAVED_FILTER.name).ok_or_else(|| ApiError::internal("there is no view of saved filters"))
}

fn index_name(saved: &'static View, role: Role) -> Result<&'static Column, ApiError> {
    saved.column_for(role, "indexName").map_err(|_| ApiError::internal("saved filters have no column `indexName`"))
}

/// The filter that `filter=<id>` names: the caller's own or one shared with his role, of this view; else 404. It is
/// checked again, because fields may have gone since, and other roles may use fewer. Where its view is stale the answer
/// is as well, the 404 too.
pub async fn used(app: &App, ask: &mut Ask) -> Result<Option<Filter>, ApiError> {
    let Some(text) = ask.params.get(FILTER.name).filter(|text| !text.is_empty()) else { return Ok(None) };
    // What it says is not in the request.
    ask.repeat = None;
    let Some(id) = Uuid::parse_str(text).ok().filter(|_| text.len() == 36) else {
        let message = format!("`filter` is the id of a saved filter, not {}", quoted(text));
        ask.faults.push("/filter", Code::InvalidParameter, message);
        return Ok(None);
    };
    let saved = saved_view()?;
    let stale = app.freshness.wait(saved, &ask.wanted, Need::Applied).await?.stale;
    ask.stale |= stale;
    let found = app.elastic.get(&app.namespace.index(saved.table.name), id).await.map_err(EsError::into_api)?;
    let rule = ask.rule(saved);
    let of_view = |source: &Map<String, Value>| source.get("indexName") == Some(&json!(ask.view.table.name));
    let Some(source) = found.filter(|source| rule.allows(source) && of_view(source)) else {
        let told = format!("you have no saved filter `{id}` of {}, and none is shared with you", ask.view.table.name);
        return Err(ApiError::new(404, "errMsg_filterNotFound", told).stale(stale));
    };
    let conditions = source.get("conditions").cloned().unwrap_or_default();
    let whose = match source.get("filterName").and_then(Value::as_str) {
        Some(name) => format!("the saved filter {}", quoted(name)),
        None => format!("the saved filter `{id}`"),
    };
    ask.relative |= mentions_now(&conditions);
    let mut faults = Faults::default();
    let filter = parse::filters(ask.view, &ask.asker, &conditions, "", &mut faults);
    ask.faults.absorb(faults, "/filter", &whose);
    Ok(filter)
}

/// `POST /:index/filters`: `{filterName, conditions, sharedWith}`, or `filters` for `conditions`.
pub async fn save(app: Data<App>, req: HttpRequest, body: Result<Bytes, Error>) -> Result<HttpResponse, Error> {
    let mut ask = Ask::open(&app, &req, WRITE).await?;
    let body = json_body(&req, body, &mut ask.faults)?;
    let wish = read(&mut ask, &body);
    let idempotency_key = idempotency_key(&req, &mut ask.faults);
    ask.sound()?;
    let question = SaveFilter {
        token: ask.caller.token.clone(),
        idempotency_key,
        index_name: ask.view.table.name.to_owned(),
        filter_name: wish.name,
        conditions: wish.conditions,
        shared_with: wish.shared_with,
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

/// What is to be saved.
#[derive(Default)]
struct Wish {
    name: Option<String>,
    conditions: Value,
    shared_with: Option<Role>,
}

/// The conditions are parsed as a list would parse them and kept as they were sent.
fn read(ask: &mut Ask, body: &Value) -> Wish {
    let Some(map) = body.as_object() else {
        let told = "expected an object {\"filterName\": ..., \"conditions\": {...}}";
        ask.faults.push("", Code::InvalidShape, format!("{told}, not {}", shown(body)));
        return Wish::default();
    };
    only_keys(map, &["filterName", "conditions", "filters", "sharedWith"], &mut ask.faults);
    let name = match map.get("filterName") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) if name.chars().count() <= MAX_NAME && !name.contains('\0') => Some(name.clone()),
        Some(other) => {
            let told = format!("`filterName` is a string of at most {MAX_NAME} characters, not {}", shown(other));
            ask.faults.push("/filterName", Code::InvalidValue, told);
            None
        }
    };
    let shared_with = match map.get("sharedWith") {
        None | Some(Value::Null) => None,
        Some(other) => {
            let role = other.as_str().and_then(|word| word.parse().ok());
            if role.is_none() {
                let told =
                    format!("`sharedWith` is your role, one of {}, not {}", Role::OPTIONS.join(", "), shown(other));
                ask.faults.push("/sharedWith", Code::InvalidValue, told);
            }
            role
        }
    };
    let (conditions, at) = match (map.get("conditions"), map.get("filters")) {
        (Some(conditions), None) => (conditions, "/conditions"),
        (None, Some(filters)) => (filters, "/filters"),
        (Some(_), Some(_)) | (None, None) => {
            ask.faults.push("/conditions", Code::InvalidShape, "expected either `conditions` or `filters`");
            return Wish::default();
        }
    };
    parse::filters(ask.view, &ask.asker, conditions, at, &mut ask.faults);
    Wish { name, conditions: conditions.clone(), shared_with }
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

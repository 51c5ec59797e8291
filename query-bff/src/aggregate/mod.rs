//! `POST /:index/aggregate`: groups of documents and what is computed of each, for analysts.
//!
//! A body is read into a typed [`plan::Plan`] like filters are, compiled to composite aggregations of our own making,
//! and what comes back is ordered, filtered and paged here.

mod compile;
mod dimension;
mod dimension_reader;
pub mod document;
mod group;
mod metric;
mod metric_reader;
mod plan;
mod reader;
mod render;

#[cfg(test)]
mod tests;

use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpRequest, HttpResponse};
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::error::ApiError;

use crate::App;
use crate::es::raw::Refusal;
use crate::es::{EsError, Search};
use crate::params::{CONSISTENCY_TOKEN, FILTER, Param};
use crate::query::compile::query;
use crate::query::expr::Filter;
use crate::query::faults::Code;
use crate::query::value::shown;
use crate::refusal;
use crate::request::{Ask, json_body, respond};
use crate::saved_filters;
use crate::watermarks::Need;

use group::Found;
use metric::Function;
use plan::{After, MAX_GROUPS, Plan};
use reader::Reading;

/// The parameters of the route: all else stands in the body.
pub const PARAMS: &[&Param] = &[&FILTER, &CONSISTENCY_TOKEN];

/// The word that keeps these cursors apart from others.
const CURSOR: &str = "aggregate";

/// What a cursor carries.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    /// Of the view, the reader and the request without its paging.
    digest: String,
    /// What `now` was on the first page, in milliseconds.
    now: i64,
    /// Where the page before ended.
    after: After,
}

/// `POST /:index/aggregate`.
pub async fn aggregate(app: Data<App>, req: HttpRequest, body: Result<Bytes, Error>) -> Result<HttpResponse, Error> {
    let mut ask = Ask::open(&app, &req, PARAMS).await?;
    let body = json_body(&req, body)?;
    let digest = digest(&app, &ask, &body);
    let mark = opened(&app, &mut ask, &body, &digest);
    let then = mark.as_ref().and_then(|mark| DateTime::from_timestamp_millis(mark.now));
    ask.asker.now = then.unwrap_or(ask.asker.now);
    let saved = saved_filters::used(&app, &mut ask).await?;
    let mut reading = Reading { view: ask.view, asker: &ask.asker, faults: &mut ask.faults, spoilt: Vec::new() };
    let plan = plan::read(&mut reading, &body);
    ask.sound()?;
    let mut plan = plan.ok_or_else(|| ApiError::internal("a request without faults has no plan"))?;
    plan.filter = Filter::both(plan.filter, saved);
    let after = mark.map(|mark| mark.after);
    let fresh = app.freshness.wait(ask.view, &ask.wanted, Need::Searchable).await?;
    let found = found(&app, &ask, &plan, after.as_ref()).await?;
    let page = render::page(&plan, found, after.as_ref())?;
    let now = ask.asker.now.timestamp_millis();
    let sealed = page.next.map(|after| app.signer.seal(CURSOR, &Mark { digest, now, after })).transpose();
    let cursor = sealed.map_err(ApiError::internal)?;
    Ok(respond(200, &render::answer(&plan, &page.found, page.groups, &page.rows, cursor), fresh))
}

/// What a cursor may be used with: the same reader, the same view, the same request but for its paging.
fn digest(app: &App, ask: &Ask, body: &Value) -> String {
    let same: Map<String, Value> = body
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !["cursor", "limit", "totals"].contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let who = json!([ask.view.table.name, ask.caller.user_id, ask.caller.role]);
    let question = json!([who, ask.params.get(FILTER.name), same]).to_string();
    app.signer.digest(CURSOR, question.as_bytes())
}

/// Where to go on; a fault if the cursor is not one of this request.
fn opened(app: &App, ask: &mut Ask, body: &Value, digest: &str) -> Option<Mark> {
    let given = body.get("cursor").filter(|json| !json.is_null())?;
    let mark = match given.as_str() {
        Some(text) => {
            app.signer.open::<Mark>(CURSOR, text).map_err(|refused| format!("this cursor cannot be used: {refused}"))
        }
        None => Err(format!("expected the `nextCursor` of an answer, not {}", shown(given))),
    };
    let fits = |mark: Mark| {
        let of_this = mark.digest == digest;
        of_this.then_some(mark).ok_or_else(|| {
            "this cursor belongs to another request: send the `nextCursor` of the same view, body and user".to_owned()
        })
    };
    mark.and_then(fits).map_err(|told| ask.faults.push("/cursor", Code::InvalidValue, told)).ok()
}

/// One search with everything in it.
async fn found(app: &App, ask: &Ask, plan: &Plan, after: Option<&After>) -> Result<Found, ApiError> {
    let view = ask.view;
    let query = query(&ask.rule(view), plan.filter.as_ref(), plan.q.as_ref());
    let body = compile::body(plan, query, after);
    let search = Search::new(app.namespace.index(view.table.name), &body);
    let answer = app.elastic.aggregations(&search).await.map_err(|why| refused(plan, why))?;
    group::found(plan, &answer)
        .ok_or_else(|| EsError::Unreadable("its aggregations are not those that were asked for".into()).into_api())
}

fn refused(plan: &Plan, why: Refusal) -> ApiError {
    let of_ratio = |function: &Function| matches!(function, Function::Ratio(filter) if filter.has_regexp());
    let with_regexp = plan.filter.as_ref().is_some_and(Filter::has_regexp)
        || plan.metrics.iter().any(|metric| of_ratio(&metric.function));
    match why {
        Refusal::TooManyBuckets => too_many_groups(),
        Refusal::Other(error) => refusal::of_search(error, with_regexp),
    }
}

/// 400: more groups than can be ordered here.
fn too_many_groups() -> ApiError {
    let code = Code::OverBudget.as_str();
    let told = format!(
        "there are more than {MAX_GROUPS} groups, too many for `having` and `orderBy`: narrow the filters, group by \
         fewer or coarser dimensions (an interval, ranges), or leave `having` and `orderBy` out and page through all \
         groups in the order of their keys"
    );
    ApiError::new(400, code, told.clone()).fault("/groupBy", code, told)
}

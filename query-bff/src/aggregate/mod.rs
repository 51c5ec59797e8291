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
mod nested;
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
use crate::cache::{self, Asked};
use crate::es::raw::Refusal;
use crate::es::{EsError, Search};
use crate::params::{CONSISTENCY_TOKEN, FILTER, Param};
use crate::query::compile::query;
use crate::query::expr::Filter;
use crate::query::faults::{Code, Faults};
use crate::query::value::shown;
use crate::refusal;
use crate::request::{Ask, json_body};
use crate::saved_filters;
use crate::signed::Signer;
use crate::view::View;

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
    /// Of what is asked, without its paging.
    digest: String,
    /// What `now` was on the first page, in milliseconds.
    now: i64,
    /// Where the page before ended.
    after: After,
}

/// A page that is asked for.
struct Turn {
    plan: Plan,
    digest: String,
    now: i64,
    after: Option<After>,
}

/// `POST /:index/aggregate`.
pub async fn aggregate(app: Data<App>, req: HttpRequest, body: Result<Bytes, Error>) -> Result<HttpResponse, Error> {
    let mut ask = Ask::open(&app, &req, PARAMS).await?;
    let body = json_body(&req, body, &mut ask.faults)?;
    let mark = opened(&app.signer, &mut ask.faults, &body);
    let then = mark.as_ref().and_then(|mark| DateTime::from_timestamp_millis(mark.now));
    ask.asker.now = then.unwrap_or(ask.asker.now);
    let saved = saved_filters::used(&app, &mut ask).await?;
    let mut reading = Reading { view: ask.view, asker: &ask.asker, faults: &mut ask.faults, spoilt: Vec::new() };
    let plan = plan::read(&mut reading, &body);
    ask.sound()?;
    let mut plan = plan.ok_or_else(|| ApiError::internal("a request without faults has no plan"))?;
    plan.filter = Filter::both(plan.filter, saved);
    let query = query(&ask.rule(ask.view), plan.filter.as_ref(), plan.q.as_ref());
    let digest = digest(&app.signer, ask.view, &plan, &query, &body);
    let after = mark.and_then(|mark| place(mark, &digest, &mut ask.faults));
    ask.sound()?;
    let stale = cache::is_stale(&app, &ask).await?;
    let search = compile::body(&plan, query, after.as_ref());
    let turn = Turn { plan, digest, now: ask.asker.now.timestamp_millis(), after };
    let asked = Asked::new(ask.view, &search, turn.shape());
    let held = app.clone();
    let work = move |search| async move { turn.answer(&held, &search).await };
    Ok(cache::answered(&app, &ask, asked, stale, work).await?)
}

/// What is asked, as cursors and kept answers tell it apart: the view, the compiled query with the reader's rule, and
/// the request but for its paging, with what `$me` and `now` are in it. So whoever may see the same is told the same,
/// and goes on with the same cursor.
fn digest(signer: &Signer, view: &View, plan: &Plan, query: &Value, body: &Value) -> String {
    let same: Map<String, Value> = body
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !["cursor", "limit", "totals"].contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let bounds: Vec<f64> = plan.having.iter().map(|having| having.bound).collect();
    let question = json!([view.table.name, query, compile::metrics(plan), bounds, same]).to_string();
    signer.digest(CURSOR, question.as_bytes())
}

/// The cursor of a request, if it has one; a fault if it is none of ours.
fn opened(signer: &Signer, faults: &mut Faults, body: &Value) -> Option<Mark> {
    let given = body.get("cursor").filter(|json| !json.is_null())?;
    let mark = match given.as_str() {
        Some(text) => {
            signer.open::<Mark>(CURSOR, text).map_err(|refused| format!("this cursor cannot be used: {refused}"))
        }
        None => Err(format!("expected the `nextCursor` of an answer, not {}", shown(given))),
    };
    mark.map_err(|told| faults.push("/cursor", Code::InvalidValue, told)).ok()
}

/// Where to go on; a fault if the cursor is not one of this request.
fn place(mark: Mark, digest: &str, faults: &mut Faults) -> Option<After> {
    if mark.digest != digest {
        let told = "this cursor belongs to another request: send the `nextCursor` of the same view, body and rights";
        faults.push("/cursor", Code::InvalidValue, told);
        return None;
    }
    Some(mark.after)
}

impl Turn {
    /// What shapes the answer and does not stand in the search: names, `having`, order, and which page of how many rows.
    fn shape(&self) -> String {
        format!("aggregate {} {} {} {:?}", self.digest, self.plan.limit, self.plan.totals, self.after)
    }

    /// The body of the answer, from one search with everything in it.
    async fn answer(&self, app: &App, search: &Search) -> Result<Bytes, ApiError> {
        let (plan, after) = (&self.plan, self.after.as_ref());
        let answer = app.elastic.aggregations(search).await.map_err(|why| refused(plan, why))?;
        let strange = || EsError::Unreadable("its aggregations are not those that were asked for".into()).into_api();
        let found = group::found(plan, &answer).ok_or_else(strange)?;
        let page = render::page(plan, found, after)?;
        let next = page.next.map(|after| Mark { digest: self.digest.clone(), now: self.now, after });
        let cursor = next.map(|mark| app.signer.seal(CURSOR, &mark)).transpose().map_err(ApiError::internal)?;
        Ok(render::answer(plan, &page.found, page.groups, &page.rows, cursor).to_string().into())
    }
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

//! The two handlers of reads: one object by its id, and objects in pages. Both read state rows, so a client reads what
//! it wrote.

use std::future::Future;

use actix_web::HttpResponse;
use actix_web::http::header::{ETAG, HeaderValue};
use event_schema::event::DomainEvent;
use event_schema::stored::{DataObject, fields_of};
use serde_json::{Map, Value};
use service::ApiError;
use service::sessions::Caller;

use super::call::Call;
use super::envelope::{self, Paging};
use super::error::of_read;
use super::predicate::{Predicate, Sql};
use super::query::{DEEPEST, Page, Query};
use crate::es::aggregate::{Aggregate, EventOf};
use crate::es::history::ReadError;
use crate::es::log::Log;
use crate::es::state::{Loaded, columns, loaded};
use crate::es::store::{DELETED, Done};

/// Whether the single get shows more than the object itself.
const JOINS: &str = "getJoins";

/// An aggregate that the API shows.
pub trait Readable: Aggregate {
    /// What a list shows this caller, besides his filters.
    fn scope(caller: &Caller, query: &Query) -> Predicate;

    /// Whether this caller may see this object. It exists; "no" is a 403.
    fn may_read(loaded: &Loaded<Self>, caller: &Caller, query: &Query) -> bool;

    /// The object as this caller sees it.
    fn show(loaded: &Loaded<Self>, viewer: Option<&Caller>) -> Option<Map<String, Value>> {
        let _ = viewer;
        rendered(loaded)
    }

    /// Adds what only the single get shows: unless `getJoins=false` asks for the object alone.
    fn extend(
        call: &Call,
        loaded: &Loaded<Self>,
        shown: &mut Map<String, Value>,
    ) -> impl Future<Output = Result<(), ApiError>> {
        let _ = (call, loaded, shown);
        std::future::ready(Ok(()))
    }
}

/// What a command has left, as its caller sees it.
pub fn shown<A: Readable>(done: &Done<A>, call: &Call) -> Option<Map<String, Value>> {
    A::show(&done.loaded, call.maybe_caller())
}

/// The object with its bookkeeping, in the contract's order.
pub fn rendered<A: Aggregate>(loaded: &Loaded<A>) -> Option<Map<String, Value>> {
    let (stored, book) = (loaded.state.stored()?, loaded.bookkeeping()?);
    Some(<A::Object as DataObject>::TABLE.render(&fields_of(&stored.object), &book, |_| true))
}

/// Serves a get row.
pub async fn get<A: Readable>(call: Call) -> Result<HttpResponse, ApiError> {
    let (id, caller) = (call.path_id()?, call.caller()?);
    let name = <A::Object as DataObject>::TABLE.name;
    let loaded: Loaded<A> = call.app.store.load(id).await.map_err(of_read)?;
    let active = loaded.state.stored().is_some_and(|stored| stored.active);
    if loaded.version == 0 || (!active && !caller.role.is_admin()) {
        return Err(ApiError::not_found(format!("there is no {name} `{id}`")));
    }
    if !A::may_read(&loaded, caller, &call.query) {
        return Err(ApiError::forbidden(format!("this {name} is not yours to read")));
    }
    let mut shown = A::show(&loaded, Some(caller)).unwrap_or_default();
    if call.query.first(JOINS) != Some("false") {
        A::extend(&call, &loaded, &mut shown).await?;
    }
    let mut response = envelope::one(&call, shown);
    if let Ok(version) = HeaderValue::from_str(&format!("\"{}\"", loaded.version)) {
        response.headers_mut().insert(ETAG, version);
    }
    Ok(response)
}

/// Serves a list row.
pub async fn list<A: Readable>(call: Call) -> Result<HttpResponse, ApiError> {
    let scope = A::scope(call.caller()?, &call.query);
    list_within::<A>(call, scope).await
}

/// Serves a list row of what the caller sees. Deleted objects are in no list; admins read them by id.
pub async fn list_within<A: Readable>(call: Call, scope: Predicate) -> Result<HttpResponse, ApiError> {
    let (caller, table) = (call.caller()?, <A::Object as DataObject>::TABLE);
    let page = call.query.page().map_err(ApiError::faults)?;
    let filters = call.query.conditions(call.row.filters);
    let mut all: Vec<Predicate> = filters.into_iter().map(|filter| filter.in_rows_of(table)).collect();
    all.push(scope);
    all.push(Predicate::Missing(DELETED));
    let (rows, total) = rows::<A>(&call.app.store.log, &Predicate::And(all), page).await.map_err(of_read)?;
    if page.number == 0 && total > DEEPEST {
        let told =
            format!("{total} rows match; `pageNumber=0` gives at most {DEEPEST}: narrow the filters or use pages");
        return Err(ApiError::new(400, "errMsg_tooManyRows", told));
    }
    let shown = rows.iter().filter_map(|row| A::show(row, Some(caller))).map(Value::Object).collect();
    Ok(envelope::many(&call, shown, Paging { number: page.number, rows: page.rows, total }))
}

/// The rows of a page, the last made first, and how many there are in all.
async fn rows<A: Aggregate>(log: &Log, predicate: &Predicate, page: Page) -> Result<(Vec<Loaded<A>>, i64), ReadError> {
    let mut sql = Sql::new(&log.schema);
    let kind = sql.param(EventOf::<A>::CATEGORY);
    let condition = sql.condition(predicate, "s");
    let (limit, offset) = match page.number {
        0 => (DEEPEST, 0),
        number => (page.rows, (number - 1) * page.rows),
    };
    let schema = &log.schema;
    let from = format!("from {schema}.streams s where s.kind = {kind} and {condition}");
    let client = log.pool.get().await?;
    let total: i64 = client.query_one(&format!("select count(*) {from}"), &sql.params()).await?.try_get(0)?;
    let order = "order by s.created_at desc, s.stream_id desc"; // Ids tell no time where a client's key is no UUID v7.
    let text = format!("select {} {from} {order} limit {limit} offset {offset}", columns(schema));
    let rows = client.query(&text, &sql.params()).await?;
    Ok((rows.iter().filter_map(|row| readable(loaded(row))).collect::<Result<_, _>>()?, total))
}

/// What was read; none, with a line in the log, when this program is too old to read it: one object must not take the
/// others of a list out of reach.
pub fn readable<T>(read: Result<T, ReadError>) -> Option<Result<T, ReadError>> {
    match read {
        Err(error @ (ReadError::Newer { .. } | ReadError::Json(_) | ReadError::Decode(_))) => {
            metrics::counter!("wechess_unreadable_streams_total").increment(1);
            tracing::error!(error = service::telemetry::chain(&error), "an object is left out of a list");
            None
        }
        read => Some(read),
    }
}

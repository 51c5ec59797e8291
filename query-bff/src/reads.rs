//! The routes that read: all, list, count, schema, one record. Facets, cursors and exports will stand beside them.

use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError};
use service::error::ApiError;

use crate::App;
use crate::answer;
use crate::freshness::Fresh;
use crate::page::{self, ALL_ROWS, LIST_ROWS, Page};
use crate::params::{CONSISTENCY_TOKEN, FIELDS, FILTERS, LIMIT, LIMIT_OF_ALL, PAGE, Param, Q, SORT_BY, SORT_ORDER};
use crate::query::compile::Window;
use crate::query::expr::Filter;
use crate::request::{Ask, find, json_body, promising, respond};
use crate::watermarks::Need;

/// The parameters of `GET /:index`: those of its list.
pub const ALL: &[&Param] = &[&PAGE, &LIMIT_OF_ALL, &SORT_BY, &SORT_ORDER, &Q, &FIELDS, &FILTERS, &CONSISTENCY_TOKEN];
/// The parameters of `GET /:index/list`.
pub const LIST: &[&Param] = &[&PAGE, &LIMIT, &SORT_BY, &SORT_ORDER, &Q, &FIELDS, &FILTERS, &CONSISTENCY_TOKEN];
/// The parameters of `POST /:index/list`.
pub const LIST_BODY: &[&Param] = &[&PAGE, &LIMIT, &SORT_BY, &SORT_ORDER, &Q, &FIELDS, &CONSISTENCY_TOKEN];
/// The parameters of `GET /:index/count`.
pub const COUNT: &[&Param] = &[&Q, &FILTERS, &CONSISTENCY_TOKEN];
/// The parameters of `POST /:index/count`.
pub const COUNT_BODY: &[&Param] = &[&Q, &CONSISTENCY_TOKEN];
/// The parameters of `GET /:index/schema`.
pub const SCHEMA: &[&Param] = &[];
/// The parameters of `GET /:index/:id`.
pub const RECORD: &[&Param] = &[&FIELDS, &CONSISTENCY_TOKEN];

/// `GET /:index`.
pub async fn all(app: Data<App>, req: HttpRequest) -> Result<HttpResponse, Error> {
    let mut ask = Ask::open(&app, &req, ALL).await?;
    let filter = ask.query_filters();
    list_of(&app, ask, filter, ALL_ROWS).await
}

/// `GET /:index/list`.
pub async fn list(app: Data<App>, req: HttpRequest) -> Result<HttpResponse, Error> {
    let mut ask = Ask::open(&app, &req, LIST).await?;
    let filter = ask.query_filters();
    list_of(&app, ask, filter, LIST_ROWS).await
}

/// `POST /:index/list`.
pub async fn list_body(app: Data<App>, req: HttpRequest, body: Result<Bytes, Error>) -> Result<HttpResponse, Error> {
    let mut ask = Ask::open(&app, &req, LIST_BODY).await?;
    let filter = ask.body_filters(&json_body(&req, body)?);
    list_of(&app, ask, filter, LIST_ROWS).await
}

async fn list_of(app: &App, mut ask: Ask, filter: Option<Filter>, rows: u32) -> Result<HttpResponse, Error> {
    let view = ask.view;
    let page = Page::read(&ask.params, rows, &mut ask.faults);
    let role = ask.caller.role;
    let sort = page::sort(view, role, &ask.params, &mut ask.faults);
    let shown = page::projection(view, role, &ask.params, &mut ask.faults);
    let q = ask.words();
    ask.sound()?;
    let fresh = app.freshness.wait(view, &ask.wanted, Need::Searchable).await?;
    let found = find(app, view, &ask.rule(view), filter.as_ref(), q.as_ref(), &page.window(sort)).await?;
    let items = answer::items(&shown, &found);
    Ok(respond(200, &answer::list(page, found.total, items), fresh))
}

/// `GET /:index/count`.
pub async fn count(app: Data<App>, req: HttpRequest) -> Result<HttpResponse, Error> {
    let mut ask = Ask::open(&app, &req, COUNT).await?;
    let filter = ask.query_filters();
    count_of(&app, ask, filter).await
}

/// `POST /:index/count`.
pub async fn count_body(app: Data<App>, req: HttpRequest, body: Result<Bytes, Error>) -> Result<HttpResponse, Error> {
    let mut ask = Ask::open(&app, &req, COUNT_BODY).await?;
    let filter = ask.body_filters(&json_body(&req, body)?);
    count_of(&app, ask, filter).await
}

async fn count_of(app: &App, mut ask: Ask, filter: Option<Filter>) -> Result<HttpResponse, Error> {
    let view = ask.view;
    let q = ask.words();
    ask.sound()?;
    let fresh = app.freshness.wait(view, &ask.wanted, Need::Searchable).await?;
    let nothing = Window { from: 0, size: 0, sort: Vec::new() };
    let found = find(app, view, &ask.rule(view), filter.as_ref(), q.as_ref(), &nothing).await?;
    Ok(respond(200, &answer::count(found.total), fresh))
}

/// `GET /:index/schema`.
pub async fn schema(app: Data<App>, req: HttpRequest) -> Result<HttpResponse, Error> {
    let mut ask = Ask::open(&app, &req, SCHEMA).await?;
    ask.sound()?;
    let watermark = app.freshness.watermarks().of(ask.view).and_then(|known| known.borrow().mark(Need::Searchable));
    Ok(respond(200, &answer::schema(ask.view, ask.caller.role), Fresh { watermark, stale: false }))
}

/// `GET /:index/:id`. What the caller may not see is as unknown as what is not there.
pub async fn record(app: Data<App>, req: HttpRequest) -> Result<HttpResponse, Error> {
    let mut ask = Ask::open(&app, &req, RECORD).await?;
    let view = ask.view;
    let id = ask.path_id(&req, "id");
    let shown = page::projection(view, ask.caller.role, &ask.params, &mut ask.faults);
    ask.sound()?;
    let fresh = app.freshness.wait(view, &ask.wanted, Need::Applied).await?;
    let index = app.namespace.index(view.table.name);
    let source = app.elastic.get(&index, id).await.map_err(crate::es::EsError::into_api)?;
    let rule = ask.rule(view);
    match source.filter(|source| rule.allows(source)) {
        Some(source) => Ok(respond(200, &answer::record(answer::item(&shown, &source)), fresh)),
        None => {
            let unknown = ApiError::not_found(format!("{} `{id}` is unknown", view.table.name));
            Ok(promising(unknown.error_response(), fresh))
        }
    }
}

//! The routes that read: all, list, count, schema, one record.

use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError};
use service::error::ApiError;

use crate::App;
use crate::answer::{self, Listed};
use crate::cache::repeats::{Opened, Route, opened};
use crate::cache::{self, Asked};
use crate::cursor::{self, Turn};
use crate::es::EsError;
use crate::facets;
use crate::freshness::Fresh;
use crate::page::{self, ALL_ROWS, LIST_ROWS, Page};
use crate::params::{
    CONSISTENCY_TOKEN, CURSOR, FACETS, FIELDS, FILTER, FILTERS, LIMIT, LIMIT_OF_ALL, PAGE, Param, Q, SORT_BY,
    SORT_ORDER,
};
use crate::query::compile::Window;
use crate::request::{Ask, Question, found, promising, respond};
use crate::view::Column;
use crate::watermarks::Need;

/// The parameters of `GET /:index`: those of its list.
pub const ALL: &[&Param] = &[
    &PAGE,
    &LIMIT_OF_ALL,
    &CURSOR,
    &SORT_BY,
    &SORT_ORDER,
    &Q,
    &FIELDS,
    &FACETS,
    &FILTER,
    &FILTERS,
    &CONSISTENCY_TOKEN,
];
/// The parameters of `/:index/list`; of its POST also the keys of the body.
pub const LIST: &[&Param] =
    &[&PAGE, &LIMIT, &CURSOR, &SORT_BY, &SORT_ORDER, &Q, &FIELDS, &FACETS, &FILTER, &FILTERS, &CONSISTENCY_TOKEN];
/// The parameters of `/:index/count`; of its POST also the keys of the body.
pub const COUNT: &[&Param] = &[&Q, &FILTER, &FILTERS, &CONSISTENCY_TOKEN];
/// The parameters of `GET /:index/schema`.
pub const SCHEMA: &[&Param] = &[];
/// The parameters of `GET /:index/:id`.
pub const RECORD: &[&Param] = &[&FIELDS, &CONSISTENCY_TOKEN];

const ALL_ROUTE: Route = Route { name: "all", known: ALL };
const LIST_ROUTE: Route = Route { name: "list", known: LIST };
const COUNT_ROUTE: Route = Route { name: "count", known: COUNT };

/// `GET /:index`.
pub async fn all(app: Data<App>, req: HttpRequest) -> Result<HttpResponse, Error> {
    list_of(&app, opened(&app, &req, &ALL_ROUTE, None).await?, ALL_ROWS).await
}

/// `GET /:index/list`.
pub async fn list(app: Data<App>, req: HttpRequest) -> Result<HttpResponse, Error> {
    list_of(&app, opened(&app, &req, &LIST_ROUTE, None).await?, LIST_ROWS).await
}

/// `POST /:index/list`.
pub async fn list_body(app: Data<App>, req: HttpRequest, body: Result<Bytes, Error>) -> Result<HttpResponse, Error> {
    list_of(&app, opened(&app, &req, &LIST_ROUTE, Some(body)).await?, LIST_ROWS).await
}

async fn list_of(app: &Data<App>, opened: Opened, rows: u32) -> Result<HttpResponse, Error> {
    let mut ask = match opened {
        Opened::Answered(answer) => return Ok(answer),
        Opened::Asked(ask) => *ask,
    };
    let (view, role) = (ask.view, ask.caller.role);
    let cursor = ask.cursor(&app.signer);
    let page = Page::read(&ask.params, rows, &mut ask.faults);
    let sort = page::sort(view, role, &ask.params, &mut ask.faults);
    let shown = page::projection(view, role, &ask.params, &mut ask.faults);
    let facets = facets::read(view, role, &ask.params, &mut ask.faults);
    let q = ask.words();
    let filter = ask.filter(app).await?;
    let rule = ask.rule(view);
    let question = Question { rule: &rule, filter: filter.as_ref(), q: q.as_ref(), facets: &facets };
    ask.sound()?;
    let query = question.query();
    let digest = cursor::question(&app.signer, view, &query, &sort);
    let turn = Turn::new(page, cursor, digest, ask.now(), &mut ask.faults);
    ask.sound()?;
    let stale = cache::is_stale(app, &ask).await?;
    let shape = shape(&turn, &shown, &facets);
    let asked = Asked::new(view, &question.request(query, &turn.window(sort)), shape);
    let (held, has_regexp) = (app.clone(), question.has_regexp());
    let work = move |search| async move {
        let mut found = found(&held, &search, has_regexp).await?;
        let around = turn.settle(&mut found, &held.signer).map_err(ApiError::internal)?;
        let facets = facets::shown(&facets, &found.aggregations);
        let items = answer::items(&shown, &found).map_err(EsError::into_api)?;
        let body = answer::list(turn.limit(), turn.page(), found.total, Listed { items, facets, around });
        Ok(serde_json::to_vec(&body).map_err(ApiError::internal)?.into())
    };
    Ok(cache::answered(app, &ask, asked, stale, work).await?)
}

/// What shapes a list besides its search.
fn shape(turn: &Turn, shown: &[&Column], facets: &[&Column]) -> String {
    let names = |columns: &[&Column]| columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(",");
    format!("list {} {:?} {}; {}", turn.limit(), turn.page(), names(shown), names(facets))
}

/// `GET /:index/count`.
pub async fn count(app: Data<App>, req: HttpRequest) -> Result<HttpResponse, Error> {
    count_of(&app, opened(&app, &req, &COUNT_ROUTE, None).await?).await
}

/// `POST /:index/count`.
pub async fn count_body(app: Data<App>, req: HttpRequest, body: Result<Bytes, Error>) -> Result<HttpResponse, Error> {
    count_of(&app, opened(&app, &req, &COUNT_ROUTE, Some(body)).await?).await
}

async fn count_of(app: &Data<App>, opened: Opened) -> Result<HttpResponse, Error> {
    let mut ask = match opened {
        Opened::Answered(answer) => return Ok(answer),
        Opened::Asked(ask) => *ask,
    };
    let view = ask.view;
    let q = ask.words();
    let filter = ask.filter(app).await?;
    ask.sound()?;
    let stale = cache::is_stale(app, &ask).await?;
    let rule = ask.rule(view);
    let question = Question { rule: &rule, filter: filter.as_ref(), q: q.as_ref(), facets: &[] };
    let asked = Asked::new(view, &question.request(question.query(), &Window::NOTHING), "count");
    let (held, has_regexp) = (app.clone(), question.has_regexp());
    let work = move |search| async move {
        let found = found(&held, &search, has_regexp).await?;
        Ok(answer::count(found.total).to_string().into())
    };
    Ok(cache::answered(app, &ask, asked, stale, work).await?)
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
    let source = app.elastic.get(&index, id).await.map_err(EsError::into_api)?;
    let rule = ask.rule(view);
    match source.filter(|source| rule.allows(source)) {
        Some(source) => Ok(respond(200, &answer::record(answer::item(&shown, &source)), fresh)),
        None => {
            let unknown = ApiError::not_found(format!("{} `{id}` is unknown", view.table.name));
            Ok(promising(unknown.error_response(), fresh))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::VIEWS;
    use event_schema::auth::user::Role;

    #[test]
    fn no_field_is_called_as_a_parameter_is() {
        for view in VIEWS.iter() {
            for param in LIST {
                let there = view.column_for(Role::SuperAdmin, param.name).is_ok();
                assert!(!there, "a bare filter on {}.{} would be read as the parameter", view.table.name, param.name);
            }
        }
    }
}

//! `/:index/export`: all that fits, as a stream of any size, from a point in time.
//!
//! Pages are fetched, written and sent one after the other; the next one is fetched only when there is room for it, so
//! that memory stays the same and a slow reader slows Elasticsearch down. A cut export is resumed from the token that
//! its answer carries and the number of rows that came, while its point in time lives.

mod format;
mod parquet;
pub mod places;
mod stream;
mod text;
mod ticket;

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpRequest, HttpResponse};
use serde_json::Value;
use service::error::ApiError;

use crate::App;
use crate::es::EsError;
use crate::es::pit::{Answer, PitError, Wanted};
use crate::freshness::Fresh;
use crate::page;
use crate::params::{CONSISTENCY_TOKEN, FIELDS, FILTER, FILTERS, Form, Param, Q};
use crate::query::compile::query;
use crate::query::expr::Filter;
use crate::query::faults::Code;
use crate::refusal;
use crate::request::{Ask, promising};
use crate::view::Column;
use crate::watermarks::Need;

use format::{Format, Row};
use places::Place;
use ticket::Ticket;

/// The format.
const FORMAT: Param = Param {
    name: "format",
    form: Form::Text(20),
    about: "ndjson, csv or parquet; without it what `Accept` names, else ndjson",
};
/// A cut export goes on.
const RESUME: Param = Param {
    name: "resume",
    form: Form::Text(crate::signed::MAX_TOKEN),
    about: "the X-Export-Token of an export that was cut: the same request goes on behind `skip` rows",
};
/// Where it goes on.
const SKIP: Param = Param {
    name: "skip",
    form: Form::Integer(0, u32::MAX as i64),
    about: "with `resume`: how many whole rows have come",
};

/// The parameters of `/:index/export`; of its POST also the keys of the body.
pub const PARAMS: &[&Param] = &[&FORMAT, &Q, &FIELDS, &FILTER, &FILTERS, &RESUME, &SKIP, &CONSISTENCY_TOKEN];

/// The media types of the answer.
pub fn media() -> Vec<&'static str> {
    format::FORMATS.iter().map(Row::media).collect()
}

/// How many rows there are in all.
const TOTAL: HeaderName = HeaderName::from_static("x-total-count");
/// What resumes the export.
const TOKEN: HeaderName = HeaderName::from_static("x-export-token");

/// A checked request.
struct Plan {
    with_regexp: bool,
    format: Format,
    columns: Vec<&'static Column>,
    resumed: Option<(Ticket, u64)>,
    digest: String,
    query: Value,
}

/// `GET /:index/export`.
pub async fn export(app: Data<App>, req: HttpRequest) -> Result<HttpResponse, Error> {
    let ask = Ask::open(&app, &req, PARAMS).await?;
    answer(app, req, ask).await
}

/// `POST /:index/export`.
pub async fn export_body(app: Data<App>, req: HttpRequest, body: Result<Bytes, Error>) -> Result<HttpResponse, Error> {
    let ask = Ask::with_body(&app, &req, PARAMS, body).await?;
    answer(app, req, ask).await
}

/// Reads the request; 400 with all its faults, 406 for formats that there are not.
async fn plan(app: &App, req: &HttpRequest, ask: &mut Ask) -> Result<Plan, ApiError> {
    let format = match ask.params.get(FORMAT.name).map(format::of_word) {
        Some(Ok(format)) => Some(format),
        Some(Err(told)) => {
            ask.faults.push("/format", Code::InvalidParameter, told);
            None
        }
        None => format::of_request(req),
    };
    let mut resumed = ticket::resumed(app, ask);
    if let Some((ticket, _)) = &resumed {
        // `now` in the filters stays what it was.
        ask.asker.now = ticket.now;
    }
    if let Some(row) = format.map(Format::row).filter(|row| resumed.is_some() && !row.resumable) {
        let told = format!("an export to {} cannot be resumed: its parts do not stand alone; begin again", row.name);
        ask.faults.push("/resume", Code::InvalidParameter, told);
    }
    let q = ask.words();
    let filter = ask.filter(app).await?;
    let columns = page::projection(ask.view, ask.caller.role, &ask.params, &mut ask.faults);
    let query = query(&ask.rule(ask.view), filter.as_ref(), q.as_ref());
    let digest = ticket::digest(app, ask, &query, &columns, format);
    if ask.faults.is_empty() && resumed.as_ref().is_some_and(|(ticket, _)| ticket.digest != digest) {
        let told = "this token belongs to another export: send the same request as the same user";
        ask.faults.push("/resume", Code::InvalidParameter, told);
        resumed = None;
    }
    ask.sound()?;
    let kinds: Vec<&str> = format::FORMATS.iter().filter_map(|row| row.accepted.first().copied()).collect();
    let not_ours = || ApiError::new(406, "errMsg_notAcceptable", format!("exports are {}", kinds.join(", ")));
    let format = format.ok_or_else(not_ours)?;
    let with_regexp = filter.as_ref().is_some_and(Filter::has_regexp);
    Ok(Plan { with_regexp, format, columns, resumed, digest, query })
}

/// Opens the point in time, or goes on with one, and begins to answer with its first page.
async fn answer(app: Data<App>, req: HttpRequest, mut ask: Ask) -> Result<HttpResponse, Error> {
    let plan = plan(&app, &req, &mut ask).await?;
    let place = app.exports.take(ask.caller.user_id)?;
    let (ticket, fresh) = match &plan.resumed {
        Some((ticket, _)) => (ticket.clone(), Fresh { watermark: ticket.watermark(), stale: ask.stale }),
        None => {
            let mut fresh = app.freshness.wait(ask.view, &ask.wanted, Need::Searchable).await?;
            fresh.stale |= ask.stale;
            let index = app.namespace.index(ask.view.table.name);
            let pit = app.elastic.open_pit(&index).await.map_err(EsError::into_api)?;
            (Ticket::new(&plan.digest, pit, ask.asker.now, fresh.watermark), fresh)
        }
    };
    let skip = plan.resumed.as_ref().map_or(0, |(_, skip)| *skip);
    let begun = begin(&app, &place, &plan, ticket, skip).await?;
    let token = app.signer.seal(ticket::KIND, &begun.ticket).map_err(ApiError::internal)?;
    let total = begun.ticket.total;
    let body = stream::start(app.clone(), ask.view, &plan, place, begun).map_err(ApiError::internal)?;
    let name = format!("attachment; filename=\"{}.{}\"", ask.view.table.name, plan.format.row().name);
    let response = HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, plan.format.row().kind))
        .insert_header((CONTENT_DISPOSITION, name))
        .insert_header((TOTAL, HeaderValue::from(total)))
        .insert_header((TOKEN, token))
        .streaming(body);
    Ok(promising(response, fresh))
}

/// An export whose first page is there.
struct Begun {
    ticket: Ticket,
    /// Rows that came before.
    done: u64,
    first: Answer,
}

/// The first page behind `skip` rows. What fails here is still an answer of its own.
async fn begin(app: &Data<App>, place: &Place, plan: &Plan, mut ticket: Ticket, skip: u64) -> Result<Begun, ApiError> {
    let (pit, resumed) = (ticket.pit.clone(), plan.resumed.is_some());
    let close = |over: String| {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let app = app.clone();
            runtime.spawn(async move { app.elastic.close_pit(&over).await });
        }
    };
    // Nobody has the token of one that never began; that of another may be tried again.
    let opening = place.opening(&pit, resumed, close);
    let opened = async {
        let after = stream::place_behind(app, &pit, &plan.query, skip).await?;
        let wanted = Wanted {
            pit: &pit,
            query: &plan.query,
            size: stream::FIRST_PAGE,
            after: after.as_deref(),
            counted: !resumed,
            fields: true,
        };
        let first = app.elastic.pit_page(&wanted).await?;
        if let Some(total) = first.read()?.total() {
            ticket.total = total;
        }
        Ok::<_, PitError>(Begun { ticket, done: skip, first })
    };
    match opened.await {
        Ok(begun) => {
            opening.done();
            Ok(begun)
        }
        Err(PitError::Over) => {
            opening.done();
            Err(PitError::Over.into_api())
        }
        Err(PitError::Other(error)) => Err(refusal::of_search(error, plan.with_regexp)),
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
            for column in view.columns_for(Role::SuperAdmin) {
                assert!(PARAMS.iter().all(|param| param.name != column.name), "{}.{}", view.table.name, column.name);
            }
        }
    }
}

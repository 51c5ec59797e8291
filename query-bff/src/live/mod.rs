//! Live reads: a list as Server-Sent Events, first as it is, then as it changes.
//!
//! [`feed`] hears from the projector what changes in a view, shared by all who read it; [`reader`] is one of them,
//! [`subject`] what he reads; [`sending`] hands over what he is told; [`seats`] bounds how many there are; [`event`] is
//! the form on the wire.

pub mod event;
pub mod feed;
pub mod reader;
pub mod seats;
pub mod sending;
pub mod subject;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse};
use futures_util::StreamExt;
use service::http::Stopping;

use crate::App;
use crate::page::{self, LIST_ROWS, Page};
use crate::params::{FIELDS, FILTER, FILTERS, LAST_EVENT_ID, LIMIT, Param, SORT_BY, SORT_ORDER};
use crate::query::expr::{Cond, Filter};
use crate::query::faults::Code;
use crate::query::matches::Matcher;
use crate::request::Ask;

use event::LastEventId;
use reader::Reader;
use subject::Subject;

/// The media type of the answer.
pub const MEDIA: &str = "text/event-stream";

/// The parameters of `GET /:index/live`.
pub const LIVE: &[&Param] = &[&LIMIT, &SORT_BY, &SORT_ORDER, &FIELDS, &FILTER, &FILTERS, &LAST_EVENT_ID];

/// `GET /:index/live`. Whatever is wrong with the request is told before the stream begins, with a status.
pub async fn live(app: Data<App>, req: HttpRequest, stopping: Data<Stopping>) -> Result<HttpResponse, Error> {
    let mut ask = Ask::open(&app, &req, LIVE).await?;
    let role = ask.caller.role;
    let filter = ask.filter(&app).await?;
    let page = Page { number: 1, limit: Page::read(&ask.params, LIST_ROWS, &mut ask.faults).limit };
    let sort = page::sort(ask.view, role, &ask.params, &mut ask.faults);
    let shown = page::projection(ask.view, role, &ask.params, &mut ask.faults);
    let since = last_event_id(&mut ask, &req);
    let matcher = matcher(&mut ask, filter.clone());
    ask.sound()?;
    let seat = app.live.seats.take(ask.caller.user_id)?;
    let subject = Subject {
        rule: ask.rule(ask.view),
        caller: ask.caller,
        view: ask.view,
        page,
        sort,
        fields: shown,
        filter,
        matcher,
    };
    let mut reader = Reader::new(app.clone(), subject, stopping.get_ref().clone(), seat);
    // What Elasticsearch has against the list is answered with a status as well.
    let first = reader.begin(since).await?;
    let events = sending::start(reader, first).map(Ok::<_, Error>);
    let mut response = HttpResponse::Ok().streaming(events);
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, MEDIA),
        (CACHE_CONTROL, "no-store"),
        // Compressed events would wait until a block is full.
        (CONTENT_ENCODING, "identity"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// Where the client stopped reading: the header, as browsers send it, or the parameter. One of another log or another
/// question, or one that is too old or beyond what is known, begins anew.
fn last_event_id(ask: &mut Ask, req: &HttpRequest) -> Option<LastEventId> {
    let header = req.headers().get("Last-Event-ID").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let (text, at) = match header {
        Some(text) => (text, "/Last-Event-ID"),
        None => (ask.params.get(LAST_EVENT_ID.name)?.to_owned(), "/lastEventId"),
    };
    let read = text.trim().parse::<LastEventId>();
    read.map_err(|error| ask.faults.push(at, Code::InvalidParameter, error.to_string())).ok()
}

/// The filter for documents in memory; without one for filters that search words.
fn matcher(ask: &mut Ask, filter: Option<Filter>) -> Option<Matcher> {
    let filter = filter?;
    filter.each_condition(&mut |column, cond| {
        let Some(operator) = operator_of_words(cond) else { return };
        let told = format!(
            "`{operator}` on `{}` searches words, which a live read cannot; use contains, prefix, wildcard or regexp",
            column.name
        );
        ask.faults.push("/filters", Code::OperatorNotAllowed, told);
    });
    match Matcher::new(filter) {
        Ok(matcher) => Some(matcher),
        Err(told) => {
            ask.faults.push("/filters", Code::InvalidValue, told);
            None
        }
    }
}

/// The operator of a condition that needs the words of a text.
fn operator_of_words(cond: &Cond) -> Option<&'static str> {
    match cond {
        Cond::Match(_) => Some("match"),
        Cond::MatchPhrase(_) => Some("match_phrase"),
        Cond::MatchPhrasePrefix(_) => Some("match_phrase_prefix"),
        Cond::Eq(_)
        | Cond::Ne(_)
        | Cond::In(_)
        | Cond::Nin(_)
        | Cond::Gt(_)
        | Cond::Gte(_)
        | Cond::Lt(_)
        | Cond::Lte(_)
        | Cond::Between(..)
        | Cond::Exists(_)
        | Cond::Prefix(_)
        | Cond::Contains(_)
        | Cond::Wildcard(_)
        | Cond::Regexp(_) => None,
    }
}

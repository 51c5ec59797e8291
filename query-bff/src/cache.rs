//! Answers that are kept: the door that every answer of a search goes through.
//!
//! What a view shows changes only at a refresh, which its watermark tells. So the body of an answer is kept under what
//! it was asked with (the exact bytes of the search, in which the reader's predicates and `now` stand resolved, and what
//! else shapes it) as of the generation and the watermark that were read before the search was sent. One during which
//! the watermark moved is not kept. Equal questions at one watermark share one search: it goes on while any of those
//! who wait for it is there, and is cut off when the last one has gone.

mod flights;
pub mod repeats;

use std::future::Future;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ContentType, ETAG, HeaderValue, VARY};
use actix_web::web::Data;
use bytes::Bytes;
use event_schema::position::LogPosition;
use event_schema::wire::Watermark;
use futures_util::FutureExt;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use serde_json::Value;
use service::error::ApiError;
use uuid::Uuid;

use crate::App;
use crate::es::Search;
use crate::freshness::Fresh;
use crate::request::{Ask, promising};
use crate::view::View;
use crate::watermarks::Need;

use flights::Flights;
use repeats::Repeats;

/// What an entry weighs besides its question and its body, in bytes.
const OVERHEAD: usize = 256;
/// The credentials that an answer depends on stand in one of these.
const DEPENDS_ON: &str = "Authorization, Cookie, wechess-access-token";

/// What is asked of a view, as far as the answer depends on it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The view.
    pub view: &'static View,
    /// The exact bytes of the search.
    pub body: Bytes,
    /// What shapes the answer and does not stand in the search: the kind of answer first (`list`, `count`,
    /// `aggregate`), then for example the fields that it shows.
    pub shape: String,
}

impl Asked {
    /// What is asked with this search.
    pub fn new(view: &'static View, search: &Value, shape: impl Into<String>) -> Self {
        Self { view, body: search.to_string().into(), shape: shape.into() }
    }

    /// Two questions with equal bytes here have equal answers at one mark.
    fn key(&self) -> Bytes {
        let name = self.view.table.name;
        let mut key = Vec::with_capacity(name.len() + self.shape.len() + self.body.len() + 2);
        for part in [name.as_bytes(), b"\n", self.shape.as_bytes(), b"\n", &self.body] {
            key.extend_from_slice(part);
        }
        key.into()
    }
}

/// What an answer shows: everything up to a position, from one generation of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    log: Uuid,
    position: i64,
    generation: u32,
    edition: Uuid,
}

impl Mark {
    /// What this watermark says that searches see.
    pub fn of(watermark: &Watermark) -> Self {
        let Watermark { log_id, generation, edition, searchable, .. } = *watermark;
        Self { log: log_id, position: searchable, generation, edition }
    }

    /// How far a view is now; none before anything was announced.
    pub fn now(app: &App, view: &View) -> Option<Self> {
        app.freshness.watermarks().of(view)?.borrow().watermark.as_ref().map(Self::of)
    }

    /// Complete up to here.
    pub fn position(&self) -> LogPosition {
        LogPosition { log: self.log, position: self.position }
    }

    /// The generation of the index that holds it.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The index that holds it. Not the alias: it may stand on another generation before that is announced.
    pub fn index(&self, app: &App, view: &View) -> String {
        app.namespace.index_generation(view.table.name, self.generation)
    }
}

#[derive(Clone)]
struct Kept {
    mark: Mark,
    tag: HeaderValue,
    body: Bytes,
}

/// The kept answers of this process, bounded in bytes.
pub struct Answers {
    kept: Cache<Bytes, Kept>,
    flights: Arc<Flights>,
    repeats: Repeats,
}

impl Answers {
    /// Keeps as much as `bytes`, questions included; nothing with 0.
    pub fn new(bytes: u64) -> Self {
        let weight = |question: &Bytes, kept: &Kept| {
            u32::try_from(question.len() + kept.body.len() + OVERHEAD).unwrap_or(u32::MAX)
        };
        let kept = Cache::builder()
            .max_capacity(bytes)
            .weigher(weight)
            // An answer of yesterday's favourite question is worth nothing once its view has moved.
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { kept, flights: Arc::default(), repeats: Repeats::new(bytes) }
    }

    fn find(&self, question: &Bytes, mark: Mark) -> Option<Kept> {
        self.kept.get(question).filter(|kept| kept.mark == mark)
    }
}

/// Answers a question with status 200: with what is kept, with the answer of an equal question that is on its way, or by
/// doing `work` with the search; 304 when the client has that answer already. `stale` is what waiting for the view told.
pub async fn answered<W, F>(
    app: &Data<App>,
    ask: &Ask,
    question: Asked,
    stale: bool,
    work: W,
) -> Result<HttpResponse, ApiError>
where
    W: FnOnce(Search) -> F,
    F: Future<Output = Result<Bytes, ApiError>> + Send + 'static,
{
    let view = question.view;
    let Some(mark) = Mark::now(app, view) else {
        let search = Search { index: app.namespace.index(view.table.name), body: question.body };
        return Ok(response(work(search).await?, None, Fresh { watermark: None, stale }));
    };
    let fresh = Fresh { watermark: Some(mark.position()), stale };
    let search = Search { index: mark.index(app, view), body: question.body.clone() };
    if !ask.caching {
        note("passed");
        return Ok(response(work(search).await?, None, fresh));
    }
    let key = question.key();
    if let Some(request) = ask.repeat() {
        app.answers.repeats.keep(request.clone(), &key);
    }
    let kept = app.answers.find(&key, mark);
    let tag = kept.as_ref().map_or_else(|| tag_of(&key, mark), |kept| kept.tag.clone());
    if ask.has(&tag) {
        note("unchanged");
        return Ok(unchanged(tag, fresh));
    }
    if let Some(kept) = kept {
        note("kept");
        return Ok(response(kept.body, Some(tag), fresh));
    }
    let (flight, began) = app.answers.flights.join((key.clone(), mark), || {
        let (app, tag, work) = (app.clone(), tag.clone(), work(search));
        async move {
            let body = work.await?;
            if Mark::now(&app, view) == Some(mark) {
                app.answers.kept.insert(key, Kept { mark, tag, body: body.clone() });
            }
            Ok(body)
        }
        .boxed()
    });
    note(if began { "searched" } else { "shared" });
    Ok(response(flight.await?, Some(tag), fresh))
}

/// Whether the view, or that of the saved filter before it, does not reach what the request wants in time: waits, and
/// fails, as [`crate::freshness::Freshness::wait`] does.
pub async fn is_stale(app: &App, ask: &Ask) -> Result<bool, ApiError> {
    Ok(app.freshness.wait(ask.view, &ask.wanted, Need::Searchable).await?.stale || ask.stale)
}

fn note(outcome: &'static str) {
    metrics::counter!("wechess_answers_total", "outcome" => outcome).increment(1);
}

/// A weak tag: equal exactly for equal questions at one mark.
fn tag_of(key: &Bytes, mark: Mark) -> HeaderValue {
    let scope = Uuid::new_v5(&mark.log, format!("{}:{}:{}", mark.generation, mark.edition, mark.position).as_bytes());
    let text = format!("W/\"{}\"", Uuid::new_v5(&scope, key).simple());
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("W/\"\""))
}

fn unchanged(tag: HeaderValue, fresh: Fresh) -> HttpResponse {
    head(promising(HttpResponse::new(StatusCode::NOT_MODIFIED), fresh), Some(tag))
}

fn response(body: Bytes, tag: Option<HeaderValue>, fresh: Fresh) -> HttpResponse {
    let whole = HttpResponse::build(StatusCode::OK).content_type(ContentType::json()).body(body);
    head(promising(whole, fresh), tag)
}

fn head(mut response: HttpResponse, tag: Option<HeaderValue>) -> HttpResponse {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(VARY, HeaderValue::from_static(DEPENDS_ON));
    if let Some(tag) = tag {
        headers.insert(ETAG, tag);
    }
    response
}

/// Whether an `If-None-Match` names this tag; weakly, as it is for reads.
pub fn names(if_none_match: &str, tag: &HeaderValue) -> bool {
    let opaque = |text: &str| text.trim().trim_start_matches("W/").to_owned();
    tag.to_str().is_ok_and(|tag| if_none_match.split(',').any(|named| opaque(named) == opaque(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::by_name;

    fn mark(position: i64) -> Mark {
        Mark { log: Uuid::from_u128(1), position, generation: 1, edition: Uuid::nil() }
    }

    fn kept(mark: Mark, length: usize) -> Kept {
        Kept { mark, tag: HeaderValue::from_static("W/\"x\""), body: vec![b'x'; length].into() }
    }

    #[test]
    fn an_answer_is_that_of_its_mark_only() {
        let answers = Answers::new(1 << 20);
        let question = Bytes::from_static(b"q");
        answers.kept.insert(question.clone(), kept(mark(7), 10));
        assert!(answers.find(&question, mark(7)).is_some());
        assert!(answers.find(&question, mark(8)).is_none());
        assert!(answers.find(&question, Mark { generation: 2, ..mark(7) }).is_none());
        assert!(answers.find(&question, Mark { edition: Uuid::from_u128(2), ..mark(7) }).is_none());
        assert!(answers.find(&question, Mark { log: Uuid::from_u128(2), ..mark(7) }).is_none());
        assert!(answers.find(&Bytes::from_static(b"p"), mark(7)).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded_in_bytes_and_the_newest_stays() {
        let answers = Answers::new(100_000);
        for number in 0..1000_u32 {
            answers.kept.insert(number.to_be_bytes().to_vec().into(), kept(mark(7), 1000));
            answers.kept.run_pending_tasks();
        }
        assert!(answers.kept.weighted_size() <= 100_000 && answers.kept.entry_count() >= 70);
        assert!(answers.find(&999_u32.to_be_bytes().to_vec().into(), mark(7)).is_some());
        assert!(answers.find(&0_u32.to_be_bytes().to_vec().into(), mark(7)).is_none());
        let nothing = Answers::new(0);
        nothing.kept.insert(Bytes::from_static(b"q"), kept(mark(7), 1));
        nothing.kept.run_pending_tasks();
        assert!(nothing.find(&Bytes::from_static(b"q"), mark(7)).is_none());
    }

    #[test]
    fn tags_differ_where_answers_may() {
        let view = by_name("chessGame").unwrap();
        let question = |body: &'static str, shape: &str| Asked { view, body: body.into(), shape: shape.into() }.key();
        let tags = [
            tag_of(&question("{}", "list"), mark(7)),
            tag_of(&question("{}", "list"), mark(8)),
            tag_of(&question("{}", "list"), Mark { generation: 2, ..mark(7) }),
            tag_of(&question("{}", "count"), mark(7)),
            tag_of(&question("{\"a\":1}", "list"), mark(7)),
        ];
        for (place, tag) in tags.iter().enumerate() {
            assert!(tags[..place].iter().all(|other| other != tag), "{tag:?}");
        }
        assert_eq!(tags[0], tag_of(&question("{}", "list"), mark(7)));
    }

    #[test]
    fn tags_are_compared_weakly() {
        let tag = HeaderValue::from_static("W/\"a\"");
        for (named, expected) in
            [("W/\"a\"", true), ("\"a\"", true), ("\"b\", W/\"a\"", true), ("\"b\"", false), ("", false), ("*", false)]
        {
            assert_eq!(names(named, &tag), expected, "{named}");
        }
    }
}

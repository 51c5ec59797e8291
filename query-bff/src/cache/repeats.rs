//! Requests that came before, byte for byte: what they ask is known without being read again.
//!
//! A question is what a request says, who says it in which role, and the tables: the same bytes of the same user ask the
//! same, unless `now`, a saved filter or a position to wait for is part of it. Such requests are never kept here.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::{Mark, OVERHEAD, note, response, unchanged};
use crate::App;
use crate::freshness::{Fresh, TOKEN};
use crate::params::Param;
use crate::request::{Ask, Call, names_it};

/// The share of the memory for kept answers that goes to what was asked for them.
const SHARE: u64 = 16;

/// A route whose answers are kept.
pub struct Route {
    /// A word that no other has.
    pub name: &'static str,
    /// Its parameters.
    pub known: &'static [&'static Param],
}

/// The questions of requests.
pub struct Repeats(Cache<Bytes, Bytes>);

/// A request that may have come before.
pub enum Opened {
    /// It did, and its answer is kept.
    Answered(HttpResponse),
    /// It must be read.
    Asked(Box<Ask>),
}

impl Repeats {
    /// Of answers that take so much memory.
    pub fn new(answers: u64) -> Self {
        let weight =
            |request: &Bytes, key: &Bytes| u32::try_from(request.len() + key.len() + OVERHEAD).unwrap_or(u32::MAX);
        let known = Cache::builder().max_capacity(answers / SHARE).weigher(weight);
        Self(known.eviction_policy(EvictionPolicy::lru()).build())
    }

    /// This request asks that.
    pub fn keep(&self, request: Bytes, key: &Bytes) {
        self.0.insert(request, key.clone());
    }
}

/// Opens a request of a route whose answers are kept: answers it at once where it came before and the view has not
/// changed since, else reads it.
pub async fn opened(
    app: &App,
    req: &HttpRequest,
    route: &Route,
    body: Option<Result<Bytes, actix_web::Error>>,
) -> Result<Opened, actix_web::Error> {
    let call = Call::of(app, req).await?;
    let body = body.transpose()?;
    let repeat = bytes(req, &call, route.name, body.as_ref());
    if let Some(answer) = repeat.as_ref().and_then(|bytes| answer(app, req, &call, bytes)) {
        return Ok(Opened::Answered(answer));
    }
    let mut ask = Ask::of(call, req, route.known, body)?;
    ask.repeat = repeat;
    Ok(Opened::Asked(Box::new(ask)))
}

/// All of a request that its question depends on; none when it waits for a position.
fn bytes(req: &HttpRequest, call: &Call, route: &str, body: Option<&Bytes>) -> Option<Bytes> {
    if req.headers().contains_key(TOKEN) {
        return None;
    }
    let kind = req.headers().get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let body = body.map_or(&b""[..], |body| body);
    let user = call.caller.user_id.0;
    let parts = [
        route.as_bytes(),
        call.view.table.name.as_bytes(),
        user.as_bytes(),
        call.caller.role.as_str().as_bytes(),
        kind,
        req.query_string().as_bytes(),
        body,
    ];
    let mut all = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        all.extend_from_slice(&u32::try_from(part.len()).ok()?.to_le_bytes());
        all.extend_from_slice(part);
    }
    Some(all.into())
}

fn answer(app: &App, req: &HttpRequest, call: &Call, bytes: &Bytes) -> Option<HttpResponse> {
    let key = app.answers.repeats.0.get(bytes)?;
    let mark = Mark::now(app, call.view)?;
    let kept = app.answers.find(&key, mark)?;
    let fresh = Fresh { watermark: Some(mark.position()), stale: false };
    if names_it(req, &kept.tag) {
        note("unchanged");
        return Some(unchanged(kept.tag, fresh));
    }
    note("kept");
    Some(response(kept.body, Some(kept.tag), fresh))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use event_schema::auth::user::Role;
    use event_schema::ids::{SessionId, UserId};
    use service::sessions::Caller;
    use uuid::Uuid;

    use super::*;
    use crate::view::by_name;

    fn call(user: u128, role: Role, view: &str) -> Call {
        let user_id = UserId(Uuid::from_u128(user));
        let caller = Caller { user_id, session_id: SessionId(Uuid::from_u128(user)), role, token: String::new() };
        Call { caller, view: by_name(view).unwrap() }
    }

    fn of(call: &Call, route: &str, kind: &'static str, query: &str, body: &'static str) -> Option<Bytes> {
        let request = TestRequest::with_uri(&format!("/x?{query}")).insert_header((CONTENT_TYPE, kind));
        bytes(&request.to_http_request(), call, route, Some(&Bytes::from_static(body.as_bytes())))
    }

    #[test]
    fn requests_are_equal_only_in_all_that_their_question_depends_on() {
        let ann = call(1, Role::User, "chessGame");
        let all = [
            of(&ann, "list", "application/json", "a=1", "{}"),
            of(&ann, "count", "application/json", "a=1", "{}"),
            of(&ann, "list", "text/plain", "a=1", "{}"),
            of(&ann, "list", "application/json", "a=1{", "}"),
            of(&ann, "list", "application/json", "a=1", "{} "),
            of(&call(2, Role::User, "chessGame"), "list", "application/json", "a=1", "{}"),
            of(&call(1, Role::Admin, "chessGame"), "list", "application/json", "a=1", "{}"),
            of(&call(1, Role::User, "chessGameMove"), "list", "application/json", "a=1", "{}"),
        ];
        for (place, one) in all.iter().enumerate() {
            assert!(one.is_some() && all[..place].iter().all(|other| other != one), "{place}");
        }
        let another_session = Call { caller: Caller { token: "x".into(), ..ann.caller.clone() }, view: ann.view };
        assert_eq!(of(&another_session, "list", "application/json", "a=1", "{}"), all[0]);
    }

    #[test]
    fn a_request_that_waits_for_a_position_is_read() {
        let request = TestRequest::default().insert_header((TOKEN, "x")).to_http_request();
        assert_eq!(bytes(&request, &call(1, Role::User, "chessGame"), "list", None), None);
    }

    #[test]
    fn what_is_known_of_requests_is_bounded() {
        let repeats = Repeats::new(160_000);
        for number in 0..1000_u32 {
            repeats.keep(number.to_be_bytes().to_vec().into(), &Bytes::from_static(&[b'x'; 500]));
            repeats.0.run_pending_tasks();
        }
        assert!(repeats.0.weighted_size() <= 10_000 && repeats.0.contains_key(&999_u32.to_be_bytes()[..]));
    }
}

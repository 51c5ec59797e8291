//! The one handler of writes: parse, transact, answer.

use std::future::Future;

use actix_web::HttpResponse;
use actix_web::http::header::{ETAG, HeaderName, HeaderValue};
use event_schema::object::Object;
use serde_json::{Map, Value};
use service::ApiError;
use uuid::Uuid;

use super::body::Param;
use super::call::Call;
use super::rows::Access;
use super::{envelope, error};
use crate::es::joint::Transaction;
use crate::es::store::Done;

/// A command that a route issues, on one stream or on two.
pub trait Write: Transaction + Sized + 'static {
    /// The body's table.
    const BODY: &'static [Param];
    /// What it answers with.
    const SHOWS: &'static Object;
    /// One sentence for the documents.
    const ABOUT: &'static str;
    /// Who may call it at all.
    const ACCESS: Access = Access::LoggedIn;

    /// The stream and the command that a checked request means. Looks up the facts that the decision needs.
    fn prepare(call: &Call) -> impl Future<Output = Result<(Uuid, Self), ApiError>>;

    /// What the caller is shown of the outcome.
    fn answer(done: &Done<Self::Main>, call: &Call) -> Option<Map<String, Value>>;

    /// What happens once it is done (never the decision's part: pushes, caches).
    fn after(done: &Done<Self::Main>, call: &Call) -> impl Future<Output = ()> {
        let _ = (done, call);
        std::future::ready(())
    }
}

/// Serves a write row.
pub async fn handle<C: Write>(call: Call) -> Result<HttpResponse, ApiError> {
    let (stream, command) = C::prepare(&call).await?;
    let done = call.app.store.transact(stream, &command, &call.request).await.map_err(error::of_failure)?;
    C::after(&done, &call).await;
    let shown =
        C::answer(&done, &call).ok_or_else(|| ApiError::internal(format!("{} left nothing to show", call.row.name)))?;
    let mut response = envelope::one(&call, shown);
    envelope::covered(&call, done.position, &mut response);
    let headers = response.headers_mut();
    if let Ok(version) = HeaderValue::from_str(&format!("\"{}\"", done.loaded.version)) {
        headers.insert(ETAG, version);
    }
    if done.replayed {
        headers.insert(HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"));
    }
    Ok(response)
}

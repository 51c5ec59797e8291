//! The request log: a line for every request that was refused (info) or failed (error), and for the others at debug; the
//! only place where the sources of an error are written.

use std::future::Ready;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};

use super::Shell;
use super::metrics::{DURATION, REQUESTS};
use crate::error::ApiError;
use crate::telemetry::chain;

/// The id under which a request is found in the log: the query's `requestId`, or 32 random hex digits. Handlers take it
/// as an argument or from the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub String);

impl RequestId {
    /// The id of a request of ours; a new one for a request that never came through the log.
    pub fn of(req: &HttpRequest) -> Self {
        req.extensions().get::<Self>().cloned().unwrap_or_else(Self::random)
    }

    fn random() -> Self {
        Self(uuid::Uuid::new_v4().simple().to_string())
    }

    /// The client's own id, if it is short and plain enough for a log line.
    fn from_query(query: &str) -> Option<Self> {
        let id = query.split('&').find_map(|pair| pair.strip_prefix("requestId="))?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let usable = (1..=64).contains(&id.len()) && id.bytes().all(plain);
        usable.then(|| Self(id.to_owned()))
    }
}

impl FromRequest for RequestId {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self::of(req)))
    }
}

/// The trace id of a W3C `traceparent` header, if it is well formed.
fn trace_id(req: &ServiceRequest) -> Option<String> {
    let text = req.headers().get("traceparent")?.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
    match parts[..] {
        ["00", trace, parent, flags] if hex(trace, 32) && hex(parent, 16) && hex(flags, 2) => Some(trace.to_owned()),
        _ => None,
    }
}

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request its id, counts it, times it and writes its line.
pub(super) async fn each_request(
    req: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let began = Instant::now();
    let id = RequestId::from_query(req.query_string()).unwrap_or_else(RequestId::random);
    let trace = trace_id(&req).unwrap_or_default();
    req.extensions_mut().insert(id.clone());
    let service = req.app_data::<Data<Shell>>().map(|shell| shell.inner.name.clone()).unwrap_or_default();
    let mut answer = next.call(req).await?;
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        answer.headers_mut().insert(X_REQUEST_ID, value);
    }
    let elapsed = began.elapsed();
    let status = answer.status().as_u16();
    let method = answer.request().method().as_str().to_owned();
    let route = answer.request().match_pattern().unwrap_or_else(|| "none".to_owned());
    let class = format!("{}xx", status / 100);
    let labels = [("service", service), ("method", method.clone()), ("route", route.clone()), ("status", class)];
    metrics::counter!(REQUESTS, &labels).increment(1);
    metrics::histogram!(DURATION, &labels).record(elapsed.as_secs_f64());
    #[expect(clippy::cast_possible_truncation, reason = "a request does not take 584 million years")]
    let duration_us = elapsed.as_micros() as u64;
    let reason = answer.response().error().map(reason).unwrap_or_default();
    // A health report of 503 is an answer, not a failure.
    if status >= 500 && !reason.is_empty() {
        tracing::error!(
            request.id = id.0,
            trace.id = trace,
            method,
            route,
            status,
            duration_us,
            reason,
            "request failed"
        );
    } else if reason.is_empty() {
        tracing::debug!(request.id = id.0, trace.id = trace, method, route, status, duration_us, "request answered");
    } else {
        tracing::info!(
            request.id = id.0,
            trace.id = trace,
            method,
            route,
            status,
            duration_us,
            reason,
            "request refused"
        );
    }
    Ok(answer)
}

fn reason(error: &Error) -> String {
    match error.as_error::<ApiError>() {
        Some(error) => chain(error),
        None => error.to_string(),
    }
}

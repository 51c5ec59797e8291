//! The Elasticsearch client: searches and reads by id, with bounded times, and what their failures mean.
//!
//! [`Search`] holds the exact bytes that are sent; [`crate::cache`] keeps answers under them.

pub mod document;
pub mod pit;
pub mod raw;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use bytes::Bytes;
use elasticsearch::auth::Credentials;
use elasticsearch::http::Method;
use elasticsearch::http::headers::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use service::error::{ApiError, BoxError};
use uuid::Uuid;

use document::Document;

/// How long a search may run in Elasticsearch.
const SEARCH_TIME: &str = "4s";
/// How long we wait for any answer.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// How long a health check waits.
const HEALTH_TIME: Duration = Duration::from_secs(2);

/// Elasticsearch did not answer as it should.
#[derive(Debug, thiserror::Error)]
pub enum EsError {
    /// It cannot be reached, or not in time.
    #[error("elasticsearch does not answer")]
    Down(#[source] BoxError),
    /// The view has no index (yet).
    #[error("index `{0}` is missing")]
    NoIndex(String),
    /// A shard failed or the search timed out; a part of an answer is no answer.
    #[error("elasticsearch answered only in part ({0})")]
    Partial(&'static str),
    /// It refuses the request as such.
    #[error("elasticsearch answered {status}: {reason}")]
    Refused {
        /// Its status.
        status: u16,
        /// Its reason, shortened.
        reason: String,
    },
    /// Its answer cannot be read.
    #[error("the answer of elasticsearch cannot be read")]
    Unreadable(#[source] BoxError),
}

impl EsError {
    /// What the client is told: nothing is wrong with his request.
    pub fn into_api(self) -> ApiError {
        let (told, seconds) = match &self {
            Self::Down(_) => ("elasticsearch does not answer; try again", 2),
            Self::NoIndex(_) => ("this view is being built in elasticsearch; try again", 5),
            Self::Partial(_) => ("elasticsearch answered only in part, which is no answer; try again", 1),
            Self::Refused { .. } | Self::Unreadable(_) => ("elasticsearch does not answer as it should; try again", 2),
        };
        ApiError::unavailable(told, self).retry_after(seconds)
    }
}

/// A compiled search: the alias and the exact bytes of the request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Search {
    /// The alias of the view's live index.
    pub index: String,
    /// The request.
    pub body: Bytes,
}

impl Search {
    /// The request of this JSON.
    pub fn new(index: String, body: &Value) -> Self {
        Self { index, body: body.to_string().into() }
    }
}

/// What a search found.
#[derive(Debug, Default)]
pub struct Found {
    /// How many in all, exact.
    pub total: u64,
    /// The documents of the window in the order of the search.
    pub rows: Vec<Row>,
    /// What was counted beside them; null if nothing was.
    pub aggregations: Value,
}

/// One document of a search.
#[derive(Debug)]
pub struct Row {
    /// Its fields as they stand in the answer, hidden ones included.
    pub source: Box<RawValue>,
    /// Its place in the order: the list of its sort values, as it came.
    pub sort: Option<Box<RawValue>>,
}

impl Row {
    /// Its fields, read in place.
    pub fn document(&self) -> Result<Document<'_>, EsError> {
        serde_json::from_str(self.source.get()).map_err(|e| EsError::Unreadable(e.into()))
    }
}

#[derive(Deserialize)]
struct SearchAnswer {
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    hits: Hits,
    #[serde(default)]
    aggregations: Value,
}

#[derive(Debug, Deserialize)]
struct Shards {
    failed: u64,
}

#[derive(Deserialize)]
struct Hits {
    total: Total,
    hits: Vec<Hit>,
}

#[derive(Debug, Deserialize)]
struct Total {
    value: u64,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_source")]
    source: Option<Box<RawValue>>,
    sort: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Got {
    #[serde(rename = "_source")]
    source: Option<Map<String, Value>>,
}

/// The client. Its connections are pooled, for each thread apart: the thread that opened one drives it, and had to wake
/// any other one that waits for its answers.
pub struct Elastic {
    config: service::config::Elasticsearch,
    first: Transport,
    of_threads: Mutex<HashMap<ThreadId, Transport>>,
}

impl Elastic {
    /// A client for this server; nothing is sent yet.
    pub fn new(config: &service::config::Elasticsearch) -> Result<Self, BoxError> {
        Ok(Self { config: config.clone(), first: transport(config)?, of_threads: Mutex::default() })
    }

    /// The connections of this thread.
    fn own(&self) -> Transport {
        let mut known = self.of_threads.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || transport(&self.config).unwrap_or_else(|_| self.first.clone());
        known.entry(thread::current().id()).or_insert_with(made).clone()
    }

    /// Runs a search. A partial result is an error.
    pub async fn search(&self, search: &Search) -> Result<Found, EsError> {
        let (status, bytes) = self.send_search(&format!("/{}/_search", search.index), search.body.clone()).await?;
        if status != 200 {
            return Err(refusal(status, &bytes, &search.index));
        }
        let answer: SearchAnswer = serde_json::from_slice(&bytes).map_err(|e| EsError::Unreadable(e.into()))?;
        whole(answer.timed_out, answer.shards.failed)?;
        let row = |hit: Hit| Some(Row { source: hit.source?, sort: hit.sort });
        let rows = answer.hits.hits.into_iter().filter_map(row).collect();
        Ok(Found { total: answer.hits.total.value, rows, aggregations: answer.aggregations })
    }

    /// The newest document with this id, refreshed or not; hidden fields included.
    pub async fn get(&self, index: &str, id: Uuid) -> Result<Option<Map<String, Value>>, EsError> {
        let path = format!("/{index}/_doc/{id}");
        let (status, bytes) = self.send(Method::Get, &path, &[], None, None).await?;
        let document = || serde_json::from_slice::<Value>(&bytes).map_err(|e| EsError::Unreadable(e.into()));
        match status {
            200 => {
                let got: Got = serde_json::from_slice(&bytes).map_err(|e| EsError::Unreadable(e.into()))?;
                Ok(got.source)
            }
            404 if document()?.get("error").is_none() => Ok(None),
            _ => Err(refusal(status, &bytes, index)),
        }
    }

    /// The cluster's own word on its health: `green`, `yellow` or `red`.
    pub async fn health(&self) -> Result<String, EsError> {
        let query = [("filter_path", "status")];
        let (status, bytes) = self.send(Method::Get, "/_cluster/health", &query, None, Some(HEALTH_TIME)).await?;
        if status != 200 {
            return Err(refusal(status, &bytes, "_cluster"));
        }
        let body: Value = serde_json::from_slice(&bytes).map_err(|e| EsError::Unreadable(e.into()))?;
        Ok(body["status"].as_str().unwrap_or("unknown").to_owned())
    }

    /// Sends a search: bounded in time, and never answered with less than all shards have.
    async fn send_search(&self, path: &str, body: Bytes) -> Result<(u16, Bytes), EsError> {
        let query = [("allow_partial_search_results", "false"), ("timeout", SEARCH_TIME)];
        self.send(Method::Post, path, &query, Some(body), None).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Bytes>,
        time: Option<Duration>,
    ) -> Result<(u16, Bytes), EsError> {
        let started = std::time::Instant::now();
        let sent = async {
            let response = self.own().send(method, path, HeaderMap::new(), Some(query), body, time).await?;
            let status = response.status_code().as_u16();
            Ok::<_, elasticsearch::Error>((status, response.bytes().await?))
        };
        let answer = sent.await.map_err(|e| EsError::Down(e.into()));
        let outcome = match &answer {
            Ok((status, _)) if *status < 400 || *status == 404 => "ok",
            Ok(_) => "refused",
            Err(_) => "down",
        };
        metrics::histogram!("wechess_elasticsearch_request_seconds", "outcome" => outcome).record(started.elapsed());
        answer
    }
}

/// A client with connections of its own.
fn transport(config: &service::config::Elasticsearch) -> Result<Transport, BoxError> {
    let url = elasticsearch::http::Url::parse(&config.url)
        .map_err(|e| format!("elasticsearch address `{}`: {e}", config.url))?;
    let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(url))
        .disable_proxy()
        .enable_meta_header(false)
        .timeout(ANSWER_TIME)
        // Compressing answers would cost both sides more than the wire between them.
        .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let (Some(user), Some(password)) = (&config.user, &config.password) {
        builder = builder.auth(Credentials::Basic(user.clone(), password.expose().to_owned()));
    }
    Ok(builder.build().map_err(|e| format!("the elasticsearch client cannot be made: {e}"))?)
}

/// A part of an answer is no answer.
fn whole(timed_out: bool, failed_shards: u64) -> Result<(), EsError> {
    if timed_out {
        return Err(EsError::Partial("timed out"));
    }
    if failed_shards > 0 {
        return Err(EsError::Partial("a shard failed"));
    }
    Ok(())
}

/// What an error answer means.
fn refusal(status: u16, bytes: &[u8], index: &str) -> EsError {
    let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let error = &body["error"];
    if status == 404 {
        return EsError::NoIndex(index.to_owned());
    }
    // The root cause names the query's fault; the outer reason is only "all shards failed".
    let reason = error["root_cause"][0]["reason"].as_str().or(error["reason"].as_str()).unwrap_or("no reason given");
    EsError::Refused { status, reason: reason.chars().take(300).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_apart_and_never_shown() {
        let body =
            br#"{"error":{"root_cause":[{"reason":"no such thing"}],"reason":"all shards failed"},"status":400}"#;
        assert!(
            matches!(refusal(400, body, "x"), EsError::Refused { status: 400, reason } if reason == "no such thing")
        );
        assert!(matches!(refusal(404, b"{}", "x"), EsError::NoIndex(index) if index == "x"));
        let told = refusal(401, b"secret", "x").into_api();
        assert_eq!((told.status(), told.detail().contains("secret")), (503, false));
    }
}

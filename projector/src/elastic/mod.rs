//! Elasticsearch as the projector uses it: exact JSON over the official client, every answer checked.

mod bulk;

use std::time::Duration;

use bytes::Bytes;
use elasticsearch::auth::Credentials;
use elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue};
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use elasticsearch::http::{Method, Url};
use event_schema::object::hidden;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::BoxError;
use service::config::Elasticsearch;

use crate::guards::Guard;

pub use bulk::{How, Outcome, Write};

/// No request takes longer when Elasticsearch is well (creating an index under load included).
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most documents of one page of a search.
pub const PAGE: usize = 500;

/// Elasticsearch did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// No answer, or no whole one.
    #[error("elasticsearch does not answer {what}")]
    Unreachable {
        /// What was asked.
        what: String,
        /// Why there is no answer.
        source: elasticsearch::Error,
    },
    /// It refused.
    #[error("elasticsearch answers {status} to {what}: {reason}")]
    Refused {
        /// What was asked.
        what: String,
        /// HTTP status.
        status: u16,
        /// Its reason.
        reason: String,
    },
    /// Only a part of the shards answered, or not in time.
    #[error("elasticsearch answers {0} with a part only")]
    Partial(String),
    /// An answer that is no answer of Elasticsearch.
    #[error("elasticsearch answers {what} with something else")]
    Odd {
        /// What was asked.
        what: String,
        /// What does not fit.
        source: serde_json::Error,
    },
    /// The index, its checkpoint or its alias is gone or was replaced: the view must be opened again.
    #[error("{0}")]
    Lost(String),
}

/// A document found.
#[derive(Debug, Deserialize)]
pub struct Hit {
    /// Its id in the index.
    #[serde(rename = "_id")]
    pub id: String,
    /// The index that holds it.
    #[serde(rename = "_index")]
    pub index: String,
    /// Its version; absent when the document is.
    #[serde(rename = "_version", default)]
    pub version: i64,
    /// The document; none when it is absent.
    #[serde(rename = "_source", default)]
    pub source: Option<Map<String, Value>>,
    /// Where the next page begins (searches).
    #[serde(default)]
    pub sort: Value,
    /// Why it could not be read (`_mget`).
    #[serde(default)]
    error: Option<Fault>,
}

impl Hit {
    /// The version is the position of the last event, also where the index was not told so.
    fn dated(mut self) -> Self {
        if !Guard::ExternalVersion.holds() {
            let position = self.source.as_ref().and_then(|source| source.get(hidden::POSITION));
            self.version = position.and_then(Value::as_i64).unwrap_or(self.version);
        }
        self
    }
}

#[derive(Debug, Deserialize)]
struct Fault {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    reason: Option<String>,
}

/// The client.
#[derive(Clone)]
pub struct Elastic {
    transport: Transport,
}

impl Elastic {
    /// A client; nothing is connected yet.
    pub fn new(config: &Elasticsearch) -> Result<Self, BoxError> {
        let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(Url::parse(&config.url)?))
            .timeout(TIMEOUT)
            .disable_proxy();
        if let (Some(user), Some(password)) = (&config.user, &config.password) {
            builder = builder.auth(Credentials::Basic(user.clone(), password.expose().to_owned()));
        }
        Ok(Self { transport: builder.build()? })
    }

    /// Sends a request; the answer's status and body.
    async fn send(&self, method: Method, path: &str, body: Option<Bytes>) -> Result<(u16, Bytes), IndexError> {
        let unreachable = |source| IndexError::Unreachable { what: path.to_owned(), source };
        let mut headers = HeaderMap::new();
        if path.contains("/_bulk") {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        }
        let response =
            self.transport.send(method, path, headers, None::<&()>, body, None).await.map_err(unreachable)?;
        let status = response.status_code().as_u16();
        Ok((status, response.bytes().await.map_err(unreachable)?))
    }

    /// Sends JSON; a status other than 2xx is an error, but 404 is `None`.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Option<Value>, IndexError> {
        let body = body.map(|json| Bytes::from(json.to_string()));
        let (status, answer) = self.send(method, path, body).await?;
        match status {
            200..=299 => parse(path, &answer).map(Some),
            404 => Ok(None),
            _ => Err(refused(path, status, &answer)),
        }
    }

    /// The same where a 404 means that the index is gone.
    async fn ask_index(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, IndexError> {
        self.ask(method, path, body).await?.ok_or_else(|| IndexError::Lost(format!("{path}: the index is gone")))
    }

    /// Reads documents by id, as they are now, searchable or not.
    pub async fn read(&self, index: &str, ids: &[String]) -> Result<Vec<Hit>, IndexError> {
        #[derive(Deserialize)]
        struct Answer {
            docs: Vec<Hit>,
        }
        let mut hits = Vec::with_capacity(ids.len());
        for page in ids.chunks(PAGE) {
            let path = format!("/{index}/_mget");
            let value = self.ask_index(Method::Post, &path, Some(&json!({"ids": page}))).await?;
            let answer: Answer =
                serde_json::from_value(value).map_err(|source| IndexError::Odd { what: path.clone(), source })?;
            for hit in answer.docs {
                match &hit.error {
                    None => hits.push(hit.dated()),
                    Some(fault) if fault.kind == "index_not_found_exception" => {
                        return Err(IndexError::Lost(format!("{index} is gone")));
                    }
                    Some(fault) => {
                        let reason = fault.reason.clone().unwrap_or_else(|| fault.kind.clone());
                        return Err(IndexError::Refused { what: path, status: 503, reason });
                    }
                }
            }
        }
        Ok(hits)
    }

    /// Reads one document by id, as it is now; `None` when it or the index is not there.
    pub async fn get(&self, index: &str, id: &str) -> Result<Option<Hit>, IndexError> {
        let path = format!("/{index}/_doc/{id}");
        let Some(value) = self.ask(Method::Get, &path, None).await? else { return Ok(None) };
        serde_json::from_value(value).map(Some).map_err(|source| IndexError::Odd { what: path, source })
    }

    /// One page of a search, whole or not at all; [`PAGE`] documents unless the body says otherwise.
    pub async fn search(&self, index: &str, mut body: Value, after: Option<&Value>) -> Result<Vec<Hit>, IndexError> {
        #[derive(Deserialize)]
        struct Answer {
            hits: Hits,
        }
        #[derive(Deserialize)]
        struct Hits {
            hits: Vec<Hit>,
        }
        if body.get("size").is_none() {
            body["size"] = json!(PAGE);
        }
        body["version"] = json!(true);
        body["track_total_hits"] = json!(false);
        if let Some(after) = after {
            body["search_after"] = after.clone();
        }
        let path = format!("/{index}/_search?allow_partial_search_results=false");
        let value = self.ask_index(Method::Post, &path, Some(&body)).await?;
        if value["timed_out"] != json!(false) || value["_shards"]["failed"] != json!(0) {
            return Err(IndexError::Partial(path));
        }
        let answer: Answer = serde_json::from_value(value).map_err(|source| IndexError::Odd { what: path, source })?;
        Ok(answer.hits.hits.into_iter().map(Hit::dated).collect())
    }

    /// How many searchable documents a query finds.
    pub async fn count(&self, index: &str, query: Value) -> Result<u64, IndexError> {
        let path = format!("/{index}/_count");
        let value = self.ask_index(Method::Post, &path, Some(&json!({"query": query}))).await?;
        match (value["count"].as_u64(), value["_shards"]["failed"] == json!(0)) {
            (Some(count), true) => Ok(count),
            (Some(_) | None, _) => Err(IndexError::Partial(path)),
        }
    }

    /// Bytes of an index on disk, all its shards together.
    pub async fn size(&self, index: &str) -> Result<u64, IndexError> {
        let value = self.ask_index(Method::Get, &format!("/{index}/_stats/store"), None).await?;
        Ok(value["_all"]["total"]["store"]["size_in_bytes"].as_u64().unwrap_or_default())
    }

    /// Makes everything written so far searchable.
    pub async fn refresh(&self, index: &str) -> Result<(), IndexError> {
        let path = format!("/{index}/_refresh");
        let answer = self.ask_index(Method::Post, &path, None).await?;
        if answer["_shards"]["failed"] == json!(0) { Ok(()) } else { Err(IndexError::Partial(path)) }
    }

    /// The cluster's status word.
    pub async fn status(&self) -> Result<String, IndexError> {
        let path = "/_cluster/health?timeout=1s";
        let answer = self.ask(Method::Get, path, None).await?.unwrap_or_default();
        Ok(answer["status"].as_str().unwrap_or("unknown").to_owned())
    }
}

fn parse<T: serde::de::DeserializeOwned>(path: &str, body: &[u8]) -> Result<T, IndexError> {
    serde_json::from_slice(body).map_err(|source| IndexError::Odd { what: path.to_owned(), source })
}

fn refused(path: &str, status: u16, body: &[u8]) -> IndexError {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let reason = answer["error"]["reason"].as_str().or_else(|| answer["error"].as_str()).unwrap_or("no reason given");
    IndexError::Refused { what: path.to_owned(), status, reason: reason.chars().take(500).collect() }
}

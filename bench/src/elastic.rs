//! Elasticsearch as a plain client uses it, as its superuser mostly.

use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stack::error::{Context, Error, Result};
use stack::status::{Connections, Login};
use ureq::http::{Method, Request};

/// Documents of a page that is read.
const PAGE: usize = 2_000;
/// What an index says of itself that cannot be said when another is made.
const OWN: [&str; 5] = ["uuid", "creation_date", "provided_name", "version", "history"];
/// Between two looks at what it is doing.
const PAUSE: Duration = Duration::from_millis(500);
/// Merges that take longer go on beside what is measured.
const MERGED: Duration = Duration::from_secs(300);

/// A client.
#[derive(Debug)]
pub struct Elastic {
    agent: ureq::Agent,
    url: String,
    authorization: String,
}

/// A document as it is sent: the two lines of a `_bulk`.
#[derive(Debug, Clone)]
pub struct Lines(String);

impl Lines {
    /// Of this document at this external version.
    pub fn of(id: &str, version: i64, source: &str) -> Self {
        let action = json!({"index": {"_id": id, "version": version, "version_type": "external"}});
        Self(format!("{action}\n{source}\n"))
    }

    /// The document's id.
    #[cfg(test)]
    pub fn id(&self) -> String {
        let action: Value = serde_json::from_str(self.0.lines().next().unwrap()).unwrap();
        action["index"]["_id"].as_str().unwrap().to_owned()
    }

    /// The document.
    #[cfg(test)]
    pub fn source(&self) -> Value {
        serde_json::from_str(self.0.lines().nth(1).unwrap()).unwrap()
    }
}

impl Elastic {
    /// As the superuser of these servers.
    pub fn new(connections: &Connections) -> Self {
        Self::with(connections, &connections.credentials.elasticsearch.admin)
    }

    /// With this login.
    pub fn with(connections: &Connections, login: &Login) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let basic = STANDARD.encode(format!("{}:{}", login.user, login.password));
        Self { agent: config.into(), url: connections.elasticsearch.clone(), authorization: format!("Basic {basic}") }
    }

    /// Sends a body; the status and the answer.
    fn send(&self, method: Method, path: &str, body: &str) -> Result<(u16, Value)> {
        let (status, text) = self.send_text(method, path, body)?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    fn send_text(&self, method: Method, path: &str, body: &str) -> Result<(u16, String)> {
        let failed = || format!("Elasticsearch: {path}");
        let kind = if path.contains("_bulk") { "application/x-ndjson" } else { "application/json" };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("Authorization", &self.authorization)
            .header("Content-Type", kind)
            .body(body.to_owned())
            .context(failed)?;
        let mut answer = self.agent.run(request).context(failed)?;
        let read = answer.body_mut().with_config().limit(1 << 30).read_to_string().context(failed)?;
        Ok((answer.status().as_u16(), read))
    }

    /// Searches; the answer as it came.
    pub fn search(&self, path: &str, body: &Value) -> Result<String> {
        match self.send_text(Method::POST, path, &body.to_string())? {
            (200, text) => Ok(text),
            (status, text) => Err(Error::new(format!("Elasticsearch: {path}: {status} {text}"))),
        }
    }

    /// Asks, and is answered with success.
    pub fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let text = body.map(Value::to_string).unwrap_or_default();
        match self.send(method, path, &text)? {
            (200..=299, value) => Ok(value),
            (status, value) => Err(Error::new(format!("Elasticsearch: {path}: {status} {value}"))),
        }
    }

    /// Removes an index; none is fine.
    pub fn remove(&self, index: &str) -> Result<()> {
        match self.send(Method::DELETE, &format!("/{index}"), "")? {
            (200..=299 | 404, _) => Ok(()),
            (status, value) => Err(Error::new(format!("Elasticsearch: delete {index}: {status} {value}"))),
        }
    }

    /// All documents of an index in the form in which they can be written again, and the name of the index.
    pub fn documents(&self, alias: &str) -> Result<(String, Vec<Lines>)> {
        self.ask(Method::POST, &format!("/{alias}/_refresh"), None)?;
        let found = self.ask(Method::GET, &format!("/{alias}/_settings"), None)?;
        let name = found.as_object().and_then(|indexes| indexes.keys().next());
        let name = name.context(|| format!("{alias} is no index"))?.clone();
        let pit = self.ask(Method::POST, &format!("/{name}/_pit?keep_alive=5m"), None)?["id"].clone();
        let (mut documents, mut after) = (Vec::new(), None::<Value>);
        loop {
            let mut body = json!({"size": PAGE, "pit": {"id": pit, "keep_alive": "5m"}, "sort": ["_shard_doc"],
                "version": true, "track_total_hits": false});
            if let Some(after) = &after {
                body["search_after"] = after.clone();
            }
            let page = self.ask(Method::POST, "/_search", Some(&body))?;
            let hits = page["hits"]["hits"].as_array().context(|| "a search without hits".into())?;
            let Some(last) = hits.last() else { break };
            after = Some(last["sort"].clone());
            documents.extend(hits.iter().map(lines));
        }
        self.ask(Method::DELETE, "/_pit", Some(&json!({"id": pit})))?;
        Ok((name, documents))
    }

    /// Makes an empty index with the settings and mappings of another.
    pub fn copy(&self, from: &str, to: &str) -> Result<()> {
        self.remove(to)?;
        let found = self.ask(Method::GET, &format!("/{from}"), None)?;
        let index = found.as_object().and_then(|indexes| indexes.values().next());
        let index = index.context(|| format!("{from} is no index"))?;
        let mut settings = index["settings"].clone();
        if let Some(own) = settings["index"].as_object_mut() {
            own.retain(|name, _| !OWN.contains(&name.as_str()));
        }
        let body = json!({"settings": settings, "mappings": index["mappings"]});
        self.ask(Method::PUT, &format!("/{to}"), Some(&body)).map(drop)
    }

    /// Makes what was written to an index searchable, and waits until its segments are merged, not for ever.
    pub fn settle(&self, index: &str) -> Result<()> {
        self.ask(Method::POST, &format!("/{index}/_refresh"), None)?;
        let begun = Instant::now();
        while begun.elapsed() < MERGED {
            let stats = self.ask(Method::GET, &format!("/{index}/_stats/merge"), None)?;
            if stats["_all"]["total"]["merges"]["current"] == 0 {
                break;
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Writes documents, all of which must be taken.
    pub fn bulk(&self, index: &str, documents: &[Lines]) -> Result<()> {
        let body: String = documents.iter().map(|lines| lines.0.as_str()).collect();
        let path = format!("/{index}/_bulk?filter_path=errors,items.*.error.type");
        match self.send(Method::POST, &path, &body)? {
            (200, value) if value["errors"] == false => Ok(()),
            (status, value) => Err(Error::new(format!("a bulk was not taken: {status} {value}"))),
        }
    }
}

fn lines(hit: &Value) -> Lines {
    let id = hit["_id"].as_str().unwrap_or_default();
    Lines::of(id, hit["_version"].as_i64().unwrap_or(0), &hit["_source"].to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_written_again_with_its_version() {
        let hit = json!({"_id": "a", "_version": 7, "_source": {"x": "y"}});
        let expected = "{\"index\":{\"_id\":\"a\",\"version\":7,\"version_type\":\"external\"}}\n{\"x\":\"y\"}\n";
        assert_eq!(lines(&hit).0, expected);
    }
}

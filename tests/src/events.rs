//! Live reads, as a browser follows them.

use std::collections::BTreeMap;
use std::time::Duration;

use event_schema::position::LogPosition;
use serde_json::Value;

use crate::{Actor, Answer};

/// An event that does not come by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: Value,
}

/// A live read.
pub struct Events {
    what: String,
    response: reqwest::Response,
    text: String,
    /// The beginning of a character.
    rest: Vec<u8>,
    /// The last id that came.
    pub last_id: Option<String>,
    /// The documents that it has shown, by id, as a page would keep them.
    pub shown: BTreeMap<String, Value>,
}

impl Actor {
    /// Opens a live read; its answer when it is refused.
    pub async fn try_live(&self, path: &str, last_id: Option<&str>) -> Result<Events, Answer> {
        let header = last_id.map(|id| ("Last-Event-ID", id));
        self.try_live_with(path, header.as_slice()).await
    }

    /// As [`Actor::try_live`], with these headers.
    pub async fn try_live_with(&self, path: &str, headers: &[(&str, &str)]) -> Result<Events, Answer> {
        let url = format!("{}{path}", self.app.query_bff);
        let mut request = self.app.http.get(url).timeout(Duration::from_secs(300));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let what = format!("{}: live {path}", self.name);
        let response = request.send().await.unwrap_or_else(|error| panic!("{what}: no answer: {error:?}"));
        if response.status() != 200 {
            return Err(Answer::read(what, response).await);
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream", "{what}");
        Ok(Events { what, response, text: String::new(), rest: Vec::new(), last_id: None, shown: BTreeMap::new() })
    }

    /// Opens a live read.
    pub async fn live(&self, path: &str) -> Events {
        self.try_live(path, None).await.unwrap_or_else(|answer| panic!("{} -> {}", answer.what, answer.text))
    }
}

impl Events {
    /// The next event; `None` at the end.
    pub async fn try_next(&mut self) -> Option<Event> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            if let Some(name) = field("event:") {
                let data = serde_json::from_str(field("data:").expect("data")).expect("JSON");
                let event = Event { name: name.to_owned(), data };
                self.apply(&event);
                return Some(event);
            }
        }
    }

    /// The next sign of life: an id without an event. No event may come before it.
    pub async fn beat(&mut self) {
        loop {
            let block = self.block().await.unwrap_or_else(|| panic!("{}: it ended", self.what));
            assert!(!block.contains("event:"), "{}: {block}", self.what);
            if block.lines().any(|line| line.starts_with("id:")) {
                return;
            }
        }
    }

    /// What stands before the next empty line; its id is kept.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if let Some(id) = block.lines().find_map(|line| line.strip_prefix("id:")) {
                    self.keep(id.trim());
                }
                return Some(block);
            }
            let more = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            let more = more.unwrap_or_else(|_| panic!("{}: nothing comes; shown: {:?}", self.what, self.shown));
            self.rest.extend_from_slice(&more.ok()??);
            let whole = std::str::from_utf8(&self.rest).map_or_else(|error| error.valid_up_to(), str::len);
            let read: Vec<u8> = self.rest.drain(..whole).collect();
            self.text.push_str(std::str::from_utf8(&read).expect("whole characters"));
        }
    }

    /// The next event.
    pub async fn next(&mut self) -> Event {
        self.try_next().await.unwrap_or_else(|| panic!("{}: it ended", self.what))
    }

    /// The next event, which has this name.
    pub async fn expect(&mut self, name: &str) -> Value {
        let event = self.next().await;
        assert_eq!(event.name, name, "{}: {}", self.what, event.data);
        event.data
    }

    /// Reads on until what it shows passes.
    pub async fn until(&mut self, passes: impl Fn(&BTreeMap<String, Value>) -> bool) {
        while !passes(&self.shown) {
            self.next().await;
        }
    }

    /// Ids never go back, and are of one question.
    fn keep(&mut self, id: &str) {
        if let Some(before) = &self.last_id {
            let ((now, question), (then, asked)) = (parts(id), parts(before));
            assert!(now.position >= then.position && question == asked, "{}: {id} after {before}", self.what);
        }
        self.last_id = Some(id.to_owned());
    }

    fn apply(&mut self, event: &Event) {
        let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
        match event.name.as_str() {
            "snapshot" => {
                let items = event.data["items"].as_array().expect("items");
                self.shown = items.iter().map(|item| (id(item), item.clone())).collect();
            }
            "enter" | "change" => {
                self.shown.insert(id(&event.data), event.data["item"].clone());
            }
            "leave" => {
                self.shown.remove(&id(&event.data));
            }
            other => assert_eq!(other, "end", "{}", self.what),
        }
    }
}

/// The two parts of an id: a position and the digest of what is read.
pub fn parts(id: &str) -> (LogPosition, &str) {
    let (at, digest) = id.rsplit_once(':').expect("a position and a digest");
    (at.parse().expect("a position"), digest)
}

//! A client that never gives a command up: the same key again until there is an answer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use stack::error::{Context, Result};

/// How long one try may take.
const TRY: Duration = Duration::from_secs(12);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How long a command is tried on once nobody begins new ones: the servers are back by then.
const PATIENCE: Duration = Duration::from_secs(120);

/// A request.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// GET, POST, PATCH or DELETE.
    pub method: &'static str,
    /// The whole URL.
    pub url: String,
    /// Whose.
    pub token: &'a str,
    /// The idempotency key.
    pub key: Option<&'a str>,
    /// The Consistency-Token, for a read that must be as new.
    pub since: Option<&'a str>,
    /// The body.
    pub body: Option<Value>,
}

/// A final answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// Its Consistency-Token.
    pub token: Option<String>,
    /// Its ETag as a version.
    pub version: Option<i32>,
}

impl Answer {
    /// The position in its token.
    pub fn position(&self) -> Option<i64> {
        self.token.as_deref()?.rsplit_once(':')?.1.parse().ok()
    }

    /// What it says, in a few words.
    pub fn told(&self) -> String {
        let code = self.body["message"].as_str().unwrap_or_default();
        format!("{} {code} {}", self.status, self.body["detail"].as_str().unwrap_or_default())
    }
}

/// What came of a command.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It was acknowledged.
    Done(Answer),
    /// It was refused.
    Refused(Answer),
    /// Nobody knows, and nobody tries any more.
    Open,
}

/// The client of all writers.
pub struct Client {
    http: reqwest::Client,
    stopping: AtomicBool,
    requests: AtomicU64,
    retries: AtomicU64,
    replayed: AtomicU64,
}

impl Client {
    /// A client.
    pub fn new() -> Result<Self> {
        let http = reqwest::Client::builder().timeout(TRY).no_proxy().build();
        Ok(Self {
            http: http.context(|| "an HTTP client cannot be made".into())?,
            stopping: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            replayed: AtomicU64::new(0),
        })
    }

    /// From now on no command is tried for ever.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether writers are to end.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Requests, tries again, and answers that were replayed.
    pub fn counts(&self) -> [u64; 3] {
        [&self.requests, &self.retries, &self.replayed].map(|count| count.load(Ordering::Relaxed))
    }

    /// Asks until there is an answer: a lost connection, 408, 429 and 5xx are none.
    pub async fn ask(&self, ask: &Ask<'_>) -> Reply {
        let mut pause = Duration::from_millis(20);
        let mut stopped: Option<Instant> = None;
        loop {
            self.requests.fetch_add(1, Ordering::Relaxed);
            match self.once(ask).await {
                Some(answer) if (200..300).contains(&answer.status) => return Reply::Done(answer),
                Some(answer) if !matches!(answer.status, 408 | 429 | 500..) => return Reply::Refused(answer),
                Some(_) | None => {}
            }
            if self.is_stopping() && stopped.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                return Reply::Open;
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Asks once; none when no whole answer comes.
    pub async fn once(&self, ask: &Ask<'_>) -> Option<Answer> {
        let method: reqwest::Method = ask.method.parse().ok()?;
        let mut request = self.http.request(method, &ask.url);
        if !ask.token.is_empty() {
            request = request.bearer_auth(ask.token);
        }
        if let Some(key) = ask.key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(since) = ask.since {
            request = request.header("Consistency-Token", since).header("Prefer", "strict");
        }
        if let Some(body) = &ask.body {
            request = request.json(body);
        }
        let response = request.send().await.ok()?;
        let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        if header("idempotency-replayed").is_some() {
            self.replayed.fetch_add(1, Ordering::Relaxed);
        }
        let (status, token) = (response.status().as_u16(), header("consistency-token"));
        let version = header("etag").and_then(|tag| tag.trim_matches('"').parse().ok());
        let text = response.text().await.ok()?;
        Some(Answer { status, body: serde_json::from_str(&text).unwrap_or_default(), token, version })
    }
}

//! Requests that survive a restart of what they are sent to: lost connections, 408, 429 and 5xx are tried again with the
//! same idempotency key.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::http::{Request, Response};

use crate::error::{Context, Error, Result};

/// How long a request is tried again.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long one try may take.
const TRY_LIMIT: Duration = Duration::from_secs(15);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_millis(1_000);

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// GET, POST or PATCH.
    pub method: &'static str,
    /// The whole URL.
    pub url: &'a str,
    /// The body.
    pub body: Option<&'a Value>,
    /// The idempotency key.
    pub key: Option<&'a str>,
    /// Asks for a read that is complete up to here.
    pub since: Option<&'a str>,
}

impl<'a> Ask<'a> {
    /// A read.
    pub const fn get(url: &'a str) -> Self {
        Self { method: "GET", url, body: None, key: None, since: None }
    }

    /// A request with a body.
    pub const fn send(method: &'static str, url: &'a str, body: &'a Value) -> Self {
        Self { method, url, body: Some(body), key: None, since: None }
    }

    /// With this idempotency key.
    pub const fn keyed(self, key: &'a str) -> Self {
        Self { key: Some(key), ..self }
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status: none that is tried again.
    pub status: u16,
    /// The body; null when it is no JSON.
    pub body: Value,
    /// Whether it is the answer of an earlier request with the same key.
    pub replayed: bool,
}

impl Answer {
    /// The answer if its status says that it was done.
    pub fn ok(self, what: impl FnOnce() -> String) -> Result<Self> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let told = self.body["detail"].as_str().or(self.body["message"].as_str()).unwrap_or("no reason given");
        Err(Error::new(format!("{}: {} {told}", what(), self.status)))
    }
}

/// Somebody who is logged in, and logs in again when his token is refused.
#[derive(Debug)]
pub struct Login {
    email: String,
    password: String,
    token: Mutex<String>,
}

/// Connections to the services, shared by all threads.
#[derive(Debug)]
pub struct Client {
    agent: ureq::Agent,
    login: String,
    retries: AtomicU64,
    requests: AtomicU64,
    position: AtomicI64,
    log: Mutex<Option<String>>,
}

impl Client {
    /// A client of the command API at this URL, for so many threads.
    pub fn new(command_api: &str, threads: usize) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TRY_LIMIT))
            .max_idle_connections(threads * 2)
            .max_idle_connections_per_host(threads)
            .build();
        Self {
            agent: config.into(),
            login: format!("{command_api}/auth-api/login"),
            retries: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            position: AtomicI64::new(0),
            log: Mutex::new(None),
        }
    }

    /// How many requests were sent, and how many of them were tries again.
    pub fn counts(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.retries.load(Ordering::Relaxed))
    }

    /// The newest `Consistency-Token` of all answers.
    pub fn newest(&self) -> Option<String> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.as_ref().map(|log| format!("{log}:{}", self.position.load(Ordering::Relaxed)))
    }

    /// Logs in; none when the server does not know this e-mail address with this password.
    pub fn log_in(&self, email: &str, password: &str) -> Result<Option<(Login, Value)>> {
        let Some((token, session)) = self.session(email, password)? else { return Ok(None) };
        let login = Login { email: email.to_owned(), password: password.to_owned(), token: Mutex::new(token) };
        Ok(Some((login, session)))
    }

    fn session(&self, email: &str, password: &str) -> Result<Option<(String, Value)>> {
        let body = json!({"username": email, "password": password});
        let answer = self.anonymous(&Ask::send("POST", &self.login, &body))?;
        if answer.status == 401 {
            return Ok(None);
        }
        let answer = answer.ok(|| format!("cannot log `{email}` in"))?;
        let token = answer.body["accessToken"].as_str().map(str::to_owned);
        let token = token.context(|| format!("the login of `{email}` answered without an accessToken"))?;
        Ok(Some((token, answer.body)))
    }

    /// Asks without a token.
    pub fn anonymous(&self, ask: &Ask<'_>) -> Result<Answer> {
        self.patiently(ask, None)
    }

    /// Asks as somebody; a refused token is renewed once.
    pub fn as_user(&self, login: &Login, ask: &Ask<'_>) -> Result<Answer> {
        let token = login.token();
        let answer = self.patiently(ask, Some(&token))?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let token = self.renewed(login, &token)?;
        self.patiently(ask, Some(&token))
    }

    /// A token other than the refused one; of several threads only the first logs in.
    fn renewed(&self, login: &Login, refused: &str) -> Result<String> {
        let mut token = login.token.lock().unwrap_or_else(PoisonError::into_inner);
        if *token == refused {
            let session = self.session(&login.email, &login.password)?;
            let (new, _) = session.context(|| format!("`{}` can no longer log in", login.email))?;
            *token = new;
        }
        Ok(token.clone())
    }

    fn patiently(&self, ask: &Ask<'_>, token: Option<&str>) -> Result<Answer> {
        let start = Instant::now();
        let mut pause = Duration::from_millis(20);
        loop {
            self.requests.fetch_add(1, Ordering::Relaxed);
            let failed = match self.once(ask, token) {
                Ok(answer) if matches!(answer.status, 408 | 429 | 500..) => {
                    let told = answer.body["detail"].as_str().unwrap_or_default();
                    format!("{} {told}", answer.status)
                }
                Ok(answer) => return Ok(answer),
                Err(error) => error.to_string(),
            };
            if start.elapsed() + pause > PATIENCE {
                return Err(Error::new(format!(
                    "{} {} failed for {} s; run it again later, it goes on where it stopped: {failed}",
                    ask.method,
                    ask.url,
                    PATIENCE.as_secs()
                )));
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn once(&self, ask: &Ask<'_>, token: Option<&str>) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(ask.method).uri(ask.url);
        let token = token.map(|token| format!("Bearer {token}"));
        let strict = ask.since.map(|_| "strict");
        for (name, value) in [
            ("Authorization", token.as_deref()),
            ("Idempotency-Key", ask.key),
            ("Consistency-Token", ask.since),
            ("Prefer", strict),
            ("Content-Type", ask.body.map(|_| "application/json")),
        ] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let mut response = match ask.body {
            Some(body) => self.agent.run(request.body(body.to_string())?)?,
            None => self.agent.run(request.body(())?)?,
        };
        self.note(&response);
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let (status, replayed) = (response.status().as_u16(), header("Idempotency-Replayed") == Some("true"));
        let text = response.body_mut().read_to_string()?;
        Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::Null), replayed })
    }

    /// Remembers the newest position in the log.
    fn note<B>(&self, response: &Response<B>) {
        let token = response.headers().get("Consistency-Token").and_then(|value| value.to_str().ok());
        let Some((log, position)) = token.and_then(|token| token.rsplit_once(':')) else { return };
        let Ok(position) = position.parse() else { return };
        self.position.fetch_max(position, Ordering::Relaxed);
        let mut known = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_deref() != Some(log) {
            *known = Some(log.to_owned());
        }
    }
}

impl Login {
    fn token(&self) -> String {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

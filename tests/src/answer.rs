//! An HTTP answer, and what stories say about it.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was asked: for messages.
    pub what: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null if it is none.
    pub body: Value,
}

impl Answer {
    /// Reads it.
    pub async fn read(what: String, response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap_or_else(|error| panic!("{what}: the body breaks off: {error}"));
        let body = serde_json::from_str(&text).unwrap_or_default();
        Self { what, status, headers, text, body }
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A success; its body.
    #[track_caller]
    pub fn ok(&self) -> &Value {
        assert!(matches!(self.status, 200 | 201), "{} -> {} {}", self.what, self.status, self.text);
        &self.body
    }

    /// A success with this status; its body.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "{} -> {}", self.what, self.text);
        &self.body
    }

    /// The object (or objects) in the envelope of a success.
    #[track_caller]
    pub fn data(&self) -> &Value {
        let body = self.ok();
        let name = body["dataName"].as_str().unwrap_or_else(|| panic!("{}: no envelope: {}", self.what, self.text));
        &body[name]
    }

    /// A refusal of exactly this status and code, in the contract's form; its sentence.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> &str {
        assert_eq!(
            (self.status, self.body["message"].as_str()),
            (status, Some(code)),
            "{} -> {}",
            self.what,
            self.text
        );
        let map = self.body.as_object().expect("an object");
        let mut keys: Vec<&str> = map.keys().map(String::as_str).filter(|key| *key != "errors").collect();
        keys.sort_unstable();
        assert_eq!(keys, ["date", "detail", "errCode", "message", "result", "status"], "{}", self.text);
        assert_eq!((&self.body["result"], &self.body["status"]), (&"ERR".into(), &status.into()), "{}", self.text);
        assert_eq!(self.body["errCode"], status, "{}", self.text);
        assert!(self.body["date"].as_str().is_some_and(|at| at.ends_with('Z')), "{}", self.text);
        let waits = self.header("retry-after").is_some();
        assert_eq!(waits, matches!(status, 429 | 503), "Retry-After of {} {}", self.what, self.text);
        self.body["detail"].as_str().expect("a sentence")
    }

    /// The faults of a 400, each as `<pointer> <code>`.
    #[track_caller]
    pub fn faults(&self) -> Vec<String> {
        assert_eq!(self.status, 400, "{} -> {}", self.what, self.text);
        let faults = self.body["errors"].as_array().unwrap_or_else(|| panic!("no faults in {}", self.text));
        let word = |fault: &Value, name: &str| fault[name].as_str().unwrap_or_default().to_owned();
        faults.iter().map(|fault| format!("{} {}", word(fault, "pointer"), word(fault, "code"))).collect()
    }
}

/// Asserts that `value` has everything that `part` says; what it has besides is not looked at.
#[track_caller]
pub fn has(value: &Value, part: &Value) {
    let (Value::Object(value), Value::Object(part)) = (value, part) else {
        assert_eq!(value, part);
        return;
    };
    for (name, wanted) in part {
        let found = value.get(name).unwrap_or(&Value::Null);
        if wanted.is_object() {
            has(found, wanted);
        } else {
            assert_eq!(found, wanted, "`{name}` in {}", Value::Object(value.clone()));
        }
    }
}

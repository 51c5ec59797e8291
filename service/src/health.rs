//! What a service says of itself and of what it depends on.

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::{Value, json};

use crate::document::closed;

/// How a dependency is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It answers.
    Up,
    /// It answers, but not as it should; or it is down and not needed.
    Degraded,
    /// It does not answer.
    Down,
}

/// One dependency as of now.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Which.
    pub name: &'static str,
    /// Whether the service is of no use without it.
    pub required: bool,
    /// How it is.
    pub state: State,
    /// A sentence without secrets.
    pub detail: String,
}

/// What a service knows of its own health.
pub trait Health: Send + Sync + 'static {
    /// Asks every dependency now.
    fn checks(&self) -> BoxFuture<'_, Vec<Check>>;

    /// More to know: positions, versions, settings. Without secrets.
    fn info(&self) -> Value {
        Value::Null
    }
}

/// The answer of `/admin/health`.
#[derive(Clone, Debug)]
pub struct Report {
    /// 200 when no required check is down, else 503.
    pub status: u16,
    /// The body.
    pub body: Value,
}

/// Sums up the checks: `up`, `degraded` (something is not up, but nothing needed is down) or `down`.
pub fn report(name: &str, version: &str, checks: &[Check], info: Value) -> Report {
    let down = checks.iter().any(|check| check.required && check.state == State::Down);
    let state = match (down, checks.iter().all(|check| check.state == State::Up)) {
        (true, _) => State::Down,
        (false, true) => State::Up,
        (false, false) => State::Degraded,
    };
    let status = if down { 503 } else { 200 };
    Report { status, body: json!({"status": state, "name": name, "version": version, "checks": checks, "info": info}) }
}

/// JSON Schema of `/health`.
pub(crate) fn life_schema() -> Value {
    let text = || json!({"type": "string"});
    closed(json!({"status": {"const": "up"}, "name": text(), "version": text()}))
}

/// JSON Schema of a [`Report`]'s body.
pub(crate) fn report_schema() -> Value {
    let text = || json!({"type": "string"});
    let state = || json!({"type": "string", "enum": [State::Up, State::Degraded, State::Down]});
    let check = closed(json!({"name": text(), "required": {"type": "boolean"}, "state": state(), "detail": text()}));
    closed(json!({
        "status": state(), "name": text(), "version": text(), "checks": {"type": "array", "items": check},
        "info": {"type": ["object", "null"]},
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(required: bool, state: State) -> Check {
        Check { name: "nats", required, state, detail: String::new() }
    }

    #[test]
    fn only_a_required_dependency_takes_the_service_down() {
        for (checks, status, state) in [
            (vec![], 200, "up"),
            (vec![check(true, State::Up), check(false, State::Up)], 200, "up"),
            (vec![check(true, State::Up), check(false, State::Down)], 200, "degraded"),
            (vec![check(true, State::Degraded)], 200, "degraded"),
            (vec![check(true, State::Down), check(false, State::Up)], 503, "down"),
        ] {
            let report = report("x", "1", &checks, Value::Null);
            assert_eq!((report.status, report.body["status"].as_str().unwrap()), (status, state), "{checks:?}");
        }
    }
}

//! T9: what it costs to know who asks.

use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use event_schema::auth::user::Role;
use event_schema::ids::SessionId;
use event_schema::wire::SessionFacts;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use service::error::SourceError;
use service::sessions::{Channel, SessionSource, Sessions};
use service::token::{KeySource, Verifier};
use stack::error::{Context, Error, Result};

/// How often it is checked.
const CHECKS: u32 = 200_000;

/// The claims of a token, which is not verified here.
pub fn claims(token: &str) -> Result<Value> {
    let part = token.split('.').nth(1).context(|| "a token without claims".into())?;
    let bytes = URL_SAFE_NO_PAD.decode(part).context(|| "claims that are no base64".into())?;
    serde_json::from_slice(&bytes).context(|| "claims that are no JSON".into())
}

/// Knows one key and one session.
struct Known {
    key: String,
    facts: SessionFacts,
}

impl KeySource for Known {
    fn public_key(&self, _: String) -> BoxFuture<'_, std::result::Result<Option<String>, SourceError>> {
        async { Ok(Some(self.key.clone())) }.boxed()
    }
}

impl SessionSource for Known {
    fn session(&self, _: SessionId) -> BoxFuture<'_, std::result::Result<Option<SessionFacts>, SourceError>> {
        async { Ok(Some(self.facts.clone())) }.boxed()
    }
}

/// Microseconds of one check of a token that was seen before: its signature, its session and its role.
pub fn check(command_api: &str, token: &str) -> Result<f64> {
    let claims = claims(token)?;
    let text = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
    let url = format!("{command_api}/auth-api/publickey?keyId={}", text("keyId"));
    let mut answer = ureq::get(&url).call().context(|| format!("GET {url}"))?;
    let key: Value =
        answer.body_mut().read_to_string().ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let id = |name: &str| serde_json::from_value(claims[name].clone()).context(|| format!("a token without `{name}`"));
    let facts = SessionFacts {
        session_id: id("sessionId")?,
        user_id: serde_json::from_value(claims["sub"].clone()).context(|| "a token without `sub`".into())?,
        role: Role::User,
        ended: false,
    };
    let known = Arc::new(Known { key: key["keyData"].as_str().unwrap_or_default().to_owned(), facts });
    let sessions = Sessions::new(known.clone(), Verifier::new(known), Channel::none());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context(|| "cannot make a runtime".into())?.block_on(async {
        let mut begun = Instant::now();
        for number in 0..=CHECKS {
            if number == 1 {
                begun = Instant::now();
            }
            sessions.caller_of_token(token).await.map_err(|error| Error::new(error.to_string()))?;
        }
        Ok(begun.elapsed().as_secs_f64() * 1e6 / f64::from(CHECKS))
    })
}

//! The way to the projector that leads.

use std::time::Duration;

use async_nats::client::RequestErrorKind;
use event_schema::names::Namespace;
use serde::Serialize;
use serde::de::DeserializeOwned;
use service::BoxError;
use service::config::{Common, Env};

use crate::control::Answer;

/// How long an answer may take: healing many documents takes long.
const ANSWER: Duration = Duration::from_secs(60);
/// How long the first connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long somebody who leads is looked for: one that was just started needs a moment.
const LEADER: Duration = Duration::from_secs(10);

/// The way.
pub struct Line {
    client: async_nats::Client,
    namespace: Namespace,
}

/// No answer was to be had.
#[derive(Debug, thiserror::Error)]
pub enum Unasked {
    /// Nobody leads.
    #[error("no projector leads in this namespace: start one, or look at the `/admin/health` of those that run")]
    Nobody,
    /// It does not want to.
    #[error("{0}")]
    Refused(String),
    /// Something else.
    #[error("the projector cannot be asked: {0}")]
    Failed(BoxError),
}

impl Line {
    /// Connects with the projector's own login.
    pub async fn open(mut env: Env) -> Result<Self, BoxError> {
        let common = Common::read(&mut env);
        env.finish()?;
        let client = service::nats::connect(&common.nats, "projector").await?;
        let begun = std::time::Instant::now();
        while !service::nats::is_connected(&client) {
            if begun.elapsed() > CONNECT {
                return Err(format!("nats does not answer at `{}` (WECHESS_NATS_URL)", common.nats.url).into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { client, namespace: common.namespace })
    }

    /// Asks once.
    pub async fn ask_once<T: DeserializeOwned>(&self, what: &str, request: &impl Serialize) -> Result<T, Unasked> {
        let failed = |error: BoxError| Unasked::Failed(error);
        let payload = serde_json::to_vec(request).map_err(|e| failed(e.into()))?;
        let request = async_nats::Request::new().payload(payload.into()).timeout(Some(ANSWER));
        let message = match self.client.send_request(self.namespace.projector_subject(what), request).await {
            Ok(message) => message,
            Err(error) if error.kind() == RequestErrorKind::NoResponders => return Err(Unasked::Nobody),
            Err(error) => return Err(failed(error.into())),
        };
        match serde_json::from_slice(&message.payload).map_err(|e| failed(e.into()))? {
            Answer::Ok(value) => serde_json::from_value(value).map_err(|e| failed(e.into())),
            Answer::Refused(why) => Err(Unasked::Refused(why)),
        }
    }

    /// Asks, and for a while waits for somebody who leads.
    pub async fn ask<T: DeserializeOwned>(&self, what: &str, request: &impl Serialize) -> Result<T, Unasked> {
        let begun = std::time::Instant::now();
        loop {
            match self.ask_once(what, request).await {
                Err(Unasked::Nobody) if begun.elapsed() < LEADER => {
                    tokio::time::sleep(Duration::from_millis(200)).await
                }
                answered => return answered,
            }
        }
    }
}

//! Who asks: keys and sessions, asked of command-api over NATS. The cache and the checks are the service crate's.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use event_schema::ids::SessionId;
use event_schema::names::Namespace;
use event_schema::wire::{PublicKey, PublicKeyRequest, Reply, SessionFacts, SessionRequest, ask};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use service::error::{BoxError, SourceError};
use service::nats::is_connected;
use service::sessions::{Channel, SessionSource, Sessions};
use service::token::{KeySource, Verifier};

/// How long command-api may take to say who somebody is.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// How long a request waits for a lost connection.
const RECONNECT_TIME: Duration = Duration::from_millis(500);

/// command-api, asked over NATS request/reply.
#[derive(Clone)]
pub struct CommandApi {
    client: Client,
    namespace: Namespace,
}

impl CommandApi {
    /// Asks over this connection.
    pub fn new(client: Client, namespace: Namespace) -> Self {
        Self { client, namespace }
    }

    /// Sends a request and waits for its reply.
    pub async fn ask<Q, A>(&self, what: &str, question: &Q, time: Duration) -> Result<Reply<A>, BoxError>
    where
        Q: Serialize,
        A: DeserializeOwned,
    {
        // Over a lost connection a request would wait for its whole time.
        let time = if is_connected(&self.client) { time } else { time.min(RECONNECT_TIME) };
        let payload = serde_json::to_vec(question)?;
        let request = self.client.request(self.namespace.ask_subject(what), payload.into());
        let message = tokio::time::timeout(time, request).await??;
        Ok(serde_json::from_slice(&message.payload)?)
    }

    /// The fact, or that there is none (401 for sessions, 404). Other refusals say nothing about the fact.
    async fn fact<Q, A>(&self, what: &'static str, question: Q) -> Result<Option<A>, SourceError>
    where
        Q: Serialize,
        A: DeserializeOwned,
    {
        let reply = self.ask::<Q, A>(what, &question, ANSWER_TIME).await;
        match reply.map_err(|e| SourceError::new("command-api", e))? {
            Reply::Ok(fact) => Ok(Some(fact)),
            Reply::Refused { status: 401 | 404, .. } => Ok(None),
            Reply::Refused { status, code, .. } => {
                Err(SourceError::new("command-api", format!("{what} was refused with {status} {code}")))
            }
        }
    }
}

impl SessionSource for CommandApi {
    fn session(&self, id: SessionId) -> BoxFuture<'_, Result<Option<SessionFacts>, SourceError>> {
        self.fact(ask::SESSION, SessionRequest { session_id: id }).boxed()
    }
}

impl KeySource for CommandApi {
    fn public_key(&self, key_id: String) -> BoxFuture<'_, Result<Option<String>, SourceError>> {
        async move {
            let key = self.fact::<_, PublicKey>(ask::PUBLIC_KEY, PublicKeyRequest { key_id: Some(key_id) }).await?;
            Ok(key.map(|key| key.key_data))
        }
        .boxed()
    }
}

/// The callers of requests, remembered while command-api's pushes keep them right.
pub fn sessions(command_api: &CommandApi) -> Sessions {
    let channel = Channel::follow(command_api.client.clone(), command_api.namespace.clone());
    let source = Arc::new(command_api.clone());
    Sessions::new(source.clone(), Verifier::new(source), channel)
}

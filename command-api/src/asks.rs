//! Requests of other processes over NATS: sessions, public keys, saved filters.

use std::sync::Arc;

use async_nats::Client;
use event_schema::names::Namespace;
use event_schema::wire::{Reply, ask};
use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use service::ApiError;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::http::error::of_read;
use crate::saved_filters;

/// How many requests are worked on at once; more wait in the subscription.
const AT_ONCE: usize = 64;
/// Processes share the requests.
const GROUP: &str = "command-api";

/// Starts one responder per kind of request. They subscribe again for ever.
pub fn start(client: &Client, namespace: &Namespace, app: &Arc<App>) -> Vec<JoinHandle<()>> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    ask::ALL
        .iter()
        .map(|what| {
            let (client, subject) = (client.clone(), namespace.ask_subject(what));
            tokio::spawn(respond(client, subject, what, Arc::clone(app), Arc::clone(&places)))
        })
        .collect()
}

async fn respond(client: Client, subject: String, what: &'static str, app: Arc<App>, places: Arc<Semaphore>) {
    loop {
        let mut requests = match client.queue_subscribe(subject.clone(), GROUP.into()).await {
            Ok(requests) => requests,
            Err(error) => {
                tracing::error!(%error, subject, "cannot listen for requests");
                return;
            }
        };
        while let Some(message) = requests.next().await {
            let Some(reply) = message.reply else { continue };
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let (client, app) = (client.clone(), Arc::clone(&app));
            tokio::spawn(async move {
                let answer = answer(&app, what, &message.payload).await;
                if let Err(error) = client.publish(reply, answer.into()).await {
                    tracing::warn!(%error, what, "an answer could not be sent");
                }
                drop(place);
            });
        }
    }
}

async fn answer(app: &App, what: &str, payload: &[u8]) -> Vec<u8> {
    match what {
        ask::SESSION => {
            let ask = |wish: event_schema::wire::SessionRequest| async move {
                app.session_rows.facts(wish.session_id).await.map_err(of_read)
            };
            reply(parse(payload), |wish| async move {
                ask(wish)
                    .await?
                    .ok_or_else(|| ApiError::new(401, "errMsg_UserSessionNotFound", "there is no such session"))
            })
            .await
        }
        ask::PUBLIC_KEY => {
            reply(parse(payload), |wish: event_schema::wire::PublicKeyRequest| async move {
                let found = app.public_keys.find(wish.key_id.as_deref()).await.map_err(of_read)?;
                found.ok_or_else(|| ApiError::new(404, "errMsg_KeyNotFound", "there is no such key"))
            })
            .await
        }
        ask::SAVE_FILTER => reply(parse(payload), |wish| saved_filters::save(app, wish)).await,
        ask::DELETE_FILTER => reply(parse(payload), |wish| saved_filters::delete(app, wish)).await,
        other => encode(&refusal::<()>(&ApiError::not_found(format!("there is no request `{other}`")))),
    }
}

fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(payload)
        .map_err(|e| ApiError::new(400, "errMsg_invalidJson", format!("the request is not readable: {e}")))
}

async fn reply<T, R, F>(wish: Result<T, ApiError>, work: impl FnOnce(T) -> F) -> Vec<u8>
where
    R: Serialize,
    F: Future<Output = Result<R, ApiError>>,
{
    let outcome = match wish {
        Ok(wish) => work(wish).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(done) => encode(&Reply::Ok(done)),
        Err(error) => encode(&refusal::<R>(&error)),
    }
}

fn refusal<R>(error: &ApiError) -> Reply<R> {
    if let Some(cause) = error.cause() {
        tracing::error!(error = service::telemetry::chain(&**cause), code = error.code(), "a request over NATS failed");
    }
    Reply::Refused { status: error.status(), code: error.code().to_owned(), detail: error.detail().to_owned() }
}

fn encode<R: Serialize>(reply: &Reply<R>) -> Vec<u8> {
    serde_json::to_vec(reply).unwrap_or_default()
}

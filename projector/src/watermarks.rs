//! Announces how far every view is, in a key-value bucket that the query service watches. Never a checkpoint: a lost
//! bucket is made anew and filled with what is so now.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::StorageType;
use async_nats::jetstream::{self, kv};
use event_schema::names::Namespace;
use event_schema::wire::Watermark;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use service::BoxError;

use crate::status::{Status, ViewStatus};

/// How often the bucket is looked for.
const EVERY: Duration = Duration::from_secs(1);
/// No request to NATS takes longer when it is well.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Announces for ever.
pub async fn run(client: async_nats::Client, namespace: Namespace, status: Arc<Status>) -> BoxError {
    loop {
        if service::nats::is_connected(&client)
            && let Err(error) = announce(&client, &namespace, &status).await
        {
            tracing::warn!(error, "announcing watermarks again");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Announces everything, then every change, until the bucket is not what it was.
async fn announce(client: &async_nats::Client, namespace: &Namespace, status: &Status) -> Result<(), String> {
    let bucket = namespace.watermarks_bucket();
    let context = jetstream::ContextBuilder::new().timeout(TIMEOUT).build(client.clone());
    let text = |error: BoxError| error.to_string();
    let config = kv::Config {
        bucket: bucket.clone(),
        description: "How far every view of weChess is.".to_owned(),
        history: 1,
        storage: StorageType::Memory,
        ..kv::Config::default()
    };
    let store = match context.get_key_value(&bucket).await {
        Ok(store) => store,
        Err(_) => context.create_key_value(config).await.map_err(|e| text(e.into()))?,
    };
    let created = store.stream.cached_info().created;
    let mut views: FuturesUnordered<_> = status.views.iter().map(|view| keep_told(view, &store)).collect();
    let looked_after = async {
        loop {
            tokio::time::sleep(EVERY).await;
            let info = store.stream.get_info().await.map_err(|e| text(e.into()))?;
            if info.created != created {
                return Err("the bucket was made anew by somebody else".to_owned());
            }
        }
    };
    tokio::select! {
        Some(failed) = views.next() => failed,
        failed = looked_after => failed,
    }
}

/// Puts a view's watermark into the bucket, now and whenever it changes; one request at a time, so changes coalesce.
async fn keep_told(view: &ViewStatus, store: &kv::Store) -> Result<(), String> {
    let key = view.name().to_ascii_lowercase();
    let mut watermark = view.watermark.subscribe();
    let mut told: Option<Watermark> = None;
    loop {
        let now = watermark.borrow_and_update().clone();
        if let Some(now) = now.filter(|now| told.as_ref() != Some(now)) {
            let json = serde_json::to_vec(&now).map_err(|e| e.to_string())?;
            store.put(&key, json.into()).await.map_err(|e| e.to_string())?;
            told = Some(now);
        }
        if watermark.changed().await.is_err() {
            return Err("the view is gone".to_owned());
        }
    }
}

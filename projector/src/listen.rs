//! Hears which views are read live: the query service says so every second.

use std::sync::Arc;
use std::time::Duration;

use event_schema::names::Namespace;
use futures_util::StreamExt;
use service::BoxError;
use tokio::time::Instant;

use crate::status::Status;

/// Who says nothing for so long does not listen any more.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Hears for ever.
pub async fn run(client: async_nats::Client, namespace: Namespace, status: Arc<Status>) -> BoxError {
    let subject = namespace.listen_subject("*");
    loop {
        let Ok(mut voices) = client.subscribe(subject.clone()).await else {
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        while let Some(message) = voices.next().await {
            if let Some(view) = message.subject.rsplit('.').next().and_then(|name| status.view(name)) {
                view.listened.send_replace(Some(Instant::now()));
            }
        }
    }
}

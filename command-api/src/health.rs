//! What the command API knows of its own health. It is ready with PostgreSQL alone.

use std::sync::Arc;

use event_schema::position::LogPosition;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use service::health::{Check, Health, State};

use crate::es::log::{Log, durability};
use crate::es::store::Store;

/// The checks.
pub struct CommandHealth {
    /// The store.
    pub store: Arc<Store>,
    /// The connection to the other processes.
    pub nats: async_nats::Client,
}

impl Health for CommandHealth {
    fn checks(&self) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(async move { vec![self.postgres().await, self.queue(), self.nats()] })
    }

    fn info(&self) -> Value {
        json!({"logId": self.store.log.id})
    }
}

impl CommandHealth {
    async fn postgres(&self) -> Check {
        match tail_and_settings(&self.store.log).await {
            Ok(detail) => Check { name: "postgres", required: true, state: State::Up, detail },
            Err(error) => {
                tracing::warn!(error = service::telemetry::chain(&error), "PostgreSQL does not answer");
                Check { name: "postgres", required: true, state: State::Down, detail: "does not answer".into() }
            }
        }
    }

    fn queue(&self) -> Check {
        let (waiting, most) = self.store.appender().load();
        let state = if waiting * 10 > most * 9 { State::Degraded } else { State::Up };
        Check { name: "appendQueue", required: false, state, detail: format!("{waiting} of {most} places taken") }
    }

    fn nats(&self) -> Check {
        let up = service::nats::is_connected(&self.nats);
        let (state, detail) =
            if up { (State::Up, "connected") } else { (State::Degraded, "not connected; commands go on") };
        Check { name: "nats", required: false, state, detail: detail.into() }
    }
}

/// The tail, and the durability settings as they are now.
async fn tail_and_settings(log: &Log) -> Result<String, crate::es::history::ReadError> {
    let tail = LogPosition { log: log.id, position: log.tail().await? };
    let client = log.pool.get().await?;
    let settings = durability(&client).await?;
    let told: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Ok(format!("tail {tail}, {}", told.join(", ")))
}

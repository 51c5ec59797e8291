//! The health report: the three servers, and whether the views have their indexes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use service::health::{Check, Health, State};
use service::telemetry::chain;
use tokio::time::timeout;

use crate::elastic::Elastic;
use crate::log::Log;
use crate::status::{Role, Status};

/// A server that takes longer is down.
const ANSWER: Duration = Duration::from_secs(2);

/// What the report is made from.
pub struct Report {
    /// NATS.
    pub client: async_nats::Client,
    /// The log.
    pub log: Log,
    /// Elasticsearch.
    pub elastic: Elastic,
    /// The tasks.
    pub status: Arc<Status>,
}

impl Health for Report {
    fn checks(&self) -> BoxFuture<'_, Vec<Check>> {
        async {
            let (postgres, elasticsearch) = tokio::join!(self.postgres(), self.elasticsearch());
            vec![postgres, self.nats(), elasticsearch, self.views()]
        }
        .boxed()
    }

    fn info(&self) -> Value {
        self.status.info()
    }
}

impl Report {
    async fn postgres(&self) -> Check {
        let (state, detail) = match timeout(ANSWER, self.log.head()).await {
            Ok(Ok(Some(head))) => (State::Up, format!("log {} has {} events", head.id, head.tail)),
            Ok(Ok(None)) => (State::Down, "the log has no id: run the migrations".to_owned()),
            Ok(Err(error)) => (State::Down, chain(&error)),
            Err(_) => (State::Down, format!("no answer within {ANSWER:?}")),
        };
        Check { name: "postgres", required: true, state, detail }
    }

    fn nats(&self) -> Check {
        let (state, detail) = if service::nats::is_connected(&self.client) {
            (State::Up, "connected")
        } else {
            (State::Degraded, "not connected: the log is followed by itself, nobody learns how far the views are")
        };
        Check { name: "nats", required: false, state, detail: detail.to_owned() }
    }

    async fn elasticsearch(&self) -> Check {
        let (state, detail) = match timeout(ANSWER, self.elastic.status()).await {
            Ok(Ok(status)) if status == "red" => (State::Degraded, status),
            Ok(Ok(status)) => (State::Up, status),
            Ok(Err(error)) => (State::Down, chain(&error)),
            Err(_) => (State::Down, format!("no answer within {ANSWER:?}")),
        };
        Check { name: "elasticsearch", required: true, state, detail }
    }

    fn views(&self) -> Check {
        let (state, detail) = match *self.status.role.borrow() {
            Role::Starting => (State::Down, "starting"),
            Role::Standby => (State::Up, "standing by: another projector leads"),
            Role::Leader if self.status.opened() => (State::Up, "every view has its index"),
            Role::Leader => (State::Down, "not every view has its index yet"),
        };
        Check { name: "views", required: true, state, detail: detail.to_owned() }
    }
}

//! What the query service needs, and how that is.

use actix_web::web::Data;
use async_nats::Client;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use service::health::{Check, Health, State};
use service::nats::is_connected;

use crate::App;

/// The health of this service.
pub struct BffHealth {
    app: Data<App>,
    client: Client,
}

impl BffHealth {
    /// Looks at what the handlers use.
    pub fn new(app: Data<App>, client: Client) -> Self {
        Self { app, client }
    }

    async fn elasticsearch(&self) -> Check {
        let (state, detail) = match self.app.elastic.health().await {
            Ok(status) if status == "red" => {
                (State::Degraded, "the cluster is red: some index is not served".to_owned())
            }
            Ok(status) => (State::Up, format!("the cluster is {status}")),
            Err(error) => (State::Down, error.to_string()),
        };
        Check { name: "elasticsearch", required: true, state, detail }
    }

    /// Without NATS remembered sessions still read for 5 s; watermarks stand still.
    fn nats(&self) -> Check {
        let (state, detail) = if is_connected(&self.client) {
            (State::Up, "connected")
        } else {
            (State::Degraded, "not connected: sessions cannot be asked for, watermarks stand still")
        };
        Check { name: "nats", required: false, state, detail: detail.to_owned() }
    }

    fn watermarks(&self) -> Check {
        let marks = self.app.freshness.watermarks();
        let unknown: Vec<&str> =
            marks.all().filter(|(_, known)| known.watermark.is_none()).map(|(view, _)| view.table.name).collect();
        let (state, detail) = match (marks.is_live(), unknown.is_empty()) {
            (true, true) => (State::Up, "known for every view".to_owned()),
            (true, false) => (State::Degraded, format!("unknown for {}", unknown.join(", "))),
            (false, _) => (State::Degraded, "cannot be followed: answers may be stale without saying so".to_owned()),
        };
        Check { name: "watermarks", required: false, state, detail }
    }
}

impl Health for BffHealth {
    fn checks(&self) -> BoxFuture<'_, Vec<Check>> {
        async move { vec![self.elasticsearch().await, self.nats(), self.watermarks()] }.boxed()
    }

    fn info(&self) -> Value {
        let marks = self.app.freshness.watermarks().all();
        let views: Map<String, Value> =
            marks.map(|(view, known)| (view.table.name.to_owned(), json!(known.watermark))).collect();
        json!({ "views": views })
    }
}

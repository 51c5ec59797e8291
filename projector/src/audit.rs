//! Compares documents with the log all the time, at a bounded rate: those of random events, which must be there, and
//! those that are there, which must be made of events.
//!
//! A first look is taken beside the worker. What it finds wrong may only be on its way, so the worker looks again between
//! two batches; then it counts, is told with what differs, and is put right.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use event_schema::object::hidden;
use serde_json::json;
use service::BoxError;
use service::telemetry::chain;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::document::Doc;
use crate::projecting::Command;
use crate::refold::{Which, differences, refold};
use crate::worker::{Context, WorkError};

/// So many documents at or behind a random position, of which one is taken.
const NEXT: usize = 20;
/// How long it rests when a server does not answer.
const REST: Duration = Duration::from_secs(5);

/// The auditor of one view.
pub struct Auditor {
    /// The view.
    pub context: Arc<Context>,
    /// Its worker.
    pub worker: mpsc::Sender<Command>,
    /// Between two documents.
    pub every: Duration,
}

impl Auditor {
    /// Audits until the log cannot be read.
    pub async fn run(self) -> BoxError {
        let mut from_the_log = true;
        loop {
            tokio::time::sleep(self.every).await;
            from_the_log = !from_the_log;
            match self.one(from_the_log).await {
                Ok(()) => {}
                Err(WorkError::Feed(error)) => return error.into(),
                Err(WorkError::Index(error)) => {
                    tracing::debug!(view = self.context.view.name(), error = chain(&error), "auditing later");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    async fn one(&self, from_the_log: bool) -> Result<(), WorkError> {
        let (context, view) = (&self.context, &self.context.view);
        let Some(watermark) = view.watermark.borrow().clone().filter(|w| w.applied > 0) else { return Ok(()) };
        let which = if from_the_log {
            self.of_an_event(random(watermark.applied)).await?
        } else {
            self.of_the_index(random(watermark.applied)).await?
        };
        let Some(which) = which else { return Ok(()) };
        metrics::counter!("wechess_audit_checked_total", "view" => view.name()).increment(1);
        let index = context.namespace.index(view.name());
        let hit = context.shared.elastic.read(&index, &[which.id.to_string()]).await?.pop();
        let found = hit.and_then(|hit| Some(Doc::from_source(which.id, hit.version, hit.source?)));
        let found = found.unwrap_or(Doc::ABSENT);
        let upto = watermark.applied.max(found.version);
        let must = refold(&context.feed, &view.view, which, &found, upto).await?.doc;
        let joined: Vec<&str> = view.view.joins.iter().map(|join| join.field).collect();
        // Joined facts are known to the worker alone: every so often he looks for them.
        let suspect =
            !differences(&must, &found, &joined).is_empty() || (view.view.asked().next().is_some() && random(8) == 1);
        if suspect {
            let (reply, answer) = oneshot::channel();
            if self.worker.send(Command::Check(which, reply)).await.is_ok() {
                // The worker counts and tells what it finds; if it is gone, so is the reason to look.
                drop(answer.await);
            }
        }
        Ok(())
    }

    /// A document that an event concerns.
    async fn of_an_event(&self, position: i64) -> Result<Option<Which>, WorkError> {
        let items = self.context.feed.event(position).await?;
        let ids = items.first().map_or_else(Vec::new, |item| self.context.view.view.keys(item));
        Ok(any(ids).map(|id| Which { id, position }))
    }

    /// A document that is in the index.
    async fn of_the_index(&self, position: i64) -> Result<Option<Which>, WorkError> {
        let query = json!({
            "query": {"bool": {"filter": [
                {"term": {hidden::LIVE: true}}, {"range": {hidden::POSITION: {"gte": position}}},
            ]}},
            "sort": [{hidden::POSITION: "asc"}], "size": NEXT, "_source": false,
        });
        let index = self.context.namespace.index(self.context.view.name());
        let hits = self.context.shared.elastic.search(&index, query, None).await?;
        Ok(any(hits).and_then(|hit| {
            let id: Uuid = hit.id.parse().ok()?;
            Some(Which { id, position: hit.sort.get(0).and_then(serde_json::Value::as_i64).unwrap_or(hit.version) })
        }))
    }
}

/// One of several at one place: each must have its turn.
fn any<T>(mut all: Vec<T>) -> Option<T> {
    let place = usize::try_from(random(i64::try_from(all.len()).unwrap_or(1)) - 1).ok()?;
    (place < all.len()).then(|| all.swap_remove(place))
}

/// A number from 1 to `most`. Chance, not secrecy.
fn random(most: i64) -> i64 {
    let chance = RandomState::new().build_hasher().finish();
    let most = u64::try_from(most).unwrap_or(1).max(1);
    i64::try_from(chance % most).unwrap_or(0) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_stays_within_its_bounds_and_reaches_them() {
        let seen: std::collections::BTreeSet<i64> = (0..500).map(|_| random(3)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
    }
}

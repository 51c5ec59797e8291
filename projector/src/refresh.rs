//! Hears the query service's requests to bring a position into a view. Those to make it searchable are answered when it
//! is, or, after a while, with what there is.

use std::sync::Arc;
use std::time::Duration;

use event_schema::names::Namespace;
use event_schema::wire::{RefreshReply, RefreshRequest};
use futures_util::StreamExt;
use service::BoxError;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::feed::Feed;
use crate::status::{self, Status, ViewStatus};

/// A reader gets an answer at the latest after this.
const LATEST: Duration = Duration::from_secs(2);
/// Most readers that wait at once; more are left to their own time limits.
const MOST: usize = 1024;

/// Answers for ever.
pub async fn run(client: async_nats::Client, namespace: Namespace, status: Arc<Status>, feed: Arc<Feed>) -> BoxError {
    let subject = namespace.refresh_subject("*");
    let waiting = Arc::new(Semaphore::new(MOST));
    let mut answers: JoinSet<()> = JoinSet::new();
    loop {
        let Ok(mut requests) = client.subscribe(subject.clone()).await else {
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        while let Some(message) = requests.next().await {
            while answers.try_join_next().is_some() {}
            let Ok(permit) = Arc::clone(&waiting).try_acquire_owned() else { continue };
            let (client, status, feed) = (client.clone(), Arc::clone(&status), Arc::clone(&feed));
            answers.spawn(async move {
                answer(&client, &status, &feed, message).await;
                drop(permit);
            });
        }
    }
}

async fn answer(client: &async_nats::Client, status: &Status, feed: &Feed, message: async_nats::Message) {
    let view = message.subject.rsplit('.').next().and_then(|name| status.view(name));
    let request = serde_json::from_slice::<RefreshRequest>(&message.payload).ok();
    let (Some(view), Some(request)) = (view, request) else { return };
    if !request.searchable {
        view.need(request.position);
        return;
    }
    let Some(reply) = message.reply else { return };
    let Some(answer) = searchable(view, feed, request.position).await else { return };
    match serde_json::to_vec(&answer) {
        // Nobody can be told when NATS is gone; the reader has his own time limit.
        Ok(json) => drop(client.publish(reply, json.into()).await),
        Err(error) => tracing::error!(%error, "an answer cannot be written"),
    }
}

/// Waits until a position is searchable; none when nothing at all is known of the view.
async fn searchable(view: &ViewStatus, feed: &Feed, position: i64) -> Option<RefreshReply> {
    let deadline = tokio::time::Instant::now() + LATEST;
    let mut tail = feed.head();
    if position > tail {
        tail = tokio::time::timeout_at(deadline, feed.tail()).await.ok()?.ok()?;
    }
    let mut watermark = view.watermark.subscribe();
    if position <= tail {
        status::raise(&view.wanted, position);
        let there = watermark.wait_for(|w| w.as_ref().is_some_and(|w| w.searchable >= position));
        tokio::time::timeout_at(deadline, there).await.ok();
    }
    let watermark = watermark.borrow().clone()?;
    Some(RefreshReply { watermark, tail })
}

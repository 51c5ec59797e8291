//! The next batch, read while the one before is worked on.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::task::JoinHandle;

use crate::feed::{Feed, FeedError, Items};

/// A batch on its way from the feed. Dropping it gives it up.
pub struct Ahead(JoinHandle<Result<Items, FeedError>>);

impl Ahead {
    /// Begins to read what comes after a position.
    pub fn after(feed: &Arc<Feed>, position: i64) -> Self {
        let feed = Arc::clone(feed);
        Self(tokio::spawn(async move { feed.next(position).await }))
    }

    /// Waits for the batch, which is gone then; for ever when there is none.
    pub async fn of(next: &mut Option<Self>) -> Result<Items, FeedError> {
        match next {
            Some(ahead) => {
                let items = ahead.await;
                *next = None;
                items
            }
            None => std::future::pending().await,
        }
    }
}

impl Future for Ahead {
    type Output = Result<Items, FeedError>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.0).poll(cx) {
            Poll::Ready(Ok(items)) => Poll::Ready(items),
            Poll::Ready(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime is being shut down: nobody waits any more.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.0.abort();
    }
}

//! The way to one index: bulks in parts, again and again until each write is done, refused or met a conflict.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use moka::sync::Cache;
use service::telemetry::chain;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::elastic::{Elastic, IndexError, Outcome, Write};
use crate::pending::Weight;
use crate::status::ViewRef;

/// Most bytes of one `_bulk`, its last document apart.
const BULK_BYTES: usize = 1 << 20;
/// Bulks of one batch that are on their way at once.
const AT_ONCE: usize = 2;
/// Bound of the documents kept in memory, of all views together (bytes of their JSON).
pub const CACHE_BYTES: u64 = 8 << 20;
/// Waits between tries of a server that does not take our writes.
pub const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What the writers of all views share.
#[derive(Clone)]
pub struct Shared {
    /// The client.
    pub elastic: Elastic,
    /// The newest version of a document and its JSON: a third of the memory of the values.
    pub cache: Cache<(u64, Uuid), (i64, Bytes)>,
    /// What waits in memory to be written.
    pub weight: Weight,
    bulks: Arc<Semaphore>,
}

impl Shared {
    /// With an empty cache. At most eight bulks are in flight at once.
    pub fn new(elastic: Elastic) -> Self {
        let weigh = |_: &(u64, Uuid), doc: &(i64, Bytes)| u32::try_from(doc.1.len() + 128).unwrap_or(u32::MAX);
        let cache = Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).build();
        Self { elastic, cache, weight: Weight::default(), bulks: Arc::new(Semaphore::new(8)) }
    }
}

/// The way to one index of a view.
#[derive(Clone)]
pub struct Link {
    /// The client.
    pub shared: Shared,
    /// The view.
    pub view: ViewRef,
    /// The index.
    pub index: String,
}

impl Link {
    /// Writes until each write is done, refused or met a conflict; the outcomes in order.
    pub async fn bulk(&self, writes: &[Write]) -> Result<Vec<Outcome>, IndexError> {
        let mut outcomes = vec![Outcome::Later(String::new()); writes.len()];
        let mut waiting: Vec<usize> = (0..writes.len()).collect();
        let mut pause = BACKOFF.0;
        while !waiting.is_empty() {
            let sent = chunks(writes, &waiting).into_iter().map(|places| async move {
                let part: Vec<&Write> = places.iter().map(|place| &writes[*place]).collect();
                let answered = self.patiently(|| self.send(&part)).await?;
                Ok::<_, IndexError>((places, answered))
            });
            let mut answers = futures_util::stream::iter(sent).buffer_unordered(AT_ONCE);
            while let Some(answer) = answers.next().await {
                let (places, answered) = answer?;
                places.into_iter().zip(answered).for_each(|(place, outcome)| outcomes[place] = outcome);
            }
            waiting = (0..writes.len()).filter(|place| matches!(outcomes[*place], Outcome::Later(_))).collect();
            if let Some(Outcome::Later(reason)) = waiting.first().map(|place| &outcomes[*place]) {
                metrics::counter!("wechess_bulk_later_total", "view" => self.view.name())
                    .increment(waiting.len() as u64);
                self.view.set_error(Some(reason.clone()));
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(BACKOFF.1);
            }
        }
        let conflicts = outcomes.iter().filter(|outcome| **outcome == Outcome::Conflict).count() as u64;
        metrics::counter!("wechess_bulk_conflicts_total", "view" => self.view.name()).increment(conflicts);
        Ok(outcomes)
    }

    async fn send(&self, part: &[&Write]) -> Result<Vec<Outcome>, IndexError> {
        let permit = self.shared.bulks.acquire().await;
        let begun = tokio::time::Instant::now();
        let outcomes = self.shared.elastic.bulk(&self.index, part).await;
        drop(permit);
        metrics::histogram!("wechess_bulk_seconds", "view" => self.view.name()).record(begun.elapsed().as_secs_f64());
        metrics::histogram!("wechess_bulk_documents", "view" => self.view.name()).record(part.len() as f64);
        outcomes
    }

    /// Repeats a request until Elasticsearch answers it; only a lost index is an error.
    pub async fn patiently<T, F: Future<Output = Result<T, IndexError>>>(
        &self,
        mut ask: impl FnMut() -> F,
    ) -> Result<T, IndexError> {
        let mut pause = BACKOFF.0;
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(lost @ IndexError::Lost(_)) => return Err(lost),
                Err(error) => {
                    metrics::counter!("wechess_elasticsearch_retries_total", "view" => self.view.name()).increment(1);
                    tracing::warn!(view = self.view.name(), error = chain(&error), "elasticsearch: trying again");
                    self.view.set_error(Some(chain(&error)));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACKOFF.1);
                }
            }
        }
    }
}

/// The waiting writes in parts of about [`BULK_BYTES`].
fn chunks(writes: &[Write], waiting: &[usize]) -> Vec<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut bytes = BULK_BYTES;
    for place in waiting {
        if bytes >= BULK_BYTES {
            parts.push(Vec::new());
            bytes = 0;
        }
        bytes += writes[*place].source.len();
        if let Some(part) = parts.last_mut() {
            part.push(*place);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_cut_into_parts_of_bounded_size() {
        let write = |bytes: usize| Write::newer("x".into(), 1, Bytes::from(vec![b' '; bytes]));
        let writes = [write(BULK_BYTES), write(10), write(BULK_BYTES * 3), write(5)];
        assert_eq!(chunks(&writes, &[0, 1, 2, 3]), [vec![0], vec![1, 2], vec![3]]);
        assert_eq!(chunks(&writes, &[1, 3]), [vec![1, 3]]);
        assert!(chunks(&writes, &[]).is_empty());
    }
}

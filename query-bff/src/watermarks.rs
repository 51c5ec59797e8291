//! How far each view is: read off the key-value bucket of watermarks as the projector announces it.

use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicBool};
use std::time::Duration;

use async_nats::header::HeaderMap;
use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use async_nats::{Client, Message, StatusCode};
use event_schema::names::Namespace;
use event_schema::position::LogPosition;
use event_schema::wire::Watermark;
use futures_util::StreamExt;
use service::error::BoxError;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::view::{VIEWS, View};

/// The server proves that it is there this often.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Without any sign of life for so long the bucket is read anew.
const SILENCE: Duration = Duration::from_secs(3);
/// Between two tries to read a bucket that is not there.
const RETRY: Duration = Duration::from_millis(500);

/// What is known of one view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// How far it is; `None` before anything was announced.
    pub watermark: Option<Watermark>,
    /// How many refresh requests of ours have been answered or given up.
    pub answered: u64,
    /// The log's tail as the last answered request told it.
    pub tail: Option<i64>,
}

/// The promise of an answer: how far a search or a read by id sees at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A search: events up to `searchable`.
    Searchable,
    /// A read by id: events up to `applied`.
    Applied,
}

impl Known {
    /// The position that this kind of read is complete up to.
    pub fn mark(&self, need: Need) -> Option<LogPosition> {
        let watermark = self.watermark.as_ref()?;
        let position = match need {
            Need::Searchable => watermark.searchable,
            Need::Applied => watermark.applied,
        };
        Some(LogPosition { log: watermark.log_id, position })
    }

    /// Takes over what the projector answered, unless the bucket has told more already, or of a later edition.
    pub fn merge(&mut self, told: &Watermark) {
        match &mut self.watermark {
            Some(known) if (known.log_id, known.generation) == (told.log_id, told.generation) => {
                match known.edition.cmp(&told.edition) {
                    Ordering::Less => *known = told.clone(),
                    Ordering::Equal => {
                        known.applied = known.applied.max(told.applied);
                        known.searchable = known.searchable.max(told.searchable);
                    }
                    Ordering::Greater => {}
                }
            }
            Some(_) | None => self.watermark = Some(told.clone()),
        }
    }
}

/// The watermarks of all views, kept up to date while it lives.
pub struct Watermarks {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    views: Vec<(&'static View, watch::Sender<Known>)>,
    live: AtomicBool,
}

impl Drop for Watermarks {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watermarks {
    /// Follows the bucket of this namespace. Must be called within a tokio runtime.
    pub fn follow(client: Client, namespace: &Namespace) -> Self {
        let views = VIEWS.iter().map(|view| (view, watch::Sender::new(Known::default()))).collect();
        let shared = Arc::new(Shared { views, live: AtomicBool::new(false) });
        let bucket = namespace.watermarks_bucket();
        let task = tokio::spawn({
            let shared = shared.clone();
            async move {
                loop {
                    let ended = shared.read(&client, &bucket).await;
                    if shared.live.swap(false, atomic::Ordering::Relaxed) {
                        tracing::warn!(bucket, error = ?ended, "the watermarks cannot be followed, trying again");
                    } else {
                        tracing::debug!(bucket, error = ?ended, "the watermarks cannot be followed yet");
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        });
        Self { shared, task }
    }

    /// What is known of a view, and its changes.
    pub fn of(&self, view: &View) -> Option<&watch::Sender<Known>> {
        self.shared.views.iter().find(|(known, _)| known.table.name == view.table.name).map(|(_, sender)| sender)
    }

    /// Whether announcements get here now.
    pub fn is_live(&self) -> bool {
        self.shared.live.load(atomic::Ordering::Relaxed)
    }

    /// The views and what is known of each.
    pub fn all(&self) -> impl Iterator<Item = (&'static View, Known)> {
        self.shared.views.iter().map(|(view, sender)| (*view, sender.borrow().clone()))
    }
}

impl Shared {
    /// Reads the bucket from its newest values on, until something is wrong.
    ///
    /// This is a plain consumer, not the library's ordered one: that one resumes by sequence, which in a bucket that
    /// was deleted and made again would skip everything new. The filter stands in the request's subject, so the login's
    /// permissions can hold it to `$KV.>`.
    async fn read(&self, client: &Client, bucket: &str) -> Result<(), BoxError> {
        let inbox = client.new_inbox();
        let mut messages = client.subscribe(inbox.clone()).await?;
        let prefix = format!("$KV.{bucket}.");
        let config = push::Config {
            deliver_subject: inbox,
            name: Some(format!("bff-{}", uuid::Uuid::new_v4().simple())),
            description: Some("watermarks, read by query-bff".to_owned()),
            deliver_policy: DeliverPolicy::LastPerSubject,
            ack_policy: AckPolicy::None,
            filter_subject: format!("{prefix}>"),
            idle_heartbeat: HEARTBEAT,
            inactive_threshold: Duration::from_secs(30),
            memory_storage: true,
            num_replicas: 1,
            ..push::Config::default()
        };
        let context = jetstream::new(client.clone());
        context.create_consumer_on_stream(config, format!("KV_{bucket}")).await?;
        self.live.store(true, atomic::Ordering::Relaxed);
        let mut delivered: u64 = 0;
        loop {
            let message = tokio::time::timeout(SILENCE, messages.next()).await?.ok_or("the subscription ended")?;
            if message.status.is_some() {
                check_heartbeat(&message, delivered)?;
            } else {
                delivered += 1;
                self.take(message.subject.strip_prefix(&prefix).unwrap_or_default(), &message);
            }
        }
    }

    fn take(&self, key: &str, message: &Message) {
        let Some((_, sender)) = self.views.iter().find(|(view, _)| view.table.name.eq_ignore_ascii_case(key)) else {
            return;
        };
        let put = message.headers.as_ref().and_then(|headers| headers.get("KV-Operation")).is_none();
        let watermark = if put { serde_json::from_slice::<Watermark>(&message.payload).ok() } else { None };
        if put && watermark.is_none() {
            tracing::warn!(key, "a watermark cannot be read; the projector may be newer than this service");
        }
        sender.send_modify(|known| known.watermark = watermark);
    }
}

/// A heartbeat says how many messages were sent: another count means that one was lost.
fn check_heartbeat(message: &Message, delivered: u64) -> Result<(), BoxError> {
    if message.status != Some(StatusCode::IDLE_HEARTBEAT) {
        return Err(format!("the consumer ended: {:?} {:?}", message.status, message.description).into());
    }
    let last = |headers: &HeaderMap| headers.get("Nats-Last-Consumer")?.as_str().parse::<u64>().ok();
    match message.headers.as_ref().and_then(last) {
        Some(sent) if sent != delivered => Err(format!("{sent} watermarks were sent, {delivered} came").into()),
        Some(_) | None => Ok(()),
    }
}

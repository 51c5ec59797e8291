//! What a leader does: relay, feed, a worker for every view, watermarks, refresh requests. One of them failing ends all,
//! and the session begins again from what the servers say.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use event_schema::names::Namespace;
use service::BoxError;
use service::seal::MasterKey;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::audit::Auditor;
use crate::changes::Announcer;
use crate::control::{self, Desk};
use crate::feed::{Feed, FeedError};
use crate::filling::Pace;
use crate::guards::Guard;
use crate::keys::Opener;
use crate::link::Shared;
use crate::log::Log;
use crate::relay::Relay;
use crate::status::Status;
use crate::worker::{Context, Worker};
use crate::{listen, refresh, watermarks};

/// How often the log's tail is measured.
const MEASURE: Duration = Duration::from_secs(1);

/// What a session needs; it can be run again and again.
#[derive(Clone)]
pub struct Session {
    /// NATS.
    pub client: async_nats::Client,
    /// The log.
    pub log: Log,
    /// Opens the data keys.
    pub master: MasterKey,
    /// Elasticsearch and the documents kept in memory.
    pub shared: Shared,
    /// Names.
    pub namespace: Namespace,
    /// The event stream's size.
    pub stream_max_bytes: i64,
    /// How many documents are compared with the log each second.
    pub audit_per_second: f64,
    /// What the tasks know of each other.
    pub status: Arc<Status>,
}

impl Session {
    /// Works until something fails. Dropping it ends all its tasks.
    pub async fn run(&self) -> BoxError {
        match self.begin().await {
            Ok(mut tasks) => match tasks.join_next().await {
                Some(Ok(error)) => error,
                Some(Err(panicked)) => panicked.into(),
                None => "the session has no tasks".into(),
            },
            Err(error) => error,
        }
    }

    async fn begin(&self) -> Result<JoinSet<BoxError>, BoxError> {
        let head = self.log.head().await?.ok_or("the log has no id: run the migrations")?;
        let opener = Opener::new(self.log.clone(), self.master.clone());
        if !opener.fits().await? {
            return Err("WECHESS_MASTER_KEY does not open the data keys: it is not the one of this database".into());
        }
        *self.status.durability.lock().unwrap_or_else(PoisonError::into_inner) = self.log.durability().await?;
        let feed = Arc::new(Feed::new(self.log.clone(), opener, head));
        let mut tasks = JoinSet::new();
        let relay = Relay {
            client: self.client.clone(),
            log: self.log.clone(),
            log_id: head.id,
            namespace: self.namespace.clone(),
            max_bytes: self.stream_max_bytes,
            status: Arc::clone(&self.status),
        };
        tasks.spawn(async move { relay.run().await.into() });
        let desks = self.open_views(&mut tasks, &feed, head.id);
        let client = self.client.clone();
        tasks.spawn(async move { control::run(client, desks).await });
        let (client, namespace, status) = (self.client.clone(), self.namespace.clone(), Arc::clone(&self.status));
        tasks.spawn(watermarks::run(client.clone(), namespace.clone(), Arc::clone(&status)));
        tasks.spawn(listen::run(client.clone(), namespace.clone(), Arc::clone(&status)));
        tasks.spawn(refresh::run(client.clone(), namespace.clone(), Arc::clone(&status), Arc::clone(&feed)));
        tasks.spawn(measure(Arc::clone(&feed), Arc::clone(&status)));
        tasks.spawn(async move {
            match feed.fill(&client, &namespace, &status.relayed).await {
                Err(error) => error.into(),
                Ok(never) => match never {},
            }
        });
        Ok(tasks)
    }

    /// A worker and an auditor for every view.
    fn open_views(&self, tasks: &mut JoinSet<BoxError>, feed: &Arc<Feed>, log_id: Uuid) -> Vec<Desk> {
        let pace = Pace::new();
        let mut desks = Vec::new();
        for view in self.status.refs() {
            let context = Arc::new(Context {
                feed: Arc::clone(feed),
                shared: self.shared.clone(),
                status: Arc::clone(&self.status),
                namespace: self.namespace.clone(),
                log_id,
                pace: Arc::clone(&pace),
                announcer: Announcer::new(self.client.clone(), &self.namespace, view.name(), log_id),
                view,
            });
            let (worker, inbox) = mpsc::channel(16);
            let works = Worker { context: Arc::clone(&context), inbox };
            tasks.spawn(async move { works.run().await.into() });
            if self.audit_per_second > 0.0 && Guard::all_hold() {
                let every = Duration::from_secs_f64(self.status.views.len() as f64 / self.audit_per_second);
                let auditor = Auditor { context: Arc::clone(&context), worker: worker.clone(), every };
                tasks.spawn(async move { auditor.run().await });
            }
            desks.push(Desk { context, worker });
        }
        desks
    }
}

/// Measures how far everything is, and whether the log is still the same.
async fn measure(feed: Arc<Feed>, status: Arc<Status>) -> BoxError {
    loop {
        let measured = async {
            let tail = feed.tail().await?;
            status.measure(tail);
            for view in &status.views {
                let applied = view.reached().applied;
                let waiting = if applied < tail { feed.recorded_at(applied + 1).await? } else { None };
                let seconds = waiting.map_or(0.0, |at| (chrono::Utc::now() - at).as_seconds_f64().max(0.0));
                metrics::gauge!("wechess_view_lag_seconds", "view" => view.name()).set(seconds);
            }
            Ok::<_, FeedError>(())
        };
        if let Err(error) = measured.await {
            return error.into();
        }
        tokio::time::sleep(MEASURE).await;
    }
}

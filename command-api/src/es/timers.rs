//! The runner of timers: claims what is due, commits, and only then issues commands.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_schema::ids::CommandId;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use uuid::Uuid;

use super::alarm::Alarm;
use super::history::ReadError;
use super::log::Log;
use super::request::Request;
use super::store::Failure;

/// How long a claimed timer belongs to its claimer, so that the others leave it alone. A firing that takes longer is
/// made again by somebody; it is the same command, so nothing is done twice.
const LEASE_SECONDS: f64 = 5.0;
/// How long a timer rests that could not be carried out.
const REST_SECONDS: f64 = 0.5;
/// How often timers are looked for that this process does not know of: those of others, and those that were late.
const SWEEP: Duration = Duration::from_secs(1);
/// How long a runner that stops waits for what it is firing.
const LAST: Duration = Duration::from_secs(2);
/// The most timers that are carried out at once; together, so that group commit takes them in one flush.
const CLAIM: usize = 64;

/// A timer that is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    /// Its stream.
    pub stream: Uuid,
    /// Its kind.
    pub kind: String,
    /// Which arming fired: part of its command's id.
    pub arming: i32,
    /// When it was due.
    pub due_at: DateTime<Utc>,
}

impl Due {
    /// The command that this firing is: the same for every process that fires it.
    pub fn request(&self) -> Request {
        let millis = u64::try_from(self.due_at.timestamp_millis()).unwrap_or(0);
        let mut bytes = *self.stream.as_bytes();
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        let seed = CommandId(Uuid::from_bytes(bytes));
        Request::system(CommandId(seed.derive(&format!("timer/{}/{}/{}", self.stream, self.kind, self.arming))))
    }
}

/// What became of a firing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fired {
    /// The command was carried out or is not needed any more.
    Done,
    /// It was too early, and nothing was written: to be fired again at this time.
    Again(DateTime<Utc>),
}

/// What the kinds of timers do.
pub trait Firing: Send + Sync + 'static {
    /// Fires one.
    fn fire(&self, due: &Due) -> BoxFuture<'_, Result<Fired, Failure>>;
}

/// The runner: what it works with.
#[derive(Clone)]
struct Runner {
    log: Log,
    alarm: Arc<Alarm>,
    firing: Arc<dyn Firing>,
}

/// The running runner.
pub struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Claims nothing more, finishes what is being fired, and gives back what takes too long, so that another process
    /// fires it at once instead of when the lease has run out.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the runner of timers broke");
        }
    }
}

/// Starts the runner. A firing that takes long holds up no other.
pub fn start(log: Log, alarm: Arc<Alarm>, firing: Arc<dyn Firing>) -> Running {
    let (stop, stopping) = watch::channel(false);
    let runner = Runner { log, alarm, firing };
    Running { stop, task: tokio::spawn(runner.run(stopping)) }
}

impl Runner {
    async fn run(self, mut stopping: watch::Receiver<bool>) {
        let mut firings = JoinSet::new();
        let mut claimed: HashMap<tokio::task::Id, Due> = HashMap::new();
        while !*stopping.borrow_and_update() {
            while let Some(done) = firings.try_join_next_with_id() {
                claimed.remove(&id_of(&done));
            }
            self.alarm.forget();
            let room = CLAIM - firings.len();
            if room > 0 {
                let next = match claim(&self.log, room).await {
                    Ok(due) => {
                        for timer in due {
                            claimed.insert(firings.spawn(self.clone().fire(timer.clone())).id(), timer);
                        }
                        next_due(&self.log).await
                    }
                    Err(error) => Err(error),
                };
                self.heed(next);
            }
            tokio::select! {
                () = self.alarm.sleep(SWEEP) => {}
                _ = stopping.changed() => {}
                // Who was full takes more as soon as there is room.
                Some(done) = firings.join_next_with_id(), if firings.len() >= CLAIM => {
                    claimed.remove(&id_of(&done));
                }
            }
        }
        let last = async {
            while let Some(done) = firings.join_next_with_id().await {
                claimed.remove(&id_of(&done));
            }
        };
        if tokio::time::timeout(LAST, last).await.is_err() {
            firings.shutdown().await;
            self.give_back(claimed.into_values()).await;
        }
    }

    /// Sets the alarm for what is due next.
    fn heed(&self, next: Result<Option<DateTime<Utc>>, ReadError>) {
        match next {
            Ok(Some(due)) => self.alarm.set(due),
            Ok(None) => {}
            Err(error) => tracing::warn!(error = service::telemetry::chain(&error), "due timers cannot be claimed"),
        }
    }

    /// Ends the leases of what was claimed and not fired.
    async fn give_back(&self, timers: impl Iterator<Item = Due>) {
        for timer in timers {
            if let Err(error) = settle(&self.log, &timer, "update", "set leased_until = null").await {
                tracing::warn!(error = service::telemetry::chain(&error), "a claimed timer cannot be given back");
            }
        }
    }

    async fn fire(self, timer: Due) {
        let settled = match self.firing.fire(&timer).await {
            Ok(Fired::Done) => settle(&self.log, &timer, "delete from", "").await,
            Ok(Fired::Again(at)) => {
                let set = format!("set due_at = '{}', leased_until = null", at.to_rfc3339());
                let settled = settle(&self.log, &timer, "update", &set).await;
                self.alarm.set(at);
                settled
            }
            Err(failure) => {
                let error = service::telemetry::chain(&failure);
                tracing::warn!(error, kind = timer.kind, stream = %timer.stream, "a timer could not be carried out");
                metrics::counter!("wechess_timer_failures").increment(1);
                let set = format!("set leased_until = clock_timestamp() + make_interval(secs => {REST_SECONDS})");
                settle(&self.log, &timer, "update", &set).await
            }
        };
        if let Err(error) = settled {
            // Its lease runs out, and then it is fired again: the same command.
            tracing::warn!(error = service::telemetry::chain(&error), "a timer that has fired cannot be settled");
        }
    }
}

fn id_of(done: &Result<(tokio::task::Id, ()), JoinError>) -> tokio::task::Id {
    match done {
        Ok((id, ())) => *id,
        Err(error) => error.id(),
    }
}

/// Takes due timers for a while; another process takes others. No lock stays when the commands are issued. Due is what
/// is due by the clock of this process, which decides.
async fn claim(log: &Log, most: usize) -> Result<Vec<Due>, ReadError> {
    let sql = format!(
        "update {schema}.timers t set leased_until = clock_timestamp() + make_interval(secs => $1)
           from (select stream_id, kind from {schema}.timers
                  where due_at <= $3 and (leased_until is null or leased_until < clock_timestamp())
                  order by due_at limit $2 for update skip locked) d
          where t.stream_id = d.stream_id and t.kind = d.kind
          returning t.stream_id, t.kind, t.arming, t.due_at",
        schema = log.schema
    );
    let client = log.pool.get().await?;
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query(&statement, &[&LEASE_SECONDS, &i64::try_from(most).unwrap_or(1), &Utc::now()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Due { stream: row.try_get(0)?, kind: row.try_get(1)?, arming: row.try_get(2)?, due_at: row.try_get(3)? })
        })
        .collect()
}

/// When the next timer is due that nobody has claimed.
async fn next_due(log: &Log) -> Result<Option<DateTime<Utc>>, ReadError> {
    let sql = format!(
        "select due_at from {}.timers where leased_until is null or leased_until < clock_timestamp() \
         order by due_at limit 1",
        log.schema
    );
    let client = log.pool.get().await?;
    let statement = client.prepare_cached(&sql).await?;
    client.query_opt(&statement, &[]).await?.map(|row| Ok(row.try_get(0)?)).transpose()
}

/// Changes or removes a timer that has fired, unless a command armed it anew meanwhile.
async fn settle(log: &Log, due: &Due, verb: &str, set: &str) -> Result<(), ReadError> {
    let sql = format!(
        "{verb} {}.timers {set} where stream_id = $1 and kind = $2 and arming = $3 and due_at = $4",
        log.schema
    );
    let client = log.pool.get().await?;
    client.execute(&sql, &[&due.stream, &due.kind, &due.arming, &due.due_at]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_firing_is_one_command_and_the_next_arming_another() {
        let due = Due { stream: Uuid::now_v7(), kind: "k".into(), arming: 1, due_at: Utc::now() };
        let next = Due { arming: 2, ..due.clone() };
        assert_eq!(due.request().command, due.request().command);
        assert_ne!(due.request().command, next.request().command);
    }
}

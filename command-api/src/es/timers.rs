//! The runner of timers: claims what is due, commits, and only then issues commands.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_schema::ids::CommandId;
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::history::ReadError;
use super::log::Log;
use super::request::Request;
use super::store::Failure;

/// How long a claimed timer belongs to its claimer: longer than any command takes.
const LEASE_SECONDS: f64 = 30.0;
/// How often due timers are looked for. What a timer means for chess is decided by times, not by when it fires.
const SWEEP: Duration = Duration::from_millis(100);
/// The most timers claimed at once.
const CLAIM: i64 = 64;

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

/// What the kinds of timers do. Ok: the command was carried out or is not needed any more; the timer is done.
pub trait Firing: Send + Sync + 'static {
    /// Fires one.
    fn fire(&self, due: &Due) -> BoxFuture<'_, Result<(), Failure>>;
}

/// Starts the runner.
pub fn start(log: Log, firing: Arc<dyn Firing>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            sweep.tick().await;
            match run_due(&log, &*firing).await {
                Ok(()) => {}
                Err(error) => tracing::warn!(error = service::telemetry::chain(&error), "due timers cannot be claimed"),
            }
        }
    })
}

/// Fires everything that is due now.
pub async fn run_due(log: &Log, firing: &dyn Firing) -> Result<(), ReadError> {
    loop {
        let due = claim(log).await?;
        let full = i64::try_from(due.len()).is_ok_and(|n| n == CLAIM);
        for timer in &due {
            match firing.fire(timer).await {
                Ok(()) => done(log, timer).await?,
                Err(failure) => {
                    // The lease ends and somebody tries again.
                    let error = service::telemetry::chain(&failure);
                    tracing::warn!(error, kind = timer.kind, stream = %timer.stream, "a timer could not be carried out");
                    metrics::counter!("wechess_timer_failures").increment(1);
                }
            }
        }
        if !full {
            return Ok(());
        }
    }
}

/// Takes due timers for a while; another process takes others. No lock stays when the commands are issued.
async fn claim(log: &Log) -> Result<Vec<Due>, ReadError> {
    let sql = format!(
        "update {schema}.timers t set leased_until = clock_timestamp() + make_interval(secs => $1)
           from (select stream_id, kind from {schema}.timers
                  where due_at <= clock_timestamp() and (leased_until is null or leased_until < clock_timestamp())
                  order by due_at limit $2 for update skip locked) d
          where t.stream_id = d.stream_id and t.kind = d.kind
          returning t.stream_id, t.kind, t.arming, t.due_at",
        schema = log.schema
    );
    let client = log.pool.get().await?;
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query(&statement, &[&LEASE_SECONDS, &CLAIM]).await?;
    rows.iter()
        .map(|row| {
            Ok(Due { stream: row.try_get(0)?, kind: row.try_get(1)?, arming: row.try_get(2)?, due_at: row.try_get(3)? })
        })
        .collect()
}

/// Removes a timer that has fired, unless its command armed it anew.
async fn done(log: &Log, due: &Due) -> Result<(), ReadError> {
    let sql =
        format!("delete from {}.timers where stream_id = $1 and kind = $2 and arming = $3 and due_at = $4", log.schema);
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

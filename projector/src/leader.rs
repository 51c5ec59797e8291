//! Who relays and folds: the process that holds one advisory lock of PostgreSQL. The others stand by.
//!
//! The lock lives as long as the leader's connection, so the server itself ends a dead leader's reign. What two leaders
//! do at once for a moment is fenced elsewhere: expected sequences in the stream, external versions in the indexes.

use std::sync::Arc;
use std::time::Duration;

use service::BoxError;
use service::telemetry::chain;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

use crate::session::Session;
use crate::status::{Role, Status};

/// A standby tries so often.
const TRY: Duration = Duration::from_millis(250);
/// The leader looks so often whether its connection stands.
const LOOK: Duration = Duration::from_secs(1);
/// Then it must answer within this.
const ANSWER: Duration = Duration::from_secs(3);
/// Waits between sessions that failed.
const BACKOFF: Duration = Duration::from_millis(500);

/// The server drops a silent connection within seconds, so that a leader whose machine is gone makes room.
const KEEPALIVE: &str = "set tcp_keepalives_idle = 2; set tcp_keepalives_interval = 1; set tcp_keepalives_count = 3";

/// Leads whenever nobody else does, for ever. Dropping it ends all work.
pub async fn run(database: tokio_postgres::Config, schema: String, status: Arc<Status>, session: Session) {
    loop {
        status.enter(Role::Starting);
        match reign(&database, &schema, &status, &session).await {
            Ok(never) => match never {},
            Err(error) => tracing::warn!(error = chain(error.as_ref()), "not leading, trying again"),
        }
        tokio::time::sleep(BACKOFF).await;
    }
}

/// Stands by until the lock is free, then works until the connection or the session fails.
async fn reign(
    database: &tokio_postgres::Config,
    schema: &str,
    status: &Status,
    session: &Session,
) -> Result<std::convert::Infallible, BoxError> {
    let (client, connection) = timeout(ANSWER, database.connect(NoTls)).await??;
    let mut guard = JoinSet::new();
    guard.spawn(connection);
    timeout(ANSWER, client.batch_execute(KEEPALIVE)).await??;
    while !locked(&client, schema).await? {
        if *status.role.borrow() != Role::Standby {
            status.enter(Role::Standby);
        }
        tokio::time::sleep(TRY).await;
    }
    status.enter(Role::Leader);
    tokio::select! {
        error = session.run() => Err(error),
        error = watch(&client) => Err(error),
        ended = guard.join_next() => Err(match ended {
            Some(Ok(Err(error))) => error.into(),
            Some(Err(panicked)) => panicked.into(),
            Some(Ok(Ok(()))) | None => "the leader's connection to postgres was closed".into(),
        }),
    }
}

async fn locked(client: &Client, schema: &str) -> Result<bool, BoxError> {
    let sql = "select pg_try_advisory_lock(hashtextextended('wechess projector ' || $1, 0))";
    Ok(timeout(ANSWER, client.query_one(sql, &[&schema])).await??.get(0))
}

/// Ends when the connection does not answer any more.
async fn watch(client: &Client) -> BoxError {
    loop {
        tokio::time::sleep(LOOK).await;
        match timeout(ANSWER, client.simple_query("select 1")).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return error.into(),
            Err(error) => return error.into(),
        }
    }
}

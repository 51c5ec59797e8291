//! Sessions: rows of an ordinary table, and the facts that every request needs of them.

use chrono::{DateTime, Duration, Utc};
use event_schema::ids::{SessionId, UserId};
use event_schema::wire::SessionFacts;
use futures_util::future::BoxFuture;
use service::SourceError;
use service::sessions::SessionSource;
use uuid::Uuid;

use super::account::Account;
use super::register::PASSWORD;
use crate::es::history::ReadError;
use crate::es::log::Log;

/// How long a login is good (contract README, row 9).
pub const LIFE: Duration = Duration::days(30);

/// The sessions of the log's database.
#[derive(Clone)]
pub struct SessionRows {
    log: Log,
}

impl SessionRows {
    /// Reads and writes through the pool.
    pub fn new(log: Log) -> Self {
        Self { log }
    }

    /// Begins a session.
    pub async fn begin(&self, user: UserId) -> Result<(SessionId, DateTime<Utc>), ReadError> {
        let (session, expires_at) = (SessionId(Uuid::now_v7()), Utc::now() + LIFE);
        let sql =
            format!("insert into {}.sessions (session_id, user_id, expires_at) values ($1, $2, $3)", self.log.schema);
        self.log.pool.get().await?.execute(&sql, &[&session.0, &user.0, &expires_at]).await?;
        Ok((session, expires_at))
    }

    /// Ends a session; ending it twice changes nothing.
    pub async fn end(&self, session: SessionId) -> Result<(), ReadError> {
        let sql = format!(
            "update {}.sessions set ended_at = clock_timestamp() where session_id = $1 and ended_at is null",
            self.log.schema
        );
        self.log.pool.get().await?.execute(&sql, &[&session.0]).await?;
        Ok(())
    }

    /// The session with the role of its user as of now.
    pub async fn facts(&self, session: SessionId) -> Result<Option<SessionFacts>, ReadError> {
        let schema = &self.log.schema;
        let sql = format!(
            "select x.user_id, x.ended_at is not null or x.expires_at < clock_timestamp(), s.state
               from {schema}.sessions x join {schema}.streams s on s.stream_id = x.user_id where x.session_id = $1"
        );
        let client = self.log.pool.get().await?;
        let statement = client.prepare_cached(&sql).await?;
        let Some(row) = client.query_opt(&statement, &[&session.0]).await? else { return Ok(None) };
        let state: &str = row.try_get(2)?;
        let account: Account = serde_json::from_str(state)?;
        let Some(stored) = account.0 else { return Ok(None) };
        Ok(Some(SessionFacts {
            session_id: session,
            user_id: UserId(row.try_get(0)?),
            role: stored.object.role_id,
            ended: row.try_get::<_, bool>(1)? || !stored.active,
        }))
    }

    /// The user who holds a unique key, and his password hash.
    pub async fn credentials(&self, key: &str) -> Result<Option<(UserId, Option<String>)>, ReadError> {
        let schema = &self.log.schema;
        let sql = format!(
            "select k.stream_id, s.data from {schema}.unique_keys k
               left join {schema}.secrets s on s.kind = $2 and s.id = k.stream_id::text where k.key = $1"
        );
        let client = self.log.pool.get().await?;
        let row = client.query_opt(&sql, &[&key, &PASSWORD]).await?;
        row.map(|row| Ok((UserId(row.try_get(0)?), row.try_get(1)?))).transpose()
    }
}

impl SessionSource for SessionRows {
    fn session(&self, id: SessionId) -> BoxFuture<'_, Result<Option<SessionFacts>, SourceError>> {
        Box::pin(async move { self.facts(id).await.map_err(|e| SourceError::new("postgres", e)) })
    }
}

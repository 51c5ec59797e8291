//! Reads the event log in PostgreSQL: short queries only, so that no snapshot is held open.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use event_schema::envelope::Recorded;
use event_schema::ids::CommandId;
use event_schema::names::Namespace;
use serde_json::Value;
use service::BoxError;
use tokio_postgres::{NoTls, Row};
use uuid::Uuid;

/// No query of ours takes longer when PostgreSQL is well.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Most events of one range of those that are sent on, and of a stream.
pub const RANGE: i64 = 1000;
/// Most bytes of one range, its first event apart.
const RANGE_BYTES: i64 = 4 << 20;

/// What is read of an event.
const COLUMNS: &str = "position, stream_id, version, category, type, schema, command_id, ordinal, correlation_id, \
                       causation_id, actor_id, data, recorded_at";

/// The log cannot be read now.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// No connection.
    #[error("no connection to postgres")]
    Pool(#[from] deadpool_postgres::PoolError),
    /// A query failed.
    #[error("postgres refused a query of the log")]
    Query(#[from] tokio_postgres::Error),
    /// A query took too long.
    #[error("postgres did not answer within {QUERY_TIMEOUT:?}")]
    Timeout(#[from] tokio::time::error::Elapsed),
}

/// Which log, and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The log's identity.
    pub id: Uuid,
    /// Its last position.
    pub tail: i64,
}

/// One row of the log as read: `event.data` is null, and `fault` tells why, when its JSON cannot be read.
#[derive(Clone, Debug)]
pub struct Read {
    /// The event.
    pub event: Recorded,
    /// Length of its data.
    pub bytes: usize,
    /// What is wrong with it.
    pub fault: Option<String>,
}

/// The log's reader.
#[derive(Clone)]
pub struct Log {
    pool: Pool,
    schema: String,
    range: String,
}

impl Log {
    /// A reader; nothing is connected yet.
    pub fn new(database: &tokio_postgres::Config, namespace: &Namespace) -> Result<Self, BoxError> {
        let manager =
            Manager::from_config(database.clone(), NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let pool = Pool::builder(manager).max_size(8).build()?;
        let schema = namespace.schema();
        let range = format!(
            "select {COLUMNS} from (select *, sum(octet_length(data)) over (order by position) \
             as bytes from (select * from {schema}.events where position > $1 order by position limit $2) r) s \
             where bytes <= {RANGE_BYTES} or position = $1 + 1 order by position"
        );
        Ok(Self { pool, schema, range })
    }

    async fn query(
        &self,
        sql: &str,
        params: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<Vec<Row>, LogError> {
        tokio::time::timeout(QUERY_TIMEOUT, async {
            let client = self.pool.get().await?;
            let statement = client.prepare_cached(sql).await?;
            Ok(client.query(&statement, params).await?)
        })
        .await?
    }

    /// The log's id and tail.
    pub async fn head(&self) -> Result<Option<Head>, LogError> {
        let rows = self.query(&format!("select id, tail from {}.log", self.schema), &[]).await?;
        Ok(rows.first().map(|row| Head { id: row.get(0), tail: row.get(1) }))
    }

    /// The events after a position, in order: at most so many, and at least the next one if there is one.
    pub async fn after(&self, position: i64, most: i64) -> Result<Vec<Read>, LogError> {
        Ok(self.query(&self.range, &[&position, &most]).await?.iter().map(read).collect())
    }

    /// The events of one stream after a version, up to a position, in order: at most [`RANGE`].
    pub async fn stream(&self, stream: Uuid, after: i32, upto: i64) -> Result<Vec<Read>, LogError> {
        let sql = format!(
            "select {COLUMNS} from {}.events where stream_id = $1 and version > $2 and position <= $3 order by version \
             limit {RANGE}",
            self.schema
        );
        Ok(self.query(&sql, &[&stream, &after, &upto]).await?.iter().map(read).collect())
    }

    /// The event at a position.
    pub async fn event(&self, position: i64) -> Result<Option<Read>, LogError> {
        let sql = format!("select {COLUMNS} from {}.events where position = $1", self.schema);
        Ok(self.query(&sql, &[&position]).await?.first().map(read))
    }

    /// When the event at a position was recorded.
    pub async fn recorded_at(&self, position: i64) -> Result<Option<DateTime<Utc>>, LogError> {
        let sql = format!("select recorded_at from {}.events where position = $1", self.schema);
        Ok(self.query(&sql, &[&position]).await?.first().map(|row| row.get(0)))
    }

    /// Which event stands at a position: its command and ordinal.
    pub async fn at(&self, position: i64) -> Result<Option<(CommandId, i16)>, LogError> {
        let sql = format!("select command_id, ordinal from {}.events where position = $1", self.schema);
        Ok(self.query(&sql, &[&position]).await?.first().map(|row| (CommandId(row.get(0)), row.get(1))))
    }

    /// The wrapped data keys of these ids. A destroyed one has `None`, an unknown one is absent.
    pub async fn keys(&self, ids: &[String]) -> Result<HashMap<String, Option<Vec<u8>>>, LogError> {
        let sql = format!("select key_id, wrapped from {}.data_keys where key_id = any($1)", self.schema);
        Ok(self.query(&sql, &[&ids]).await?.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Any data key that is not destroyed.
    pub async fn some_key(&self) -> Result<Option<(String, Vec<u8>)>, LogError> {
        let sql = format!("select key_id, wrapped from {}.data_keys where wrapped is not null limit 1", self.schema);
        Ok(self.query(&sql, &[]).await?.first().map(|row| (row.get(0), row.get(1))))
    }

    /// `fsync`, `full_page_writes` and `synchronous_commit` as this login sees them.
    pub async fn durability(&self) -> Result<Value, LogError> {
        let sql = "select name, setting from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit') \
                   order by name";
        let rows = self.query(sql, &[]).await?;
        Ok(rows.iter().map(|row| (row.get::<_, String>(0), Value::from(row.get::<_, String>(1)))).collect())
    }
}

/// The event in a row of [`COLUMNS`].
fn read(row: &Row) -> Read {
    let text: &str = row.get(11);
    let (data, fault) = match serde_json::from_str(text) {
        Ok(data) => (data, None),
        Err(error) => (Value::Null, Some(format!("data is no JSON: {error}"))),
    };
    let event = Recorded {
        position: row.get(0),
        stream_id: row.get(1),
        version: row.get(2),
        category: row.get(3),
        kind: row.get(4),
        schema: row.get(5),
        command_id: CommandId(row.get(6)),
        ordinal: row.get(7),
        correlation_id: row.get(8),
        causation_id: row.get(9),
        actor_id: row.get(10),
        recorded_at: row.get(12),
        data,
    };
    Read { event, bytes: text.len(), fault }
}

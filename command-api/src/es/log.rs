//! The log's identity, and what PostgreSQL promises to keep.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use event_schema::names::Namespace;
use tokio_postgres::NoTls;
use uuid::Uuid;

use super::history::ReadError;

/// The log: its identity and its tables.
#[derive(Clone)]
pub struct Log {
    /// Reads; writes go through the appender.
    pub pool: Pool,
    /// The schema's name, quoted by being plain.
    pub schema: String,
    /// The log's identity: part of every token.
    pub id: Uuid,
}

/// Why the log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It does not answer.
    #[error("the log cannot be read")]
    Read(#[from] ReadError),
    /// The schema is not the one that this program was built with.
    #[error("the database has schema version {found}, this program needs {needed}: run `command-api migrate`")]
    Version {
        /// In the database.
        found: i32,
        /// In this program.
        needed: i32,
    },
    /// PostgreSQL would lose acknowledged events.
    #[error("PostgreSQL runs with {setting} = {value}: acknowledged events could be lost; set it to `on`")]
    Durability {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: String,
    },
}

/// The settings that an acknowledged event depends on.
pub const DURABILITY: &[&str] = &["fsync", "synchronous_commit", "full_page_writes"];

/// How long a request waits for a connection: a queue on a busy machine passes, a dead server does not.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a process looks whether the log is still the same.
const LOOK: Duration = Duration::from_secs(1);

/// What the connections of a pool are called in `pg_stat_activity`: who changes the log offline looks for them.
pub fn session_name(schema: &str) -> String {
    format!("wechess command-api {schema}")
}

/// A pool of connections for reads, sessions and secrets.
pub fn pool(
    config: &tokio_postgres::Config,
    namespace: &Namespace,
    size: usize,
) -> Result<Pool, deadpool_postgres::BuildError> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let mut config = config.clone();
    config.application_name(session_name(&namespace.schema()));
    Pool::builder(Manager::from_config(config, NoTls, recycling))
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(PATIENCE))
        .create_timeout(Some(PATIENCE))
        .recycle_timeout(Some(PATIENCE))
        .build()
}

impl Log {
    /// Opens the log: the schema must be this program's, the settings must keep what is acknowledged.
    pub async fn open(pool: Pool, namespace: &Namespace, needed: i32) -> Result<Self, OpenError> {
        let schema = namespace.schema();
        let client = pool.get().await.map_err(ReadError::from)?;
        let version = format!("select coalesce(max(version), 0) from {schema}.migrations");
        let found: i32 = client.query_one(&version, &[]).await.map_err(ReadError::from)?.get(0);
        if found != needed {
            return Err(OpenError::Version { found, needed });
        }
        for (setting, value) in durability(&client).await? {
            if value != "on" {
                return Err(OpenError::Durability { setting, value });
            }
        }
        let id = client.query_one(&format!("select id from {schema}.log"), &[]).await.map_err(ReadError::from)?.get(0);
        drop(client);
        Ok(Self { pool, schema, id })
    }

    /// Returns when the log is another one than it was: somebody restored a backup under this process, and what it
    /// remembers of the log is not so any more.
    pub async fn replaced(&self) {
        let sql = format!("select id from {}.log", self.schema);
        loop {
            tokio::time::sleep(LOOK).await;
            // A log that cannot be read now says nothing.
            let Ok(client) = self.pool.get().await else { continue };
            let Ok(row) = client.query_one(&sql, &[]).await else { continue };
            if row.try_get::<_, Uuid>(0).is_ok_and(|id| id != self.id) {
                return;
            }
        }
    }

    /// The last position.
    pub async fn tail(&self) -> Result<i64, ReadError> {
        let client = self.pool.get().await?;
        Ok(client.query_one(&format!("select tail from {}.log", self.schema), &[]).await?.try_get(0)?)
    }
}

/// The durability settings as PostgreSQL has them now.
pub async fn durability(client: &tokio_postgres::Client) -> Result<Vec<(&'static str, String)>, ReadError> {
    let mut settings = Vec::new();
    for setting in DURABILITY {
        let row = client.query_one("select current_setting($1)", &[setting]).await?;
        settings.push((*setting, row.try_get(0)?));
    }
    Ok(settings)
}

//! A log that came out of a backup: it gets a new id, so that nobody trusts what was made of the log before; and what was
//! erased after the backup was taken is erased again. Offline: no service may be running on it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_schema::envelope::Recorded;
use event_schema::event::DomainEvent;
use event_schema::names::Namespace;
use event_schema::personal::{SEALED, user_of};
use event_schema::stored::{DataObject, fields_of};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::SourceError;
use service::seal::{DataKey, KeyRing, MasterKey};
use tokio_postgres::{NoTls, Transaction};
use uuid::Uuid;

use super::aggregate::{Aggregate, EventOf};
use super::effect::Effect;
use super::history::{COLUMNS, ReadError, recorded};
use super::log::session_name;
use super::state::{Loaded, decode};
use super::step::changed_columns;

/// A destroyed data key. A list of these, kept outside of the database, is what makes an erasure outlast a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Erasure {
    /// The key: `user:<id>`.
    pub key_id: String,
    /// When it was destroyed.
    pub destroyed_at: DateTime<Utc>,
}

/// What became of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// Its new id.
    pub log_id: Uuid,
    /// Its last position: the next event gets the one after it.
    pub tail: i64,
    /// Recorded erasures that were not in the backup, and were applied again.
    pub erased: usize,
    /// State rows that hold less than before.
    pub redacted: usize,
}

/// The log stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// PostgreSQL refused or did not answer.
    #[error("the restored log cannot be read or changed")]
    Database(#[from] tokio_postgres::Error),
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It would go on with what it remembers of the log before.
    #[error("command-api is connected to this log ({0} sessions): stop it first")]
    InUse(i64),
    /// What is sealed would be lost.
    #[error("WECHESS_MASTER_KEY does not open the keys of this log: it is not the one that the backup was made with")]
    MasterKey,
    /// The program is older than the backup.
    #[error("streams of category `{0}` are not known to this program")]
    Category(String),
}

/// The state of a stream from all its events, and what differs from the state row.
pub struct Refolded {
    /// The text of the new state row.
    pub state: String,
    columns: Map<String, Value>,
    gone: Vec<String>,
}

/// Folds a stream anew. The events' personal fields are open.
pub type Fold = fn(Uuid, &str, &[Recorded]) -> Result<Refolded, ReadError>;

/// How the streams of one category are folded.
pub struct Refold {
    /// The category.
    pub category: &'static str,
    /// Its fold.
    pub fold: Fold,
}

impl Refold {
    /// For an aggregate.
    pub const fn of<A: Aggregate>() -> Self {
        Self { category: EventOf::<A>::CATEGORY, fold: refold::<A> }
    }
}

fn refold<A: Aggregate>(stream: Uuid, old: &str, events: &[Recorded]) -> Result<Refolded, ReadError> {
    let old: A = decode(stream, old)?;
    let new = events.iter().try_fold(Loaded::<A>::empty(stream), Loaded::after)?.state;
    let values = |state: &A| state.stored().map(|stored| fields_of(&stored.object)).unwrap_or_default();
    let (before, after) = (values(&old), values(&new));
    let personal = <A::Object as DataObject>::TABLE.all_fields().filter(|field| field.personal.is_some());
    let gone = personal
        .filter(|field| before.get(field.name) != after.get(field.name))
        .filter_map(|field| before.get(field.name)?.as_str().map(str::to_owned))
        .collect();
    Ok(Refolded { state: serde_json::to_string(&*new)?, columns: changed_columns(&old, &*new), gone })
}

/// Runs `work` in one transaction of the owner's.
async fn transact<T>(
    owner: &tokio_postgres::Config,
    work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, RestoreError>,
) -> Result<T, RestoreError> {
    let (mut client, connection) = owner.connect(NoTls).await?;
    let driver = tokio::spawn(connection);
    let transaction = client.transaction().await?;
    let done = work(&transaction).await?;
    transaction.commit().await?;
    drop(client);
    driver.abort();
    Ok(done)
}

/// The keys that this log has destroyed, oldest first.
pub async fn erasures(owner: &tokio_postgres::Config, namespace: &Namespace) -> Result<Vec<Erasure>, RestoreError> {
    let schema = namespace.schema();
    transact(owner, async |transaction| destroyed(transaction, &schema).await).await
}

async fn destroyed(transaction: &Transaction<'_>, schema: &str) -> Result<Vec<Erasure>, RestoreError> {
    let sql = format!(
        "select key_id, destroyed_at from {schema}.data_keys where destroyed_at is not null order by destroyed_at, key_id"
    );
    let rows = transaction.query(&sql, &[]).await?;
    rows.iter().map(|row| Ok(Erasure { key_id: row.try_get(0)?, destroyed_at: row.try_get(1)? })).collect()
}

/// Gives the log a new id and applies the recorded erasures, all in one transaction. May be run again.
pub async fn restored(
    owner: &tokio_postgres::Config,
    namespace: &Namespace,
    master: &MasterKey,
    recorded: &[Erasure],
    refolds: &[Refold],
) -> Result<Restored, RestoreError> {
    let schema = namespace.schema();
    let work = async |transaction: &Transaction<'_>| {
        let log = Offline { transaction, schema: &schema, master };
        log.is_unused().await?;
        log.opens().await?;
        let renew = format!("update {schema}.log set id = gen_random_uuid() returning id, tail");
        let row = transaction.query_one(&renew, &[]).await?;
        let erased = log.destroy(recorded).await?;
        // Those that the backup knows of as well: a state row never holds more than its events give.
        let keys: Vec<String> = destroyed(transaction, &schema).await?.into_iter().map(|one| one.key_id).collect();
        let redacted = log.redact(&keys, refolds).await?;
        Ok(Restored { log_id: row.try_get(0)?, tail: row.try_get(1)?, erased, redacted })
    };
    transact(owner, work).await
}

/// A log that no service uses now.
struct Offline<'a> {
    transaction: &'a Transaction<'a>,
    schema: &'a str,
    master: &'a MasterKey,
}

impl Offline<'_> {
    async fn is_unused(&self) -> Result<(), RestoreError> {
        let sql = "select count(*) from pg_stat_activity where datname = current_database() and application_name = $1";
        let sessions: i64 = self.transaction.query_one(sql, &[&session_name(self.schema)]).await?.try_get(0)?;
        if sessions == 0 { Ok(()) } else { Err(RestoreError::InUse(sessions)) }
    }

    /// Whether the master key opens what is wrapped here.
    async fn opens(&self) -> Result<(), RestoreError> {
        let sql = format!("select key_id, wrapped from {}.data_keys where wrapped is not null limit 1", self.schema);
        let Some(row) = self.transaction.query_opt(&sql, &[]).await? else { return Ok(()) };
        let (key_id, wrapped): (&str, &[u8]) = (row.try_get(0)?, row.try_get(1)?);
        self.master.unwrap_key(key_id, wrapped).map(drop).map_err(|_| RestoreError::MasterKey)
    }

    /// Destroys the keys that are still there, and what else is only theirs whom they belong to. A key that is not known
    /// was made after the backup. Returns how many there were.
    async fn destroy(&self, recorded: &[Erasure]) -> Result<usize, RestoreError> {
        let schema = self.schema;
        let destroy = format!(
            "update {schema}.data_keys set wrapped = null, destroyed_at = $2 where key_id = $1 and wrapped is not null"
        );
        let mut count = 0;
        for one in recorded {
            if self.transaction.execute(&destroy, &[&one.key_id, &one.destroyed_at]).await? == 0 {
                continue;
            }
            count += 1;
            let Some(user) = user_of(&one.key_id) else { continue };
            let end = format!("update {schema}.sessions set ended_at = $2 where user_id = $1 and ended_at is null");
            self.transaction.execute(&end, &[&user, &one.destroyed_at]).await?;
            let forget = format!("delete from {schema}.secrets where id = $1");
            self.transaction.execute(&forget, &[&user.to_string()]).await?;
        }
        Ok(count)
    }

    /// Writes the state rows anew of all streams with something sealed under these keys, their list columns and unique
    /// keys with them. Returns how many changed.
    async fn redact(&self, keys: &[String], refolds: &[Refold]) -> Result<usize, RestoreError> {
        if keys.is_empty() {
            return Ok(0);
        }
        let schema = self.schema;
        let sql = format!(
            "select s.stream_id, s.kind, s.state from {schema}.streams s where s.stream_id in (
               select e.stream_id from {schema}.events e where e.data like '%\"{SEALED}%' and exists (
                 select from regexp_matches(e.data, '\"{SEALED}([^\"]*):[^\":]*\"', 'g') m where m[1] = any($1)))"
        );
        let folds: BTreeMap<&str, &Refold> = refolds.iter().map(|refold| (refold.category, refold)).collect();
        let mut count = 0;
        for row in self.transaction.query(&sql, &[&keys]).await? {
            let (stream, kind, old): (Uuid, &str, &str) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let refold = folds.get(kind).ok_or_else(|| RestoreError::Category(kind.to_owned()))?;
            let new = (refold.fold)(stream, old, &self.history(stream).await?)?;
            if new.state == old {
                continue;
            }
            count += 1;
            self.rewrite(stream, refold.category, &new).await?;
        }
        Ok(count)
    }

    /// All events of a stream, their personal fields opened as far as there are keys.
    async fn history(&self, stream: Uuid) -> Result<Vec<Recorded>, RestoreError> {
        let sql = format!("select {COLUMNS} from {}.events where stream_id = $1 order by version", self.schema);
        let mut events = Vec::new();
        for row in self.transaction.query(&sql, &[&stream]).await? {
            let mut event = recorded(&row)?;
            service::seal::open_event(self, &mut event).await.map_err(ReadError::from)?;
            events.push(event);
        }
        Ok(events)
    }

    async fn rewrite(&self, stream: Uuid, kind: &'static str, new: &Refolded) -> Result<(), RestoreError> {
        let schema = self.schema;
        let state = format!("update {schema}.streams set state = $2 where stream_id = $1");
        self.transaction.execute(&state, &[&stream, &new.state]).await?;
        let index = Effect::Index { stream, kind, set: new.columns.clone() }.to_row(|_| None);
        let apply = format!("select {schema}.apply_effects(clock_timestamp(), array[$1], array[$2])");
        self.transaction.execute(&apply, &[&index.kind, &index.args]).await?;
        // `<kind>:<value>`: what was unique of him is free again.
        let release = format!(
            "delete from {schema}.unique_keys where stream_id = $1 and substr(key, strpos(key, ':') + 1) = any($2)"
        );
        self.transaction.execute(&release, &[&stream, &new.gone]).await?;
        Ok(())
    }
}

impl KeyRing for Offline<'_> {
    fn key(&self, key_id: &str) -> BoxFuture<'_, Result<Option<DataKey>, SourceError>> {
        let key_id = key_id.to_owned();
        Box::pin(async move {
            let find = async {
                let sql = format!("select wrapped from {}.data_keys where key_id = $1", self.schema);
                let row = self.transaction.query_opt(&sql, &[&key_id]).await?;
                let wrapped: Option<Vec<u8>> = row.map(|row| row.try_get(0)).transpose()?.flatten();
                Ok::<_, ReadError>(wrapped.map(|wrapped| self.master.unwrap_key(&key_id, &wrapped)).transpose()?)
            };
            find.await.map_err(|error| SourceError::new("postgres", error))
        })
    }
}

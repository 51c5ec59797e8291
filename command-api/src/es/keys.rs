//! Data keys of personal data, as the command API uses them: loaded, cached, made.

use std::time::Duration;

use event_schema::personal::personal_fields;
use futures_util::future::BoxFuture;
use moka::sync::Cache;
use serde_json::{Map, Value};
use service::seal::{DataKey, KeyRing, MasterKey};
use uuid::Uuid;

use super::history::ReadError;
use super::log::Log;

/// The keys of the log.
pub struct Keys {
    log: Log,
    /// Wraps data keys and signing keys.
    pub master: MasterKey,
    cache: Cache<String, DataKey>,
}

impl Keys {
    /// No key is loaded yet.
    pub fn new(log: Log, master: MasterKey) -> Self {
        // A destroyed key is forgotten within the minute.
        let cache = Cache::builder().max_capacity(50_000).time_to_live(Duration::from_secs(60)).build();
        Self { log, master, cache }
    }

    /// The key, from the cache or the database; none when destroyed or unknown.
    pub async fn find(&self, key_id: &str) -> Result<Option<DataKey>, ReadError> {
        if let Some(key) = self.cache.get(key_id) {
            return Ok(Some(key));
        }
        let client = self.log.pool.get().await?;
        let sql =
            format!("select wrapped from {}.data_keys where key_id = $1 and wrapped is not null", self.log.schema);
        let Some(row) = client.query_opt(&sql, &[&key_id]).await? else { return Ok(None) };
        let key = self.master.unwrap_key(key_id, row.try_get(0)?)?;
        self.cache.insert(key_id.to_owned(), key.clone());
        Ok(Some(key))
    }

    /// Seals the personal fields of an event. `made` are the keys that the same command makes.
    pub async fn seal(
        &self,
        category: &str,
        stream: Uuid,
        data: &mut Map<String, Value>,
        made: &[(String, DataKey)],
    ) -> Result<(), ReadError> {
        let mut keys = made.to_vec();
        for (_, key_id) in personal_fields(category, stream, data) {
            if !keys.iter().any(|(id, _)| *id == key_id)
                && let Some(key) = self.find(&key_id).await?
            {
                keys.push((key_id, key));
            }
        }
        service::seal::seal_fields(category, stream, data, |id| {
            keys.iter().find(|(k, _)| k == id).map(|(_, key)| key)
        })?;
        Ok(())
    }
}

impl KeyRing for Keys {
    fn key(&self, key_id: &str) -> BoxFuture<'_, Result<Option<DataKey>, service::SourceError>> {
        let key_id = key_id.to_owned();
        Box::pin(async move { self.find(&key_id).await.map_err(|e| service::SourceError::new("postgres", e)) })
    }
}

//! The index of a view: its generations, the alias on the live one, and the checkpoint inside.

use std::collections::BTreeMap;

use elasticsearch::http::Method;
use event_schema::names::Namespace;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::document::own_source;
use crate::elastic::{Elastic, IndexError, Write};
use crate::views::View;

/// The id of the checkpoint among the documents.
const CHECKPOINT: &str = "checkpoint";

/// One generation of a view's index, opened for writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its index.
    pub index: String,
    /// Its number, from 1.
    pub number: u32,
    /// Every event up to here is in it.
    pub applied: i64,
    /// The older generation that the alias stands on until this one has caught up, and its checkpoint.
    pub behind: Option<(u32, i64)>,
}

/// Opens and changes the generations of one view.
pub struct Generations {
    elastic: Elastic,
    alias: String,
    log_id: Uuid,
    body: Value,
    hash: String,
}

/// What `_meta` says of an index, and whether the alias stands on it.
struct Found {
    log_id: Option<String>,
    hash: Option<String>,
    aliased: bool,
}

impl Generations {
    /// Those of this view for this log.
    pub fn new(elastic: Elastic, namespace: &Namespace, view: &View, log_id: Uuid) -> Self {
        let joins: Vec<[&str; 4]> = view.joins.iter().map(|j| [j.field, j.by, j.of.name, j.shown]).collect();
        let settings = json!({"index": {
            "number_of_shards": 1,
            "auto_expand_replicas": "0-1",
            "refresh_interval": "-1",
            "translog": {"durability": "request"},
        }});
        let body = json!({"settings": settings, "mappings": view.table.mapping()});
        let declared = json!([body, joins, view.revision]).to_string();
        let hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, declared.as_bytes()).simple().to_string();
        Self { elastic, alias: namespace.index(view.name()), log_id, body, hash }
    }

    fn index(&self, number: u32) -> String {
        format!("{}-g{number}", self.alias)
    }

    /// The generation to write to. One of this log and this table is resumed from its checkpoint; else a new one is
    /// made, which serves at once unless an older table of the same log serves meanwhile.
    pub async fn open(&self) -> Result<Generation, IndexError> {
        let found = self.found().await?;
        let ours = |f: &Found| f.log_id.as_deref() == Some(self.log_id.to_string().as_str());
        for (number, one) in found.iter().rev().filter(|(_, f)| ours(f) && f.hash.as_ref() == Some(&self.hash)) {
            let Some(applied) = self.checkpoint(*number).await? else { continue };
            let behind = if one.aliased { None } else { self.serving(&found).await?.filter(|(old, _)| old != number) };
            let generation = Generation { index: self.index(*number), number: *number, applied, behind };
            if !one.aliased && generation.behind.is_none() {
                self.promote(*number).await?;
            }
            return Ok(generation);
        }
        let number = found.last_key_value().map_or(1, |(last, _)| last + 1);
        let behind = self.serving(&found).await?;
        self.create(number).await?;
        if behind.is_none() {
            self.promote(number).await?;
        }
        Ok(Generation { index: self.index(number), number, applied: 0, behind })
    }

    /// The generation of an older table of this log on which the alias stands, if its checkpoint is there.
    async fn serving(&self, found: &BTreeMap<u32, Found>) -> Result<Option<(u32, i64)>, IndexError> {
        let log_id = self.log_id.to_string();
        let aliased = found
            .iter()
            .rev()
            .find(|(_, f)| f.aliased && f.log_id.as_ref() == Some(&log_id) && f.hash.as_ref() != Some(&self.hash));
        let Some((number, _)) = aliased else { return Ok(None) };
        Ok(self.checkpoint(*number).await?.map(|applied| (*number, applied)))
    }

    /// All generations that exist.
    async fn found(&self) -> Result<BTreeMap<u32, Found>, IndexError> {
        let mappings = self.elastic.ask(Method::Get, &format!("/{}-g*/_mapping", self.alias), None).await?;
        let aliases = self.elastic.ask(Method::Get, &format!("/_alias/{}", self.alias), None).await?;
        let mut found = BTreeMap::new();
        for (index, state) in mappings.as_ref().and_then(Value::as_object).into_iter().flatten() {
            let number = index.strip_prefix(&self.alias).and_then(|rest| rest.strip_prefix("-g")?.parse().ok());
            let Some(number) = number else { continue };
            let meta = &state["mappings"]["_meta"];
            let text = |name: &str| meta[name].as_str().map(str::to_owned);
            let aliased = aliases.as_ref().is_some_and(|a| a.get(index).is_some());
            found.insert(number, Found { log_id: text("logId"), hash: text("tableHash"), aliased });
        }
        Ok(found)
    }

    async fn create(&self, number: u32) -> Result<(), IndexError> {
        let mut body = self.body.clone();
        body["mappings"]["_meta"] = json!({"logId": self.log_id, "generation": number, "tableHash": self.hash});
        let index = self.index(number);
        let made = self.elastic.ask(Method::Put, &format!("/{index}"), Some(&body)).await?;
        made.ok_or_else(|| IndexError::Lost(format!("{index} was not made")))?;
        tracing::info!(index, "made an index");
        self.write_checkpoint(number, 0).await
    }

    /// Puts the alias on this generation alone, in one step, and deletes what is older than the one before it.
    pub async fn promote(&self, number: u32) -> Result<(), IndexError> {
        let actions = json!({"actions": [
            {"remove": {"index": format!("{}-g*", self.alias), "alias": self.alias, "must_exist": false}},
            {"add": {"index": self.index(number), "alias": self.alias}},
        ]});
        let done = self.elastic.ask(Method::Post, "/_aliases", Some(&actions)).await?;
        done.ok_or_else(|| IndexError::Lost(format!("{} is gone", self.index(number))))?;
        tracing::info!(alias = self.alias, generation = number, "the alias stands on this generation");
        let older: Vec<u32> = self.found().await?.into_keys().filter(|other| *other < number).collect();
        for old in older.iter().rev().skip(1) {
            self.elastic.ask(Method::Delete, &format!("/{}", self.index(*old)), None).await?;
        }
        Ok(())
    }

    /// The checkpoint of a generation of this log; none when it or the index is gone.
    async fn checkpoint(&self, number: u32) -> Result<Option<i64>, IndexError> {
        let hit = self.elastic.get(&self.index(number), CHECKPOINT).await?;
        Ok(hit.and_then(|hit| self.applied_in(hit.source.as_ref()?)))
    }

    fn applied_in(&self, source: &Map<String, Value>) -> Option<i64> {
        let state = source.get(event_schema::object::hidden::STATE)?;
        (state["logId"] == json!(self.log_id)).then(|| state["applied"].as_i64()).flatten()
    }

    /// Writes down that every event up to `applied` is in this generation; never moves it back.
    pub async fn write_checkpoint(&self, number: u32, applied: i64) -> Result<(), IndexError> {
        let state = Map::from_iter([("applied".to_owned(), json!(applied)), ("logId".to_owned(), json!(self.log_id))]);
        let source = own_source(CHECKPOINT, applied, state);
        let write = Write { id: CHECKPOINT.to_owned(), version: applied, source };
        match self.elastic.bulk(&self.index(number), &[write]).await?.pop() {
            Some(crate::elastic::Outcome::Done | crate::elastic::Outcome::Conflict) => Ok(()),
            Some(crate::elastic::Outcome::Refused(reason) | crate::elastic::Outcome::Later(reason)) => {
                Err(IndexError::Refused { what: format!("{}/checkpoint", self.index(number)), status: 503, reason })
            }
            None => Err(IndexError::Partial(self.index(number))),
        }
    }

    /// Makes sure that the generation is still there with its checkpoint, under the alias if it serves.
    pub async fn verify(&self, generation: &Generation) -> Result<(), IndexError> {
        let name = if generation.behind.is_none() { &self.alias } else { &generation.index };
        let lost = |what: &str| IndexError::Lost(format!("{}: {what}", generation.index));
        let hit =
            self.elastic.get(name, CHECKPOINT).await?.ok_or_else(|| lost("index, alias or checkpoint is gone"))?;
        if hit.index != generation.index {
            return Err(lost("the alias stands elsewhere"));
        }
        let applied = hit.source.as_ref().and_then(|source| self.applied_in(source));
        applied.map(|_| ()).ok_or_else(|| lost("the checkpoint is not of this log"))
    }
}

//! The index of a view: its generations, the alias on the live one, and the checkpoint inside.

mod role;

use std::collections::{BTreeMap, HashSet};

use elasticsearch::http::Method;
use event_schema::names::Namespace;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::document::own_source;
use crate::elastic::{Elastic, IndexError, Outcome, Write};
use crate::views::View;

pub use role::{Asked, Begun, Filling, Listed};

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
    /// For one of another table: the fields that both have. It serves until one of this table has caught up.
    pub shared_fields: Option<HashSet<String>>,
    /// Whether its documents are made by the fold that this program has: then there are as many of them, whatever table
    /// they have.
    pub same_fold: bool,
}

/// Opens and changes the generations of one view.
pub struct Generations {
    elastic: Elastic,
    view: &'static str,
    alias: String,
    log_id: Uuid,
    body: Value,
    hash: String,
    revision: u32,
}

/// What is known of an index, and whether the alias stands on it.
struct Found {
    log_id: Option<String>,
    hash: Option<String>,
    revision: Option<u64>,
    aliased: bool,
    properties: Value,
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
        let mut declared = json!([body, joins, view.revision]);
        if let (Some(whole), Some(all)) = (view.whole, declared.as_array_mut()) {
            all.push(json!([whole.table.name, whole.by, whole.changed_by]));
        }
        let hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, declared.to_string().as_bytes()).simple().to_string();
        let (name, alias) = (view.name(), namespace.index(view.name()));
        Self { elastic, view: name, alias, log_id, body, hash, revision: view.revision }
    }

    fn index(&self, number: u32) -> String {
        format!("{}-g{number}", self.alias)
    }

    /// The generation that serves: the one under the alias if it is of this log and has its checkpoint, of whatever
    /// table; else the furthest one of this log and table that has not failed, or a new one, which then begins to serve.
    pub async fn open(&self) -> Result<Generation, IndexError> {
        let found = self.found().await?;
        if let Some((number, one)) = found.iter().rev().find(|(_, one)| one.aliased && self.is_of_this_log(one))
            && let Some(applied) = self.checkpoint(*number).await?
        {
            self.serves(*number).await?;
            let shared_fields = (!self.is_of_this_table(one)).then(|| self.shared_fields(one));
            let same_fold = one.revision == Some(u64::from(self.revision));
            return Ok(Generation { index: self.index(*number), number: *number, applied, shared_fields, same_fold });
        }
        let mut furthest: Option<(u32, i64)> = None;
        for (number, _) in found.iter().filter(|(_, one)| self.is_of_this_log(one) && self.is_of_this_table(one)) {
            if self.has_failed(*number).await? {
                continue;
            }
            let applied = self.checkpoint(*number).await?;
            furthest = furthest.max_by_position(applied.map(|applied| (*number, applied)));
        }
        let (number, applied) = match furthest {
            Some(known) => known,
            None => (self.create(&found).await?, 0),
        };
        self.promote(number).await?;
        self.serves(number).await?;
        Ok(Generation { index: self.index(number), number, applied, shared_fields: None, same_fold: true })
    }

    fn is_of_this_log(&self, one: &Found) -> bool {
        one.log_id.as_deref() == Some(self.log_id.to_string().as_str())
    }

    fn is_of_this_table(&self, one: &Found) -> bool {
        one.hash.as_ref() == Some(&self.hash)
    }

    /// The fields that an index has with the same type as this table.
    fn shared_fields(&self, one: &Found) -> HashSet<String> {
        let kind = |property: &Value| property["type"].as_str().unwrap_or("object").to_owned();
        let ours = self.body["mappings"]["properties"].as_object().into_iter().flatten();
        ours.filter(|(name, property)| one.properties.get(*name).is_some_and(|theirs| kind(theirs) == kind(property)))
            .map(|(name, _)| name.clone())
            .collect()
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
            let properties = state["mappings"]["properties"].clone();
            let (log_id, hash, revision) = (text("logId"), text("tableHash"), meta["revision"].as_u64());
            found.insert(number, Found { log_id, hash, revision, aliased, properties });
        }
        Ok(found)
    }

    /// Makes the next generation; its number.
    async fn create(&self, found: &BTreeMap<u32, Found>) -> Result<u32, IndexError> {
        let number = found.last_key_value().map_or(1, |(last, _)| last + 1);
        let mut body = self.body.clone();
        body["mappings"]["_meta"] = json!({
            "logId": self.log_id, "generation": number, "tableHash": self.hash, "revision": self.revision,
        });
        let index = self.index(number);
        let made = self.elastic.ask(Method::Put, &format!("/{index}"), Some(&body)).await?;
        made.ok_or_else(|| IndexError::Lost(format!("{index} was not made")))?;
        tracing::info!(index, "made an index");
        self.write_checkpoint(number, 0).await?;
        Ok(number)
    }

    /// Puts the alias on this generation alone, in one step, and deletes older ones that can never serve again: those
    /// of another log, and those without a checkpoint.
    pub async fn promote(&self, number: u32) -> Result<(), IndexError> {
        let actions = json!({"actions": [
            {"remove": {"index": format!("{}-g*", self.alias), "alias": self.alias, "must_exist": false}},
            {"add": {"index": self.index(number), "alias": self.alias}},
        ]});
        let done = self.elastic.ask(Method::Post, "/_aliases", Some(&actions)).await?;
        done.ok_or_else(|| IndexError::Lost(format!("{} is gone", self.index(number))))?;
        tracing::info!(alias = self.alias, generation = number, "the alias stands on this generation");
        for (old, one) in self.found().await?.into_iter().filter(|(other, _)| *other < number) {
            if !self.is_of_this_log(&one) || self.checkpoint(old).await?.is_none() {
                self.elastic.ask(Method::Delete, &format!("/{}", self.index(old)), None).await?;
            }
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
        self.write_own(number, Write::newer(CHECKPOINT.to_owned(), applied, source)).await
    }

    /// Writes a document of the projector's own; a newer one there is as good.
    async fn write_own(&self, number: u32, write: Write) -> Result<(), IndexError> {
        match self.elastic.bulk(&self.index(number), &[&write]).await?.pop() {
            Some(Outcome::Done | Outcome::Conflict) => Ok(()),
            Some(Outcome::Refused(reason) | Outcome::Later(reason)) => {
                let what = format!("{}/{}", self.index(number), write.id);
                Err(IndexError::Refused { what, status: 503, reason })
            }
            None => Err(IndexError::Partial(self.index(number))),
        }
    }

    /// Makes sure that the serving generation is still there with its checkpoint, under the alias.
    pub async fn verify(&self, generation: &Generation) -> Result<(), IndexError> {
        let lost = |what: &str| IndexError::Lost(format!("{}: {what}", generation.index));
        let hit = self.elastic.get(&self.alias, CHECKPOINT).await?;
        let hit = hit.ok_or_else(|| lost("index, alias or checkpoint is gone"))?;
        if hit.index != generation.index {
            return Err(lost("the alias stands elsewhere"));
        }
        let applied = hit.source.as_ref().and_then(|source| self.applied_in(source));
        applied.map(|_| ()).ok_or_else(|| lost("the checkpoint is not of this log"))
    }
}

/// The further one of two generations, the later one of equals.
trait Furthest {
    fn max_by_position(self, other: Self) -> Self;
}

impl Furthest for Option<(u32, i64)> {
    fn max_by_position(self, other: Self) -> Self {
        match (self, other) {
            (Some(one), Some(other)) => Some(if other.1 >= one.1 { other } else { one }),
            (one, other) => one.or(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_furthest_generation_is_taken() {
        let furthest = |all: &[(u32, i64)]| {
            all.iter().fold(None, |known: Option<(u32, i64)>, one| known.max_by_position(Some(*one)))
        };
        assert_eq!(furthest(&[(1, 50), (2, 40), (3, 50)]), Some((3, 50)));
        assert_eq!(furthest(&[(1, 50), (2, 40)]), Some((1, 50)));
        assert_eq!(furthest(&[]), None);
    }

    #[test]
    fn an_older_table_shares_the_fields_of_the_same_type() {
        let view = crate::views::registry().into_iter().find(|v| v.name() == "chessGameMove").unwrap();
        let config = service::config::Elasticsearch { url: "http://127.0.0.1:1".into(), user: None, password: None };
        let elastic = Elastic::new(&config).unwrap();
        let generations = Generations::new(elastic, &Namespace::default(), &view, Uuid::nil());
        let properties = json!({"id": {"type": "keyword"}, "uci": {"type": "long"}, "gone": {"type": "keyword"}});
        let old = Found { log_id: None, hash: None, revision: None, aliased: true, properties };
        assert_eq!(generations.shared_fields(&old), HashSet::from(["id".to_owned()]));
    }
}

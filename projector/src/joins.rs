//! Facts of other objects in a composed view: filled in when a document first refers to the object, and changed in every
//! document that refers to it when the object changes.

use std::collections::{BTreeSet, HashMap};

use event_schema::names::Namespace;
use event_schema::object::{Object, hidden};
use event_schema::views::Join;
use event_schema::wire::Watermark;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use crate::document::{Body, Doc};
use crate::elastic::{Elastic, Hit, IndexError};
use crate::status::Status;
use crate::views::View;

/// Where joined facts come from: the other views' indexes, once they have applied what is needed.
pub struct Joins {
    sources: Vec<Source>,
}

struct Source {
    table: &'static Object,
    alias: String,
    applied: watch::Receiver<Option<Watermark>>,
}

/// A document before and after its fold.
pub struct Filled<'a> {
    /// As it was.
    pub prior: &'a Doc,
    /// As it is to be.
    pub doc: &'a mut Doc,
}

impl Joins {
    /// The sources of a view's joins.
    pub fn new(view: &View, status: &Status, namespace: &Namespace) -> Self {
        let mut sources: Vec<Source> = Vec::new();
        for join in view.joins {
            if sources.iter().all(|s| s.table.name != join.of.name)
                && let Some(other) = status.view(join.of.name)
            {
                let applied = other.watermark.subscribe();
                sources.push(Source { table: join.of, alias: namespace.index(join.of.name), applied });
            }
        }
        Self { sources }
    }

    /// Fills the joined fields of documents that refer to another object than before.
    pub async fn fill(&mut self, elastic: &Elastic, view: &View, docs: &mut [Filled<'_>]) -> Result<(), IndexError> {
        for source in &mut self.sources {
            let joins: Vec<&Join> = view.joins.iter().filter(|j| j.of.name == source.table.name).collect();
            let (mut ids, mut position) = (BTreeSet::new(), 0);
            for filled in docs.iter() {
                for id in joins.iter().filter_map(|join| referred_anew(join, filled)) {
                    position = position.max(filled.doc.version);
                    ids.insert(id);
                }
            }
            if ids.is_empty() {
                continue;
            }
            let facts = source.facts(elastic, position, ids.into_iter().collect()).await?;
            for filled in docs.iter_mut() {
                for join in &joins {
                    let shown = match referred_anew(join, filled) {
                        Some(id) => shown(&facts, &id, join),
                        None => continue,
                    };
                    if let Body::Live(document) = &mut filled.doc.body {
                        document.fields.insert(join.field.to_owned(), shown);
                    }
                }
            }
        }
        Ok(())
    }

    /// The documents of the view that show something else of a changed object than it has now, changed, at the version
    /// of that change. The index was refreshed just before, and nothing is in flight.
    pub async fn changed(
        &mut self,
        elastic: &Elastic,
        view: &View,
        index: &str,
        change: (&'static Object, Uuid, i64),
    ) -> Result<Vec<(Uuid, Doc)>, IndexError> {
        let (table, id, position) = change;
        let Some(source) = self.sources.iter_mut().find(|s| s.table.name == table.name) else { return Ok(Vec::new()) };
        let facts = source.facts(elastic, position, vec![id.to_string()]).await?;
        let joins: Vec<&Join> = view.joins.iter().filter(|j| j.of.name == table.name).collect();
        let refers: Vec<Value> = joins.iter().map(|join| json!({"term": {join.by: id}})).collect();
        let query = json!({
            "query": {"bool": {"filter": [{"term": {hidden::LIVE: true}}, {"bool": {"should": refers}}]}},
            "sort": [{"id": "asc"}],
        });
        let (mut docs, mut after): (Vec<(Uuid, Doc)>, Option<Value>) = (Vec::new(), None);
        loop {
            let hits = elastic.search(index, query.clone(), after.as_ref()).await?;
            let Some(last) = hits.last() else { return Ok(docs) };
            after = Some(last.sort.clone());
            docs.extend(hits.into_iter().filter_map(|hit| renamed(hit, &joins, &id.to_string(), &facts, position)));
        }
    }
}

impl Source {
    /// The objects of these ids, at or after a position.
    async fn facts(&mut self, elastic: &Elastic, position: i64, ids: Vec<String>) -> Result<Facts, IndexError> {
        loop {
            let reached = |w: &Option<Watermark>| w.as_ref().is_some_and(|w| w.applied >= position);
            let before = match self.applied.wait_for(reached).await {
                Ok(watermark) => watermark.as_ref().map(|w| w.generation),
                Err(_) => return Err(IndexError::Lost(format!("{} is not projected any more", self.alias))),
            };
            let hits = elastic.read(&self.alias, &ids).await?;
            // Another generation may have been put under the alias meanwhile, one that is not as far.
            let after = self.applied.borrow().as_ref().filter(|w| w.applied >= position).map(|w| w.generation);
            if before == after {
                return Ok(hits.into_iter().filter_map(|hit| Some((hit.id, hit.source?))).collect());
            }
        }
    }
}

type Facts = HashMap<String, Map<String, Value>>;

/// The id that a document refers to now and did not before.
fn referred_anew(join: &Join, filled: &Filled<'_>) -> Option<String> {
    let now = filled.doc.live()?.fields.get(join.by)?.as_str()?;
    let before = filled.prior.live().and_then(|d| d.fields.get(join.by)).and_then(Value::as_str);
    (before != Some(now)).then(|| now.to_owned())
}

/// What a join shows of an object: null when it is not there, dead or erased.
fn shown(facts: &Facts, id: &str, join: &Join) -> Value {
    let object = facts.get(id).filter(|object| object.get(hidden::LIVE) == Some(&Value::Bool(true)));
    object.and_then(|object| object.get(join.shown)).cloned().unwrap_or(Value::Null)
}

/// The document with the object's facts as they are now; `None` if that is no change.
fn renamed(hit: Hit, joins: &[&Join], id: &str, facts: &Facts, position: i64) -> Option<(Uuid, Doc)> {
    let document = hit.id.parse().ok().filter(|_| hit.version < position)?;
    let mut doc = Doc::from_source(document, position, hit.source?);
    let Body::Live(live) = &mut doc.body else { return None };
    let mut changed = false;
    for join in joins {
        if live.fields.get(join.by).and_then(Value::as_str) != Some(id) {
            continue;
        }
        let now = shown(facts, id, join);
        changed |= live.fields.insert(join.field.to_owned(), now.clone()) != Some(now);
    }
    changed.then_some((document, doc))
}

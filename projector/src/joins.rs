//! Facts of other objects in a composed view: filled in when a document first refers to the object, and changed in every
//! document that refers to it when the object changes. Where there never was such an object, what the fold has put there
//! stays: the players of imported games have names and no accounts. Who reads a part of another object is such a fact of
//! that one (`wholes.rs`).

use std::collections::{BTreeSet, HashMap};

use event_schema::names::Namespace;
use event_schema::object::{Object, hidden};
use event_schema::stored::Whole;
use event_schema::views::Join;
use event_schema::wire::Watermark;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use crate::document::{Body, Doc};
use crate::elastic::{Elastic, Hit, IndexError};
use crate::status::{self, Status};
use crate::views::View;
use crate::wholes;

/// So many documents are changed at once when a joined fact changes: each may hold thousands of values.
const PAGE: usize = 100;

/// Where joined facts come from: the other views' indexes, once they have applied what is needed.
pub struct Joins {
    sources: Vec<Source>,
    /// No fact is taken from a source before it is here: so no change up to here needs to be brought in later.
    since: i64,
}

struct Source {
    table: &'static Object,
    alias: String,
    applied: watch::Receiver<Option<Watermark>>,
    needed: watch::Sender<i64>,
}

/// An event that may have changed what documents show of its object.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// The object's table.
    pub table: &'static Object,
    /// The object.
    pub id: Uuid,
    /// Where the event stands.
    pub position: i64,
}

/// A document that shows another fact of a changed object.
pub struct Renamed {
    /// Which.
    pub id: Uuid,
    /// As it was.
    pub prior: Doc,
    /// As it is to be, at the version of the change.
    pub doc: Doc,
}

/// A document before and after its fold.
pub struct Filled<'a> {
    /// As it was.
    pub prior: &'a Doc,
    /// As it is to be.
    pub doc: &'a mut Doc,
}

impl Joins {
    /// The sources of a view's joins; every fact is at least as new as `since`.
    pub fn new(view: &View, status: &Status, namespace: &Namespace, since: i64) -> Self {
        let mut sources: Vec<Source> = Vec::new();
        for table in view.asked() {
            if sources.iter().all(|s| s.table.name != table.name)
                && let Some(other) = status.view(table.name)
            {
                let (applied, needed) = (other.watermark.subscribe(), other.needed.clone());
                sources.push(Source { table, alias: namespace.index(table.name), applied, needed });
            }
        }
        // Where a fold asks nobody, every change needs to be brought in.
        Self { sources, since: if view.asks() { since } else { 0 } }
    }

    /// How far the sources of a view's joins are now, all of them.
    pub fn reached(view: &View, status: &Status) -> i64 {
        let applied = |table: &Object| {
            status.view(table.name).and_then(|source| source.watermark.borrow().as_ref().map(|w| w.applied))
        };
        view.asked().map(|table| applied(table).unwrap_or(0)).min().unwrap_or(0)
    }

    /// Whether documents written before this change may show something older.
    pub fn concerned_by(&self, position: i64) -> bool {
        position > self.since
    }

    /// Fills all joined fields of one document. Gives the fields whose facts are newer than a position: what a view
    /// shows of them at that position cannot be told any more.
    pub async fn fill_one(
        &mut self,
        elastic: &Elastic,
        view: &View,
        doc: &mut Doc,
        upto: i64,
    ) -> Result<Vec<&'static str>, IndexError> {
        let mut newer = Vec::new();
        for join in view.joins {
            let Some(source) = self.sources.iter_mut().find(|s| s.table.name == join.of.name) else { continue };
            let filled = Filled { prior: &Doc::ABSENT, doc: &mut *doc };
            let Some(id) = referred_anew(join, &filled) else { continue };
            let facts = source.facts(elastic, upto.max(self.since), vec![id.clone()]).await?;
            if is_newer(&facts, &id, upto) {
                newer.push(join.field);
            }
            if facts.contains_key(&id)
                && let Body::Live(document) = &mut doc.body
            {
                document.fields.insert(join.field.to_owned(), shown(&facts, &id, join));
            }
        }
        if let Some(whole) = view.whole
            && let Some(id) = wholes::id_in(whole, doc)
            && let Some(source) = self.sources.iter_mut().find(|s| s.table.name == whole.table.name)
        {
            let facts = source.facts(elastic, upto.max(self.since), vec![id.clone()]).await?;
            if is_newer(&facts, &id, upto) {
                newer.push(hidden::READERS);
            }
            wholes::admit(whole, doc, &facts);
        }
        Ok(newer)
    }

    /// Fills the joined fields of documents that refer to another object than before, and asks the wholes of parts.
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
            let facts = source.facts(elastic, position.max(self.since), ids.into_iter().collect()).await?;
            for filled in docs.iter_mut() {
                for join in &joins {
                    let shown = match referred_anew(join, filled).filter(|id| facts.contains_key(id)) {
                        Some(id) => shown(&facts, &id, join),
                        None => continue,
                    };
                    if let Body::Live(document) = &mut filled.doc.body {
                        document.fields.insert(join.field.to_owned(), shown);
                    }
                }
            }
        }
        let Some(whole) = view.whole.filter(|whole| !whole.comes_first) else { return Ok(()) };
        let Some(source) = self.sources.iter_mut().find(|s| s.table.name == whole.table.name) else { return Ok(()) };
        let ids: BTreeSet<String> = docs.iter().filter_map(|filled| wholes::id_in(whole, filled.doc)).collect();
        if !ids.is_empty() {
            let position = docs.iter().map(|filled| filled.doc.version).max().unwrap_or(0);
            let facts = source.facts(elastic, position.max(self.since), ids.into_iter().collect()).await?;
            for filled in docs {
                wholes::admit(whole, filled.doc, &facts);
            }
        }
        Ok(())
    }

    /// One page of the documents of the view that refer to changed objects of one table: those that show something else
    /// than these have now, changed, at the version of the last change; and where the next page begins. The index was
    /// refreshed before the first page, and nothing else of the view is in flight, so the pages hang together.
    pub async fn changed(
        &mut self,
        elastic: &Elastic,
        view: &View,
        index: &str,
        changes: &[Change],
        after: Option<&Value>,
    ) -> Result<(Vec<Renamed>, Option<Value>), IndexError> {
        let Some(last) = changes.last() else { return Ok((Vec::new(), None)) };
        let source = self.sources.iter_mut().find(|s| s.table.name == last.table.name);
        let Some(source) = source else { return Ok((Vec::new(), None)) };
        // In the order of positions: the last one of an object counts.
        let at: HashMap<String, i64> = changes.iter().map(|change| (change.id.to_string(), change.position)).collect();
        let facts = source.facts(elastic, last.position, at.keys().cloned().collect()).await?;
        let joins: Vec<&Join> = view.joins.iter().filter(|j| j.of.name == last.table.name).collect();
        let whole = view.whole.filter(|whole| whole.table.name == last.table.name);
        let by = joins.iter().map(|join| join.by).chain(whole.map(|whole| whole.by));
        let ids: Vec<&String> = at.keys().collect();
        let refers: Vec<Value> = by.map(|by| json!({"terms": {by: ids}})).collect();
        let query = json!({
            "query": {"bool": {"filter": [{"term": {hidden::LIVE: true}}, {"bool": {"should": refers}}]}},
            "sort": [{"id": "asc"}], "size": PAGE,
        });
        let hits = elastic.search(index, query, after).await?;
        let next = hits.last().map(|hit| hit.sort.clone());
        let docs = hits.into_iter().filter_map(|hit| renamed(hit, &joins, whole, &at, &facts)).collect();
        Ok((docs, next))
    }
}

impl Source {
    /// The objects of these ids, at or after a position.
    async fn facts(&mut self, elastic: &Elastic, position: i64, ids: Vec<String>) -> Result<Facts, IndexError> {
        loop {
            let reached = |w: &Option<Watermark>| w.as_ref().is_some_and(|w| w.applied >= position);
            if !reached(&self.applied.borrow()) {
                status::raise(&self.needed, position);
            }
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

pub(crate) type Facts = HashMap<String, Map<String, Value>>;

/// Whether an object stands at a later position.
fn is_newer(facts: &Facts, id: &str, than: i64) -> bool {
    let position = facts.get(id).and_then(|fact| fact.get(hidden::POSITION)?.as_i64());
    position.is_some_and(|position| position > than)
}

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

/// The document with the facts of changed objects as they are now; `None` if that is no change. `at` says where the
/// last change of each object stands.
fn renamed(
    hit: Hit,
    joins: &[&Join],
    whole: Option<&Whole>,
    at: &HashMap<String, i64>,
    facts: &Facts,
) -> Option<Renamed> {
    let prior = Doc::from_source(hit.id.parse().ok()?, hit.version, hit.source?);
    let refers = |by: &str| Some(prior.live()?.fields.get(by)?.as_str()?.to_owned()).filter(|id| at.contains_key(id));
    let by = joins.iter().map(|join| join.by).chain(whole.map(|whole| whole.by));
    let position =
        by.filter_map(|by| at.get(&refers(by)?).copied()).max().filter(|position| *position > hit.version)?;
    let mut doc = Doc { version: position, ..prior.clone() };
    let Body::Live(live) = &mut doc.body else { return None };
    let mut changed = false;
    for join in joins {
        let Some(id) = refers(join.by) else { continue };
        let now = shown(facts, &id, join);
        changed |= live.fields.insert(join.field.to_owned(), now.clone()) != Some(now);
    }
    changed |= whole.is_some_and(|whole| wholes::admit(whole, &mut doc, facts));
    changed.then_some(Renamed { id: hit.id.parse().ok()?, prior, doc })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn game(version: i64, white: Uuid, black: Uuid) -> Hit {
        let source = json!({
            "playerWhiteId": white, "playerWhiteName": "old", "playerBlackId": black, "playerBlackName": "old",
            "_position": version, "_live": true, "_readers": [],
        });
        let id = Uuid::from_u128(9);
        serde_json::from_value(json!({"_id": id, "_index": "x", "_version": version, "_source": source})).unwrap()
    }

    fn fact(id: Uuid, fullname: &str) -> Facts {
        let Value::Object(user) = json!({"fullname": fullname, "_live": true}) else { unreachable!() };
        Facts::from([(id.to_string(), user)])
    }

    #[test]
    fn a_changed_object_changes_the_documents_that_refer_to_it_once() {
        let (ann, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let view = crate::views::registry().into_iter().find(|v| v.name() == "chessGameListView").unwrap();
        let joins: Vec<&Join> = view.joins.iter().collect();
        let at = HashMap::from([(ann.to_string(), 10)]);
        let name = |hit: Hit, facts: &Facts| {
            renamed(hit, &joins, None, &at, facts).map(|Renamed { doc, .. }| {
                let fields = &doc.live().unwrap().fields;
                (doc.version, fields["playerWhiteName"].clone(), fields["playerBlackName"].clone())
            })
        };
        let new = fact(ann, "Anna");
        assert_eq!(name(game(4, ann, bob), &new), Some((10, json!("Anna"), json!("old"))));
        assert_eq!(name(game(4, ann, ann), &new), Some((10, json!("Anna"), json!("Anna"))));
        assert_eq!(name(game(10, ann, bob), &new), None, "another writer has passed the change");
        assert_eq!(name(game(4, ann, bob), &fact(ann, "old")), None, "nothing to change");
        assert_eq!(name(game(4, bob, ann), &Facts::new()), Some((10, json!("old"), Value::Null)), "erased");
    }

    #[test]
    fn a_document_stands_at_the_last_change_of_what_it_refers_to() {
        let (ann, bob, eve) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let view = crate::views::registry().into_iter().find(|v| v.name() == "chessGameListView").unwrap();
        let joins: Vec<&Join> = view.joins.iter().collect();
        let at = HashMap::from([(ann.to_string(), 10), (bob.to_string(), 12)]);
        let facts: Facts = fact(ann, "Anna").into_iter().chain(fact(bob, "Rob")).collect();
        let version = |hit: Hit| renamed(hit, &joins, None, &at, &facts).map(|renamed| renamed.doc.version);
        assert_eq!(version(game(4, ann, bob)), Some(12));
        assert_eq!(version(game(11, ann, eve)), None, "written after the change");
        assert_eq!(version(game(11, eve, bob)), Some(12));
        assert_eq!(version(game(4, eve, eve)), None);
    }

    #[test]
    fn facts_are_looked_up_when_a_document_refers_to_an_object_for_the_first_time() {
        let view = crate::views::registry().into_iter().find(|v| v.name() == "chessGameListView").unwrap();
        let doc = |white: Uuid| Doc::from_source(Uuid::nil(), 4, game(4, white, white).source.unwrap());
        let (ann, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let anew = |prior: &Doc, mut now: Doc| referred_anew(&view.joins[0], &Filled { prior, doc: &mut now });
        assert_eq!(anew(&Doc::ABSENT, doc(ann)), Some(ann.to_string()));
        assert_eq!(anew(&doc(ann), doc(ann)), None);
        assert_eq!(anew(&doc(ann), doc(bob)), Some(bob.to_string()));
        assert_eq!(anew(&doc(ann), Doc { version: 5, body: Body::Tombstone }), None);
    }
}

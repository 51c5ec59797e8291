//! Folding a batch: which documents it concerns, what becomes of each. Pure, so that redelivery, replay and any split
//! into batches give the same documents.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::document::{Body, Doc};
use crate::keys::Item;
use crate::views::View;

/// The events of a batch that concern one document, in order.
#[derive(Clone, Debug)]
pub struct Group {
    /// The document.
    pub id: Uuid,
    /// Its events.
    pub items: Vec<Arc<Item>>,
}

/// An event that could not be folded, and those behind it, which then are not folded either.
#[derive(Clone, Debug, PartialEq)]
pub struct Poison {
    /// Position of the first one.
    pub position: i64,
    /// What is wrong with it.
    pub error: String,
    /// How many they are.
    pub events: u64,
    /// Position of the last one.
    pub last: i64,
}

/// What became of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded {
    /// The document as far as it could be folded.
    pub doc: Doc,
    /// Whether that is another than before.
    pub changed: bool,
    /// What could not be folded.
    pub poison: Option<Poison>,
}

/// Groups a batch by document, in order of first appearance.
pub fn group(view: &View, items: &[Arc<Item>]) -> Vec<Group> {
    let mut places: HashMap<Uuid, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for item in items {
        for id in view.keys(item) {
            let place = *places.entry(id).or_insert_with(|| {
                groups.push(Group { id, items: Vec::new() });
                groups.len() - 1
            });
            groups[place].items.push(Arc::clone(item));
        }
    }
    groups
}

/// Folds events into the document of this id; those at or below its version are in it already.
pub fn fold(view: &View, id: Uuid, prior: &Doc, items: &[Arc<Item>]) -> Folded {
    let (mut doc, mut poison) = (None, None);
    let mut fresh = items.iter().filter(|item| item.event.position > prior.version);
    while let Some(item) = fresh.next() {
        match step(view, id, doc.as_ref().unwrap_or(prior), item) {
            Ok(Some(next)) => doc = Some(next),
            Ok(None) => {}
            Err(error) => {
                let rest = fresh.by_ref().map(|item| item.event.position);
                let (events, last) = rest.fold((1, item.event.position), |(count, _), last| (count + 1, last));
                poison = Some(Poison { position: item.event.position, error, events, last });
            }
        }
    }
    let changed = doc.is_some();
    Folded { doc: doc.unwrap_or_else(|| prior.clone()), changed, poison }
}

/// The document after one event; `None` if there still is none.
fn step(view: &View, id: Uuid, prior: &Doc, item: &Item) -> Result<Option<Doc>, String> {
    let version = item.event.position;
    let body = match &prior.body {
        Body::Tombstone => Body::Tombstone,
        Body::Absent => match view.fold(id, None, item)? {
            None => return Ok(None),
            Some(document) if document.live => Body::Live(document),
            Some(_) => Body::Tombstone,
        },
        Body::Live(document) => match view.fold(id, Some(&document.fields), item)? {
            Some(document) if document.live => Body::Live(document),
            Some(_) | None => Body::Tombstone,
        },
    };
    Ok(Some(Doc { version, body }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{history, item, undecodable};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Docs = BTreeMap<Uuid, Doc>;

    fn view(name: &str) -> View {
        crate::views::registry().into_iter().find(|v| v.name() == name).unwrap()
    }

    fn apply(view: &View, docs: &mut Docs, items: &[Arc<Item>]) {
        for group in group(view, items) {
            let folded = fold(view, group.id, docs.get(&group.id).unwrap_or(&Doc::ABSENT), &group.items);
            if folded.changed {
                docs.insert(group.id, folded.doc);
            }
        }
    }

    #[test]
    fn a_batch_is_grouped_by_document_in_order() {
        let (items, view) = (history(3, 2), view("chessGame"));
        let groups = group(&view, &items);
        assert_eq!(groups.len(), 3);
        for group in &groups {
            assert!(view.begins(group.id, &group.items[0]) && !view.begins(group.id, &group.items[1]));
            assert!(group.items.is_sorted_by_key(|item| item.event.position));
            assert!(group.items.iter().all(|item| item.event.stream_id == group.id));
        }
        assert_eq!(super::group(&self::view("chessGameMove"), &items).len(), 6);
        let sides = super::group(&self::view("playerGameView"), &items);
        assert_eq!(sides.len(), 6, "each game has two documents");
        assert!(sides.iter().all(|side| self::view("playerGameView").begins(side.id, &side.items[0])));
        assert!(super::group(&self::view("savedFilter"), &items).is_empty());
    }

    #[test]
    fn events_at_or_below_the_version_are_skipped() {
        let items = history(1, 4);
        let view = view("chessGame");
        let game = items[0].event.stream_id;
        let whole = fold(&view, game, &Doc::ABSENT, &items);
        let again = fold(&view, game, &whole.doc, &items);
        assert_eq!((again.changed, &again.doc), (false, &whole.doc));
    }

    #[test]
    fn a_poison_event_stops_its_document_only() {
        let mut items = history(2, 3);
        let bad = items[2].event.stream_id;
        items[2] = item(undecodable(&items[2].event));
        let view = view("chessGame");
        let mut docs = Docs::new();
        apply(&view, &mut docs, &items);
        assert_eq!(docs.len(), 2);
        for group in group(&view, &items) {
            let folded = fold(&view, group.id, &Doc::ABSENT, &group.items);
            assert_eq!(folded.poison.is_some(), group.id == bad);
            if let Some(poison) = folded.poison {
                assert_eq!((poison.position, poison.last), (3, group.items.last().unwrap().event.position));
                assert!(folded.doc.version < 3);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        /// Any split into batches, each with a redelivery of what was before, gives the documents of one whole fold.
        #[test]
        fn batches_and_redelivery_change_nothing(
            games in 1usize..4, moves in 0usize..6, cuts in prop::collection::vec((0usize..40, 0usize..40), 0..6),
        ) {
            let items = history(games, moves);
            for name in ["chessGame", "chessGameMove", "chessGameListView", "chessGameDetailView", "playerGameView"] {
                let view = view(name);
                let mut whole = Docs::new();
                apply(&view, &mut whole, &items);
                let mut ends: Vec<(usize, usize)> =
                    cuts.iter().map(|(end, back)| (end % (items.len() + 1), *back)).collect();
                ends.sort_unstable();
                ends.push((items.len(), 0));
                let (mut docs, mut start) = (Docs::new(), 0usize);
                for (end, back) in ends {
                    apply(&view, &mut docs, &items[start.saturating_sub(back)..end]);
                    start = end;
                }
                prop_assert_eq!(&docs, &whole);
            }
        }
    }
}

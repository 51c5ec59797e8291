//! A document folded again from the log: what it must be, and in what one that was found differs from it.

use std::collections::BTreeSet;
use std::sync::Arc;

use event_schema::object::hidden;
use serde_json::Value;
use uuid::Uuid;

use crate::document::Doc;
use crate::feed::{Feed, FeedError};
use crate::fold::{Folded, fold};
use crate::keys::Item;
use crate::views::{Sources, View};
use crate::wholes;

/// A document, and where an event of it stands: a document that is one event is found by that alone, and one of which
/// nothing is known too, if its id is not its stream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Which {
    /// Its id.
    pub id: Uuid,
    /// The position of one of its events.
    pub position: i64,
}

/// The document as all its events up to a position make it; joined fields are not filled. `known` is what is known of
/// it, for views that find a document's streams there.
pub async fn refold(feed: &Feed, view: &View, which: Which, known: &Doc, upto: i64) -> Result<Folded, FeedError> {
    let id = which.id;
    let of_it = |items: Vec<Arc<Item>>| -> Vec<Arc<Item>> {
        items.into_iter().filter(|item| view.keys(item).contains(&id)).collect()
    };
    let mut streams = match view.sources {
        Sources::Event => {
            let items = if which.position > upto { Vec::new() } else { of_it(feed.event(which.position).await?) };
            return match wholes::of_part(view, known).filter(|_| items.is_empty()) {
                None => Ok(fold(view, id, &Doc::ABSENT, &items)),
                // The document stands at a later position than its event: its whole has changed since.
                Some(whole) => refold_stream(feed, view, id, whole, upto, of_it).await,
            };
        }
        Sources::Streams(streams) => streams(id, known.live().map(|document| &document.fields)),
    };
    if streams.is_empty() {
        streams = of_it(feed.event(which.position).await?).iter().map(|item| item.event.stream_id).collect();
    }
    if let [stream] = streams[..] {
        return refold_stream(feed, view, id, stream, upto, of_it).await;
    }
    let mut items = Vec::new();
    for stream in streams {
        let mut version = 0;
        loop {
            let page = feed.stream(stream, version, upto).await?;
            let Some(last) = page.last() else { break };
            version = last.event.version;
            items.extend(of_it(page));
        }
    }
    items.sort_by_key(|item| item.event.position);
    Ok(fold(view, id, &Doc::ABSENT, &items))
}

/// Page by page: one stream may be long.
async fn refold_stream(
    feed: &Feed,
    view: &View,
    id: Uuid,
    stream: Uuid,
    upto: i64,
    of_it: impl Fn(Vec<Arc<Item>>) -> Vec<Arc<Item>>,
) -> Result<Folded, FeedError> {
    let mut folded = Folded { doc: Doc::ABSENT, changed: false, poison: None };
    let mut version = 0;
    loop {
        let page = feed.stream(stream, version, upto).await?;
        let Some(last) = page.last() else { return Ok(folded) };
        version = last.event.version;
        let items = of_it(page);
        match &mut folded.poison {
            Some(poison) => {
                poison.events += items.len() as u64;
                poison.last = items.last().map_or(poison.last, |item| item.event.position);
            }
            None => {
                let next = fold(view, id, &folded.doc, &items);
                folded = Folded { changed: folded.changed || next.changed, doc: next.doc, poison: next.poison };
            }
        }
    }
}

/// In what a document that was found differs from what it must be: one sentence for each field, without its values
/// (they may be personal). `unknown` are fields that cannot be judged.
pub fn differences(must: &Doc, found: &Doc, unknown: &[&str]) -> Vec<String> {
    let (must, found) = match (must.live(), found.live()) {
        (None, None) => return Vec::new(),
        (None, Some(_)) => return vec!["it is there and must not be".to_owned()],
        (Some(_), None) => return vec!["it is missing".to_owned()],
        (Some(must), Some(found)) => (must, found),
    };
    let names: BTreeSet<&String> = must.fields.keys().chain(found.fields.keys()).collect();
    let differs =
        |name: &&String| !unknown.contains(&name.as_str()) && must.fields.get(*name) != found.fields.get(*name);
    let mut all: Vec<String> = names
        .into_iter()
        .filter(differs)
        .map(|name| match (must.fields.get(name), found.fields.get(name)) {
            (Some(_), None) => format!("`{name}` is missing"),
            (None, Some(_)) => format!("`{name}` must not be there"),
            (Some(_) | None, Some(_) | None) => format!("`{name}` is another"),
        })
        .collect();
    if !unknown.contains(&hidden::READERS) && !same_readers(&must.readers, &found.readers) {
        all.push("its readers are others".to_owned());
    }
    all
}

/// Whether the same are named, in whatever order.
pub fn same_readers(one: &Value, other: &Value) -> bool {
    let sorted = |readers: &Value| {
        let mut all: Vec<String> = readers.as_array().into_iter().flatten().map(Value::to_string).collect();
        all.sort();
        all
    };
    sorted(one) == sorted(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Body;
    use event_schema::stored::Document;
    use serde_json::{Map, json};

    fn doc(version: i64, fields: Value, readers: Value) -> Doc {
        let Value::Object(fields) = fields else { return Doc { version, body: Body::Tombstone } };
        let fields: Map<String, Value> = fields;
        Doc { version, body: Body::Live(Document { id: Uuid::nil(), fields, live: true, readers }) }
    }

    #[test]
    fn differences_are_named_by_field_and_never_show_a_value() {
        let must = doc(3, json!({"a": 1, "b": "secret", "c": null}), json!(["x", "y"]));
        let see = |found: &Doc| differences(&must, found, &[]);
        assert!(see(&must).is_empty());
        assert!(see(&doc(9, json!({"c": null, "b": "secret", "a": 1}), json!(["y", "x"]))).is_empty());
        let bad = doc(3, json!({"a": 2, "b": "secret", "d": 1}), json!(["x"]));
        assert_eq!(see(&bad), ["`a` is another", "`c` is missing", "`d` must not be there", "its readers are others"]);
        assert_eq!(differences(&must, &bad, &["a", "c", "d"]), ["its readers are others"]);
        assert!(differences(&must, &bad, &["a", "c", "d", hidden::READERS]).is_empty());
        assert_eq!(see(&Doc::ABSENT), ["it is missing"]);
        assert_eq!(differences(&Doc::ABSENT, &must, &[]), ["it is there and must not be"]);
        assert!(differences(&Doc::ABSENT, &doc(4, Value::Null, Value::Null), &[]).is_empty());
    }
}

//! The documents that the log makes, folded by streams over the whole log at once: no batches, no versions, no caches.
//!
//! Mirrors take the one pure fold of the tables, which the answers of the command API are made of as well. Composed views
//! are told here a second time, from the final facts instead of step by step.

use std::collections::{BTreeMap, HashMap};

use event_schema::envelope::Recorded;
use event_schema::event::DecodeError;
use event_schema::object::hidden;
use event_schema::openings;
use event_schema::stored::{Document, Mirror};
use event_schema::views::MIRRORS;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// A document that a view must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The whole source; none for a document that is gone, of which at most a tombstone stays.
    pub source: Option<Map<String, Value>>,
    /// Whether a change elsewhere (a joined fact) may stand behind its `_position`.
    pub may_be_later: bool,
}

/// The documents of one view, by id.
pub type Documents = BTreeMap<Uuid, Expected>;

/// Every view of the log, by name. The events' personal fields are opened already.
pub fn views(events: &[Recorded]) -> Result<BTreeMap<&'static str, Documents>, DecodeError> {
    let mut views = BTreeMap::new();
    for mirror in MIRRORS {
        views.insert(mirror.table.name, documents(&folded(mirror, events)?));
    }
    views.insert("chessGameListView", game_list(events)?);
    Ok(views)
}

/// The state of every document of a mirror and the position of its last event.
fn folded(mirror: &Mirror, events: &[Recorded]) -> Result<HashMap<Uuid, (Document, i64)>, DecodeError> {
    let mut all: HashMap<Uuid, (Document, i64)> = HashMap::new();
    for event in events.iter().filter(|event| event.category == mirror.category) {
        let Some(id) = (mirror.key)(event)? else { continue };
        let prior = all.get(&id).filter(|(document, _)| document.live).map(|(document, _)| &document.fields);
        if let Some(document) = (mirror.fold)(prior, event)? {
            all.insert(id, (document, event.position));
        }
    }
    Ok(all)
}

fn documents(all: &HashMap<Uuid, (Document, i64)>) -> Documents {
    let source = |document: &Document, position: i64| {
        let mut fields = document.fields.clone();
        fields.insert(hidden::POSITION.into(), json!(position));
        fields.insert(hidden::LIVE.into(), json!(true));
        fields.insert(hidden::READERS.into(), document.readers.clone());
        fields
    };
    let expected = |(id, (document, position)): (&Uuid, &(Document, i64))| {
        let source = document.live.then(|| source(document, *position));
        (*id, Expected { source, may_be_later: false })
    };
    all.iter().map(expected).collect()
}

/// The game, the names of its players as they are called now, and what its moves say.
fn game_list(events: &[Recorded]) -> Result<Documents, DecodeError> {
    let mirror = |name: &str| MIRRORS.iter().find(|mirror| mirror.table.name == name);
    let of = |name: &str| mirror(name).map_or_else(|| Ok(HashMap::new()), |mirror| folded(mirror, events));
    let (games, users) = (of("chessGame")?, of("user")?);
    let mut moves: HashMap<Uuid, Vec<&Recorded>> = HashMap::new();
    for event in events.iter().filter(|event| event.kind == "MovePlayed") {
        moves.entry(event.stream_id).or_default().push(event);
    }
    let mut all = documents(&games);
    for (id, expected) in &mut all {
        let Some(source) = &mut expected.source else { continue };
        let name = |by: &str| -> Value {
            let player = source.get(by).and_then(Value::as_str).and_then(|text| text.parse::<Uuid>().ok());
            let user = player.and_then(|id| users.get(&id)).filter(|(user, _)| user.live);
            user.and_then(|(user, _)| user.fields.get("fullname")).cloned().unwrap_or(Value::Null)
        };
        let (white, black) = (name("playerWhiteId"), name("playerBlackId"));
        let played = moves.get(id).map_or(&[][..], Vec::as_slice);
        let text = |event: &Recorded, field: &str| event.data[field].as_str().unwrap_or_default().to_owned();
        let opening = played.iter().rev().find_map(|event| openings::by_fen(&text(event, "fen")));
        for (field, value) in [
            ("playerWhiteName", white),
            ("playerBlackName", black),
            ("opening", json!(opening.map(|opening| opening.name))),
            ("eco", json!(opening.map(|opening| opening.eco))),
            ("plies", json!(played.len())),
            ("lastMove", json!(played.last().map(|event| text(event, "san")))),
        ] {
            source.insert(field.to_owned(), value);
        }
        expected.may_be_later = true;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::samples::{created, game, moved};

    #[test]
    fn every_view_of_the_tables_is_expected() {
        let expected = views(&[]).unwrap();
        for table in event_schema::views::tables() {
            assert!(expected.contains_key(table.name), "the oracle does not know {}", table.name);
        }
    }

    #[test]
    fn a_game_makes_its_documents() {
        let views = views(&[created(1), moved(2, 1, "e2e4"), moved(3, 2, "e7e5")]).unwrap();
        let list = views["chessGameListView"][&game()].source.clone().unwrap();
        assert_eq!((&list["plies"], &list["lastMove"], &list["eco"]), (&json!(2), &json!("e5"), &json!("C20")));
        assert_eq!(
            (&list["_position"], &list["moveCount"], &list["playerWhiteName"]),
            (&json!(3), &json!(2), &Value::Null)
        );
        assert_eq!(views["chessGameMove"].len(), 2);
        assert_eq!(views["user"].len(), 0);
    }
}

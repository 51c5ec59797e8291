//! The documents that the log makes, folded by streams over the whole log at once: no batches, no versions, no caches.
//!
//! Mirrors take the one pure fold of the tables, which the answers of the command API are made of as well. Composed views
//! are told here a second time, from the final facts instead of step by step.

mod dimensions;

use std::collections::{BTreeMap, HashMap};

use event_schema::envelope::Recorded;
use event_schema::event::DecodeError;
use event_schema::gameplay::imported::TAG_FIELDS;
use event_schema::object::{hidden, instant};
use event_schema::stored::{Document, Mirror, Whole};
use event_schema::views::invitation_notification::INVITATION_NOTIFICATION_VIEW;
use event_schema::views::{MIRRORS, WAITING};
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
        let mut all = documents(&folded(mirror, events)?);
        if let Some(whole) = mirror.whole {
            admit(whole, &mut all, events)?;
        }
        views.insert(mirror.table.name, all);
    }
    let facts = Facts::of(events)?;
    views.insert("chessGameListView", facts.game_list());
    views.insert("chessGameDetailView", facts.game_detail());
    views.insert("gameTerminatedNotificationView", facts.game_terminated());
    views.insert("invitationNotificationView", facts.invitations());
    views.insert("playerGameView", facts.player_games());
    views.insert("playerProfileView", facts.profiles());
    views.extend(WAITING.iter().map(|view| (view.table.name, Documents::new())));
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

/// Says who reads parts: what their wholes say in the end, which they may have learnt later than by their own events.
fn admit(whole: &Whole, parts: &mut Documents, events: &[Recorded]) -> Result<(), DecodeError> {
    let mirror = MIRRORS.iter().find(|mirror| mirror.table.name == whole.table.name);
    let wholes = mirror.map_or_else(|| Ok(HashMap::new()), |mirror| folded(mirror, events))?;
    for expected in parts.values_mut() {
        let Some(source) = &mut expected.source else { continue };
        let id = source.get(whole.by).and_then(Value::as_str).and_then(|text| text.parse::<Uuid>().ok());
        if let Some((known, _)) = id.and_then(|id| wholes.get(&id)) {
            let readers = (whole.readers)(source, &known.fields).to_value();
            source.insert(hidden::READERS.into(), readers);
            expected.may_be_later = true;
        }
    }
    Ok(())
}

/// What composed views are made of.
struct Facts<'a> {
    games: HashMap<Uuid, (Document, i64)>,
    users: HashMap<Uuid, (Document, i64)>,
    invited: HashMap<Uuid, (Document, i64)>,
    /// The events of each stream, in order.
    events: HashMap<Uuid, Vec<&'a Recorded>>,
}

impl<'a> Facts<'a> {
    fn of(events: &'a [Recorded]) -> Result<Self, DecodeError> {
        let mirror = |name: &str| MIRRORS.iter().find(|mirror| mirror.table.name == name);
        let of = |name: &str| mirror(name).map_or_else(|| Ok(HashMap::new()), |mirror| folded(mirror, events));
        let (games, users, invited) = (of("chessGame")?, of("user")?, of("chessGameInvitation")?);
        let mut of_streams: HashMap<Uuid, Vec<&Recorded>> = HashMap::new();
        for event in events {
            of_streams.entry(event.stream_id).or_default().push(event);
        }
        Ok(Self { games, users, invited, events: of_streams })
    }

    /// What the user whose id stands in the field `by` is called now, or looks like.
    fn of_user(&self, source: &Map<String, Value>, by: &str, shown: &str) -> Value {
        let id = source.get(by).and_then(Value::as_str).and_then(|text| text.parse::<Uuid>().ok());
        let user = id.and_then(|id| self.users.get(&id)).filter(|(user, _)| user.live);
        user.and_then(|(user, _)| user.fields.get(shown)).cloned().unwrap_or(Value::Null)
    }

    fn events_of(&self, stream: Uuid, kind: &str) -> Vec<&'a Recorded> {
        self.events.get(&stream).into_iter().flatten().copied().filter(|event| event.kind == kind).collect()
    }

    /// The game, the names of its players as they are called now, what its moves say, and the dimensions.
    fn game_list(&self) -> Documents {
        let mut all = documents(&self.games);
        for (id, expected) in &mut all {
            let Some(source) = &mut expected.source else { continue };
            let (white, black) =
                (self.of_user(source, "playerWhiteId", "fullname"), self.of_user(source, "playerBlackId", "fullname"));
            let last = self.events_of(*id, "MovePlayed").last().map(|event| text(event, "san"));
            for (field, value) in [("playerWhiteName", white), ("playerBlackName", black), ("lastMove", json!(last))] {
                source.insert(field.to_owned(), value);
            }
            let game = source.clone();
            self.put_dimensions(*id, &game, source);
            Self::put_ratings(source);
            // Nobody imports games here.
            source.extend(TAG_FIELDS.iter().map(|field| (field.name.to_owned(), Value::Null)));
            expected.may_be_later = true;
        }
        all
    }

    /// The same with the pictures of the players and the moves themselves.
    fn game_detail(&self) -> Documents {
        let mut all = self.game_list();
        for (id, expected) in &mut all {
            let Some(source) = &mut expected.source else { continue };
            for (field, by) in [("playerWhiteAvatar", "playerWhiteId"), ("playerBlackAvatar", "playerBlackId")] {
                let avatar = self.of_user(source, by, "avatar");
                source.insert(field.to_owned(), avatar);
            }
            let moves: Vec<Value> = self.events_of(*id, "MovePlayed").into_iter().map(shown_move).collect();
            source.insert("moves".to_owned(), json!(moves));
        }
        all
    }

    /// What is said of the games that an admin ended.
    fn game_terminated(&self) -> Documents {
        let mut all = Documents::new();
        for (id, (game, _)) in &self.games {
            let Some(end) = self.events_of(*id, "GameTerminated").first().copied() else { continue };
            let concerns = ["GameTerminated", "ReportChanged", "GameDeleted"];
            let mut later = self.events.get(id).into_iter().flatten().copied().filter(|e| e.version >= end.version);
            let last = later.rfind(|event| concerns.contains(&event.kind.as_str())).unwrap_or(end);
            let mut source = Map::new();
            let of_game = ["terminatedById", "reportStatus", "reportStatus_idx", "playerWhiteId", "playerBlackId"];
            for name in of_game.into_iter().chain(["id", "isActive"]) {
                source.insert(name.to_owned(), game.fields.get(name).cloned().unwrap_or(Value::Null));
            }
            for (field, by) in [
                ("terminatedByName", "terminatedById"),
                ("playerWhiteName", "playerWhiteId"),
                ("playerBlackName", "playerBlackId"),
            ] {
                let name = self.of_user(&source, by, "fullname");
                source.insert(field.to_owned(), name);
            }
            for (field, value) in [
                ("gameId", json!(id)),
                ("terminatedAt", time(end, "at")),
                ("recordVersion", json!(last.version)),
                ("createdAt", json!(instant(end.recorded_at))),
                ("updatedAt", json!(instant(last.recorded_at))),
                ("_owner", json!(end.actor_id)),
                (hidden::POSITION, json!(last.position)),
                (hidden::LIVE, json!(true)),
                (hidden::READERS, game.readers.clone()),
            ] {
                source.insert(field.to_owned(), value);
            }
            all.insert(*id, Expected { source: Some(source), may_be_later: true });
        }
        all
    }
}

impl Facts<'_> {
    /// The invitation, the names and pictures of the two, and what was last said of the game.
    fn invitations(&self) -> Documents {
        let mut all = documents(&self.invited);
        for (id, expected) in &mut all {
            let Some(source) = &mut expected.source else { continue };
            let mut values = Map::new();
            for who in ["sender", "recipient"] {
                let by = format!("{who}Id");
                values.insert(format!("{who}Name"), self.of_user(source, &by, "fullname"));
                values.insert(format!("{who}Avatar"), self.of_user(source, &by, "avatar"));
            }
            let sent = self.events_of(*id, "InvitationSent");
            for (field, of) in [
                ("gameMode", "mode"),
                ("gameType", "gameType"),
                ("timeControl", "timeControl"),
                ("initialFEN", "initialFEN"),
            ] {
                values
                    .insert(field.to_owned(), sent.first().map_or(Value::Null, |event| event.data["game"][of].clone()));
            }
            let events = self.events.get(id).map_or(&[][..], Vec::as_slice);
            let told = events.iter().rev().find_map(|event| event.data.get("gameStatus").cloned());
            values.insert("gameStatus".to_owned(), told.unwrap_or_else(|| json!("pending")));
            let table = INVITATION_NOTIFICATION_VIEW.table;
            for field in table.all_fields().filter(|field| values.contains_key(field.name)) {
                field.put(&values, source);
            }
            expected.may_be_later = true;
        }
        all
    }
}

fn text(event: &Recorded, field: &str) -> String {
    event.data[field].as_str().unwrap_or_default().to_owned()
}

/// A time in an event's data, in the form of answers.
fn time(event: &Recorded, field: &str) -> Value {
    let time = event.data[field].as_str().and_then(|text| text.parse().ok());
    time.map_or(Value::Null, |time| json!(instant(time)))
}

fn shown_move(event: &Recorded) -> Value {
    let data = &event.data;
    json!({
        "moveNumber": data["moveNumber"], "moveNotation": data["san"], "uci": data["uci"], "fen": data["fen"],
        "moveTime": data["moveTime"], "remainingMs": data["remainingMs"], "movedById": data["by"],
        "moveTimestamp": time(event, "at"),
    })
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
        let detail = views["chessGameDetailView"][&game()].source.clone().unwrap();
        assert_eq!((&detail["moves"][1]["moveNotation"], detail["moves"].as_array().unwrap().len()), (&json!("e5"), 2));
        assert_eq!(views["gameTerminatedNotificationView"].len(), 0);
        assert_eq!(views["user"].len(), 0);
    }
}

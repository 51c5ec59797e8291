//! Parts of other objects: who reads a move or a message is what its game says now.

use event_schema::stored::Whole;
use uuid::Uuid;

use crate::document::{Body, Doc};
use crate::joins::Facts;
use crate::refold::same_readers;
use crate::views::View;

/// The id of the object that a document is a part of.
pub fn id_in(whole: &Whole, doc: &Doc) -> Option<String> {
    doc.live()?.fields.get(whole.by)?.as_str().map(str::to_owned)
}

/// The stream of the object that a document of this view is a part of, if that is where its own events are.
pub fn of_part(view: &View, doc: &Doc) -> Option<Uuid> {
    id_in(view.whole?, doc)?.parse().ok()
}

/// Gives a part the readers that its whole says; whether they are others than before. Where nothing is known of the whole
/// the part keeps its own.
pub fn admit(whole: &Whole, doc: &mut Doc, facts: &Facts) -> bool {
    let Some(fact) = id_in(whole, doc).and_then(|id| facts.get(&id)) else { return false };
    let Body::Live(part) = &mut doc.body else { return false };
    let readers = (whole.readers)(&part.fields, fact).to_value();
    let before = std::mem::replace(&mut part.readers, readers);
    !same_readers(&before, &part.readers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::{fold, group};
    use crate::testing::{created, deleted, game, item, joined, opened, played, recorded};
    use event_schema::envelope::Recorded;
    use event_schema::gameplay::hub_message::{
        GameHubMessage, GameHubMessageEvent as Event, MessageStatus, MessageType,
    };
    use event_schema::ids::{GameId, UserId};
    use serde_json::json;

    fn view(name: &str) -> View {
        crate::views::registry().into_iter().find(|view| view.name() == name).unwrap()
    }

    /// The only document that these events make.
    fn document(view: &View, events: Vec<Recorded>) -> Doc {
        let items: Vec<_> = events.into_iter().map(item).collect();
        let groups = group(view, &items);
        fold(view, groups[0].id, &Doc::ABSENT, &groups[0].items).doc
    }

    fn game_after(events: Vec<Recorded>) -> Facts {
        let doc = document(&view("chessGame"), events);
        Facts::from([(game().to_string(), doc.live().unwrap().fields.clone())])
    }

    fn readers(doc: &Doc) -> Vec<u128> {
        let ids = doc.live().unwrap().readers.as_array().unwrap().iter();
        ids.map(|id| id.as_str().unwrap().parse::<Uuid>().unwrap().as_u128()).collect()
    }

    /// White spoke before Black came.
    fn said(position: i64, version: i32, status: MessageStatus) -> Recorded {
        let message = GameHubMessage {
            room_id: GameId(game()),
            sender_id: Some(UserId(Uuid::from_u128(1))),
            sender_name: None,
            sender_avatar: None,
            message_type: MessageType::Text,
            content: json!({"body": "anybody?"}),
            timestamp: "2026-01-31T12:00:00Z".parse().unwrap(),
            status,
            player_white_id: UserId(Uuid::from_u128(1)),
            player_black_id: None,
        };
        recorded(position, Uuid::from_u128(0x3e), version, &Event::MessagePosted(message))
    }

    #[test]
    fn a_move_goes_out_of_sight_with_its_game() {
        let (view, mv) = (view("chessGameMove"), played(2, 1, "e4", "8/8/8/8/8/8/8/8 w - - 0 1"));
        let whole = view.whole.unwrap();
        let mut doc = document(&view, vec![mv]);
        assert_eq!(readers(&doc), [1, 2]);
        assert!(!admit(whole, &mut doc, &game_after(vec![created(1)])), "no change");
        assert!(!admit(whole, &mut doc, &Facts::new()), "nothing is known");
        assert!(admit(whole, &mut doc, &game_after(vec![created(1), deleted(3)])));
        assert_eq!((readers(&doc), of_part(&view, &doc)), (vec![], Some(game())));
    }

    #[test]
    fn who_joins_reads_what_is_approved_and_nobody_what_was_said_in_a_deleted_game() {
        let view = view("gameHubMessage");
        let whole = view.whole.unwrap();
        for (status, both) in [(MessageStatus::Approved, vec![1, 2]), (MessageStatus::Rejected, vec![1])] {
            let mut doc = document(&view, vec![said(2, 1, status)]);
            assert!(!admit(whole, &mut doc, &game_after(vec![opened(1)])));
            assert_eq!(readers(&doc), [1]);
            assert_eq!(admit(whole, &mut doc, &game_after(vec![opened(1), joined(2)])), both.len() == 2);
            assert_eq!(readers(&doc), both);
            assert!(admit(whole, &mut doc, &game_after(vec![opened(1), joined(2), deleted(3)])));
            assert!(readers(&doc).is_empty());
        }
        let gone = recorded(3, Uuid::from_u128(0x3e), 2, &Event::MessageDeleted {});
        let mut doc = document(&view, vec![said(2, 1, MessageStatus::Approved), gone]);
        assert!(!admit(whole, &mut doc, &game_after(vec![opened(1), joined(2)])) && readers(&doc).is_empty());
    }
}

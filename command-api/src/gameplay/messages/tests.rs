//! Given a message or none, when a command is decided, then this event follows or this refusal.

use chrono::{DateTime, Utc};
use event_schema::auth::user::Role;
use event_schema::gameplay::chess_game::ChessGame;
use event_schema::gameplay::game_event::{GameCreated, GameEvent, GameMode, GameStatus, GameType};
use event_schema::gameplay::hub_message::GameHubMessageEvent;
use event_schema::ids::{CommandId, GameId};
use event_schema::stored::DataObject;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::es::aggregate::{Aggregate, Command, Context, Refused};

const WHITE: UserId = UserId(Uuid::from_u128(0xA));
const BLACK: UserId = UserId(Uuid::from_u128(0xB));
const STRANGER: UserId = UserId(Uuid::from_u128(0xC));
const ADMIN: UserId = UserId(Uuid::from_u128(0xD));

fn noon() -> DateTime<Utc> {
    "2026-01-31T12:00:00.1239Z".parse().unwrap()
}

fn user(id: UserId) -> Actor {
    Actor::User(id, if id == ADMIN { Role::Admin } else { Role::User })
}

fn cx(actor: Actor) -> Context {
    Context { actor, now: noon(), command: CommandId(Uuid::from_u128(0xC0)), stream: Uuid::from_u128(0x5A) }
}

fn game(status: GameStatus) -> ChessGame {
    let created = GameEvent::GameCreated(GameCreated {
        player_white_id: WHITE,
        player_black_id: Some(BLACK),
        created_by_id: ADMIN,
        mode: GameMode::Private,
        game_type: GameType::Untimed,
        invitation_code: None,
        initial_fen: None,
        current_fen: "8/8/8/4k3/8/4K3/4P3/8 w - - 0 1".to_owned(),
        guest_player_white: false,
        guest_player_black: false,
        at: noon(),
        time_control: None,
    });
    ChessGame { status, ..ChessGame::begin(&created).unwrap() }
}

fn says(message_type: MessageType, content: Value) -> PostMessage {
    PostMessage {
        room: GameId(Uuid::from_u128(0x6A)),
        game: Some(game(GameStatus::Active)),
        sender: None,
        name: Some("Ann".to_owned()),
        avatar: None,
        message_type,
        content,
    }
}

fn hello() -> PostMessage {
    says(MessageType::Text, json!({"body": "hello"}))
}

/// What a player has said and an admin may have moderated.
fn said(by: UserId) -> Message {
    let mut message = Message::default();
    for event in hello().decide(&message, &cx(user(by))).unwrap().events {
        message.evolve(&event, Some(by.0));
    }
    message
}

fn update(changes: Value) -> Update<GameHubMessage> {
    Update::new(changes.as_object().unwrap().clone())
}

#[track_caller]
fn refused<C: Command<Aggregate = Message>>(command: &C, state: &Message, actor: Actor, kind: Refused, word: &str) {
    let refusal = command.decide(state, &cx(actor)).unwrap_err();
    assert_eq!(refusal.kind, kind, "{refusal}");
    assert!(refusal.detail.contains(word) || refusal.code.contains(word), "{}: {refusal}", refusal.code);
}

#[test]
fn a_player_speaks_and_the_message_knows_its_readers() {
    let decision = hello().decide(&Message::default(), &cx(user(BLACK))).unwrap();
    let [GameHubMessageEvent::MessagePosted(message)] = &decision.events[..] else { panic!("{decision:?}") };
    assert_eq!((message.sender_id, message.sender_name.as_deref()), (Some(BLACK), Some("Ann")));
    assert_eq!((message.player_white_id, message.player_black_id), (WHITE, Some(BLACK)));
    assert_eq!(
        (message.status, message.timestamp),
        (MessageStatus::Approved, "2026-01-31T12:00:00.123Z".parse().unwrap())
    );
    assert_eq!(hello().decide(&said(BLACK), &cx(user(BLACK))).unwrap().events, [], "a retry");
}

#[test]
fn only_players_speak_and_only_for_themselves() {
    let nothing = Message::default();
    for actor in [user(STRANGER), user(ADMIN), Actor::System, Actor::Anonymous] {
        refused(&hello(), &nothing, actor, Refused::Forbidden, "two players");
    }
    let system = says(MessageType::System, json!({"body": "under review"}));
    refused(&system, &nothing, user(WHITE), Refused::Forbidden, "system");
    for actor in [user(ADMIN), Actor::System] {
        assert_eq!(system.decide(&nothing, &cx(actor)).unwrap().events.len(), 1);
    }
    let foreign = PostMessage { sender: Some(WHITE), ..hello() };
    refused(&foreign, &nothing, user(BLACK), Refused::Forbidden, "senderId");
    assert!(foreign.decide(&nothing, &cx(user(WHITE))).is_ok());
}

#[test]
fn a_room_is_open_until_the_game_is_over() {
    for (status, open) in [
        (GameStatus::Pending, true),
        (GameStatus::Active, true),
        (GameStatus::Paused, true),
        (GameStatus::Completed, false),
        (GameStatus::Terminated, false),
    ] {
        let message = PostMessage { game: Some(game(status)), ..hello() };
        match open {
            true => assert!(message.decide(&Message::default(), &cx(user(WHITE))).is_ok(), "{status:?}"),
            false => refused(&message, &Message::default(), user(WHITE), Refused::Conflict, "errMsg_GameOver"),
        }
    }
    let nowhere = PostMessage { game: None, ..hello() };
    refused(&nowhere, &Message::default(), user(WHITE), Refused::NotFound, "there is no chessGame");
}

#[test]
fn content_fits_its_type() {
    let long = |letters: usize| json!({"body": "ä".repeat(letters)});
    for (kind, content, fits) in [
        (MessageType::Text, long(content::LONGEST_BODY), true),
        (MessageType::Text, long(content::LONGEST_BODY + 1), false),
        (MessageType::Text, json!({"body": " \n"}), false),
        (MessageType::Text, json!({"text": "hello"}), false),
        (MessageType::Text, json!("hello"), false),
        (MessageType::System, json!({}), false),
        (MessageType::ChessMove, json!({"moveNotation": "Nf3", "moveNumber": 3}), true),
        (MessageType::ChessMove, json!({"moveNotation": "Nf3", "moveNumber": 0}), false),
        (MessageType::ChessMove, json!({"moveNotation": ""}), false),
        (MessageType::DrawOffer, json!({}), true),
        (MessageType::DrawOffer, json!({"why": "x".repeat(content::MOST_BYTES)}), false),
        (MessageType::ResumeDeclined, json!([]), false),
    ] {
        let told = content::fault(kind, &content);
        assert_eq!(told.is_none(), fits, "{kind:?} {told:?}");
        if !fits {
            refused(
                &says(kind, content),
                &Message::default(),
                if kind == MessageType::System { user(ADMIN) } else { user(WHITE) },
                Refused::Invalid,
                "content",
            );
        }
    }
}

#[test]
fn the_sender_edits_and_admins_moderate() {
    let message = said(WHITE);
    let other = update(json!({"content": {"body": "good luck"}}));
    let decision = other.decide(&message, &cx(user(WHITE))).unwrap();
    assert!(
        matches!(&decision.events[..], [GameHubMessageEvent::MessageEdited(after)] if after.content["body"] == "good luck")
    );
    for actor in [user(BLACK), user(STRANGER)] {
        refused(&other, &message, actor, Refused::Forbidden, "not yours to change");
        refused(&Delete::<GameHubMessage>::default(), &message, actor, Refused::Forbidden, "not yours to delete");
    }
    let rejected = update(json!({"status": "rejected"}));
    refused(&rejected, &message, user(WHITE), Refused::Forbidden, "admins");
    assert_eq!(rejected.decide(&message, &cx(user(ADMIN))).unwrap().events.len(), 1);
    let same = update(json!({"status": "approved", "content": {"body": "hello"}}));
    assert_eq!(same.decide(&message, &cx(user(WHITE))).unwrap().events, [], "so already");
    refused(&update(json!({"content": {"body": ""}})), &message, user(ADMIN), Refused::Invalid, "content");
    for actor in [user(WHITE), user(ADMIN)] {
        let deleted = Delete::<GameHubMessage>::default().decide(&message, &cx(actor)).unwrap();
        assert_eq!(deleted.events, [GameHubMessageEvent::MessageDeleted {}]);
    }
}

proptest! {
    /// Whatever is done to a message and by whom: no panic, its sender, room and time stay, and doing it again says
    /// nothing new or is refused in the same way.
    #[test]
    fn commands_repeat_and_leave_the_sender_alone(
        actor in prop::sample::select(vec![WHITE, BLACK, STRANGER, ADMIN]),
        status in prop::sample::select(MessageStatus::OPTIONS.to_vec()),
        body in ".{0,12}", deletes in any::<bool>(),
    ) {
        let mut message = said(WHITE);
        let before = message.0.clone().unwrap().object;
        let change = update(json!({"status": status, "content": {"body": body}}));
        let decide = |message: &Message| if deletes {
            Delete::<GameHubMessage>::default().decide(message, &cx(user(actor)))
        } else {
            change.decide(message, &cx(user(actor)))
        };
        let first = decide(&message);
        for event in first.iter().flat_map(|decision| &decision.events) {
            message.evolve(event, Some(actor.0));
        }
        let after = message.0.clone().unwrap().object;
        prop_assert_eq!(
            (after.sender_id, after.room_id, after.timestamp, after.message_type),
            (before.sender_id, before.room_id, before.timestamp, before.message_type)
        );
        match (first, decide(&message)) {
            (Ok(_), Ok(again)) => prop_assert!(again.events.is_empty()),
            (Ok(_), Err(again)) => prop_assert!(deletes && again.kind == Refused::NotFound),
            (Err(first), again) => prop_assert_eq!(Err(first), again),
        }
    }
}

//! Events for the tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use event_schema::envelope::Recorded;
use event_schema::event::DomainEvent;
use event_schema::gameplay::game_event::{
    EndReason, GameCreated, GameEvent, GameMode, GameResult, GameType, MovePlayed, ReportStatus,
};
use event_schema::gameplay::imported::{GameImported, Tags};
use event_schema::ids::{CommandId, UserId};
use serde_json::json;
use uuid::Uuid;

use crate::keys::Item;

/// The game of [`created`], [`played`] and [`ended`].
pub fn game() -> Uuid {
    Uuid::from_u128(0x6a)
}

fn time(position: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + position, 0).unwrap()
}

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

/// An event of a stream.
pub fn recorded<E: DomainEvent>(position: i64, stream: Uuid, version: i32, event: &E) -> Recorded {
    let (kind, data) = event.to_row();
    Recorded {
        position,
        stream_id: stream,
        version,
        category: E::CATEGORY.to_owned(),
        schema: E::schema(&kind),
        kind,
        command_id: CommandId(Uuid::from_u128(1 << 100 | position as u128)),
        ordinal: 0,
        correlation_id: Uuid::nil(),
        causation_id: None,
        actor_id: Some(user(1).0),
        recorded_at: time(position),
        data,
    }
}

/// The first event of the game.
pub fn created(position: i64) -> Recorded {
    begun(position, Some(user(2)))
}

/// The same, while it waits for Black.
pub fn opened(position: i64) -> Recorded {
    begun(position, None)
}

/// Black joins it.
pub fn joined(position: i64) -> Recorded {
    let event = GameEvent::PlayerJoined { player_black_id: user(2), guest: false, at: time(position) };
    recorded(position, game(), i32::try_from(position).unwrap(), &event)
}

fn begun(position: i64, black: Option<UserId>) -> Recorded {
    let event = GameEvent::GameCreated(GameCreated {
        player_white_id: user(1),
        player_black_id: black,
        created_by_id: user(1),
        mode: GameMode::Public,
        game_type: GameType::Untimed,
        invitation_code: None,
        initial_fen: None,
        current_fen: "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1".to_owned(),
        guest_player_white: false,
        guest_player_black: false,
        at: time(position),
        time_control: None,
    });
    recorded(position, game(), 1, &event)
}

/// The game as one that was imported.
pub fn imported(position: i64) -> Recorded {
    imported_with(position, |_| ())
}

/// The same, with something changed.
pub fn imported_with(position: i64, change: impl FnOnce(&mut GameImported)) -> Recorded {
    let mut event = GameImported {
        player_white_id: UserId::named("Anderssen"),
        player_black_id: UserId::named("Kieseritzky"),
        imported_by_id: user(1),
        game_type: GameType::Untimed,
        initial_fen: None,
        current_fen: "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1".to_owned(),
        time_control: None,
        result: GameResult::WhiteWin,
        reason: Some(EndReason::Checkmate),
        at: time(position),
        tags: Tags {
            white: Some("Anderssen".to_owned()),
            black: Some("Kieseritzky".to_owned()),
            event: Some("London".to_owned()),
            date: Some("1851.06.21".to_owned()),
            played_at: "1851-06-21T00:00:00Z".parse().ok(),
            white_elo: Some(2600),
            given_eco: Some("C33".to_owned()),
            more: BTreeMap::from([("Annotator".to_owned(), "x".to_owned())]),
            ..Tags::default()
        },
    };
    change(&mut event);
    recorded(position, game(), 1, &GameEvent::GameImported(Box::new(event)))
}

/// A move of the game.
pub fn played(position: i64, number: u32, san: &str, fen: &str) -> Recorded {
    let event = GameEvent::MovePlayed(MovePlayed {
        move_number: number,
        uci: "e2e4".to_owned(),
        san: san.to_owned(),
        fen: fen.to_owned(),
        by: user(1),
        white: user(1),
        black: user(2),
        move_time: 10,
        at: time(position),
        remaining_ms: None,
        client_move_time: None,
    });
    recorded(position, game(), i32::try_from(position).unwrap(), &event)
}

/// The last event of the game.
pub fn ended(position: i64) -> Recorded {
    let event = GameEvent::GameEnded {
        result: GameResult::WhiteWin,
        reason: EndReason::Resignation,
        by: Some(user(2)),
        at: time(position),
    };
    recorded(position, game(), i32::try_from(position).unwrap(), &event)
}

/// An admin's end of the game.
pub fn terminated(position: i64) -> Recorded {
    let event = GameEvent::GameTerminated {
        by: user(9),
        at: time(position),
        white: Some(user(1)),
        black: Some(user(2)),
        report_status: Some(ReportStatus::None),
    };
    Recorded { actor_id: Some(user(9).0), ..recorded(position, game(), i32::try_from(position).unwrap(), &event) }
}

/// A player reports the game.
pub fn reported(position: i64) -> Recorded {
    let event = GameEvent::ReportChanged { report_status: ReportStatus::Reported, by: user(1) };
    recorded(position, game(), i32::try_from(position).unwrap(), &event)
}

/// An admin deletes the game.
pub fn deleted(position: i64) -> Recorded {
    let event = GameEvent::GameDeleted { by: user(9), at: time(position) };
    recorded(position, game(), i32::try_from(position).unwrap(), &event)
}

/// As the feed gives it.
pub fn item(event: Recorded) -> Arc<Item> {
    Arc::new(Item { event, bytes: 100, fault: None })
}

/// Any event at a position.
pub fn moved(position: i64) -> Arc<Item> {
    item(played(position, 1, "e4", "8/8/8/8/8/8/8/8 w - - 0 1"))
}

/// The same event with data that nobody can read.
pub fn undecodable(event: &Recorded) -> Recorded {
    Recorded { data: json!({"moveNumber": "one"}), ..event.clone() }
}

/// Several games with so many moves each, their events interleaved.
pub fn history(games: usize, moves: usize) -> Vec<Arc<Item>> {
    let mut position = 0;
    let mut items = Vec::new();
    for round in 0..=moves + 1 {
        for number in 0..games {
            position += 1;
            let event = match round {
                0 => created(position),
                _ if round <= moves => played(position, round as u32, "e4", "8/8/8/8/8/8/8/8 w - - 0 1"),
                _ => ended(position),
            };
            let stream = Uuid::from_u128(0x1000 + number as u128);
            items.push(item(Recorded { stream_id: stream, version: round as i32 + 1, ..event }));
        }
    }
    items
}

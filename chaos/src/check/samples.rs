//! A small game in a log, for the tests to doctor.

use chrono::{DateTime, Utc};
use event_schema::envelope::Recorded;
use event_schema::ids::CommandId;
use serde_json::{Value, json};
use uuid::Uuid;

const AFTER: [(&str, &str, &str); 4] = [
    ("e2e4", "e4", "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1"),
    ("e7e5", "e5", "rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2"),
    ("f2f3", "f3", "rnbqkbnr/pppppppp/8/8/8/5P2/PPPPP1PP/RNBQKBNR b KQkq - 0 1"),
    ("d2d4", "d4", "rnbqkbnr/pppppppp/8/8/3P4/8/PPP1PPPP/RNBQKBNR b KQkq - 0 1"),
];

/// The game.
pub fn game() -> Uuid {
    Uuid::from_u128(1)
}

/// White; the actor of every event.
pub fn white() -> Uuid {
    Uuid::from_u128(2)
}

/// Black.
pub fn black() -> Uuid {
    Uuid::from_u128(3)
}

/// An event of the game, whose version is its position.
pub fn event(position: i64, kind: &str, data: Value) -> Recorded {
    Recorded {
        position,
        stream_id: game(),
        version: i32::try_from(position).unwrap(),
        category: "chessGame".into(),
        kind: kind.into(),
        schema: 1,
        command_id: CommandId(Uuid::from_u128(0x1000 + position as u128)),
        ordinal: 0,
        correlation_id: Uuid::nil(),
        causation_id: None,
        actor_id: Some(white()),
        recorded_at: time(position),
        data,
    }
}

fn time(position: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + position, 0).unwrap()
}

/// The game begins.
pub fn created(position: i64) -> Recorded {
    let fen = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
    event(
        position,
        "GameCreated",
        json!({
            "playerWhiteId": white(), "playerBlackId": black(), "createdById": white(), "mode": "public",
            "gameType": "untimed", "invitationCode": null, "initialFEN": null, "currentFEN": fen,
            "guestPlayerWhite": false, "guestPlayerBlack": false, "at": time(position),
        }),
    )
}

/// A move of it.
pub fn moved(position: i64, number: u32, uci: &str) -> Recorded {
    let (_, san, fen) = AFTER.iter().find(|(known, ..)| *known == uci).copied().unwrap_or((uci, uci, ""));
    let by = if number % 2 == 1 { white() } else { black() };
    event(
        position,
        "MovePlayed",
        json!({
            "moveNumber": number, "uci": uci, "san": san, "fen": fen, "by": by, "white": white(), "black": black(),
            "moveTime": 10, "at": time(position),
        }),
    )
}

/// Its end.
pub fn ended(position: i64, result: &str, reason: &str, by: Option<Uuid>) -> Recorded {
    event(position, "GameEnded", json!({"result": result, "reason": reason, "by": by, "at": time(position)}))
}

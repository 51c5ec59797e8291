//! What is appended: a move of a game, as the API would, on one of 20,000 games.

use std::sync::atomic::{AtomicI32, Ordering};

use chrono::{DateTime, SubsecRound as _, Utc};
use command_api::es::effect::Effect;
use command_api::es::item::{EventRow, Item, Write};
use event_schema::gameplay::game_event::MovePlayed;
use event_schema::ids::{CommandId, UserId};
use serde_json::{Map, Value, json};
use stack::error::{Context, Result};
use uuid::Uuid;

/// A middle game.
const FEN: &str = "r1bq1rk1/pp2bppp/2n1pn2/2pp4/3P1B2/2PBPN2/PP1N1PPP/R2QK2R w KQ - 4 8";
/// The columns of lists that a game has from its beginning.
const COLUMNS: [&str; 7] = ["playerWhiteId", "playerBlackId", "createdById", "status", "mode", "gameType", "result"];

/// What an item carries besides one event, its stream's expected version and new state, and the command id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Nothing.
    Bare,
    /// Who, and the request's fingerprint: what a move has.
    Move,
    /// That, and a changed column of lists: what the last move of a game has.
    Indexed,
}

impl Shape {
    /// For the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "no actor, no meta",
            Self::Move => "actor, correlation, meta",
            Self::Indexed => "actor, correlation, meta, one object_index column changed",
        }
    }
}

/// The streams that are written, and the text that is written to them.
#[derive(Debug)]
pub struct Streams {
    ids: Vec<Uuid>,
    versions: Vec<AtomicI32>,
    data: String,
    state: String,
    meta: String,
    actor: Uuid,
}

impl Streams {
    /// Streams at a version (0 = not made yet), and the texts of their items.
    pub fn new(ids: Vec<Uuid>, version: i32) -> Result<Self> {
        let versions = ids.iter().map(|_| AtomicI32::new(version)).collect();
        let (white, black) = (UserId(Uuid::now_v7()), UserId(Uuid::now_v7()));
        let at = Utc::now().trunc_subsecs(3);
        let played = MovePlayed {
            move_number: 15,
            uci: "d2f3".to_owned(),
            san: "Ndf3".to_owned(),
            fen: FEN.to_owned(),
            by: white,
            white,
            black,
            move_time: 2345,
            at,
            remaining_ms: None,
            client_move_time: None,
        };
        let data = serde_json::to_string(&played).context(|| "cannot write a move".into())?;
        let meta = json!({"fingerprint": "0123456789abcdef0123456789abcdef"}).to_string();
        Ok(Self { ids, versions, data, state: state(white, black, at), meta, actor: white.0 })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// The data of an event.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// The state of a stream.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// What stands in an event's meta.
    pub fn meta(&self) -> &str {
        &self.meta
    }

    /// The next item of a stream. Its writer waits for the outcome before it asks for another.
    pub fn item(&self, nth: usize, shape: Shape) -> Item {
        let (stream, expected) = (self.ids[nth], self.versions[nth].fetch_add(1, Ordering::Relaxed));
        let command = CommandId::new();
        let status = if expected % 2 == 0 { "active" } else { "paused" };
        let set = match shape {
            Shape::Bare | Shape::Move if expected > 0 => Map::new(),
            Shape::Bare | Shape::Move | Shape::Indexed if expected == 0 => self.columns(status),
            Shape::Bare | Shape::Move | Shape::Indexed => Map::from_iter([("status".to_owned(), status.into())]),
        };
        let effects = if set.is_empty() { vec![] } else { vec![Effect::Index { stream, kind: "chessGame", set }] };
        let told = shape != Shape::Bare;
        Item {
            command,
            actor: told.then_some(self.actor),
            correlation: command.0,
            causation: None,
            meta: told.then(|| self.meta.clone()),
            writes: vec![Write {
                stream,
                category: "chessGame",
                expected,
                state: self.state.clone(),
                events: vec![EventRow { kind: "MovePlayed".to_owned(), schema: 1, data: self.data.clone() }],
            }],
            effects: effects.iter().map(|effect| effect.to_row(|_| None)).collect(),
            claims: vec![],
        }
    }

    fn columns(&self, status: &str) -> Map<String, Value> {
        let value = |name: &str| match name {
            "status" => json!(status),
            "mode" | "gameType" | "result" => json!("public"),
            _ => json!(self.actor),
        };
        COLUMNS.iter().map(|name| ((*name).to_owned(), value(name))).collect()
    }
}

/// A game's state row after fifteen half-moves.
fn state(white: UserId, black: UserId, at: DateTime<Utc>) -> String {
    json!({
        "stored": {
            "object": {
                "playerWhiteId": white, "playerBlackId": black, "createdById": white, "status": "active", "mode": "public",
                "currentFEN": FEN, "gameType": "blitz", "saveStatus": "notSaveable", "movedAt": at,
                "reportStatus": "none", "moveCount": 15,
            },
            "active": true,
        },
        "moves": "d2d4 d7d5 c1f4 g8f6 e2e3 c7c5 c2c3 b8c6 b1d2 e7e6 g1f3 f8e7 f1d3 e8g8 ",
        "repetitions": ["8d1f3c5a7b9e0246", "1b3d5f7a9c0e2468", "0f1e2d3c4b5a6978"],
        "time": at,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_have_the_sizes_that_the_target_names_and_count_their_stream_up() {
        let streams = Streams::new(vec![Uuid::now_v7()], 1).unwrap();
        let (data, state) = (streams.data().len(), streams.state().len());
        assert!((250..=350).contains(&data) && (600..=800).contains(&state), "{data} {state}");
        let (first, second) = (streams.item(0, Shape::Move), streams.item(0, Shape::Indexed));
        assert_eq!((first.writes[0].expected, second.writes[0].expected), (1, 2));
        assert_eq!((first.effects.len(), second.effects.len()), (0, 1));
        assert_eq!(streams.item(0, Shape::Bare).meta, None);
        assert_eq!(Streams::new(vec![Uuid::now_v7()], 0).unwrap().item(0, Shape::Move).effects.len(), 1);
    }
}

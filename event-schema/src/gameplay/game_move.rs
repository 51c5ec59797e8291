//! `chessGameMove`: one `MovePlayed` of a game's stream.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::chess_game::{CHESS_GAME, players_there};
use super::game_event::GameEvent;
use crate::envelope::At;
use crate::ids::{GameId, UserId};
use crate::object::{Deletion, Object, ReadBy, date, id, integer, string};
use crate::stored::{EventObject, Readers, Whole};

/// The contract's table (1.3), with the UCI move and the position after it.
pub const CHESS_GAME_MOVE: Object = Object {
    name: "chessGameMove",
    plural: "chessGameMoves",
    deletion: Deletion::Soft,
    read_by: ReadBy::admins_and(
        "the players of the game, while it is not deleted; of an imported game every logged-in user",
    ),
    fields: &[
        id("gameId").listed(),
        integer("moveNumber"),
        string("moveNotation"),
        integer("moveTime"),
        id("movedById"),
        date("moveTimestamp"),
    ],
    additions: &[&[string("uci"), string("fen"), integer("remainingMs"), integer("clientMoveTime")]],
};

/// A move as the contract shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChessGameMove {
    /// The game.
    pub game_id: GameId,
    /// Half-moves from 1.
    pub move_number: u32,
    /// Canonical SAN.
    pub move_notation: String,
    /// Milliseconds since the previous move.
    pub move_time: i64,
    /// Who moved.
    pub moved_by_id: UserId,
    /// Game time.
    pub move_timestamp: DateTime<Utc>,
    /// UCI.
    pub uci: String,
    /// The position after it.
    pub fen: String,
    /// Milliseconds left to who moved, the increment added; none without a clock.
    pub remaining_ms: Option<i64>,
    /// Milliseconds that the client says it took.
    pub client_move_time: Option<i64>,
    /// The two players: not shown, only who may read.
    #[serde(skip)]
    pub players: Vec<Uuid>,
}

impl EventObject for ChessGameMove {
    const TABLE: &'static Object = &CHESS_GAME_MOVE;
    const WHOLE: Option<&'static Whole> = Some(&GAME);
    type Event = GameEvent;

    fn from_event(event: &GameEvent, at: &At) -> Option<Self> {
        match event {
            GameEvent::MovePlayed(played) => Some(Self {
                game_id: GameId(at.stream_id),
                move_number: played.move_number,
                move_notation: played.san.clone(),
                move_time: played.move_time,
                moved_by_id: played.by,
                move_timestamp: played.at,
                uci: played.uci.clone(),
                fen: played.fen.clone(),
                remaining_ms: played.remaining_ms,
                client_move_time: played.client_move_time,
                players: vec![played.white.0, played.black.0],
            }),
            GameEvent::GameCreated(_)
            | GameEvent::GameImported(_)
            | GameEvent::PlayerJoined { .. }
            | GameEvent::PlayerInvited(_)
            | GameEvent::PlayerUninvited(_)
            | GameEvent::DrawOffered { .. }
            | GameEvent::DrawDeclined { .. }
            | GameEvent::SaveRequested { .. }
            | GameEvent::SaveWithdrawn { .. }
            | GameEvent::SaveDeclined { .. }
            | GameEvent::GamePaused { .. }
            | GameEvent::ResumeRequested { .. }
            | GameEvent::ResumeWithdrawn { .. }
            | GameEvent::ResumeDeclined { .. }
            | GameEvent::GameResumed { .. }
            | GameEvent::ReportChanged { .. }
            | GameEvent::GameTerminated { .. }
            | GameEvent::GameDeleted { .. }
            | GameEvent::GameEnded { .. } => None,
        }
    }

    fn readers(&self) -> Readers {
        readers(self.players.clone())
    }
}

/// Nobody moves in a deleted game: a move is there before its game can be gone.
const GAME: Whole = Whole {
    table: &CHESS_GAME,
    by: "gameId",
    changed_by: &["GameDeleted"],
    comes_first: true,
    readers: |_, game| readers(players_there(game)),
};

/// The players; everybody when they have no accounts: the game was imported.
fn readers(players: Vec<Uuid>) -> Readers {
    if players.iter().any(|id| !UserId(*id).has_account()) {
        return Readers::Everybody;
    }
    Readers::Users(players)
}

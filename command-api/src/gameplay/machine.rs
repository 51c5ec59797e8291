//! The states of a game, and what each of them allows.
//!
//! ```text
//!             join             save, agreed
//!  Pending ─────────▶ Active ◀────────────▶ Paused
//!     │                 │   resume, agreed     │
//!     │ abort, expiry   │ board, clock,        │ expiry of a public game
//!     ▼                 ▼ players              ▼
//!  Completed ◀──────────┴──────────────────────┘          an admin: Pending, Active, Paused ──▶ Terminated
//! ```

use chrono::{DateTime, Utc};
use event_schema::gameplay::chess_game::ChessGame;
use event_schema::gameplay::game_event::GameStatus;

use super::clock;
use crate::es::aggregate::Rejection;

/// What somebody does to a game, as far as its state must allow it. Reports and deletion are allowed in every state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Somebody is asked to be the second player.
    Invite,
    /// The second player enters.
    Join,
    /// A move.
    Move,
    /// Resigning; offering, answering and claiming a draw.
    End,
    /// Ending a game that does not count.
    Abort,
    /// Asking to save, taking it back, answering.
    Save,
    /// Asking to go on, taking it back, answering.
    Resume,
    /// An admin ends it.
    Terminate,
    /// Saying something in its room.
    Speak,
}

impl Act {
    /// The states that allow it.
    pub const fn allowed_in(self) -> &'static [GameStatus] {
        match self {
            Self::Invite | Self::Join => &[GameStatus::Pending],
            Self::Move | Self::End | Self::Save => &[GameStatus::Active],
            Self::Abort => &[GameStatus::Pending, GameStatus::Active],
            Self::Resume => &[GameStatus::Paused],
            Self::Terminate | Self::Speak => &[GameStatus::Pending, GameStatus::Active, GameStatus::Paused],
        }
    }

    /// Whether it comes too late when the flag of the side to move has fallen.
    const fn needs_time(self) -> bool {
        match self {
            Self::Move | Self::End | Self::Abort | Self::Save => true,
            Self::Invite | Self::Join | Self::Resume | Self::Terminate | Self::Speak => false,
        }
    }
}

/// Refuses what the state of the game forbids, with the reason.
pub fn must_allow(game: &ChessGame, act: Act, at: DateTime<Utc>) -> Result<(), Rejection> {
    if !act.allowed_in().contains(&game.status) {
        return Err(refusal(game, act));
    }
    if act.needs_time() && clock::has_fallen(game, at) {
        let side = if game.white_to_move() { "white" } else { "black" };
        let told = format!("the time of {side} is up: the game ends by the clock");
        return Err(Rejection::conflict("errMsg_FlagFell", told));
    }
    Ok(())
}

fn refusal(game: &ChessGame, act: Act) -> Rejection {
    let inactive = |told: &str| Rejection::conflict("errMsg_GameNotActive", told);
    match (game.status, act) {
        (GameStatus::Completed | GameStatus::Terminated, _) => {
            Rejection::conflict("errMsg_GameOver", format!("the game is over: {}", how_it_ended(game)))
        }
        (_, Act::Join | Act::Invite) => {
            Rejection::conflict("errMsg_GameIsFull", "somebody was faster: the game has its second player")
        }
        (_, Act::Resume) => Rejection::conflict("errMsg_GameNotPaused", "the game is not paused: nothing to resume"),
        (GameStatus::Paused, _) => inactive("the game is saved and paused; both players must resume it first"),
        (GameStatus::Pending | GameStatus::Active, _) => inactive("the game still waits for its second player"),
    }
}

fn how_it_ended(game: &ChessGame) -> String {
    let result = game.result.map_or("terminated", |result| result.as_str());
    match game.end_reason {
        Some(reason) => format!("{result} by {}", reason.as_str()),
        None => result.to_owned(),
    }
}

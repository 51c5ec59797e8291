//! What the timers of games do.

use event_schema::gameplay::game_event::{EndReason, GameEvent, GameResult, GameStatus};

use super::game::Game;
use crate::es::aggregate::{Aggregate, Command, Context, Decision, Rejection};
use crate::es::store::{Failure, Store};
use crate::es::timers::Due;

/// The timer of an open game: how long it waits for its second player. Set by createGame, cancelled by who joins.
pub const OPEN_GAME_EXPIRY: &str = "openGameExpiry";

/// Ends an open game that nobody joined.
#[derive(Clone, Copy, Debug)]
pub struct ExpireOpenGame;

impl Command for ExpireOpenGame {
    type Aggregate = Game;

    fn decide(&self, state: &Game, cx: &Context) -> Result<Decision<GameEvent>, Rejection> {
        let waits = state.stored().is_some_and(|stored| stored.active && stored.object.status == GameStatus::Pending);
        if !waits {
            return Ok(Vec::new().into());
        }
        let at = state.clock(cx.now);
        let ended = GameEvent::GameEnded { result: GameResult::Aborted, reason: EndReason::Expiry, by: None, at };
        Ok(vec![ended].into())
    }
}

/// Fires a timer of [`OPEN_GAME_EXPIRY`].
pub async fn expire(store: &Store, due: &Due) -> Result<(), Failure> {
    store.transact(due.stream, &ExpireOpenGame, &due.request()).await.map(|_| ())
}

//! What the timers of games do.

use chrono::{DateTime, Utc};
use event_schema::gameplay::game_event::{EndReason, GameEvent, GameResult, GameStatus, PendingInvitation};

use super::game::{Game, position};
use super::{clock, invitation};
use crate::es::aggregate::{Aggregate, Command, Context, Decision, Rejection};
use crate::es::effect::Effect;
use crate::es::state::Loaded;
use crate::es::store::{Failure, Store};
use crate::es::timers::{Due, Fired};

/// The timer of an open game: how long it waits for its second player. Set by createGame, cancelled by who joins.
pub const OPEN_GAME_EXPIRY: &str = "openGameExpiry";
/// The timer of a clock: when the side to move may have no time left. It may stand earlier than that, never later.
pub const FLAG: &str = "flag";
/// The timer of a saved public game: how long it waits to be resumed.
pub const PAUSE_EXPIRY: &str = "pauseExpiry";

/// Takes back the timers of a game whose state ends, and lets those of its invitations ring.
pub fn cancelled(state: &Game, cx: &Context) -> Vec<Effect> {
    let kind = match state.stored().map(|stored| stored.object.status) {
        Some(GameStatus::Pending) => OPEN_GAME_EXPIRY,
        Some(GameStatus::Active) if state.flag().is_some() => FLAG,
        Some(GameStatus::Paused) => PAUSE_EXPIRY,
        Some(GameStatus::Active | GameStatus::Completed | GameStatus::Terminated) | None => return Vec::new(),
    };
    let mut effects = closed(state, cx);
    effects.push(Effect::CancelTimer { stream: cx.stream, kind });
    effects
}

/// Lets the timers of the invitations ring of a game that starts or ends: each then ends in a command of its own, so
/// that the game waits for none of them.
fn closed(state: &Game, cx: &Context) -> Vec<Effect> {
    let invitations = state.stored().map(|stored| stored.object.invitations.as_slice()).unwrap_or_default();
    let due_at = state.clock(cx.now);
    let ring = |pending: &PendingInvitation| invitation::end_at(pending.invitation_id.0, due_at);
    invitations.iter().map(ring).collect()
}

/// Ends an open game that nobody joined.
#[derive(Clone, Copy, Debug)]
pub struct ExpireOpenGame;

impl Command for ExpireOpenGame {
    type Aggregate = Game;

    fn decide(&self, state: &Game, cx: &Context) -> Result<Decision<GameEvent>, Rejection> {
        Ok(aborted_if(GameStatus::Pending, EndReason::Expiry, state, cx))
    }
}

/// Ends a saved game that nobody resumed.
#[derive(Clone, Copy, Debug)]
pub struct ExpirePause;

impl Command for ExpirePause {
    type Aggregate = Game;

    fn decide(&self, state: &Game, cx: &Context) -> Result<Decision<GameEvent>, Rejection> {
        Ok(aborted_if(GameStatus::Paused, EndReason::PauseExpiry, state, cx))
    }
}

fn aborted_if(status: GameStatus, reason: EndReason, state: &Game, cx: &Context) -> Decision<GameEvent> {
    if !state.stored().is_some_and(|stored| stored.active && stored.object.status == status) {
        return Vec::new().into();
    }
    let at = state.clock(cx.now);
    let events = vec![GameEvent::GameEnded { result: GameResult::Aborted, reason, by: None, at }];
    Decision { events, effects: closed(state, cx) }
}

/// Ends a game whose side to move has no time left.
#[derive(Clone, Copy, Debug)]
pub struct FallFlag;

impl Command for FallFlag {
    type Aggregate = Game;

    fn decide(&self, state: &Game, cx: &Context) -> Result<Decision<GameEvent>, Rejection> {
        let at = state.clock(cx.now);
        let running = state.stored().filter(|stored| stored.active && stored.object.status == GameStatus::Active);
        let Some(stored) = running.filter(|stored| clock::has_fallen(&stored.object, at)) else {
            return Ok(Vec::new().into());
        };
        let (result, reason) = clock::flagged(&position(&stored.object)?);
        Ok(vec![GameEvent::GameEnded { result, reason, by: None, at }].into())
    }
}

/// Fires a timer of [`OPEN_GAME_EXPIRY`].
pub async fn expire(store: &Store, due: &Due) -> Result<Fired, Failure> {
    store.transact(due.stream, &ExpireOpenGame, &due.request()).await.map(|_| Fired::Done)
}

/// Fires a timer of [`PAUSE_EXPIRY`].
pub async fn expire_pause(store: &Store, due: &Due) -> Result<Fired, Failure> {
    store.transact(due.stream, &ExpirePause, &due.request()).await.map(|_| Fired::Done)
}

/// Fires a timer of [`FLAG`]: ends the game, or says when its time will be up.
pub async fn flag(store: &Store, due: &Due) -> Result<Fired, Failure> {
    // Most firings are early: one read, and no command. Only a state row is fresh enough for that.
    match deadline(&store.load(due.stream).await?) {
        None => return Ok(Fired::Done),
        Some(at) if at > Utc::now() => return Ok(Fired::Again(at)),
        Some(_) => {}
    }
    let done = store.transact(due.stream, &FallFlag, &due.request()).await?;
    Ok(deadline(&done.loaded).map_or(Fired::Done, Fired::Again))
}

/// When the clock that runs now will have run down.
fn deadline(loaded: &Loaded<Game>) -> Option<DateTime<Utc>> {
    let stored = loaded.state.stored().filter(|stored| stored.active && stored.object.status == GameStatus::Active)?;
    clock::deadline(&stored.object)
}

//! Mutual save: what both players want freezes clock and board; what both want again lets them run on.
//!
//! While the game is active, `saveRequest<Side>: true` is a wish to save; while it is paused, `false` is a wish to
//! resume. Each wish stands until the other player agrees or declines, or it is taken back.

use chrono::{DateTime, TimeDelta, Utc};
use event_schema::gameplay::chess_game::ChessGame;
use event_schema::gameplay::game_event::{GameEvent, GameMode, GameStatus};
use event_schema::ids::UserId;

use super::ending::player;
use super::game::Game;
use super::machine::{Act, must_allow};
use super::timers::{self, FLAG, PAUSE_EXPIRY};
use crate::es::aggregate::{Context, Decision, Rejection};
use crate::es::effect::Effect;

type Decided = Result<Decision<GameEvent>, Rejection>;

/// A player's wish about saving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To save, or to agree to it.
    Save,
    /// Not to save after all.
    WithdrawSave,
    /// To resume, or to agree to it.
    Resume,
    /// Not to resume after all.
    WithdrawResume,
    /// To agree (true) or not (false) to what the other wishes, whichever it is.
    Answer(bool),
}

/// Carries out a wish. `keep` is how long a saved public game waits.
pub fn decide(wish: Wish, keep: TimeDelta, state: &Game, game: &ChessGame, cx: &Context) -> Decided {
    let actor = player(game, cx, "saveRequestWhite` or `saveRequestBlack")?;
    let (own, other) = standing(game, actor);
    let paused = game.status == GameStatus::Paused;
    let act = match wish {
        Wish::Save | Wish::WithdrawSave => Act::Save,
        Wish::Resume | Wish::WithdrawResume => Act::Resume,
        Wish::Answer(_) if paused => Act::Resume,
        Wish::Answer(_) => Act::Save,
    };
    let at = state.clock(cx.now);
    must_allow(game, act, at)?;
    let event = match wish {
        Wish::Answer(_) if !other => {
            let told = "the other player asks neither to save nor to resume: nothing to answer";
            return Err(Rejection::conflict("errMsg_NothingToAnswer", told).at("/saveAnswer"));
        }
        Wish::Answer(false) if paused => GameEvent::ResumeDeclined { by: actor },
        Wish::Answer(false) => GameEvent::SaveDeclined { by: actor },
        Wish::Save | Wish::Answer(true) if other && !paused => return Ok(pause(actor, keep, state, game, cx)),
        Wish::Resume | Wish::Answer(true) if other => return Ok(resume(actor, state, game, cx)),
        Wish::Save if !own => GameEvent::SaveRequested { by: actor },
        Wish::Resume if !own => GameEvent::ResumeRequested { by: actor },
        Wish::WithdrawSave if own => GameEvent::SaveWithdrawn { by: actor },
        Wish::WithdrawResume if own => GameEvent::ResumeWithdrawn { by: actor },
        Wish::Save | Wish::Resume | Wish::WithdrawSave | Wish::WithdrawResume | Wish::Answer(true) => {
            return Ok(Vec::new().into()); // So already.
        }
    };
    Ok(vec![event].into())
}

/// Whether the actor's own wish stands, and the other's: to save while the game is active, to resume while paused.
pub fn standing(game: &ChessGame, actor: UserId) -> (bool, bool) {
    let meant = game.status != GameStatus::Paused;
    let (white, black) = (game.save_request_white == meant, game.save_request_black == meant);
    if game.player_white_id == actor { (white, black) } else { (black, white) }
}

fn pause(by: UserId, keep: TimeDelta, state: &Game, game: &ChessGame, cx: &Context) -> Decision<GameEvent> {
    let at = state.clock(cx.now);
    let decision = Decision { events: vec![GameEvent::GamePaused { by, at }], effects: timers::cancelled(state, cx) };
    match game.mode {
        GameMode::Private => decision,
        GameMode::Public => {
            let due_at = at.checked_add_signed(keep).unwrap_or(DateTime::<Utc>::MAX_UTC);
            decision.with(Effect::SetTimer { stream: cx.stream, kind: PAUSE_EXPIRY, arming: arming(game), due_at })
        }
    }
}

fn resume(by: UserId, state: &Game, game: &ChessGame, cx: &Context) -> Decision<GameEvent> {
    let at = state.clock(cx.now);
    let decision = Decision { events: vec![GameEvent::GameResumed { by, at }], effects: timers::cancelled(state, cx) };
    match game.remaining_at(at).filter(|_| game.move_count > 0) {
        None => decision,
        Some(left) => {
            let due_at = at + TimeDelta::milliseconds(left);
            decision.with(Effect::SetTimer { stream: cx.stream, kind: FLAG, arming: arming(game), due_at })
        }
    }
}

/// A number that grows with the game; with the time when it is due it tells one arming from another.
pub fn arming(game: &ChessGame) -> i32 {
    i32::try_from(game.move_count).unwrap_or(i32::MAX)
}

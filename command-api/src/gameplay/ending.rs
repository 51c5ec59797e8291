//! How players end a game: resignation, draw, abort (contract README, row 33).

use chrono::{DateTime, Utc};
use event_schema::gameplay::chess_game::ChessGame;
use event_schema::gameplay::game_event::{EndReason, GameEvent, GameResult, GameStatus};
use event_schema::ids::UserId;

use super::game::{Game, color_of, must_be_active, position, takes_part};
use super::play::win_of;
use super::rules::{Claim, Color};
use super::timers::OPEN_GAME_EXPIRY;
use crate::es::aggregate::{Context, Decision, Rejection};
use crate::es::effect::Effect;

type Decided = Result<Decision<GameEvent>, Rejection>;

/// Half-moves after which both sides have moved.
const BOTH_HAVE_MOVED: u32 = 2;

/// What `result` sent by a participant means now.
pub fn decide(result: GameResult, state: &Game, game: &ChessGame, cx: &Context) -> Decided {
    let refused = || Rejection::forbidden("errMsg_forbidden", "only a player ends his game by `result`").at("/result");
    let actor = cx.actor.user_id().ok_or_else(refused)?;
    if game.result == Some(result) {
        return Ok(Vec::new().into());
    }
    if game.status == GameStatus::Pending && result == GameResult::Aborted && takes_part(game, actor) {
        return Ok(ended(game, result, EndReason::Abort, Some(actor), state.clock(cx.now), cx));
    }
    let color = color_of(game, actor).ok_or_else(refused)?;
    let own_win = win_of(color);
    if result == own_win {
        let told =
            "nobody claims his own win: mate, resignation and the clock decide it; to resign send the other side's win";
        return Err(Rejection::forbidden("errMsg_OwnWinClaimed", told).at("/result"));
    }
    must_be_active(game)?;
    let at = state.clock(cx.now);
    match result {
        GameResult::Draw => draw(actor, color, state, game, cx),
        GameResult::Aborted if game.move_count >= BOTH_HAVE_MOVED => {
            let told = "both sides have moved: the game can no longer be aborted; resign or offer a draw";
            Err(Rejection::conflict("errMsg_TooLateToAbort", told).at("/result"))
        }
        GameResult::Aborted => Ok(ended(game, result, EndReason::Abort, Some(actor), at, cx)),
        GameResult::WhiteWin | GameResult::BlackWin => {
            Ok(ended(game, result, EndReason::Resignation, Some(actor), at, cx))
        }
    }
}

/// Accepts the other's offer, claims a draw that the rules give to the player to move, or offers one.
fn draw(actor: UserId, color: Color, state: &Game, game: &ChessGame, cx: &Context) -> Decided {
    let at = state.clock(cx.now);
    let end = |reason| Ok(ended(game, GameResult::Draw, reason, Some(actor), at, cx));
    if game.draw_offered_by_id.is_some_and(|by| by != actor) {
        return end(EndReason::Agreement);
    }
    let board = position(game)?;
    if board.side_to_move() == color {
        match board.claim(state.repetitions()) {
            Some(Claim::Threefold) => return end(EndReason::ThreefoldRepetition),
            Some(Claim::FiftyMoves) => return end(EndReason::FiftyMoves),
            None => {}
        }
    }
    if game.draw_offered_by_id == Some(actor) {
        return Ok(Vec::new().into());
    }
    Ok(vec![GameEvent::DrawOffered { by: actor }].into())
}

fn ended(
    game: &ChessGame,
    result: GameResult,
    reason: EndReason,
    by: Option<UserId>,
    at: DateTime<Utc>,
    cx: &Context,
) -> Decision<GameEvent> {
    let decision = Decision::from(vec![GameEvent::GameEnded { result, reason, by, at }]);
    if game.status == GameStatus::Pending {
        return decision.with(Effect::CancelTimer { stream: cx.stream, kind: OPEN_GAME_EXPIRY });
    }
    decision
}

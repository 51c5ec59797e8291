//! How players and admins end a game: resignation, draw, abort (contract README, row 33), termination.

use event_schema::gameplay::chess_game::ChessGame;
use event_schema::gameplay::game_event::{EndReason, GameEvent, GameResult};
use event_schema::ids::UserId;

use super::game::{Game, color_of, position, takes_part};
use super::machine::{Act, must_allow};
use super::play::win_of;
use super::rules::{Claim, Color};
use super::timers;
use crate::es::aggregate::{Context, Decision, Rejection};

type Decided = Result<Decision<GameEvent>, Rejection>;

/// Half-moves after which both sides have moved.
const BOTH_HAVE_MOVED: u32 = 2;

/// What `result` sent by a participant means now.
pub fn decide(result: GameResult, state: &Game, game: &ChessGame, cx: &Context) -> Decided {
    let refused = || Rejection::forbidden("errMsg_forbidden", "only a player ends his game by `result`").at("/result");
    let actor = cx.actor.user_id().ok_or_else(refused)?;
    let (at, color) = (state.clock(cx.now), color_of(game, actor));
    if result == GameResult::Aborted && takes_part(game, actor) {
        must_allow(game, Act::Abort, at)?;
        return abort(actor, state, game, cx);
    }
    let color = color.ok_or_else(refused)?;
    if result == win_of(color) {
        let told =
            "nobody claims his own win: mate, resignation and the clock decide it; to resign send the other side's win";
        return Err(Rejection::forbidden("errMsg_OwnWinClaimed", told).at("/result"));
    }
    must_allow(game, Act::End, at)?;
    match result {
        GameResult::Draw => draw(actor, color, state, game, cx),
        GameResult::WhiteWin | GameResult::BlackWin | GameResult::Aborted => {
            Ok(ended(result, EndReason::Resignation, actor, state, cx))
        }
    }
}

fn abort(actor: UserId, state: &Game, game: &ChessGame, cx: &Context) -> Decided {
    if game.move_count >= BOTH_HAVE_MOVED {
        let told = "both sides have moved: the game can no longer be aborted; resign or offer a draw";
        return Err(Rejection::conflict("errMsg_TooLateToAbort", told).at("/result"));
    }
    Ok(ended(GameResult::Aborted, EndReason::Abort, actor, state, cx))
}

/// Accepts the other's offer, claims a draw that the rules give to the player to move, or offers one.
fn draw(actor: UserId, color: Color, state: &Game, game: &ChessGame, cx: &Context) -> Decided {
    let end = |reason| Ok(ended(GameResult::Draw, reason, actor, state, cx));
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

/// Accepts or declines the other's standing offer.
pub fn answer(accepted: bool, state: &Game, game: &ChessGame, cx: &Context) -> Decided {
    let actor = player(game, cx, "drawAnswer").map_err(|refusal| refusal.at("/drawAnswer"))?;
    must_allow(game, Act::End, state.clock(cx.now))?;
    if game.draw_offered_by_id.is_none_or(|by| by == actor) {
        let told = "the other player offers no draw: nothing to answer";
        return Err(Rejection::conflict("errMsg_NoDrawOffered", told).at("/drawAnswer"));
    }
    if accepted {
        return Ok(ended(GameResult::Draw, EndReason::Agreement, actor, state, cx));
    }
    Ok(vec![GameEvent::DrawDeclined { by: actor }].into())
}

/// An admin ends the game.
pub fn terminate(admin: UserId, state: &Game, game: &ChessGame, cx: &Context) -> Decided {
    let at = state.clock(cx.now);
    must_allow(game, Act::Terminate, at)?;
    let (white, black) = (Some(game.player_white_id), game.player_black_id);
    let report_status = Some(game.report_status);
    let events = vec![GameEvent::GameTerminated { by: admin, at, white, black, report_status }];
    Ok(Decision { events, effects: timers::cancelled(state, cx) })
}

/// The actor, who must play in the game.
pub fn player(game: &ChessGame, cx: &Context, field: &str) -> Result<UserId, Rejection> {
    let plays = cx.actor.user_id().filter(|user| game.is_player(*user));
    plays.ok_or_else(|| Rejection::forbidden("errMsg_forbidden", format!("only a player of the game sends `{field}`")))
}

fn ended(result: GameResult, reason: EndReason, by: UserId, state: &Game, cx: &Context) -> Decision<GameEvent> {
    let at = state.clock(cx.now);
    let events = vec![GameEvent::GameEnded { result, reason, by: Some(by), at }];
    Decision { events, effects: timers::cancelled(state, cx) }
}

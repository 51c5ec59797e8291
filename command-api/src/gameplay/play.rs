//! createGameMove: the one way to move by HTTP.

use chrono::{DateTime, Utc};
use event_schema::gameplay::chess_game::{CHESS_GAME, ChessGame};
use event_schema::gameplay::game_event::{EndReason, GameEvent, GameResult, MovePlayed};
use event_schema::gameplay::game_move::{CHESS_GAME_MOVE, ChessGameMove};
use event_schema::ids::UserId;
use event_schema::object::{Kind, Object, instant};
use event_schema::stored::EventObject;
use serde_json::{Map, Value, json};
use service::ApiError;
use service::document::fields_schema;
use uuid::Uuid;

use super::game::{Game, color_of, player_of, position};
use super::machine::{Act, must_allow};
use super::rules::{Color, IllegalMove, Outcome};
use super::saving::arming;
use super::timers::{self, FLAG};
use super::{clock, moves};
use crate::es::aggregate::{Aggregate, Command, Context, Decision, Rejection};
use crate::es::effect::Effect;
use crate::es::store::Done;
use crate::http::body::{Param, optional, required};
use crate::http::call::Call;
use crate::http::write::Write;

/// A move by a player, or by an admin for the side to move.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateGameMove {
    /// Half-moves from 1: the number that the move will have.
    pub number: i64,
    /// SAN, LAN or UCI.
    pub notation: String,
    /// Who is said to move; none: the actor.
    pub by: Option<UserId>,
    /// Milliseconds that the client says it took.
    pub client_time: Option<i64>,
}

impl Command for CreateGameMove {
    type Aggregate = Game;

    fn decide(&self, state: &Game, cx: &Context) -> Result<Decision<GameEvent>, Rejection> {
        let game = state.existing(cx)?;
        let mover = self.mover(game, cx)?;
        let at = state.clock(cx.now);
        must_allow(game, Act::Move, at)?;
        let before = position(game)?;
        let (Some(to_move), Some(black)) = (player_of(game, before.side_to_move()), game.player_black_id) else {
            return Err(Rejection::conflict("errMsg_GameNotActive", "the game has no second player"));
        };
        if mover.is_some_and(|mover| mover != to_move) {
            let (side, next) = (before.side_to_move(), game.move_count + 1);
            let told = format!("it is not your turn: {side} is to move, move number {next}");
            return Err(Rejection::conflict("errMsg_NotYourTurn", told));
        }
        self.must_be_next(game)?;
        let played = before.play(&self.notation).map_err(|fault| illegal(&fault))?;
        let fen = played.position.fen();
        let mut repetitions = state.repetitions().clone();
        repetitions.record(&fen);
        let mut events = vec![GameEvent::MovePlayed(MovePlayed {
            move_number: game.move_count + 1,
            uci: played.uci,
            san: played.san,
            fen,
            by: to_move,
            white: game.player_white_id,
            black,
            move_time: state.used_at(at),
            at,
            remaining_ms: clock::after_move(game, at),
            client_move_time: self.client_time,
        })];
        let effects = match played.position.outcome(&repetitions) {
            Some(outcome) => {
                let (result, reason) = end_of(outcome);
                events.push(GameEvent::GameEnded { result, reason, by: None, at });
                timers::cancelled(state, cx)
            }
            None => flag(state, game, at, cx),
        };
        Ok(Decision { events, effects })
    }
}

/// The timer of the other side's clock, if the one that stands would be too late for it.
fn flag(state: &Game, game: &ChessGame, at: DateTime<Utc>, cx: &Context) -> Vec<Effect> {
    let due = clock::deadline_after_move(game, at).filter(|due| clock::must_arm(state.flag(), *due, at));
    due.map(|due_at| Effect::SetTimer { stream: cx.stream, kind: FLAG, arming: arming(game), due_at })
        .into_iter()
        .collect()
}

impl CreateGameMove {
    /// Whose move it is said to be; none: an admin's, for whoever is to move.
    fn mover(&self, game: &ChessGame, cx: &Context) -> Result<Option<UserId>, Rejection> {
        let forbidden = |told: &str| Rejection::forbidden("errMsg_forbidden", told);
        let actor = cx.actor.user_id();
        let plays = |user: &UserId| color_of(game, *user).is_some();
        if cx.actor.is_admin() {
            return match self.by {
                Some(by) if !plays(&by) => {
                    let told = format!("`movedById`: `{by}` does not play in this game");
                    Err(Rejection::invalid("errMsg_movedByIdIsNotValid", told).at("/movedById"))
                }
                Some(by) => Ok(Some(by)),
                None => Ok(actor.filter(plays)),
            };
        }
        let Some(actor) = actor.filter(plays) else {
            return Err(forbidden("this chessGame is not yours: only its two players move"));
        };
        match self.by {
            Some(by) if by != actor => Err(forbidden("`movedById` must be you; leave it out").at("/movedById")),
            Some(_) | None => Ok(Some(actor)),
        }
    }

    fn must_be_next(&self, game: &ChessGame) -> Result<(), Rejection> {
        let (current, next) = (game.move_count, i64::from(game.move_count) + 1);
        if self.number == next {
            return Ok(());
        }
        let told = format!(
            "`moveNumber` {} is out of order: the game has {current} moves, the next one is {next}",
            self.number
        );
        Err(Rejection::conflict("errMsg_MoveNumberOutOfOrder", told).at("/moveNumber"))
    }
}

fn illegal(fault: &IllegalMove) -> Rejection {
    let told = format!("{fault} (rule {}, FIDE article {})", fault.rule(), fault.article());
    Rejection::invalid("errMsg_IllegalMove", told).at("/moveNotation")
}

/// How a game ends that ends by itself.
pub fn end_of(outcome: Outcome) -> (GameResult, EndReason) {
    match outcome {
        Outcome::Checkmate { winner } => (win_of(winner), EndReason::Checkmate),
        Outcome::Stalemate => (GameResult::Draw, EndReason::Stalemate),
        Outcome::InsufficientMaterial => (GameResult::Draw, EndReason::InsufficientMaterial),
        Outcome::FivefoldRepetition => (GameResult::Draw, EndReason::FivefoldRepetition),
        Outcome::SeventyFiveMoves => (GameResult::Draw, EndReason::SeventyFiveMoves),
    }
}

/// The result when this colour wins.
pub fn win_of(winner: Color) -> GameResult {
    match winner {
        Color::White => GameResult::WhiteWin,
        Color::Black => GameResult::BlackWin,
    }
}

impl Write for CreateGameMove {
    const BODY: &'static [Param] = &[
        required("gameId", Kind::Id, "The game."),
        required("moveNumber", Kind::Integer, "The number that the move will have: half-moves from 1."),
        required("moveNotation", Kind::String, "SAN, LAN or UCI.").at_most(32),
        optional(
            "moveTime",
            Kind::Integer,
            "Milliseconds by your own clock, at least 0; kept as `clientMoveTime`. The server measures.",
        ),
        optional("movedById", Kind::Id, "You; an admin may name the player to move."),
        optional("moveTimestamp", Kind::Date, "Ignored: the server's."),
    ];
    const SHOWS: &'static Object = &CHESS_GAME_MOVE;
    const ABOUT: &'static str = "Plays a move if it is legal; the game ends if the move ends it.";

    async fn prepare(call: &Call) -> Result<(Uuid, Self), ApiError> {
        let missing =
            |field: &str| ApiError::new(400, format!("errMsg_{field}IsRequired"), format!("`{field}` is required"));
        if call.body.get("moveTime").and_then(Value::as_i64).is_some_and(|time| time < 0) {
            let (code, told) = ("errMsg_moveTimeIsNotValid", "`moveTime` must be at least 0 milliseconds");
            return Err(ApiError::new(400, code, told).fault("/moveTime", code, told));
        }
        let command = Self {
            number: call.body.get("moveNumber").and_then(Value::as_i64).ok_or_else(|| missing("moveNumber"))?,
            notation: call.text("moveNotation").ok_or_else(|| missing("moveNotation"))?.to_owned(),
            by: call.id("movedById").map(UserId),
            client_time: call.body.get("moveTime").and_then(Value::as_i64),
        };
        Ok((call.id("gameId").ok_or_else(|| missing("gameId"))?, command))
    }

    fn answer(done: &Done<Game>, _: &Call) -> Option<Map<String, Value>> {
        answer(done)
    }
}

/// The move, and what it made of the game.
fn answer(done: &Done<Game>) -> Option<Map<String, Value>> {
    let (played, at) = done.events.iter().find_map(|(event, at)| Some((ChessGameMove::from_event(event, at)?, at)))?;
    let game = &done.loaded.state.stored()?.object;
    let mut shown = moves::shown(&played, at);
    let values = [
        json!(game.status),
        json!(game.result),
        json!(game.end_reason),
        json!(game.white_remaining_ms),
        json!(game.black_remaining_ms),
        json!(game.clock_runs_since.map(instant)),
    ];
    shown.extend(OF_THE_GAME.iter().map(|(name, _)| (*name).to_owned()).zip(values));
    Some(shown)
}

/// What a move shows of its game, and which field of the game that is.
const OF_THE_GAME: [(&str, &str); 6] = [
    ("gameStatus", "status"),
    ("result", "result"),
    ("endReason", "endReason"),
    ("whiteRemainingMs", "whiteRemainingMs"),
    ("blackRemainingMs", "blackRemainingMs"),
    ("clockRunsSince", "clockRunsSince"),
];

/// The JSON Schemas of that, for the documents.
pub fn more() -> Map<String, Value> {
    fields_schema(&CHESS_GAME, &OF_THE_GAME)
}

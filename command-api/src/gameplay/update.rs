//! updateGame: participants say what they want (contract README, rows 13, 32 and 33); the server owns the fields.

use chrono::{DateTime, Utc};
use event_schema::gameplay::chess_game::{CHESS_GAME, ChessGame};
use event_schema::gameplay::game_event::{GameEvent, GameMode, GameResult, GameStatus, ReportStatus, SaveStatus};
use event_schema::ids::UserId;
use event_schema::object::{Kind, Object};
use serde_json::{Map, Value};
use service::ApiError;
use uuid::Uuid;

use super::game::{Game, is_code, takes_part};
use super::player::{self, Player};
use super::read::CODE;
use super::rules::{Color, Position};
use super::timers::OPEN_GAME_EXPIRY;
use super::{ending, game};
use crate::es::aggregate::{Command, Context, Decision, Rejection};
use crate::es::effect::Effect;
use crate::es::store::Done;
use crate::http::body::{Param, optional};
use crate::http::call::Call;
use crate::http::read::Readable;
use crate::http::write::Write;

/// The fields that were sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateGame {
    /// Joins an open game.
    pub black: Option<Player>,
    /// Opens a private game.
    pub code: Option<String>,
    /// Must agree with the rest.
    pub status: Option<GameStatus>,
    /// Resigns, offers or claims a draw, aborts.
    pub result: Option<GameResult>,
    /// Must be the server's.
    pub current_fen: Option<String>,
    /// Must be the server's.
    pub moved_at: Option<DateTime<Utc>>,
    /// Must be the server's.
    pub save_status: Option<SaveStatus>,
    /// White asks to save.
    pub save_request_white: Option<bool>,
    /// Black asks to save.
    pub save_request_black: Option<bool>,
    /// The admin who terminates.
    pub terminated_by_id: Option<UserId>,
    /// Moderation.
    pub report_status: Option<ReportStatus>,
}

type Decided = Result<Decision<GameEvent>, Rejection>;

impl Command for UpdateGame {
    type Aggregate = Game;

    fn decide(&self, state: &Game, cx: &Context) -> Decided {
        let game = state.existing(cx)?;
        self.must_say_something()?;
        self.permit(game, cx)?;
        self.must_agree(game)?;
        self.not_possible(game, cx)?;
        let joins = self.black.filter(|black| Some(black.id) != game.player_black_id);
        match (joins, self.result) {
            (Some(_), Some(_)) => {
                let told = "joining and ending a game are two requests: send `playerBlackId` or `result`";
                Err(Rejection::invalid("errMsg_resultIsNotValid", told).at("/result"))
            }
            (Some(black), None) => self.join(black, state, game, cx),
            (None, Some(result)) => self.end(result, state, game, cx),
            (None, None) => self.nothing_more(game),
        }
    }
}

fn forbidden(told: impl Into<String>) -> Rejection {
    Rejection::forbidden("errMsg_forbidden", told)
}

impl UpdateGame {
    fn must_say_something(&self) -> Result<(), Rejection> {
        if *self != (Self { code: self.code.clone(), ..Self::default() }) {
            return Ok(());
        }
        let told = "the body says nothing to do: send `playerBlackId` (yourself) to join, or `result`: \
                    `draw` to offer, accept or claim one, the other side's win to resign, `aborted` to abort";
        Err(Rejection::invalid("errMsg_nothingToUpdate", told))
    }

    /// Participants and admins; and who joins, into a private game with its code only.
    fn permit(&self, game: &ChessGame, cx: &Context) -> Result<(), Rejection> {
        let Some(actor) = cx.actor.user_id() else { return Err(forbidden("only a logged-in user changes games")) };
        if cx.actor.is_admin() || takes_part(game, actor) {
            return Ok(());
        }
        if self.black.is_none_or(|black| black.id != actor) {
            return Err(forbidden("this chessGame is not yours; to join an open game send your id as `playerBlackId`"));
        }
        match game.mode {
            GameMode::Public => Ok(()),
            GameMode::Private if is_code(game, self.code.as_deref()) => Ok(()),
            GameMode::Private => {
                Err(forbidden("this chessGame is private: its exact `invitationCode` is needed to join it"))
            }
        }
    }

    /// What a client says of the board must be what the server knows.
    fn must_agree(&self, game: &ChessGame) -> Result<(), Rejection> {
        let same = |fen: &String| {
            *fen == game.current_fen || Position::from_fen(fen).is_ok_and(|p| p.fen() == game.current_fen)
        };
        if self.current_fen.as_ref().is_some_and(|fen| !same(fen)) {
            let told = format!(
                "`currentFEN` is not the game's, which is `{}`; moves go to POST /v1/gamemove",
                game.current_fen
            );
            return Err(Rejection::conflict("errMsg_currentFENDiffers", told).at("/currentFEN"));
        }
        if self.moved_at.is_some_and(|at| Some(at) != game.moved_at) {
            let is = game.moved_at.map_or("null".to_owned(), event_schema::object::instant);
            let told = format!("`movedAt` is not the game's, which is {is}; the server sets it");
            return Err(Rejection::conflict("errMsg_movedAtDiffers", told).at("/movedAt"));
        }
        Ok(())
    }

    /// Known wishes that no game can be granted: mutual save, reports, termination by an admin. A value that the field
    /// has already is no wish.
    fn not_possible(&self, game: &ChessGame, cx: &Context) -> Result<(), Rejection> {
        let not_yet = |pointer, told: &str| Err(Rejection::conflict("errMsg_NotPossible", told).at(pointer));
        let actor = cx.actor.user_id();
        for (wish, is, color, pointer) in [
            (self.save_request_white, game.save_request_white, Color::White, "/saveRequestWhite"),
            (self.save_request_black, game.save_request_black, Color::Black, "/saveRequestBlack"),
        ] {
            if wish.is_some_and(|wish| wish != is) {
                if actor.is_none() || game::player_of(game, color) != actor {
                    return Err(forbidden(format!("only {color} sets `{}`", &pointer[1..])).at(pointer));
                }
                return not_yet(pointer, "this game cannot be saved; play on, or offer a draw");
            }
        }
        if self.save_status.is_some_and(|wish| wish != game.save_status) {
            return not_yet("/saveStatus", "the server sets `saveStatus`; this game cannot be saved");
        }
        if self.report_status.is_some_and(|wish| wish != game.report_status) {
            if self.report_status != Some(ReportStatus::Reported) && !cx.actor.is_admin() {
                return Err(forbidden("players only send `reportStatus`: `reported`; the rest is for admins")
                    .at("/reportStatus"));
            }
            return not_yet("/reportStatus", "this game cannot be reported");
        }
        let terminates = self.status == Some(GameStatus::Terminated) && self.result.is_none();
        let named = self.terminated_by_id.is_some() && self.terminated_by_id != game.terminated_by_id;
        if named || (terminates && game.status != GameStatus::Terminated) {
            if !cx.actor.is_admin() || (named && self.terminated_by_id != actor) {
                return Err(forbidden(
                    "only an admin terminates a game, in his own name; players resign or abort by `result`",
                ));
            }
            return not_yet("/status", "this game cannot be terminated; its players can end it");
        }
        Ok(())
    }

    fn join(&self, black: Player, state: &Game, game: &ChessGame, cx: &Context) -> Decided {
        if !cx.actor.is_admin() && cx.actor.user_id() != Some(black.id) {
            return Err(forbidden("`playerBlackId` must be you: a player joins by himself").at("/playerBlackId"));
        }
        if self.status.is_some_and(|status| status != GameStatus::Active && status != game.status) {
            return Err(
                Rejection::invalid("errMsg_statusIsNotValid", "who joins a game makes it `active`").at("/status")
            );
        }
        if game.player_white_id == black.id {
            let told = "`playerBlackId` plays White in this game already: nobody plays against himself";
            return Err(Rejection::conflict("errMsg_OwnGame", told).at("/playerBlackId"));
        }
        match game.status {
            GameStatus::Pending => {}
            GameStatus::Active | GameStatus::Paused => {
                let told = "somebody was faster: the game has its second player";
                return Err(Rejection::conflict("errMsg_GameIsFull", told).at("/playerBlackId"));
            }
            GameStatus::Completed | GameStatus::Terminated => {
                return game::must_be_active(game).map(|()| Vec::new().into());
            }
        }
        let at = state.clock(cx.now);
        let joined = GameEvent::PlayerJoined { player_black_id: black.id, guest: black.guest, at };
        let cancel = Effect::CancelTimer { stream: cx.stream, kind: OPEN_GAME_EXPIRY };
        Ok(Decision::from(vec![joined]).with(cancel))
    }

    fn end(&self, result: GameResult, state: &Game, game: &ChessGame, cx: &Context) -> Decided {
        let fits = match self.status {
            None | Some(GameStatus::Completed) => true,
            Some(GameStatus::Terminated) => result == GameResult::Aborted,
            Some(other) => other == game.status,
        };
        if !fits {
            let told =
                format!("`status` does not fit `result`: `{}`; send `completed` or leave it out", result.as_str());
            return Err(Rejection::invalid("errMsg_statusIsNotValid", told).at("/status"));
        }
        ending::decide(result, state, game, cx)
    }

    /// No wish is left: only a status that is so already.
    fn nothing_more(&self, game: &ChessGame) -> Decided {
        match self.status {
            Some(status) if status != game.status => match status {
                GameStatus::Completed => {
                    let told = "`status`: `completed` needs the `result`";
                    Err(Rejection::invalid("errMsg_resultIsRequired", told).at("/result"))
                }
                GameStatus::Pending | GameStatus::Active | GameStatus::Paused | GameStatus::Terminated => {
                    let told = format!("`status` is `{}` and the server sets it", game.status.as_str());
                    Err(Rejection::conflict("errMsg_NotPossible", told).at("/status"))
                }
            },
            Some(_) | None => Ok(Vec::new().into()),
        }
    }
}

impl Write for UpdateGame {
    const BODY: &'static [Param] = &[
        optional("playerBlackId", Kind::Id, "You: joins an open game."),
        optional(CODE, Kind::String, "The exact code, to join a private game; also in the query string."),
        optional(
            "status",
            Kind::Enum(GameStatus::OPTIONS),
            "May stand beside `result` if it fits; the server sets it.",
        ),
        optional(
            "result",
            Kind::Enum(GameResult::OPTIONS),
            "The other side's win resigns; `draw` offers, accepts or claims one; `aborted` until both sides have moved.",
        ),
        optional("currentFEN", Kind::String, "Must be the server's, else 409.").at_most(256),
        optional("movedAt", Kind::Date, "Must be the server's, else 409."),
        optional("saveStatus", Kind::Enum(SaveStatus::OPTIONS), "Must be the server's, else 409."),
        optional("saveRequestWhite", Kind::Boolean, "White's wish to save."),
        optional("saveRequestBlack", Kind::Boolean, "Black's wish to save."),
        optional("terminatedById", Kind::Id, "The admin who terminates the game: himself."),
        optional("reportStatus", Kind::Enum(ReportStatus::OPTIONS), "`reported` by a player; the rest by admins."),
        optional("guestPlayerWhite", Kind::Boolean, "Ignored: the server knows."),
        optional("guestPlayerBlack", Kind::Boolean, "Ignored: the server knows."),
    ];
    const SHOWS: &'static Object = &CHESS_GAME;
    const ABOUT: &'static str = "Joins an open game, resigns, offers, accepts or claims a draw, or aborts.";

    async fn prepare(call: &Call) -> Result<(Uuid, Self), ApiError> {
        let flag = |name: &str| call.body.get(name).and_then(Value::as_bool);
        let command = Self {
            black: player::named(call, "playerBlackId").await?,
            code: call.text(CODE).or(call.query.first(CODE)).map(str::to_owned),
            status: call.word("status"),
            result: call.word("result"),
            current_fen: call.text("currentFEN").map(str::to_owned),
            moved_at: call.word("movedAt"),
            save_status: call.word("saveStatus"),
            save_request_white: flag("saveRequestWhite"),
            save_request_black: flag("saveRequestBlack"),
            terminated_by_id: call.id("terminatedById").map(UserId),
            report_status: call.word("reportStatus"),
        };
        Ok((call.path_id()?, command))
    }

    fn answer(done: &Done<Game>, call: &Call) -> Option<Map<String, Value>> {
        Game::show(&done.loaded, call.maybe_caller())
    }
}

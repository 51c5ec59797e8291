//! updateGame: participants say what they want (contract README, rows 13, 32 and 33); the server owns the fields.

use chrono::{DateTime, TimeDelta, Utc};
use event_schema::gameplay::chess_game::{CHESS_GAME, ChessGame};
use event_schema::gameplay::game_event::{GameEvent, GameMode, GameResult, GameStatus, ReportStatus, SaveStatus};
use event_schema::ids::UserId;
use event_schema::object::{Kind, Object};
use serde_json::{Map, Value};
use service::ApiError;
use uuid::Uuid;

use super::game::{Game, is_code, takes_part};
use super::intent::Intent;
use super::machine::{Act, must_allow};
use super::player::{self, Player};
use super::read::CODE;
use super::rules::Position;
use super::{ending, intent, saving, timers};
use crate::es::aggregate::{Command, Context, Decision, Rejection};
use crate::es::store::Done;
use crate::http::body::{Param, optional};
use crate::http::call::Call;
use crate::http::read::shown;
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
    /// Answers the other's offer of a draw.
    pub draw_answer: Option<Reply>,
    /// Answers the other's wish to save or to resume.
    pub save_answer: Option<Reply>,
    /// How long a saved public game waits.
    pub keep_saved: TimeDelta,
}

/// An answer to what the other player offers or asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Yes.
    Accepted,
    /// No.
    Declined,
}

impl Reply {
    /// The words.
    pub const OPTIONS: &'static [&'static str] = &["accepted", "declined"];

    /// Whether it agrees.
    pub fn is_yes(self) -> bool {
        self == Self::Accepted
    }
}

impl std::str::FromStr for Reply {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "accepted" => Ok(Self::Accepted),
            "declined" => Ok(Self::Declined),
            other => Err(format!("`{other}` is none of {}", Self::OPTIONS.join(", "))),
        }
    }
}

/// What becomes of the game.
type Decided = Result<Decision<GameEvent>, Rejection>;

impl Command for UpdateGame {
    type Aggregate = Game;

    fn decide(&self, state: &Game, cx: &Context) -> Decided {
        let game = state.existing(cx)?;
        self.must_say_something()?;
        self.permit(game, cx)?;
        self.must_agree(game)?;
        let Some(intent) = intent::of(self, game, cx)? else { return Ok(Vec::new().into()) };
        match intent {
            Intent::Join(black) => self.join(black, state, game, cx),
            Intent::End(result) => ending::decide(result, state, game, cx),
            Intent::AnswerDraw(accepted) => ending::answer(accepted, state, game, cx),
            Intent::Save(wish) => saving::decide(wish, self.keep_saved, state, game, cx),
            Intent::Terminate(admin) => ending::terminate(admin, state, game, cx),
            Intent::Report(report_status) => match cx.actor.user_id() {
                Some(by) => Ok(vec![GameEvent::ReportChanged { report_status, by }].into()),
                None => Err(forbidden("only a logged-in user reports a game")),
            },
        }
    }
}

fn forbidden(told: impl Into<String>) -> Rejection {
    Rejection::forbidden("errMsg_forbidden", told)
}

impl UpdateGame {
    fn must_say_something(&self) -> Result<(), Rejection> {
        if *self != (Self { code: self.code.clone(), keep_saved: self.keep_saved, ..Self::default() }) {
            return Ok(());
        }
        let told = "the body says nothing to do: send `playerBlackId` (yourself) to join, `result`: \
                    `draw` to offer, accept or claim one, the other side's win to resign, `aborted` to abort, \
                    your `saveRequest` flag to save or resume, or `reportStatus`: `reported`";
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

    fn join(&self, black: Player, state: &Game, game: &ChessGame, cx: &Context) -> Decided {
        if !cx.actor.is_admin() && cx.actor.user_id() != Some(black.id) {
            return Err(forbidden("`playerBlackId` must be you: a player joins by himself").at("/playerBlackId"));
        }
        if self.status.is_some_and(|status| status != GameStatus::Active && status != game.status) {
            return Err(
                Rejection::invalid("errMsg_statusIsNotValid", "who joins a game makes it `active`").at("/status")
            );
        }
        join(black, state, game, cx).map_err(|refusal| refusal.at("/playerBlackId"))
    }
}

/// The second player enters an open game: by its code, because it is public, or by his invitation.
pub fn join(black: Player, state: &Game, game: &ChessGame, cx: &Context) -> Decided {
    if game.player_white_id == black.id {
        let told = "he plays White in this game already: nobody plays against himself";
        return Err(Rejection::conflict("errMsg_OwnGame", told));
    }
    let at = state.clock(cx.now);
    must_allow(game, Act::Join, at)?;
    let joined = GameEvent::PlayerJoined { player_black_id: black.id, guest: black.guest, at };
    Ok(Decision { events: vec![joined], effects: timers::cancelled(state, cx) })
}

impl Write for UpdateGame {
    const BODY: &'static [Param] = &[
        optional("playerBlackId", Kind::Id, "You: joins an open game."),
        optional(CODE, Kind::String, "The exact code, to join a private game; also in the query string."),
        optional(
            "status",
            Kind::Enum(GameStatus::OPTIONS),
            "`paused` asks to save, `active` to resume, an admin's `terminated` terminates; may stand beside `result`.",
        ),
        optional(
            "result",
            Kind::Enum(GameResult::OPTIONS),
            "The other side's win resigns; `draw` offers, accepts or claims one; `aborted` until both sides have moved.",
        ),
        optional("currentFEN", Kind::String, "Must be the server's, else 409.").at_most(256),
        optional("movedAt", Kind::Date, "Must be the server's, else 409."),
        optional("saveStatus", Kind::Enum(SaveStatus::OPTIONS), "Your wish to save or resume, in one word."),
        optional("saveRequestWhite", Kind::Boolean, "White: `true` asks to save, `false` while paused to resume."),
        optional("saveRequestBlack", Kind::Boolean, "Black: `true` asks to save, `false` while paused to resume."),
        optional("saveAnswer", Kind::Enum(Reply::OPTIONS), "Answers the other's wish to save or to resume."),
        optional("drawAnswer", Kind::Enum(Reply::OPTIONS), "Answers the other's offer of a draw."),
        optional("terminatedById", Kind::Id, "The admin who terminates the game: himself."),
        optional("reportStatus", Kind::Enum(ReportStatus::OPTIONS), "`reported` by a player; the rest by admins."),
        optional("guestPlayerWhite", Kind::Boolean, "Ignored: the server knows."),
        optional("guestPlayerBlack", Kind::Boolean, "Ignored: the server knows."),
    ];
    const SHOWS: &'static Object = &CHESS_GAME;
    const ABOUT: &'static str = "Joins an open game, resigns, offers, answers or claims a draw, aborts, saves, resumes, \
                                 reports; admins terminate and review. One thing at a time.";

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
            draw_answer: call.word("drawAnswer"),
            save_answer: call.word("saveAnswer"),
            keep_saved: TimeDelta::from_std(call.app.paused_game).unwrap_or(TimeDelta::MAX),
        };
        Ok((call.path_id()?, command))
    }

    fn answer(done: &Done<Game>, call: &Call) -> Option<Map<String, Value>> {
        shown(done, call)
    }
}

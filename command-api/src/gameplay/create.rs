//! createGame.

use chrono::TimeDelta;
use event_schema::gameplay::chess_game::CHESS_GAME;
use event_schema::gameplay::game_event::{
    GameCreated, GameEvent, GameMode, GameResult, GameStatus, GameType, ReportStatus, SaveStatus, TimeControl,
};
use event_schema::ids::{CommandId, UserId};
use event_schema::object::{Kind, Object};
use serde_json::{Map, Value};
use service::ApiError;
use uuid::Uuid;

use super::clock;
use super::game::Game;
use super::player::{self, Player};
use super::rules::{Position, Repetitions};
use super::timers::OPEN_GAME_EXPIRY;
use crate::es::aggregate::{Aggregate, Command, Context, Decision, Rejection};
use crate::es::effect::Effect;
use crate::es::store::Done;
use crate::http::body::{Param, optional, required};
use crate::http::call::Call;
use crate::http::read::shown;
use crate::http::write::Write;

/// The longest invitation code in characters.
const LONGEST_CODE: usize = 64;

/// A game between two players, or one that waits for its second player.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateGame {
    /// White.
    pub white: Player,
    /// Black; none makes an open game.
    pub black: Option<Player>,
    /// Who is said to make it; none: the actor.
    pub created_by: Option<UserId>,
    /// Who may find it.
    pub mode: GameMode,
    /// The kind of time control.
    pub game_type: GameType,
    /// The wanted time control; none: the one of the kind.
    pub time_control: Option<TimeControl>,
    /// The wanted code.
    pub code: Option<String>,
    /// The wanted starting position.
    pub initial_fen: Option<String>,
    /// How long an open game waits.
    pub open_for: TimeDelta,
}

impl Command for CreateGame {
    type Aggregate = Game;

    fn decide(&self, state: &Game, cx: &Context) -> Result<Decision<GameEvent>, Rejection> {
        if state.stored().is_some() {
            return Ok(Vec::new().into()); // Its id derives from the command: this is a retry.
        }
        let created_by = self.creator(cx)?;
        let start = self.start()?;
        let at = state.clock(cx.now);
        let created = GameEvent::GameCreated(GameCreated {
            player_white_id: self.white.id,
            player_black_id: self.black.map(|black| black.id),
            created_by_id: created_by,
            mode: self.mode,
            game_type: self.game_type,
            invitation_code: self.invitation_code(cx.command)?,
            initial_fen: Some(start.fen()).filter(|_| start != Position::start()),
            current_fen: start.fen(),
            guest_player_white: self.white.guest,
            guest_player_black: self.black.is_some_and(|black| black.guest),
            at,
            time_control: self.time_control()?,
        });
        let decision = Decision::from(vec![created]);
        Ok(match self.black {
            Some(_) => decision,
            None => decision.with(Effect::SetTimer {
                stream: cx.stream,
                kind: OPEN_GAME_EXPIRY,
                arming: 0,
                due_at: at + self.open_for,
            }),
        })
    }
}

impl CreateGame {
    /// Who makes it. A non-admin makes only games that he plays, in his own name (contract README, rows 10 and 32).
    fn creator(&self, cx: &Context) -> Result<UserId, Rejection> {
        let forbidden = |told: &str| Rejection::forbidden("errMsg_forbidden", told);
        let actor = cx.actor.user_id().ok_or_else(|| forbidden("only a logged-in user makes games"))?;
        let creator = self.created_by.unwrap_or(actor);
        if self.black.is_some_and(|black| black.id == self.white.id) {
            let told = "`playerBlackId` is `playerWhiteId`: nobody plays against himself";
            return Err(Rejection::invalid("errMsg_playerBlackIdIsNotValid", told).at("/playerBlackId"));
        }
        if cx.actor.is_admin() {
            return Ok(creator);
        }
        if creator != actor {
            return Err(forbidden("`createdById` must be you; leave it out").at("/createdById"));
        }
        let plays = self.white.id == actor || self.black.is_some_and(|black| black.id == actor);
        if plays {
            Ok(creator)
        } else {
            Err(forbidden("you make only games that you play: be `playerWhiteId` or `playerBlackId`"))
        }
    }

    fn time_control(&self) -> Result<Option<TimeControl>, Rejection> {
        let invalid = |told: String| Rejection::invalid("errMsg_timeControlIsNotValid", told);
        let Some(wanted) = self.time_control else { return Ok(self.game_type.time_control()) };
        if self.game_type == GameType::Untimed {
            let told = "an `untimed` game has no clock: leave `timeControl` out or choose another `gameType`";
            return Err(invalid(told.to_owned()).at("/timeControl"));
        }
        match clock::fault(wanted) {
            None => Ok(Some(wanted)),
            Some((pointer, told)) => Err(invalid(told).at(pointer)),
        }
    }

    /// The position to start from, in which there must be something to play.
    fn start(&self) -> Result<Position, Rejection> {
        let Some(fen) = &self.initial_fen else { return Ok(Position::start()) };
        let invalid = |told: String| Rejection::invalid("errMsg_initialFENIsNotValid", told).at("/initialFEN");
        let start =
            Position::from_fen(fen).map_err(|fault| invalid(format!("`initialFEN` is not playable: {fault}")))?;
        match start.outcome(&Repetitions::starting(&start.fen())) {
            None => Ok(start),
            Some(over) => Err(invalid(format!("`initialFEN` is not playable: {over} (article {})", over.article()))),
        }
    }

    fn invitation_code(&self, command: CommandId) -> Result<Option<String>, Rejection> {
        match (&self.code, self.mode) {
            (Some(code), _) if code.trim() != code || code.is_empty() => {
                let told = "`invitationCode` must not be empty or begin or end with spaces; leave it out to get one";
                Err(Rejection::invalid("errMsg_invitationCodeIsNotValid", told).at("/invitationCode"))
            }
            (Some(code), _) => Ok(Some(code.clone())),
            (None, GameMode::Private) => Ok(Some(generated_code(command))),
            (None, GameMode::Public) => Ok(None),
        }
    }
}

/// 12 characters, 60 bits, without those that look alike. A retry of the command gets the same; nobody can tell it from
/// the game's id, because both are hashes of the command's, which nobody is shown.
fn generated_code(command: CommandId) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bits = command.derive("invitationCode").as_u128();
    (0..12).map(|place| char::from(ALPHABET[usize::from((bits >> (place * 5)) as u8 & 31)])).collect()
}

const TIME_CONTROL: &str = "`{initialMs, incrementMs}`; by default blitz 3 minutes and 2 seconds a move, rapid 10 and 0, \
                            timed 15 and 10, untimed none.";

/// The time control in the body.
fn wanted_time(call: &Call) -> Result<Option<TimeControl>, ApiError> {
    let Some(wanted) = call.body.get("timeControl") else { return Ok(None) };
    serde_json::from_value(wanted.clone()).map(Some).map_err(|fault| {
        let (code, told) = ("errMsg_timeControlIsNotValid", format!("`timeControl`: {fault}"));
        ApiError::new(400, code, told.clone()).fault("/timeControl", code, told)
    })
}

impl Write for CreateGame {
    const BODY: &'static [Param] = &[
        required("playerWhiteId", Kind::Id, "White."),
        optional("playerBlackId", Kind::Id, "Black; without it the game is open and waits for whoever joins."),
        required("mode", Kind::Enum(GameMode::OPTIONS), "Who may find it while it is open."),
        required("gameType", Kind::Enum(GameType::OPTIONS), "The kind of time control."),
        optional("timeControl", Kind::Json, TIME_CONTROL),
        optional("invitationCode", Kind::String, "Opens a private game; one is made if it is left out.")
            .at_most(LONGEST_CODE),
        optional("initialFEN", Kind::String, "A legal position to start from; marks a custom game.").at_most(256),
        optional("createdById", Kind::Id, "You; an admin may name another user."),
        optional(
            "status",
            Kind::Enum(GameStatus::OPTIONS),
            "Ignored: `active` when both players are known, else `pending`.",
        ),
        optional("currentFEN", Kind::String, "Ignored: the server's."),
        optional("saveStatus", Kind::Enum(SaveStatus::OPTIONS), "Ignored: `notSaveable`."),
        optional("saveRequestWhite", Kind::Boolean, "Ignored: false."),
        optional("saveRequestBlack", Kind::Boolean, "Ignored: false."),
        optional("movedAt", Kind::Date, "Ignored: the server's."),
        optional("result", Kind::Enum(GameResult::OPTIONS), "Ignored: none yet."),
        optional("terminatedById", Kind::Id, "Ignored: nobody."),
        optional("reportStatus", Kind::Enum(ReportStatus::OPTIONS), "Ignored: `none`."),
        optional("guestPlayerWhite", Kind::Boolean, "Ignored: the server knows."),
        optional("guestPlayerBlack", Kind::Boolean, "Ignored: the server knows."),
    ];
    const SHOWS: &'static Object = &CHESS_GAME;
    const ABOUT: &'static str = "Starts a game between two players, or an open game that waits for its second player.";

    async fn prepare(call: &Call) -> Result<(Uuid, Self), ApiError> {
        let missing =
            |field: &str| ApiError::new(400, format!("errMsg_{field}IsRequired"), format!("`{field}` is required"));
        let command = Self {
            white: player::named(call, "playerWhiteId").await?.ok_or_else(|| missing("playerWhiteId"))?,
            black: player::named(call, "playerBlackId").await?,
            created_by: player::named(call, "createdById").await?.map(|creator| creator.id),
            mode: call.word("mode").ok_or_else(|| missing("mode"))?,
            game_type: call.word("gameType").ok_or_else(|| missing("gameType"))?,
            time_control: wanted_time(call)?,
            code: call.text("invitationCode").map(str::to_owned),
            initial_fen: call.text("initialFEN").map(str::to_owned),
            open_for: TimeDelta::from_std(call.app.open_game).unwrap_or(TimeDelta::MAX),
        };
        Ok((call.request.command.derive("game"), command))
    }

    fn answer(done: &Done<Game>, call: &Call) -> Option<Map<String, Value>> {
        shown(done, call)
    }
}

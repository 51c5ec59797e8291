//! A game of chess: the state that its events fold into, and what all its commands ask of it.

use chrono::{DateTime, SubsecRound, Utc};
use event_schema::gameplay::chess_game::ChessGame;
use event_schema::gameplay::game_event::GameEvent;
use event_schema::ids::UserId;
use event_schema::stored::Stored;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::clock;
use super::rules::{Color, Position, Repetitions};
use crate::es::aggregate::{Aggregate, Context, Rejection};

/// The state of a game's stream. Its JSON is the state row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Game {
    /// What the API shows.
    stored: Option<Stored<ChessGame>>,
    /// The moves as UCI, each followed by a space.
    moves: String,
    /// The positions since the last irreversible move.
    repetitions: Repetitions,
    /// Time of the last event that moves the game on: a move, the beginning, a pause, its end.
    time: Option<DateTime<Utc>>,
    /// Milliseconds that the side to move has used before the game was saved, since the last move or the beginning.
    #[serde(default, skip_serializing_if = "is_zero")]
    used: i64,
    /// For when a command last set the timer of the clock. It may stand later since, when it has fired too early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flag: Option<DateTime<Utc>>,
}

impl Aggregate for Game {
    type Object = ChessGame;

    fn evolve(&mut self, event: &GameEvent, actor: Option<Uuid>) {
        self.stored = Stored::apply(self.stored.take(), event, actor);
        match event {
            GameEvent::GameCreated(created) => {
                self.moves.clear();
                self.repetitions = Repetitions::starting(&created.current_fen);
                (self.time, self.used) = (Some(created.at), 0);
            }
            GameEvent::GameImported(imported) => {
                self.moves.clear();
                self.repetitions = Repetitions::starting(&imported.current_fen);
                (self.time, self.used) = (Some(imported.at), 0);
            }
            GameEvent::MovePlayed(played) => {
                self.moves.push_str(&played.uci);
                self.moves.push(' ');
                self.repetitions.record(&played.fen);
                (self.time, self.used) = (Some(played.at), 0);
            }
            GameEvent::PlayerJoined { at, .. } => (self.time, self.used) = (Some(*at), 0),
            GameEvent::GamePaused { at, .. } => (self.used, self.time) = (self.used_at(*at), Some(*at)),
            GameEvent::GameResumed { at, .. }
            | GameEvent::GameTerminated { at, .. }
            | GameEvent::GameDeleted { at, .. }
            | GameEvent::GameEnded { at, .. } => self.time = Some(*at),
            GameEvent::PlayerInvited(_)
            | GameEvent::PlayerUninvited(_)
            | GameEvent::DrawOffered { .. }
            | GameEvent::DrawDeclined { .. }
            | GameEvent::SaveRequested { .. }
            | GameEvent::SaveWithdrawn { .. }
            | GameEvent::SaveDeclined { .. }
            | GameEvent::ResumeRequested { .. }
            | GameEvent::ResumeWithdrawn { .. }
            | GameEvent::ResumeDeclined { .. }
            | GameEvent::ReportChanged { .. } => return,
        }
        self.arm();
    }

    fn stored(&self) -> Option<&Stored<ChessGame>> {
        self.stored.as_ref()
    }
}

impl Game {
    /// The game, which must exist and not be deleted.
    pub fn existing(&self, cx: &Context) -> Result<&ChessGame, Rejection> {
        self.existing_now().ok_or_else(|| not_found(cx.stream))
    }

    /// The game, unless it does not exist or is deleted.
    pub fn existing_now(&self) -> Option<&ChessGame> {
        self.stored.as_ref().filter(|stored| stored.active).map(|stored| &stored.object)
    }

    /// The moves as UCI, in order.
    pub fn moves(&self) -> impl Iterator<Item = &str> {
        self.moves.split_ascii_whitespace()
    }

    /// The positions that a repetition can be of.
    pub fn repetitions(&self) -> &Repetitions {
        &self.repetitions
    }

    /// For when a command last set the timer of the clock; none while no clock runs.
    pub fn flag(&self) -> Option<DateTime<Utc>> {
        self.flag
    }

    /// The timer that stands after an event, as the commands set it.
    fn arm(&mut self) {
        let due = self.stored.as_ref().and_then(|stored| clock::deadline(&stored.object));
        self.flag = match (due, self.time) {
            (Some(due), Some(at)) if clock::must_arm(self.flag, due, at) => Some(due),
            (Some(_), _) => self.flag,
            (None, _) => None,
        };
    }

    /// Milliseconds that the side to move has used at this time for its move; a pause is no part of them.
    pub fn used_at(&self, at: DateTime<Utc>) -> i64 {
        self.used + self.time.map_or(0, |last| (at - last).num_milliseconds())
    }

    /// Game time: server time in milliseconds, never before the last event.
    pub fn clock(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let now = now.trunc_subsecs(3);
        self.time.map_or(now, |last| last.max(now))
    }
}

/// Whether a state row need not say it.
fn is_zero(millis: &i64) -> bool {
    *millis == 0
}

/// The refusal of an id that no game has.
pub fn not_found(id: Uuid) -> Rejection {
    Rejection::not_found("errMsg_recordNotFound", format!("there is no chessGame `{id}`"))
}

/// The position on the board. What is stored was printed by the rules, so an error means that the row was tampered with.
pub fn position(game: &ChessGame) -> Result<Position, Rejection> {
    Position::from_fen(&game.current_fen).map_err(|fault| {
        let told = format!("the stored position `{}` cannot be read: {fault}; tell an admin", game.current_fen);
        Rejection::conflict("errMsg_GameUnreadable", told)
    })
}

/// The player of this colour; none while Black is not there.
pub fn player_of(game: &ChessGame, color: Color) -> Option<UserId> {
    match color {
        Color::White => Some(game.player_white_id),
        Color::Black => game.player_black_id,
    }
}

/// The colour that this user plays.
pub fn color_of(game: &ChessGame, user: UserId) -> Option<Color> {
    Color::ALL.into_iter().find(|color| player_of(game, *color) == Some(user))
}

/// Whether this user plays in the game or made it.
pub fn takes_part(game: &ChessGame, user: UserId) -> bool {
    game.is_player(user) || game.created_by_id == user
}

/// Whether this is the code of the game: exact and case-sensitive.
pub fn is_code(game: &ChessGame, code: Option<&str>) -> bool {
    code.is_some() && code == game.invitation_code.as_deref()
}

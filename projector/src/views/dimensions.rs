//! The dimensions of games, folded: what every game has, and what the ratings of its players say.

use chrono::{DateTime, Datelike, NaiveTime, Timelike, Utc};
use event_schema::event::DecodeError;
use event_schema::gameplay::game_event::{EndReason, GameEvent, GameResult, MovePlayed, TimeControl};
use event_schema::gameplay::imported::{GameImported, Tags};
use event_schema::openings;
use event_schema::stored::{fields_of, object_of};
use event_schema::views::dimensions::{
    GAME_DIMENSIONS, RATING_DIMENSIONS, Termination, TimeControlClass, Weekday, Winner, rating_band,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Raised when anything here is computed otherwise: a part of the revision of each view that shows dimensions.
pub const REVISION: u32 = 1;

/// Moves by which the time of a game is judged.
const MOVES: i64 = 40;

/// The fields of [`GAME_DIMENSIONS`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GameDimensions {
    opening: Option<String>,
    eco: Option<String>,
    opening_family: Option<String>,
    plies: u32,
    pub(super) winner: Option<Winner>,
    termination: Option<Termination>,
    time_control_class: Option<TimeControlClass>,
    started_at: Option<DateTime<Utc>>,
    start_weekday: Option<Weekday>,
    start_hour: Option<u32>,
    duration_seconds: Option<f64>,
}

impl GameDimensions {
    /// Those of a document of this table; of none, those of a game that has not begun.
    pub fn of(view: &'static str, prior: Option<&Map<String, Value>>) -> Result<Self, DecodeError> {
        prior.map_or_else(|| Ok(Self::default()), |prior| object_of(view, GAME_DIMENSIONS.iter(), prior))
    }

    /// Applies an event of the game.
    pub fn evolve(&mut self, event: &GameEvent) {
        match event {
            GameEvent::GameCreated(created) => self.time_control_class = Some(class_of(created.time_control)),
            GameEvent::GameImported(imported) => self.imported(imported),
            GameEvent::MovePlayed(played) => self.moved(played),
            GameEvent::GameEnded { result, reason, at, .. } => self.ended(*result, *reason, *at),
            GameEvent::GameTerminated { at, .. } => self.ended(GameResult::Aborted, EndReason::Termination, *at),
            GameEvent::PlayerJoined { .. }
            | GameEvent::PlayerInvited(_)
            | GameEvent::PlayerUninvited(_)
            | GameEvent::DrawOffered { .. }
            | GameEvent::DrawDeclined { .. }
            | GameEvent::SaveRequested { .. }
            | GameEvent::SaveWithdrawn { .. }
            | GameEvent::SaveDeclined { .. }
            | GameEvent::GamePaused { .. }
            | GameEvent::ResumeRequested { .. }
            | GameEvent::ResumeWithdrawn { .. }
            | GameEvent::ResumeDeclined { .. }
            | GameEvent::GameResumed { .. }
            | GameEvent::ReportChanged { .. }
            | GameEvent::GameDeleted { .. } => {}
        }
    }

    /// Puts them into a document.
    pub fn put(&self, fields: &mut Map<String, Value>) {
        let values = fields_of(self);
        GAME_DIMENSIONS.iter().for_each(|field| field.put(&values, fields));
    }

    /// An imported game is over from its first event on.
    fn imported(&mut self, imported: &GameImported) {
        let given = imported.tags.given_time_control.as_deref();
        self.time_control_class = match (imported.time_control, given) {
            (Some(control), _) => Some(class_of(Some(control))),
            (None, Some("-")) => Some(TimeControlClass::Untimed),
            (None, Some(_) | None) => None,
        };
        self.over(imported.result, imported.reason);
        if let Some(at) = played_at(&imported.tags) {
            self.started(at);
        }
    }

    fn moved(&mut self, played: &MovePlayed) {
        self.plies = played.move_number;
        if let Some(opening) = openings::by_fen(&played.fen) {
            self.opening = Some(opening.name.to_owned());
            self.eco = Some(opening.eco.to_owned());
            self.opening_family = Some(family_of(opening.name).to_owned());
        }
        // Only an imported game is over before it moves.
        if self.winner.is_some() {
            self.duration_seconds = self.duration_with(played);
        } else if played.move_number == 1 {
            self.started(played.at);
        }
    }

    /// How long an imported game has taken by its clocks: as long as all its moves have one.
    fn duration_with(&self, played: &MovePlayed) -> Option<f64> {
        let timed = self.time_control_class.is_some_and(|class| class != TimeControlClass::Untimed);
        let before = if played.move_number == 1 { Some(0.0) } else { self.duration_seconds };
        let used = if played.move_number == 1 { 0 } else { played.move_time };
        let before = before.filter(|_| timed && played.remaining_ms.is_some())?;
        Some(seconds((before * 1000.0).round() as i64 + used))
    }

    fn started(&mut self, at: DateTime<Utc>) {
        self.started_at = Some(at);
        self.start_weekday = Some(weekday_of(at.weekday()));
        self.start_hour = Some(at.hour());
    }

    fn ended(&mut self, result: GameResult, reason: EndReason, at: DateTime<Utc>) {
        self.over(result, Some(reason));
        self.duration_seconds = self.started_at.map(|start| seconds((at - start).num_milliseconds()));
    }

    fn over(&mut self, result: GameResult, reason: Option<EndReason>) {
        self.winner = Some(match result {
            GameResult::WhiteWin => Winner::White,
            GameResult::BlackWin => Winner::Black,
            GameResult::Draw => Winner::Draw,
            GameResult::Aborted => Winner::None,
        });
        self.termination = Some(reason.map_or(Termination::Unknown, termination_of));
    }
}

/// Puts the dimensions of the ratings that stand in a document of games into it.
pub fn put_ratings(fields: &mut Map<String, Value>) {
    let rating = |name: &str| fields.get(name).and_then(Value::as_i64);
    let (white, black) = (rating("whiteElo"), rating("blackElo"));
    let both = white.zip(black);
    let values = Map::from_iter([
        ("whiteRatingBand".to_owned(), json!(white.and_then(rating_band))),
        ("blackRatingBand".to_owned(), json!(black.and_then(rating_band))),
        ("averageRatingBand".to_owned(), json!(both.and_then(|(white, black)| rating_band((white + black) / 2)))),
        ("ratingDifference".to_owned(), json!(both.map(|(white, black)| white - black))),
    ]);
    RATING_DIMENSIONS.iter().for_each(|field| field.put(&values, fields));
}

fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

/// The instant at which an imported game began, where its PGN says day and time.
fn played_at(tags: &Tags) -> Option<DateTime<Utc>> {
    let told = |name: &str| tags.more.get(name).map(String::as_str);
    let day = told("UTCDate").is_some_and(|day| day != "-" && !day.contains('?'));
    let time = told("UTCTime").is_some_and(|time| NaiveTime::parse_from_str(time, "%H:%M:%S").is_ok());
    tags.played_at.filter(|_| day && time)
}

/// `Sicilian Defense` of `Sicilian Defense: Najdorf Variation`, `Polish Opening` of `Polish Opening, with d5`.
fn family_of(opening: &str) -> &str {
    opening.split([':', ',']).next().unwrap_or(opening)
}

/// By the seconds that forty moves take: the bounds are those of Lichess, whose ultra-bullet is bullet here.
fn class_of(control: Option<TimeControl>) -> TimeControlClass {
    let Some(control) = control else { return TimeControlClass::Untimed };
    match control.increment_ms.saturating_mul(MOVES).saturating_add(control.initial_ms) / 1000 {
        ..180 => TimeControlClass::Bullet,
        180..480 => TimeControlClass::Blitz,
        480..1500 => TimeControlClass::Rapid,
        1500.. => TimeControlClass::Classical,
    }
}

fn termination_of(reason: EndReason) -> Termination {
    match reason {
        EndReason::Checkmate => Termination::Checkmate,
        EndReason::Resignation => Termination::Resignation,
        EndReason::Stalemate => Termination::Stalemate,
        EndReason::Agreement => Termination::Agreement,
        EndReason::InsufficientMaterial => Termination::InsufficientMaterial,
        EndReason::ThreefoldRepetition | EndReason::FivefoldRepetition => Termination::Repetition,
        EndReason::FiftyMoves | EndReason::SeventyFiveMoves => Termination::MoveRule,
        EndReason::Timeout | EndReason::TimeoutAgainstBareMaterial => Termination::TimeForfeit,
        EndReason::Abort | EndReason::Expiry | EndReason::PauseExpiry => Termination::Abandonment,
        EndReason::Termination => Termination::Adjudication,
    }
}

fn weekday_of(day: chrono::Weekday) -> Weekday {
    match day {
        chrono::Weekday::Mon => Weekday::Monday,
        chrono::Weekday::Tue => Weekday::Tuesday,
        chrono::Weekday::Wed => Weekday::Wednesday,
        chrono::Weekday::Thu => Weekday::Thursday,
        chrono::Weekday::Fri => Weekday::Friday,
        chrono::Weekday::Sat => Weekday::Saturday,
        chrono::Weekday::Sun => Weekday::Sunday,
    }
}

#[cfg(test)]
mod tests;

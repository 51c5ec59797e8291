//! The rules of the clock: pure, in milliseconds of server time.
//!
//! The first move of a game is free and starts the clock of the other side. From then on the side to move uses its
//! time, a move adds the increment, and whoever has none left has lost, or drawn against bare material.

use chrono::{DateTime, TimeDelta, Utc};
use event_schema::gameplay::chess_game::ChessGame;
use event_schema::gameplay::game_event::{EndReason, GameResult, TimeControl};

use super::play::win_of;
use super::rules::{Color, Position};

/// The shortest and the longest initial time, and the longest increment, in milliseconds.
pub const INITIAL_MS: std::ops::RangeInclusive<i64> = 100..=86_400_000;
/// The longest increment in milliseconds.
pub const MOST_INCREMENT_MS: i64 = 600_000;

/// A timer that is due within this time may have fired already at a process whose clock is ahead.
const AHEAD: TimeDelta = TimeDelta::seconds(1);

/// What is wrong with a wanted time control.
pub fn fault(control: TimeControl) -> Option<(&'static str, String)> {
    let TimeControl { initial_ms, increment_ms } = control;
    if !INITIAL_MS.contains(&initial_ms) {
        let (least, most) = (INITIAL_MS.start(), INITIAL_MS.end());
        return Some(("/timeControl/initialMs", format!("`initialMs` is {initial_ms}, not {least} to {most}")));
    }
    if !(0..=MOST_INCREMENT_MS).contains(&increment_ms) {
        let told = format!("`incrementMs` is {increment_ms}, not 0 to {MOST_INCREMENT_MS}");
        return Some(("/timeControl/incrementMs", told));
    }
    None
}

/// When the side to move will have no time left; none while no clock runs.
pub fn deadline(game: &ChessGame) -> Option<DateTime<Utc>> {
    let since = game.clock_runs_since?;
    game.remaining_at(since).map(|left| since + TimeDelta::milliseconds(left))
}

/// Whether the side to move has used up its time.
pub fn has_fallen(game: &ChessGame, at: DateTime<Utc>) -> bool {
    deadline(game).is_some_and(|deadline| deadline <= at)
}

/// What a mover has left after his move; none without a clock.
pub fn after_move(game: &ChessGame, at: DateTime<Utc>) -> Option<i64> {
    let (control, left) = (game.time_control?, game.remaining_at(at)?);
    let increment = if game.clock_runs_since.is_some() { control.increment_ms } else { 0 };
    Some(left + increment)
}

/// When the opponent of the side to move will have no time left if that side moves now; none without a clock.
pub fn deadline_after_move(game: &ChessGame, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let left = if game.white_to_move() { game.black_remaining_ms } else { game.white_remaining_ms };
    left.map(|left| at + TimeDelta::milliseconds(left))
}

/// Whether a move at `at` must set the timer to `due`. A timer that stands for an earlier time is left alone: it fires,
/// sees that nothing is due, and arms itself anew without an event, so that nobody knows for when.
pub fn must_arm(armed: Option<DateTime<Utc>>, due: DateTime<Utc>, at: DateTime<Utc>) -> bool {
    armed.is_none_or(|armed| due < armed || armed <= at + AHEAD)
}

/// How a game ends in which the side to move has no time left (articles 6.9 and 5.2.2).
pub fn flagged(board: &Position) -> (GameResult, EndReason) {
    let winner: Color = board.side_to_move().other();
    if board.can_mate(winner) {
        (win_of(winner), EndReason::Timeout)
    } else {
        (GameResult::Draw, EndReason::TimeoutAgainstBareMaterial)
    }
}

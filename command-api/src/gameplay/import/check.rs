//! A game of a PGN, checked: the events that it becomes, or all that is wrong with it.

use chess_pgn::{Game, clock_ms};
use chrono::{DateTime, TimeDelta, Utc};
use event_schema::gameplay::game_event::{EndReason, GameResult, MovePlayed, TimeControl};
use event_schema::gameplay::imported::GameImported;
use event_schema::ids::{CommandId, UserId};
use event_schema::object::instant;
use uuid::Uuid;

use super::command::ImportGame;
use super::ending;
use super::report::{Fault, MOST_FAULTS};
use super::tags::{self, Told};
use crate::gameplay::rules::{Color, Played, Position, Repetitions};

/// The longest game that is taken, in half-moves. The longest on record has 538.
pub const MOST_PLIES: usize = 1200;

/// A game without faults.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The command that brings it in: the same for the same game, whoever issues it.
    pub command: CommandId,
    /// What it does.
    pub import: ImportGame,
}

impl Found {
    /// The game's id.
    pub fn stream(&self) -> Uuid {
        self.command.derive("game")
    }
}

/// The moves of a game on the board.
pub struct Line {
    /// Each with who made it and what his clock said then.
    plies: Vec<(Played, Color, Option<i64>)>,
    /// The position at the end.
    pub last: Position,
    /// How often positions have stood there.
    pub repetitions: Repetitions,
}

/// Checks a game by itself; `now` is when it is imported.
pub fn check(game: &Game, now: DateTime<Utc>) -> Result<Found, Vec<Fault>> {
    let mut faults: Vec<Fault> = game.faults.iter().map(Fault::of_text).collect();
    let told = tags::read(game, now, &mut faults);
    let score = ending::told(game, &mut faults);
    if game.moves.len() > MOST_PLIES {
        let told = format!("it has {} half-moves, more than {MOST_PLIES}", game.moves.len());
        faults.push(Fault::of_game(game.line, "errMsg_GameIsTooLong", told));
    } else if let Some(start) = &told.start
        && let Some(line) = replayed(game, start, &mut faults)
        && faults.is_empty()
    {
        match ending::of(game, score, &line) {
            Ok((result, reason)) => return Ok(found(&told, start, &line, result, reason, now)),
            Err(told) => faults.push(Fault::of_game(game.line, "errMsg_ResultIsNotValid", told)),
        }
    }
    faults.truncate(MOST_FAULTS);
    Err(faults)
}

/// Plays all moves that could be read; none when one is illegal.
fn replayed(game: &Game, start: &Position, faults: &mut Vec<Fault>) -> Option<Line> {
    let mut line = Line { plies: Vec::new(), last: start.clone(), repetitions: Repetitions::starting(&start.fen()) };
    for (mv, half_move) in game.moves.iter().zip(1..) {
        let (color, number) = (line.last.side_to_move(), line.last.fullmove_number());
        let played = match line.last.play(&mv.san) {
            Ok(played) => played,
            Err(fault) => {
                let dots = if color == Color::White { "." } else { "..." };
                let (san, rule, article) = (&mv.san, fault.rule(), fault.article());
                let told = format!("{number}{dots} {san}: {fault} (rule {rule}, FIDE article {article})");
                faults.push(Fault::of_move(mv.line, half_move, "errMsg_IllegalMove", told));
                return None;
            }
        };
        let clock = mv.clock.as_deref().map(|text| clock_ms(text).ok_or(text));
        if let Some(Err(text)) = clock {
            let told = format!("`[%clk {text}]` is no clock: `[%clk 0:05:01]` is expected");
            faults.push(Fault::of_move(mv.line, half_move, "errMsg_ClockIsNotValid", told));
        }
        line.last = played.position.clone();
        line.repetitions.record(&line.last.fen());
        line.plies.push((played, color, clock.and_then(Result::ok)));
    }
    Some(line)
}

fn found(
    told: &Told,
    start: &Position,
    line: &Line,
    result: GameResult,
    reason: Option<EndReason>,
    now: DateTime<Utc>,
) -> Found {
    let [white, black] = players(told);
    let beginning = GameImported {
        player_white_id: white,
        player_black_id: black,
        imported_by_id: UserId::default(), // Who issues the command.
        game_type: told.game_type,
        initial_fen: Some(start.fen()).filter(|_| *start != Position::start()),
        current_fen: start.fen(),
        time_control: told.control,
        result,
        reason,
        at: told.tags.played_at.unwrap_or(now),
        tags: told.tags.clone(),
    };
    let command = identity(&beginning, line);
    let moves = moves(&beginning, line);
    Found { command, import: ImportGame { beginning, moves } }
}

/// The ids of the two names, which differ also where the names do not.
fn players(told: &Told) -> [UserId; 2] {
    let [white, black] = [&told.tags.white, &told.tags.black].map(|name| name.as_deref().unwrap_or("?"));
    let other = UserId::named(&format!("{black}\0black"));
    [UserId::named(white), if white == black { other } else { UserId::named(black) }]
}

fn moves(beginning: &GameImported, line: &Line) -> Vec<MovePlayed> {
    let clocks: Vec<Option<i64>> = line.plies.iter().map(|(.., clock)| *clock).collect();
    let mut at = beginning.at;
    let plies = line.plies.iter().zip(used(&clocks, beginning.time_control)).zip(1..);
    plies
        .map(|(((played, color, clock), used), number)| {
            at += TimeDelta::milliseconds(used);
            MovePlayed {
                move_number: number,
                uci: played.uci.clone(),
                san: played.san.clone(),
                fen: played.position.fen(),
                by: match color {
                    Color::White => beginning.player_white_id,
                    Color::Black => beginning.player_black_id,
                },
                white: beginning.player_white_id,
                black: beginning.player_black_id,
                move_time: used,
                at,
                remaining_ms: *clock,
                client_move_time: None,
            }
        })
        .collect()
}

/// Milliseconds that each half-move took by the clocks: the first one adds no increment, as here. 0 where the clocks do
/// not say.
fn used(clocks: &[Option<i64>], control: Option<TimeControl>) -> Vec<i64> {
    let (initial, increment) = control.map_or((None, 0), |control| (Some(control.initial_ms), control.increment_ms));
    let took = |ply: usize| {
        let before = if ply < 2 { initial } else { clocks[ply - 2] }?;
        let added = if ply == 0 { 0 } else { increment };
        Some((before + added - clocks[ply]?).max(0))
    };
    (0..clocks.len()).map(|ply| took(ply).unwrap_or(0)).collect()
}

/// The id of the command: of who played whom, where, when, which moves, with what result. Its time is the game's, so
/// that ids of one time stand together.
fn identity(beginning: &GameImported, line: &Line) -> CommandId {
    let tags = &beginning.tags;
    let moves: Vec<&str> = line.plies.iter().map(|(played, ..)| played.uci.as_str()).collect();
    let (played_at, moves) = (tags.played_at.map(instant), moves.join(" "));
    let told = [&tags.white, &tags.black, &tags.event, &tags.site, &tags.round, &tags.date, &played_at];
    let mut parts: Vec<&str> = told.into_iter().map(|part| part.as_deref().unwrap_or_default()).collect();
    parts.extend([beginning.result.as_str(), beginning.initial_fen.as_deref().unwrap_or_default(), &moves]);
    let millis = tags.played_at.map_or(0, |at| u64::try_from(at.timestamp_millis()).unwrap_or(0));
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    CommandId(CommandId(Uuid::from_bytes(bytes)).derive(&format!("import\0{}", parts.join("\0"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_tell_how_long_moves_took() {
        let control = Some(TimeControl { initial_ms: 180_000, increment_ms: 2_000 });
        let clocks = [Some(180_000), Some(178_700), Some(181_000), None, Some(183_500), Some(100)];
        assert_eq!(used(&clocks, control), [0, 3_300, 1_000, 0, 0, 0]);
        assert_eq!(used(&clocks[..3], None), [0, 0, 0]);
        assert_eq!(used(&[Some(179_000)], control), [1_000]);
    }
}

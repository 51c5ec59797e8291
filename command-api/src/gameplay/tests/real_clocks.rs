//! The shipped games, played by the recorded times: the clocks come out as the file has them.

use super::*;
use crate::gameplay::rules::tests::pgn;
use crate::gameplay::timers::FallFlag;
use event_schema::gameplay::game_event::{GameStatus, TimeControl};

/// The time control of `300+3`; correspondence has none.
fn control_of(game: &pgn::Game<'_>) -> Option<TimeControl> {
    let (initial, increment) = game.tag("TimeControl").split_once('+')?;
    let millis = |text: &str| text.parse::<i64>().unwrap() * 1000;
    Some(TimeControl { initial_ms: millis(initial), increment_ms: millis(increment) })
}

/// A game that begins with this control; the timer's runner fires whatever is due.
fn begin(control: Option<TimeControl>) -> Table {
    let game_type = if control.is_some() { GameType::Blitz } else { GameType::Untimed };
    Table::after(WHITE, &CreateGame { game_type, time_control: control, ..create() })
}

/// Seconds that the file says a move took. It counts no time for Black's first move and adds none, which here is as much
/// used as added. None: nobody loses time so; White began with less than the tag says, or a player was given some.
fn used(game: &pgn::Game<'_>, control: TimeControl, ply: usize) -> Option<i64> {
    let before = if ply < 2 { control.initial_ms / 1000 } else { game.clocks[ply - 2] };
    match (ply, before - game.clocks[ply]) {
        (0, 0) => Some(0),
        (0, _) => None,
        (_, lost) => Some(lost + control.increment_ms / 1000).filter(|used| *used >= 0),
    }
}

#[test]
fn the_clocks_of_the_shipped_games_come_out_within_their_whole_seconds() {
    let (mut moves, mut flags, mut odd) = (0, 0, 0);
    for game in pgn::games(pgn::SHIPPED) {
        let (site, control) = (game.tag("Site"), control_of(&game).expect("all are played with clocks"));
        let all: Option<Vec<i64>> = (0..game.moves.len()).map(|ply| used(&game, control, ply)).collect();
        let Some(used) = all else {
            odd += 1;
            continue;
        };
        let mut table = begin(Some(control));
        for (ply, san) in game.moves.iter().enumerate() {
            // A part of a second is left to whom the file shows none.
            let most = table.object().remaining_at(at(0)).filter(|_| ply > 0).map_or(0, |left| left - 1);
            table.millis += (used[ply] * 1000).clamp(0, most);
            assert_eq!(table.decide(Actor::System, &FallFlag).unwrap().events, [], "{site}: {ply}");
            table.issue_now(user(table.to_move()), &play(table.next(), san)).unwrap();
            let left = [table.object().white_remaining_ms, table.object().black_remaining_ms][ply % 2].unwrap();
            let shown = game.clocks[ply];
            assert!((left - shown * 1000).abs() < 1000, "{site}, half-move {}: {left} ms, not {shown} s", ply + 1);
            moves += 1;
        }
        if game.tag("Termination") == "Time forfeit" && table.object().status == GameStatus::Active {
            flags += usize::from(falls(&mut table, game.tag("Result"), site));
        }
    }
    assert_eq!((moves, flags, odd), (13_780, 66, 8), "of 220 games");
}

/// The flag falls at the deadline, and not before; whether there was a clock that ran.
fn falls(table: &mut Table, result: &str, site: &str) -> bool {
    let Some(deadline) = crate::gameplay::clock::deadline(table.object()) else { return false };
    table.millis = (deadline - in_millis(0)).num_milliseconds() - 1;
    assert_eq!(table.decide(Actor::System, &FallFlag).unwrap().events, [], "{site}");
    table.millis += 1;
    table.issue_now(Actor::System, &FallFlag).unwrap();
    let expected = match result {
        "1-0" => GameResult::WhiteWin,
        "0-1" => GameResult::BlackWin,
        _ => GameResult::Draw,
    };
    assert_eq!(table.end().0, Some(expected), "{site}");
    true
}

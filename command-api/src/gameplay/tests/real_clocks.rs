//! The shipped games, played by the recorded times: the clocks and the results come out as the file has them.

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

/// The games in which more happens to the clocks than moves, and what: White begins with half his time (a choice that
/// some tournaments offer), White's clock runs before his first move, or a player is given time by his opponent.
const ODD: [(&str, &str); 8] = [
    ("https://lichess.org/ksUCq5a1", "White begins with 30 of 60 s"),
    ("https://lichess.org/iRP81JPn", "White begins with 30 of 60 s"),
    ("https://lichess.org/OnH1zaOw", "White begins with 90 of 180 s"),
    ("https://lichess.org/aMlPLRuE", "White begins with 90 of 180 s"),
    ("https://lichess.org/WdDMYIeC", "White begins with 90 of 180 s"),
    ("https://lichess.org/SZqwweVz", "half-move 68 leaves 104 of 64 s"),
    ("https://lichess.org/6yjnwYnY", "White begins with 455 of 480 s"),
    ("https://lichess.org/IsFv5PRq", "White begins with 221 of 480 s"),
];

/// What happens to the clocks besides moves.
fn oddity(game: &pgn::Game<'_>, control: TimeControl) -> Option<String> {
    let ply = (0..game.moves.len()).find(|ply| used(game, control, *ply).is_none())?;
    let (left, initial) = (game.clocks[ply], control.initial_ms / 1000);
    Some(match ply {
        0 => format!("White begins with {left} of {initial} s"),
        ply => format!("half-move {} leaves {left} of {} s", ply + 1, game.clocks[ply - 2]),
    })
}

#[test]
fn the_clocks_of_the_shipped_games_come_out_within_their_whole_seconds() {
    let (mut moves, mut flags, mut odd) = (0, 0, Vec::new());
    for game in pgn::games(pgn::SHIPPED) {
        let (site, control) = (game.tag("Site"), control_of(&game).expect("all are played with clocks"));
        if let Some(why) = oddity(&game, control) {
            odd.push((site, why));
            continue;
        }
        let used: Vec<i64> = (0..game.moves.len()).filter_map(|ply| used(&game, control, ply)).collect();
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
    assert_eq!((moves, flags), (13_780, 66), "of 220 games");
    assert_eq!(odd, ODD.map(|(site, why)| (site, why.to_owned())));
}

/// The flag falls at the deadline, and not before; whether there was a clock that ran.
fn falls(table: &mut Table, result: &str, site: &str) -> bool {
    let Some(deadline) = crate::gameplay::clock::deadline(table.object()) else { return false };
    table.millis = (deadline - in_millis(0)).num_milliseconds() - 1;
    assert_eq!(table.decide(Actor::System, &FallFlag).unwrap().events, [], "{site}");
    table.millis += 1;
    table.issue_now(Actor::System, &FallFlag).unwrap();
    assert_eq!(table.end().0, Some(result_of(result)), "{site}");
    true
}

/// `1-0`, `0-1`, `1/2-1/2`.
fn result_of(text: &str) -> GameResult {
    match text {
        "1-0" => GameResult::WhiteWin,
        "0-1" => GameResult::BlackWin,
        _ => GameResult::Draw,
    }
}

/// Ends a game that the board has not ended as the file says it ended: the loser resigns, both agree to a draw or one
/// claims it, or the clock runs down on who stays away.
fn finish(table: &mut Table, termination: &str, wanted: GameResult) {
    let active = |table: &Table| table.object().status == GameStatus::Active;
    let mover = table.to_move();
    let other = if mover == WHITE { BLACK } else { WHITE };
    match (termination, wanted) {
        ("Normal", GameResult::Draw) => {
            for player in [mover, other] {
                if active(table) {
                    table.issue_now(user(player), &result(GameResult::Draw)).unwrap();
                }
            }
        }
        ("Normal", GameResult::WhiteWin | GameResult::BlackWin | GameResult::Aborted) if active(table) => {
            let loser = if wanted == GameResult::WhiteWin { BLACK } else { WHITE };
            table.issue_now(user(loser), &result(wanted)).unwrap();
        }
        (_, GameResult::WhiteWin | GameResult::BlackWin | GameResult::Draw | GameResult::Aborted) => {
            if let Some(deadline) = crate::gameplay::clock::deadline(table.object()) {
                table.millis = (deadline - in_millis(0)).num_milliseconds();
                table.issue_now(Actor::System, &FallFlag).unwrap();
            }
        }
    }
}

#[test]
fn every_shipped_game_ends_with_the_result_of_its_file() {
    let mut reasons = BTreeMap::new();
    for game in pgn::games(pgn::SHIPPED) {
        let (site, wanted) = (game.tag("Site"), result_of(game.tag("Result")));
        let mut table = begin(control_of(&game));
        for san in &game.moves {
            table.issue_now(user(table.to_move()), &play(table.next(), san)).unwrap();
        }
        finish(&mut table, game.tag("Termination"), wanted);
        let (result, reason) = table.end();
        // Nobody moved in two games: no clock ran, and here such a game has no winner.
        assert_eq!(result, Some(wanted).filter(|_| !game.moves.is_empty()), "{site}");
        *reasons.entry(reason.map_or("none", EndReason::as_str)).or_insert(0) += 1;
    }
    let expected = [
        ("agreement", 2),
        ("checkmate", 54),
        ("insufficientMaterial", 1),
        ("none", 2),
        ("resignation", 83),
        ("stalemate", 1),
        ("threefoldRepetition", 6),
        ("timeout", 69),
        ("timeoutAgainstBareMaterial", 2),
    ];
    assert_eq!(reasons.into_iter().collect::<Vec<_>>(), expected, "of 220 games");
}

use super::*;
use crate::gameplay::timers::{FLAG, FallFlag};
use event_schema::gameplay::game_event::{GameStatus, TimeControl};

/// White against Black with 10 seconds and 2 a move, these moves played one second apart.
fn timed(moves: &str) -> Table {
    let time_control = Some(TimeControl { initial_ms: 10_000, increment_ms: 2_000 });
    let mut table = Table::after(WHITE, &CreateGame { game_type: GameType::Blitz, time_control, ..create() });
    table.play_all(moves);
    table
}

fn left(table: &Table) -> (i64, i64) {
    (table.object().white_remaining_ms.unwrap(), table.object().black_remaining_ms.unwrap())
}

#[test]
fn the_first_move_is_free_and_starts_the_clock() {
    let mut table = timed("");
    assert_eq!((left(&table), table.object().clock_runs_since), ((10_000, 10_000), None));
    table.millis += 3_600_000;
    table.play_all("e4");
    assert_eq!((left(&table), table.object().clock_runs_since), ((10_000, 10_000), table.object().moved_at));
    table.play_all("e5 Nf3");
    assert_eq!(left(&table), (11_000, 11_000), "a second used, two gained");
}

#[test]
fn a_move_tells_what_the_mover_has_left_and_what_his_client_says() {
    let mut table = timed("e4");
    table.millis += 3_500;
    let said = CreateGameMove { client_time: Some(4_321), ..play(2, "e5") };
    let events = table.issue(user(BLACK), &said).unwrap();
    let GameEvent::MovePlayed(played) = &events[0] else { panic!("{events:?}") };
    assert_eq!((played.move_time, played.remaining_ms, played.client_move_time), (4_500, Some(7_500), Some(4_321)));
    let untimed = Table::with_moves("e4");
    assert_eq!((untimed.object().white_remaining_ms, untimed.object().clock_runs_since), (None, None));
    assert!(untimed.timers.is_empty());
}

#[test]
fn who_has_no_time_left_has_lost_and_moves_no_more() {
    let mut table = timed("e4");
    let due = table.timers[FLAG];
    assert_eq!(due, at(12));
    table.millis = 11_999;
    assert_eq!(table.decide(Actor::System, &FallFlag).unwrap().events, [], "a millisecond is left");
    table.millis = 12_000;
    for late in [user(BLACK), user(ADMIN)] {
        let refusal = table.decide(late, &play(2, "e5")).unwrap_err();
        assert_eq!((refusal.kind, refusal.code), (Refused::Conflict, "errMsg_FlagFell"));
    }
    table.refuses(BLACK, &result(GameResult::WhiteWin), Refused::Conflict, "the time of black is up");
    table.refuses(BLACK, &with(|u| u.save_request_black = Some(true)), Refused::Conflict, "the time of black is up");
    table.issue_now(Actor::System, &FallFlag).unwrap();
    assert_eq!(table.end(), (Some(GameResult::WhiteWin), Some(EndReason::Timeout)));
    assert_eq!((left(&table), table.object().clock_runs_since), ((10_000, 0), None));
    assert_eq!(table.issue(Actor::System, &FallFlag).unwrap(), [], "a flag falls once");
}

#[test]
fn a_flag_against_bare_material_is_a_draw() {
    let fen = "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1";
    let start = CreateGame { initial_fen: Some(fen.into()), game_type: GameType::Blitz, ..create() };
    let mut table = Table::after(WHITE, &start);
    table.play_all("e4 Ke7");
    table.millis += 180_000;
    table.issue(Actor::System, &FallFlag).unwrap();
    let drawn = (Some(GameResult::Draw), Some(EndReason::TimeoutAgainstBareMaterial));
    assert_eq!(table.end(), drawn, "Black has only his king");
}

#[test]
fn the_timer_is_never_later_than_the_flag_and_seldom_set() {
    let mut table = timed("e4");
    let mut set = 0;
    for notation in "e5 Nf3 Nc6 Bb5 a6 Ba4 Nf6 O-O Be7 Re1 b5 Bb3 d6 c3 O-O".split(' ') {
        let decision = table.decide(user(table.to_move()), &play(table.next(), notation)).unwrap();
        set += decision.effects.len();
        table.play_all(notation);
        let due = crate::gameplay::clock::deadline(table.object()).unwrap();
        assert!(table.timers[FLAG] <= due);
        assert_eq!(table.game.flag(), Some(table.timers[FLAG]));
    }
    assert!(set <= 3, "{set} of 15 moves wrote the timer");
}

#[test]
fn the_end_of_a_game_stops_clock_and_timer() {
    let mut table = timed("e4 f6 d4 g5 Qh5");
    assert_eq!(table.end().1, Some(EndReason::Checkmate));
    assert!(table.timers.is_empty() && table.game.flag().is_none());
    table = timed("e4 e5");
    table.millis += 4_000;
    table.issue(user(WHITE), &result(GameResult::BlackWin)).unwrap();
    assert_eq!((left(&table).0, table.object().status), (5_000, GameStatus::Completed), "five seconds of thought");
    assert!(table.timers.is_empty());
}

#[test]
fn a_server_clock_that_goes_back_gives_nobody_time() {
    let mut table = timed("e4 e5");
    table.millis -= 60_000;
    table.play_all("Nf3");
    assert_eq!(left(&table), (12_000, 11_000));
}

use super::*;
use crate::gameplay::timers::{ExpirePause, FLAG, FallFlag, PAUSE_EXPIRY};
use crate::gameplay::update::Reply;
use event_schema::gameplay::game_event::{GameStatus, SaveStatus};

fn white(wish: bool) -> UpdateGame {
    with(|u| u.save_request_white = Some(wish))
}

fn black(wish: bool) -> UpdateGame {
    with(|u| u.save_request_black = Some(wish))
}

fn answer(reply: Reply) -> UpdateGame {
    with(|u| u.save_answer = Some(reply))
}

fn blitz(moves: &str) -> Table {
    let mut table = Table::after(WHITE, &CreateGame { game_type: GameType::Blitz, ..create() });
    table.play_all(moves);
    table
}

fn saved(table: &Table) -> (GameStatus, SaveStatus, bool, bool) {
    let game = table.object();
    (game.status, game.save_status, game.save_request_white, game.save_request_black)
}

#[test]
fn both_save_and_both_resume_and_no_time_passes_between() {
    let mut table = blitz("e4 e5");
    table.issue(user(WHITE), &white(true)).unwrap();
    assert_eq!(saved(&table), (GameStatus::Active, SaveStatus::Requested, true, false));
    assert_eq!(table.issue(user(WHITE), &white(true)).unwrap(), [], "so already");
    table.play_all("Nf3");
    assert_eq!(saved(&table).1, SaveStatus::Requested, "a move does not answer it");
    table.millis += 1_000;
    table.issue(user(BLACK), &black(true)).unwrap();
    assert_eq!(saved(&table), (GameStatus::Paused, SaveStatus::Paused, true, true));
    assert_eq!(table.object().black_remaining_ms, Some(181_000 - 2_000));
    assert_eq!(table.timers.keys().collect::<Vec<_>>(), [&PAUSE_EXPIRY]);
    table.refuses(BLACK, &play(4, "Nc6"), Refused::Conflict, "both players must resume");
    table.refuses(WHITE, &result(GameResult::Draw), Refused::Conflict, "both players must resume");
    table.millis += 86_400_000;
    table.issue(user(BLACK), &black(false)).unwrap();
    assert_eq!(saved(&table), (GameStatus::Paused, SaveStatus::Paused, true, false));
    assert_eq!(table.issue(Actor::System, &FallFlag).unwrap(), [], "the clock stands still");
    table.issue(user(WHITE), &white(false)).unwrap();
    assert_eq!(saved(&table), (GameStatus::Active, SaveStatus::NotSaveable, false, false));
    assert_eq!(table.timers.keys().collect::<Vec<_>>(), [&FLAG]);
    assert_eq!(table.game.flag(), Some(table.timers[FLAG]));
    table.play_all("Nc6");
    assert_eq!(table.object().black_remaining_ms, Some(179_000 - 1_000 + 2_000));
}

#[test]
fn a_move_takes_the_time_before_and_after_a_pause() {
    let mut table = blitz("e4");
    for thought in [60_000, 3_000] {
        table.millis += thought - 2_000;
        table.issue(user(WHITE), &white(true)).unwrap();
        table.issue(user(BLACK), &black(true)).unwrap();
        table.millis += 86_400_000;
        table.issue(user(WHITE), &white(false)).unwrap();
        table.issue(user(BLACK), &black(false)).unwrap();
    }
    table.millis += 4_000;
    let events = table.issue(user(BLACK), &play(2, "e5")).unwrap();
    let GameEvent::MovePlayed(played) = &events[0] else { panic!("{events:?}") };
    assert_eq!((played.move_time, played.remaining_ms), (68_000, Some(180_000 - 68_000 + 2_000)));
    let events = table.issue(user(WHITE), &play(3, "Nf3")).unwrap();
    let GameEvent::MovePlayed(played) = &events[0] else { panic!("{events:?}") };
    assert_eq!(played.move_time, 1_000, "what the other has used is not his");
}

#[test]
fn a_state_row_of_before_is_read() {
    let mut table = blitz("e4");
    table.issue(user(WHITE), &white(true)).unwrap();
    table.issue(user(BLACK), &black(true)).unwrap();
    let mut row = serde_json::to_value(&table.game).unwrap();
    assert_eq!(row.as_object_mut().unwrap().remove("used"), Some(2_000.into()));
    let mut read: Game = serde_json::from_value(row).unwrap();
    assert_eq!(read.used_at(in_millis(table.millis)), 0);
    read.evolve(&GameEvent::GameResumed { by: WHITE, at: in_millis(table.millis) }, None);
    assert_eq!(read.used_at(in_millis(table.millis + 7)), 7);
}

#[test]
fn wishes_are_taken_back_and_declined() {
    let mut table = blitz("e4");
    table.issue(user(WHITE), &white(true)).unwrap();
    table.issue(user(WHITE), &white(false)).unwrap();
    assert_eq!(saved(&table), (GameStatus::Active, SaveStatus::NotSaveable, false, false));
    table.refuses(BLACK, &answer(Reply::Accepted), Refused::Conflict, "nothing to answer");
    table.issue(user(WHITE), &white(true)).unwrap();
    table.refuses(WHITE, &answer(Reply::Accepted), Refused::Conflict, "nothing to answer");
    assert_eq!(table.issue(user(BLACK), &answer(Reply::Declined)).unwrap(), [GameEvent::SaveDeclined { by: BLACK }]);
    assert_eq!(saved(&table).1, SaveStatus::NotSaveable);
    table.issue(user(BLACK), &black(true)).unwrap();
    table.issue(user(WHITE), &answer(Reply::Accepted)).unwrap();
    table.issue(user(WHITE), &white(false)).unwrap();
    assert_eq!(table.issue(user(WHITE), &white(true)).unwrap(), [GameEvent::ResumeWithdrawn { by: WHITE }]);
    table.issue(user(BLACK), &black(false)).unwrap();
    assert_eq!(table.issue(user(WHITE), &answer(Reply::Declined)).unwrap(), [GameEvent::ResumeDeclined { by: WHITE }]);
    assert_eq!(saved(&table), (GameStatus::Paused, SaveStatus::Paused, true, true));
}

#[test]
fn status_and_save_status_say_the_same_in_one_word() {
    let word = |status| with(|u| u.status = Some(status));
    let save = |status| with(|u| u.save_status = Some(status));
    let mut table = blitz("e4");
    table.issue(user(BLACK), &word(GameStatus::Paused)).unwrap();
    table.issue(user(WHITE), &save(SaveStatus::NotSaveable)).unwrap();
    assert_eq!(saved(&table).1, SaveStatus::NotSaveable, "declined");
    table.issue(user(BLACK), &save(SaveStatus::Requested)).unwrap();
    table.issue(user(WHITE), &save(SaveStatus::Paused)).unwrap();
    assert_eq!(saved(&table).0, GameStatus::Paused);
    table.issue(user(BLACK), &word(GameStatus::Active)).unwrap();
    table.issue(user(WHITE), &save(SaveStatus::NotSaveable)).unwrap();
    assert_eq!(saved(&table).0, GameStatus::Active);
}

#[test]
fn only_players_save_and_only_what_is_played() {
    let table = blitz("e4");
    table.refuses(ADMIN, &white(true), Refused::Forbidden, "only white");
    table.refuses(ADMIN, &with(|u| u.status = Some(GameStatus::Paused)), Refused::Forbidden, "only a player");
    let mut over = table.clone();
    over.issue(user(BLACK), &result(GameResult::WhiteWin)).unwrap();
    over.refuses(WHITE, &white(true), Refused::Conflict, "errMsg_GameOver");
    Table::after(WHITE, &open()).refuses(WHITE, &white(true), Refused::Conflict, "second player");
    table.refuses(WHITE, &answer(Reply::Accepted), Refused::Conflict, "nothing to answer");
}

#[test]
fn a_saved_public_game_ends_after_its_time_and_a_private_one_waits() {
    let mut table = blitz("e4 e5");
    table.issue(user(WHITE), &white(true)).unwrap();
    table.issue(user(BLACK), &black(true)).unwrap();
    assert_eq!(table.timers[PAUSE_EXPIRY], in_millis(table.millis) + TimeDelta::days(30));
    table.issue(Actor::System, &ExpirePause).unwrap();
    assert_eq!(table.end(), (Some(GameResult::Aborted), Some(EndReason::PauseExpiry)));
    assert_eq!(table.issue(Actor::System, &ExpirePause).unwrap(), []);
    let mut private = Table::after(WHITE, &CreateGame { mode: GameMode::Private, ..create() });
    private.issue(user(WHITE), &white(true)).unwrap();
    private.issue(user(BLACK), &black(true)).unwrap();
    assert!(private.timers.is_empty());
    assert_eq!(blitz("e4").issue(Actor::System, &ExpirePause).unwrap(), []);
}

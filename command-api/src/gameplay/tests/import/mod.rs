//! Games of a PGN as they are taken, or refused.

mod fuzz;
mod round_trip;

use super::*;
use crate::gameplay::import::check::{Found, check};
use crate::gameplay::import::command::ImportGame;
use crate::gameplay::import::report::Fault;
use event_schema::gameplay::chess_game::ChessGame;
use event_schema::gameplay::game_event::{GameStatus, TimeControl};

/// The first game of a text, imported at noon.
pub(super) fn checked(text: &str) -> Result<Found, Vec<Fault>> {
    check(&chess_pgn::games(text).next().unwrap(), at(0))
}

/// The game that it becomes.
pub(super) fn imported(import: &ImportGame) -> Table {
    let mut table = Table::default();
    table.issue_now(user(ADMIN), import).unwrap();
    table
}

fn game(text: &str) -> ChessGame {
    imported(&checked(text).unwrap().import).object().clone()
}

/// The faults of a game, each as `<line> <tag or half-move> <code>: <message>`.
fn faults(text: &str) -> Vec<String> {
    let place = |fault: &Fault| fault.tag.clone().or(fault.half_move.map(|ply| ply.to_string())).unwrap_or_default();
    let told = checked(text).unwrap_err();
    told.iter().map(|fault| format!("{} {} {}: {}", fault.line, place(fault), fault.code, fault.message)).collect()
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let found = faults(text);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (fault, expected) in found.iter().zip(expected) {
        assert!(fault.starts_with(expected), "{fault}");
    }
}

const WHOLE: &str = "[Event \"Casual\"]\n[Site \"Vienna\"]\n[Date \"1873.??.??\"]\n[Round \"?\"]\n[White \"Hamppe\"]\n\
    [Black \"Meitner\"]\n[Result \"1-0\"]\n[WhiteElo \"2400?\"]\n[BlackElo \"-\"]\n[WhiteRatingDiff \"+5\"]\n\
    [BlackTitle \"IM\"]\n[TimeControl \"180+2\"]\n[ECO \"C25\"]\n[Opening \"Vienna\"]\n[Termination \"Normal\"]\n\
    [Annotator \"x\"]\n\n1. e4 {[%clk 0:03:00]} e5 {[%clk 0:02:58.5]} 2. Nc3 {[%clk 0:02:57]} 1-0\n";

#[test]
fn a_game_is_over_from_the_beginning_and_tells_what_its_pgn_told() {
    let found = checked(WHOLE).unwrap();
    let table = imported(&found.import);
    let game = table.object();
    assert_eq!((game.status, game.result), (GameStatus::Completed, Some(GameResult::WhiteWin)));
    assert_eq!((game.end_reason, game.move_count), (Some(EndReason::Resignation), 3));
    assert_eq!((game.game_type, game.mode, game.imported_by_id), (GameType::Blitz, GameMode::Public, Some(ADMIN)));
    assert_eq!(game.time_control, Some(TimeControl { initial_ms: 180_000, increment_ms: 2_000 }));
    assert_eq!((game.white_remaining_ms, game.black_remaining_ms), (Some(177_000), Some(178_500)));
    assert_eq!((game.clock_runs_since, table.game.flag(), table.timers.len()), (None, None, 0));
    assert_eq!(game.player_white_id, UserId::named("Hamppe"));
    let tags = game.tags.as_ref().unwrap();
    assert_eq!((tags.white_elo, tags.black_elo, tags.white_rating_diff), (Some(2400), None, Some(5)));
    assert_eq!((tags.date.as_deref(), tags.round.as_deref()), (Some("1873.??.??"), None));
    assert_eq!(tags.played_at, "1873-01-01T00:00:00Z".parse().ok());
    assert_eq!((tags.given_eco.as_deref(), tags.more["Annotator"].as_str()), (Some("C25"), "x"));
    let times: Vec<_> = found.import.moves.iter().map(|mv| (mv.move_time, mv.remaining_ms)).collect();
    assert_eq!(times, [(0, Some(180_000)), (3_500, Some(178_500)), (5_000, Some(177_000))]);
    assert_eq!(game.moved_at, "1873-01-01T00:00:08.500Z".parse().ok());
}

#[test]
fn the_same_game_has_the_same_id_and_another_one_another() {
    let id = |text: &str| checked(text).unwrap().stream();
    let commented = WHOLE.replace("1. e4 {", "1. e4! $1 (1. d4 d5) {good} {").replace("[Annotator \"x\"]\n", "");
    assert_eq!(id(WHOLE), id(&commented));
    assert_eq!(id(WHOLE), id(&WHOLE.replace("Nc3 {[%clk 0:02:57]}", "b1c3")), "the moves, not how they are written");
    for (from, to) in
        [("Vienna\"]\n[Date", "Wien\"]\n[Date"), ("Meitner", "Steinitz"), ("2. Nc3", "2. Nf3"), ("1873", "1872")]
    {
        assert_ne!(id(WHOLE), id(&WHOLE.replace(from, to)), "{from}");
    }
    assert!(id(&WHOLE.replace("1873", "1999")) < id(&WHOLE.replace("1873", "2001")), "ids are in the order of time");
}

#[test]
fn only_admins_import_and_what_is_there_stays() {
    let import = checked(WHOLE).unwrap().import;
    Table::default().refuses(WHITE, &import, Refused::Forbidden, "only admins");
    let mut table = imported(&import);
    assert_eq!(table.issue_now(user(ADMIN), &import), Ok(Vec::new()));
    table.refuses(ADMIN, &play(4, "Nf6"), Refused::Conflict, "errMsg_GameOver");
    table.refuses(ADMIN, &with(|update| update.result = Some(GameResult::Draw)), Refused::Forbidden, "");
}

#[test]
fn players_of_one_name_are_two() {
    let game = game("[White \"NN\"]\n[Black \"NN\"]\n\n1. e4 {[%clk 0:01:00]} e5 {[%clk 0:00:50]} *");
    assert_ne!(Some(game.player_white_id), game.player_black_id);
    assert_eq!((game.white_remaining_ms, game.black_remaining_ms), (Some(60_000), Some(50_000)));
    assert_eq!((game.result, game.end_reason, game.moved_at), (Some(GameResult::Aborted), None, Some(at(0))));
}

#[test]
fn the_board_and_the_words_say_how_it_ended() {
    let end = |text: &str| {
        let game = game(text);
        (game.result.unwrap(), game.end_reason)
    };
    let mate = "1. f3 e5 2. g4 Qh4#";
    assert_eq!(end(&format!("{mate} 0-1")), (GameResult::BlackWin, Some(EndReason::Checkmate)));
    assert_eq!(end(&format!("{mate} *")), (GameResult::BlackWin, Some(EndReason::Checkmate)));
    assert_eq!(end(mate), (GameResult::BlackWin, Some(EndReason::Checkmate)), "no result at all");
    assert_eq!(end("[Termination \"Time forfeit\"]\n1. e4 0-1"), (GameResult::BlackWin, Some(EndReason::Timeout)));
    assert_eq!(end("1. e4 1-0"), (GameResult::WhiteWin, None));
    assert_eq!(end("[Result \"?\"]\n1. e4 1/2-1/2"), (GameResult::Draw, None));
    assert_eq!(end("[Termination \"Abandoned\"]\n*"), (GameResult::Aborted, Some(EndReason::Abort)));
    let bare = "[FEN \"4k3/8/8/8/8/8/4p3/4K3 w - - 0 1\"]\n[Termination \"Normal\"]\n1. Kxe2";
    assert_eq!(end(&format!("{bare} 1/2-1/2")), (GameResult::Draw, Some(EndReason::InsufficientMaterial)));
    assert_eq!(end(&format!("{bare} 1-0")), (GameResult::WhiteWin, Some(EndReason::Resignation)));
    refused(
        &format!("{mate} 1-0"),
        &["1  errMsg_ResultIsNotValid: the moves end in checkmate and the result is `1-0`"],
    );
    refused("[Result \"1-0\"]\n1. e4", &["1  errMsg_ResultIsNotValid: `1-0` is expected behind the moves"]);
}

#[test]
fn every_fault_is_told_with_its_place() {
    let text = "[Event \"x\"]\n[White \"a\"]\n[White \"b\"]\n[Date \"2025.13.01\"]\n[UTCTime \"25:00:00\"]\n[WhiteElo \"strong\"]\n\
        [Result \"2-0\"]\n[Variant \"Atomic\"]\n[Black]\n\n1. e4 {[%clk soon]} e5\n2. Ke3 Nc6 *";
    refused(
        text,
        &[
            "9  errMsg_PgnIsNotReadable: a tag must read",
            "3 White errMsg_TagIsNotValid: `White` stands there twice: `a` and `b`",
            "8 Variant errMsg_TagIsNotValid: `Atomic` is not played here",
            "4 Date errMsg_TagIsNotValid: `2025.13.01` is no date: `2025.05.31` is expected",
            "5 UTCTime errMsg_TagIsNotValid: `25:00:00` is no time",
            "6 WhiteElo errMsg_TagIsNotValid: `strong` is no whole number from 0 to 4000",
            "7 Result errMsg_TagIsNotValid: `2-0` is no result",
            "11 1 errMsg_ClockIsNotValid: `[%clk soon]` is no clock",
            "12 3 errMsg_IllegalMove: 2. Ke3: the king on e1 cannot move to e3",
        ],
    );
}

#[test]
fn what_cannot_be_taken_is_refused() {
    for (text, expected) in [
        ("1. e4 -- 2. d4 *", "1 2 errMsg_PgnIsNotReadable: `--` is a null move"),
        ("[SetUp \"1\"]\n*", "1 SetUp errMsg_TagIsNotValid: `SetUp` is `1` and no `FEN`"),
        ("[SetUp \"0\"]\n[FEN \"x\"]\n*", "1 SetUp errMsg_TagIsNotValid: `SetUp` is `0`"),
        (
            "[FEN \"8/8/8/8/8/8/8/8 w - - 0 1\"]\n*",
            "1 FEN errMsg_TagIsNotValid: no game begins there: white has 0 kings",
        ),
        (
            "[Result \"1-0\"]\n1. e4 0-1",
            "1 Result errMsg_TagIsNotValid: `Result` is `1-0` and the moves end with `0-1`",
        ),
        ("[UTCTime \"23:59:60\"]\n*", "1 UTCTime errMsg_TagIsNotValid: `23:59:60` is no time"),
        ("[Date \"2026.02.03\"]\n*", "1 Date errMsg_TagIsNotValid: `2026.02.03` is in the future"),
    ] {
        refused(text, &[expected]);
    }
    let knights = "Nf3 Nf6 Ng1 Ng8 ".repeat(301);
    refused(&knights, &["1  errMsg_GameIsTooLong: it has 1204 half-moves"]);
    let tags: String = (0..20).map(|n| format!("[T{n} \"{}\"]\n", "x".repeat(1000))).collect();
    refused(&format!("{tags}*"), &["1  errMsg_TagIsNotValid: the tags have 20050 bytes"]);
    let tomorrow = "[Date \"2026.02.01\"]\n*";
    assert!(checked(tomorrow).is_ok(), "in the west it is today when in the east it is tomorrow");
}

//! Out as PGN and in again.

use super::*;
use crate::gameplay::rules::tests::pgn as reader;
use crate::gameplay::tests::pgn::pgn;
use event_schema::gameplay::chess_game::ChessGame;
use event_schema::openings;

/// Its moves with what its clocks say in tenths of a second, as a PGN shows them.
fn moves(table: &Table) -> Vec<(String, String, Option<i64>)> {
    let played = |event: &GameEvent| {
        let GameEvent::MovePlayed(mv) = event else { return None };
        Some((mv.san.clone(), mv.fen.clone(), mv.remaining_ms.map(|left| left / 100)))
    };
    table.events.iter().filter_map(|(event, _)| played(event)).collect()
}

/// What a PGN tells of a game.
fn told(game: &ChessGame) -> impl PartialEq + std::fmt::Debug + use<> {
    let end = (game.result, game.end_reason, game.move_count, game.current_fen.clone(), game.initial_fen.clone());
    (end, game.game_type, game.time_control)
}

fn comes_back(table: &Table) {
    let text = pgn(table, ["ann", "ben"]);
    let again = imported(&checked(&text).unwrap_or_else(|faults| panic!("{faults:?}\n{text}")).import);
    assert_eq!(moves(&again), moves(table), "{text}");
    assert_eq!(told(again.object()), told(table.object()), "{text}");
}

#[test]
fn a_game_that_was_played_here_comes_back_as_it_was() {
    let mut blitz = Table::after(WHITE, &CreateGame { game_type: GameType::Blitz, ..create() });
    blitz.play_all("e4");
    blitz.millis += 2_345;
    blitz.play_all("c5 Nf3 d6");
    blitz.issue(user(BLACK), &result(GameResult::WhiteWin)).unwrap();
    comes_back(&blitz);

    comes_back(&Table::with_moves("f3 e5 g4 Qh4#"));
    let mut drawn = Table::with_moves("Nf3 Nf6 Ng1 Ng8 Nf3 Nf6 Ng1 Ng8");
    drawn.issue(user(WHITE), &result(GameResult::Draw)).unwrap();
    assert_eq!(drawn.end().1, Some(EndReason::ThreefoldRepetition));
    comes_back(&drawn);
    let mut agreed = Table::with_moves("e4 e5");
    agreed.issue(user(WHITE), &result(GameResult::Draw)).unwrap();
    agreed.issue(user(BLACK), &result(GameResult::Draw)).unwrap();
    comes_back(&agreed);
    let mut aborted = Table::after(WHITE, &CreateGame { game_type: GameType::Timed, ..create() });
    aborted.issue(user(WHITE), &result(GameResult::Aborted)).unwrap();
    comes_back(&aborted);
    let mut custom = Table::from_fen("4k3/4p3/8/8/8/8/4P3/4K3 b - - 0 40");
    custom.play_all("e5 e4");
    custom.issue(user(WHITE), &result(GameResult::BlackWin)).unwrap();
    comes_back(&custom);
}

#[test]
fn an_imported_game_comes_back_as_the_very_same() {
    for text in [
        WHOLE,
        "[White \"?\"]\n[Site \"a \\\"b\\\" \\\\ c\"]\n\n*",
        "[SetUp \"1\"]\n[FEN \"4k3/4p3/8/8/8/8/4P3/4K3 b - - 0 40\"]\n[UTCDate \"2020.02.29\"]\n[UTCTime \"23:59:59\"]\n40... e5 1-0",
    ] {
        let first = checked(text).unwrap();
        let table = imported(&first.import);
        let out = pgn(&table, ["?", "?"]);
        let second = checked(&out).unwrap_or_else(|faults| panic!("{faults:?}\n{out}"));
        assert_eq!(second.stream(), first.stream(), "{out}");
        assert_eq!(moves(&imported(&second.import)), moves(&table), "{out}");
        let kept = |found: &Found| event_schema::gameplay::imported::Tags {
            given_eco: None,
            given_opening: None,
            ..found.import.beginning.tags.clone()
        };
        assert_eq!(kept(&second), kept(&first), "{out}");
    }
}

#[test]
fn the_shipped_games_are_taken_as_they_are_and_come_back() {
    let known = reader::games(reader::SHIPPED);
    let mut openings_found = 0;
    let mut count = 0;
    for (game, known) in chess_pgn::games(reader::SHIPPED).zip(&known) {
        let found = check(&game, at(0)).unwrap_or_else(|faults| panic!("{faults:?}"));
        let sans: Vec<&str> = found.import.moves.iter().map(|mv| mv.san.as_str()).collect();
        let written: Vec<&str> = known.moves.iter().map(|san| san.trim_end_matches(['!', '?'])).collect();
        assert_eq!(sans, written, "{}", known.tag("Site"));
        let clocks: Vec<i64> = found.import.moves.iter().map(|mv| mv.remaining_ms.unwrap() / 1000).collect();
        assert_eq!(clocks, known.clocks);
        let table = imported(&found.import);
        let result = match known.tag("Result") {
            "1-0" => GameResult::WhiteWin,
            "0-1" => GameResult::BlackWin,
            _ => GameResult::Draw,
        };
        assert_eq!(table.object().result, Some(result));
        let reason = table.object().end_reason;
        assert_eq!(reason.is_none(), known.tag("Termination") == "Abandoned", "{}", known.tag("Site"));
        let by_position = found.import.moves.iter().rev().find_map(|mv| openings::by_fen(&mv.fen));
        openings_found += usize::from(by_position.is_some_and(|opening| opening.name == known.tag("Opening")));
        let again = checked(&pgn(&table, ["?", "?"])).unwrap();
        assert_eq!((again.stream(), &again.import.moves), (found.stream(), &found.import.moves));
        count += 1;
    }
    assert_eq!((count, known.len(), openings_found), (220, 220, 210));
}

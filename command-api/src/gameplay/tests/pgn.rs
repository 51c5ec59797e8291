use super::*;
use crate::gameplay::pgn::{Score, text};
use crate::gameplay::rules::tests::pgn as reader;
use event_schema::envelope::At;
use event_schema::gameplay::game_move::ChessGameMove;
use event_schema::stored::EventObject;

/// The PGN of a game as the handler makes it.
pub(super) fn pgn(table: &Table, names: [&str; 2]) -> String {
    let nobody =
        At { position: 1, stream_id: STREAM, version: 1, event_id: Uuid::nil(), actor_id: None, recorded_at: at(0) };
    let moves: Vec<_> =
        table.events.iter().filter_map(|(event, _)| ChessGameMove::from_event(event, &nobody)).collect();
    let names = names.map(str::to_owned);
    text(&Score { id: STREAM, game: table.object(), moves: &moves, names, made: at(0) })
}

#[test]
fn the_shipped_games_come_out_as_they_went_in() {
    for game in reader::games(reader::SHIPPED) {
        let mut table = Table::with_moves(&game.moves.join(" "));
        if table.object().result.is_none() && game.tag("Result") == "1-0" {
            table.issue(user(BLACK), &result(GameResult::WhiteWin)).unwrap();
        }
        let written = pgn(&table, [game.tag("White"), game.tag("Black")]);
        let read = reader::games(&written);
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].moves, game.moves.iter().map(|san| san.trim_end_matches(['!', '?'])).collect::<Vec<_>>());
        for tag in ["White", "Black"] {
            assert_eq!(read[0].tag(tag), game.tag(tag));
        }
        let moves = written.split("\n\n").nth(1).unwrap();
        assert!(moves.lines().all(|line| line.len() <= 79), "{written}");
    }
}

#[test]
fn a_blitz_game_has_its_clocks() {
    let mut table = Table::after(WHITE, &CreateGame { game_type: GameType::Blitz, ..create() });
    table.play_all("e4");
    table.millis += 2_300;
    table.play_all("c5 Nf3");
    table.issue(user(BLACK), &result(GameResult::WhiteWin)).unwrap();
    let expected = "[Event \"weChess blitz game\"]\n[Site \"weChess\"]\n[Date \"2026.01.31\"]\n[Round \"-\"]\n\
        [White \"Ann \\\"A\\\\\"]\n[Black \"? (0000000b)\"]\n[Result \"1-0\"]\n[GameId \"00000000-0000-0000-0000-000000006a3e\"]\n\
        [UTCDate \"2026.01.31\"]\n[UTCTime \"12:00:00\"]\n[TimeControl \"180+2\"]\n[ECO \"B27\"]\n\
        [Opening \"Sicilian Defense\"]\n[Termination \"Normal\"]\n\n\
        1. e4 { [%clk 0:03:00] } 1... c5 { [%clk 0:02:58.7] } 2. Nf3 { [%clk 0:03:01] }\n1-0\n\n";
    assert_eq!(pgn(&table, ["Ann \"A\\", "?"]), expected);
}

#[test]
fn two_of_one_name_are_told_apart_and_an_open_game_has_nobody_as_black() {
    let table = Table::with_moves("e4");
    for (names, white, black) in [
        (["sam", "sam"], "sam (0000000a)", "sam (0000000b)"),
        (["?", "?"], "? (0000000a)", "? (0000000b)"),
        (["sam", "ann"], "sam", "ann"),
    ] {
        let written = pgn(&table, names);
        let read = reader::games(&written);
        assert_eq!([read[0].tag("White"), read[0].tag("Black")], [white, black]);
    }
    let waiting = pgn(&Table::after(WHITE, &open()), ["sam", "?"]);
    assert!(waiting.contains("[White \"sam\"]\n[Black \"?\"]"), "{waiting}");
}

#[test]
fn a_custom_game_says_where_it_began() {
    let mut table = Table::from_fen("4k3/4p3/8/8/8/8/4P3/4K3 b - - 0 40");
    table.play_all("e5 e4");
    let written = pgn(&table, ["a", "b"]);
    assert!(
        written.contains("[SetUp \"1\"]\n[FEN \"4k3/4p3/8/8/8/8/4P3/4K3 b - - 0 40\"]\n\n40... e5 41. e4 *\n"),
        "{written}"
    );
    assert!(written.contains("[Result \"*\"]") && written.contains("[Termination \"Unterminated\"]"));
}

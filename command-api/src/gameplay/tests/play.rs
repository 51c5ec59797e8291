use super::*;
use event_schema::gameplay::game_event::{GameStatus, MovePlayed};

fn played(events: &[GameEvent]) -> &MovePlayed {
    let GameEvent::MovePlayed(played) = &events[0] else { panic!("{events:?}") };
    played
}

#[test]
fn san_lan_and_uci_are_one_move() {
    for notation in ["Nf3", "Ng1-f3", "g1f3"] {
        let events = Table::after(WHITE, &create()).issue(user(WHITE), &play(1, notation)).unwrap();
        let played = played(&events);
        assert_eq!((played.uci.as_str(), played.san.as_str(), played.move_number), ("g1f3", "Nf3", 1));
        assert_eq!(played.fen, "rnbqkbnr/pppppppp/8/8/8/5N2/PPPPPPPP/RNBQKB1R b KQkq - 1 1");
        assert_eq!((played.by, played.white, played.black), (WHITE, WHITE, BLACK));
    }
}

#[test]
fn the_server_measures_and_its_time_never_goes_back() {
    let mut table = Table::with_moves("e4");
    table.millis = 60_000;
    let events = table.issue(user(BLACK), &play(2, "e5")).unwrap();
    assert_eq!(played(&events).move_time, 59_000);
    table.millis = -100_000;
    let events = table.issue(user(WHITE), &play(3, "Nf3")).unwrap();
    assert_eq!((played(&events).move_time, played(&events).at), (0, at(61)));
}

#[test]
fn refusals_come_in_order() {
    let table = Table::with_moves("e4");
    Table::default().refuses(WHITE, &play(1, "e4"), Refused::NotFound, "there is no chessGame");
    table.refuses(STRANGER, &play(9, "zz"), Refused::Forbidden, "not yours");
    table.refuses(WHITE, &play(9, "zz"), Refused::Conflict, "black is to move, move number 2");
    table.refuses(BLACK, &play(9, "zz"), Refused::Conflict, "the game has 1 moves, the next one is 2");
    table.refuses(BLACK, &play(2, "zz"), Refused::Invalid, "unreadable");
    table.refuses(BLACK, &play(2, "e4"), Refused::Invalid, "FIDE article 3.7");
    let waiting = Table::after(WHITE, &open());
    waiting.refuses(WHITE, &play(9, "zz"), Refused::Conflict, "second player");
    let mut over = table.clone();
    over.issue(user(BLACK), &result(GameResult::WhiteWin)).unwrap();
    over.refuses(WHITE, &play(9, "zz"), Refused::Conflict, "errMsg_GameOver");
}

#[test]
fn an_illegal_move_names_its_rule_and_article() {
    let table = Table::with_moves("e4 e5 Qh5 Ke7");
    let refusal = table.decide(user(WHITE), &play(5, "Qxf8")).unwrap_err();
    assert_eq!(
        (refusal.kind, refusal.code, refusal.pointer),
        (Refused::Invalid, "errMsg_IllegalMove", Some("/moveNotation"))
    );
    let table = Table::with_moves("e4 f6 d4 g5 Qh5");
    assert_eq!(table.end(), (Some(GameResult::WhiteWin), Some(EndReason::Checkmate)));
    let check = Table::with_moves("e4 d6 Bb5");
    check.refuses(BLACK, &play(4, "a6"), Refused::Invalid, "rule leavesKingInCheck, FIDE article 3.9.2");
}

#[test]
fn the_same_move_again_is_refused_with_the_current_number() {
    let table = Table::with_moves("e4 e5");
    table.refuses(WHITE, &play(1, "e4"), Refused::Conflict, "the game has 2 moves, the next one is 3");
}

#[test]
fn the_board_ends_the_game() {
    let ends = [
        ("k7/8/1K6/8/8/8/8/2Q5 w - - 0 1", "Qc7", EndReason::Stalemate),
        ("7k/8/8/8/8/8/3q4/3K4 w - - 0 1", "Kxd2", EndReason::InsufficientMaterial),
        ("7k/8/8/8/8/8/R7/3K4 w - - 149 90", "Ra3", EndReason::SeventyFiveMoves),
    ];
    for (fen, notation, reason) in ends {
        let mut table = Table::from_fen(fen);
        table.play_all(notation);
        assert_eq!(table.end(), (Some(GameResult::Draw), Some(reason)), "{fen}");
        assert_eq!(table.object().status, GameStatus::Completed);
    }
}

#[test]
fn the_fifth_repetition_ends_the_game() {
    let table = Table::with_moves(&"Nf3 Nf6 Ng1 Ng8 ".repeat(4));
    assert_eq!(table.end(), (Some(GameResult::Draw), Some(EndReason::FivefoldRepetition)));
    assert_eq!(table.object().move_count, 16);
}

#[test]
fn an_admin_moves_for_the_side_to_move() {
    let mut table = Table::after(WHITE, &create());
    let events = table.issue(user(ADMIN), &play(1, "e4")).unwrap();
    assert_eq!(played(&events).by, WHITE);
    let for_white = CreateGameMove { by: Some(WHITE), ..play(2, "e5") };
    table.refuses(ADMIN, &for_white, Refused::Conflict, "not your turn");
    let for_nobody = CreateGameMove { by: Some(STRANGER), ..play(2, "e5") };
    table.refuses(ADMIN, &for_nobody, Refused::Invalid, "movedById");
    let for_black = CreateGameMove { by: Some(BLACK), ..play(2, "e5") };
    table.refuses(WHITE, &for_black, Refused::Forbidden, "movedById");
    table.issue(user(ADMIN), &for_black).unwrap();
}

#[test]
fn the_others_move_declines_an_offer() {
    let mut table = Table::with_moves("e4");
    table.issue(user(WHITE), &result(GameResult::Draw)).unwrap();
    table.play_all("e5");
    assert_eq!(table.object().draw_offered_by_id, None);
}

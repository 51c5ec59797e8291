use super::*;
use crate::gameplay::delete::DeleteGame;
use crate::gameplay::timers::OPEN_GAME_EXPIRY;
use crate::gameplay::update::Reply;
use event_schema::gameplay::game_event::{GameStatus, ReportStatus, SaveStatus};

#[test]
fn the_second_player_joins_and_the_timer_goes() {
    let mut table = Table::after(WHITE, &open());
    let decision = table.decide(user(BLACK), &join(BLACK)).unwrap();
    assert_eq!(decision.effects, [Effect::CancelTimer { stream: STREAM, kind: OPEN_GAME_EXPIRY }]);
    table.issue(user(BLACK), &join(BLACK)).unwrap();
    assert_eq!((table.object().status, table.object().player_black_id), (GameStatus::Active, Some(BLACK)));
    assert_eq!(table.issue(user(BLACK), &join(BLACK)).unwrap(), [], "joining again is so already");
    table.refuses(STRANGER, &join(STRANGER), Refused::Conflict, "second player");
}

#[test]
fn who_joins_is_himself_and_not_white() {
    let table = Table::after(WHITE, &open());
    table.refuses(WHITE, &join(WHITE), Refused::Conflict, "against himself");
    table.refuses(WHITE, &join(BLACK), Refused::Forbidden, "must be you");
    table.refuses(STRANGER, &join(BLACK), Refused::Forbidden, "not yours");
    assert_eq!(table.decide(user(ADMIN), &join(BLACK)).unwrap().events.len(), 1);
    let both = UpdateGame { result: Some(GameResult::Aborted), ..join(BLACK) };
    table.refuses(BLACK, &both, Refused::Invalid, "two requests");
}

#[test]
fn a_private_game_opens_to_its_exact_code() {
    let table = Table::after(WHITE, &CreateGame { mode: GameMode::Private, code: Some("Sesame".into()), ..open() });
    for code in [None, Some("sesame"), Some("Sesam")] {
        let update = UpdateGame { code: code.map(str::to_owned), ..join(BLACK) };
        table.refuses(BLACK, &update, Refused::Forbidden, "private");
    }
    let update = UpdateGame { code: Some("Sesame".into()), ..join(BLACK) };
    assert_eq!(table.decide(user(BLACK), &update).unwrap().events.len(), 1);
}

#[test]
fn strangers_and_nobody_change_nothing() {
    let table = Table::with_moves("e4");
    table.refuses(STRANGER, &result(GameResult::WhiteWin), Refused::Forbidden, "not yours");
    table.refuses(ADMIN, &result(GameResult::WhiteWin), Refused::Forbidden, "only a player");
    table.refuses(WHITE, &UpdateGame::default(), Refused::Invalid, "playerBlackId");
    assert!(table.decide(Actor::Anonymous, &result(GameResult::Draw)).is_err());
    Table::default().refuses(WHITE, &result(GameResult::Draw), Refused::NotFound, "chessGame");
}

#[test]
fn the_other_sides_win_resigns_also_before_the_first_move() {
    let mut table = Table::after(WHITE, &create());
    table.refuses(WHITE, &result(GameResult::WhiteWin), Refused::Forbidden, "own win");
    table.issue(user(WHITE), &result(GameResult::BlackWin)).unwrap();
    assert_eq!(table.end(), (Some(GameResult::BlackWin), Some(EndReason::Resignation)));
    assert_eq!(table.issue(user(WHITE), &result(GameResult::BlackWin)).unwrap(), [], "so already");
    table.refuses(WHITE, &result(GameResult::Draw), Refused::Conflict, "blackWin by resignation");
}

#[test]
fn a_draw_is_offered_then_accepted() {
    let mut table = Table::with_moves("e4");
    let offer = table.issue(user(WHITE), &result(GameResult::Draw)).unwrap();
    assert_eq!(offer, [GameEvent::DrawOffered { by: WHITE }]);
    assert_eq!(table.issue(user(WHITE), &result(GameResult::Draw)).unwrap(), [], "the offer stands");
    table.issue(user(BLACK), &result(GameResult::Draw)).unwrap();
    assert_eq!(table.end(), (Some(GameResult::Draw), Some(EndReason::Agreement)));
}

#[test]
fn the_player_to_move_claims_and_the_other_offers() {
    let mut table = Table::with_moves(&"Nf3 Nf6 Ng1 Ng8 ".repeat(2));
    let offer = table.decide(user(BLACK), &result(GameResult::Draw)).unwrap();
    assert_eq!(offer.events, [GameEvent::DrawOffered { by: BLACK }]);
    table.issue(user(WHITE), &result(GameResult::Draw)).unwrap();
    assert_eq!(table.end(), (Some(GameResult::Draw), Some(EndReason::ThreefoldRepetition)));
    let mut table = Table::from_fen("7k/8/8/8/8/8/R7/3K4 w - - 100 90");
    table.issue(user(WHITE), &result(GameResult::Draw)).unwrap();
    assert_eq!(table.end(), (Some(GameResult::Draw), Some(EndReason::FiftyMoves)));
}

#[test]
fn a_game_is_aborted_until_both_have_moved() {
    let abort = with(|u| (u.result, u.status) = (Some(GameResult::Aborted), Some(GameStatus::Completed)));
    for moves in ["", "e4"] {
        let mut table = Table::with_moves(moves);
        table.issue(user(BLACK), &abort).unwrap();
        assert_eq!(table.end(), (Some(GameResult::Aborted), Some(EndReason::Abort)));
    }
    Table::with_moves("e4 e5").refuses(BLACK, &abort, Refused::Conflict, "both sides have moved");
    let waiting = Table::after(WHITE, &open());
    assert_eq!(waiting.decide(user(WHITE), &abort).unwrap().effects.len(), 1);
    waiting.refuses(WHITE, &result(GameResult::BlackWin), Refused::Conflict, "second player");
    waiting.refuses(STRANGER, &abort, Refused::Forbidden, "not yours");
}

#[test]
fn the_board_is_the_servers() {
    let table = Table::with_moves("e4");
    let fen = table.object().current_fen.clone();
    let same = with(|u| (u.current_fen, u.moved_at) = (Some(fen), table.object().moved_at));
    assert_eq!(table.decide(user(WHITE), &same).unwrap().events, []);
    // An en-passant square that nobody can use is the same position.
    let phantom = with(|u| u.current_fen = Some("rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq e3 0 1".into()));
    assert_eq!(table.decide(user(WHITE), &phantom).unwrap().events, []);
    table.refuses(WHITE, &with(|u| u.current_fen = Some("x".into())), Refused::Conflict, "currentFEN");
    table.refuses(WHITE, &with(|u| u.moved_at = Some(at(99))), Refused::Conflict, "movedAt");
}

#[test]
fn an_offer_is_answered_in_words_too() {
    let mut table = Table::with_moves("e4");
    let answer = |reply| with(|u| u.draw_answer = Some(reply));
    table.refuses(BLACK, &answer(Reply::Accepted), Refused::Conflict, "offers no draw");
    table.issue(user(WHITE), &result(GameResult::Draw)).unwrap();
    table.refuses(WHITE, &answer(Reply::Accepted), Refused::Conflict, "offers no draw");
    table.refuses(ADMIN, &answer(Reply::Declined), Refused::Forbidden, "only a player");
    assert_eq!(table.issue(user(BLACK), &answer(Reply::Declined)).unwrap(), [GameEvent::DrawDeclined { by: BLACK }]);
    assert_eq!(table.object().draw_offered_by_id, None);
    table.issue(user(WHITE), &result(GameResult::Draw)).unwrap();
    table.issue(user(BLACK), &answer(Reply::Accepted)).unwrap();
    assert_eq!(table.end(), (Some(GameResult::Draw), Some(EndReason::Agreement)));
}

#[test]
fn players_report_and_admins_review_also_when_the_game_is_over() {
    let mut table = Table::with_moves("e4");
    table.issue(user(BLACK), &result(GameResult::WhiteWin)).unwrap();
    let report = |status| with(|u| u.report_status = Some(status));
    table.refuses(WHITE, &report(ReportStatus::UnderReview), Refused::Forbidden, "admins");
    table.issue(user(WHITE), &report(ReportStatus::Reported)).unwrap();
    assert_eq!(table.issue(user(BLACK), &report(ReportStatus::Reported)).unwrap(), [], "so already");
    table.refuses(WHITE, &report(ReportStatus::None), Refused::Forbidden, "admins");
    table.issue(user(ADMIN), &report(ReportStatus::UnderReview)).unwrap();
    table.refuses(WHITE, &report(ReportStatus::Reported), Refused::Conflict, "no need to report it again");
    table.issue(user(ADMIN), &report(ReportStatus::None)).unwrap();
    assert_eq!(table.object().report_status, ReportStatus::None);
    assert_eq!(table.end(), (Some(GameResult::WhiteWin), Some(EndReason::Resignation)));
}

#[test]
fn an_admin_terminates_in_his_own_name() {
    let terminate = with(|u| u.status = Some(GameStatus::Terminated));
    for mut table in [Table::with_moves("e4 e5"), Table::after(WHITE, &open())] {
        table.refuses(WHITE, &terminate, Refused::Forbidden, "only an admin");
        table.refuses(ADMIN, &with(|u| u.terminated_by_id = Some(WHITE)), Refused::Forbidden, "his own name");
        table.issue(user(ADMIN), &terminate).unwrap();
        assert_eq!(table.object().status, GameStatus::Terminated);
        assert_eq!(table.object().terminated_by_id, Some(ADMIN));
        assert_eq!(table.end(), (Some(GameResult::Aborted), Some(EndReason::Termination)));
        assert_eq!(table.issue(user(ADMIN), &terminate).unwrap(), [], "so already");
        assert!(table.timers.is_empty());
        table.refuses(WHITE, &play(3, "d4"), Refused::Conflict, "aborted by termination");
    }
    let in_full = with(|u| {
        (u.status, u.result, u.terminated_by_id) =
            (Some(GameStatus::Terminated), Some(GameResult::Aborted), Some(ADMIN));
    });
    let mut table = Table::with_moves("e4 e5");
    table.issue(user(ADMIN), &in_full).unwrap();
    let mut over = Table::with_moves("e4");
    over.issue(user(BLACK), &result(GameResult::WhiteWin)).unwrap();
    over.refuses(ADMIN, &terminate, Refused::Conflict, "whiteWin by resignation");
}

#[test]
fn the_status_terminated_is_an_admins_whatever_stands_beside_it_and_whoever_plays() {
    let end = with(|u| (u.result, u.status) = (Some(GameResult::Aborted), Some(GameStatus::Terminated)));
    for moves in ["", "e4 e5"] {
        Table::with_moves(moves).refuses(WHITE, &end, Refused::Forbidden, "only an admin");
    }
    let own = CreateGame { white: player(ADMIN), black: Some(player(BLACK)), ..open() };
    for wish in [end.clone(), with(|u| u.status = Some(GameStatus::Terminated))] {
        let mut table = Table::after(ADMIN, &own);
        table.refuses(BLACK, &wish, Refused::Forbidden, "only an admin");
        table.issue(user(ADMIN), &wish).unwrap();
        assert_eq!(table.object().terminated_by_id, Some(ADMIN));
        assert_eq!(table.end(), (Some(GameResult::Aborted), Some(EndReason::Termination)));
        assert_eq!(table.issue(user(ADMIN), &wish).unwrap(), [], "so already");
    }
    let mut aborted = Table::with_moves("e4");
    aborted.issue(user(WHITE), &result(GameResult::Aborted)).unwrap();
    aborted.refuses(WHITE, &end, Refused::Forbidden, "only an admin");
    aborted.refuses(ADMIN, &end, Refused::Conflict, "aborted by abort");
}

#[test]
fn an_admin_deletes_and_nothing_is_left_to_play() {
    let mut table = Table::after(WHITE, &CreateGame { game_type: GameType::Blitz, ..create() });
    table.play_all("e4");
    table.refuses(WHITE, &DeleteGame, Refused::Forbidden, "only admins");
    table.issue(user(ADMIN), &DeleteGame).unwrap();
    assert!(!table.game.stored().unwrap().active);
    assert!(table.timers.is_empty());
    table.refuses(BLACK, &play(2, "e5"), Refused::NotFound, "there is no chessGame");
    table.refuses(ADMIN, &DeleteGame, Refused::NotFound, "there is no chessGame");
}

#[test]
fn wishes_that_cannot_be_granted_are_named() {
    let table = Table::with_moves("e4");
    table.refuses(WHITE, &with(|u| u.save_request_black = Some(true)), Refused::Forbidden, "saveRequestBlack");
    table.refuses(WHITE, &with(|u| u.status = Some(GameStatus::Completed)), Refused::Invalid, "needs the `result`");
    table.refuses(WHITE, &with(|u| u.status = Some(GameStatus::Pending)), Refused::Conflict, "the server sets it");
    let odd = with(|u| (u.result, u.status) = (Some(GameResult::Draw), Some(GameStatus::Terminated)));
    table.refuses(WHITE, &odd, Refused::Invalid, "does not fit");
    let two = with(|u| (u.result, u.report_status) = (Some(GameResult::Draw), Some(ReportStatus::Reported)));
    table.refuses(WHITE, &two, Refused::Invalid, "`result` and `reportStatus` are two requests");
    let so = with(|u| {
        (u.save_request_white, u.save_request_black, u.save_status) =
            (Some(false), Some(false), Some(SaveStatus::NotSaveable));
        (u.status, u.report_status) = (Some(GameStatus::Active), Some(ReportStatus::None));
    });
    assert_eq!(table.decide(user(WHITE), &so).unwrap().events, [], "all of it is so already");
}

use super::*;
use crate::es::effect::Effect;
use crate::gameplay::timers::OPEN_GAME_EXPIRY;
use event_schema::gameplay::game_event::{GameStatus, ReportStatus, SaveStatus};

fn with(change: impl FnOnce(&mut UpdateGame)) -> UpdateGame {
    let mut update = UpdateGame::default();
    change(&mut update);
    update
}

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
    let abort = with(|u| (u.result, u.status) = (Some(GameResult::Aborted), Some(GameStatus::Terminated)));
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
fn wishes_that_cannot_be_granted_are_named() {
    let table = Table::with_moves("e4");
    let (forbidden, conflict) = (Refused::Forbidden, Refused::Conflict);
    table.refuses(WHITE, &with(|u| u.save_request_white = Some(true)), conflict, "cannot be saved");
    table.refuses(WHITE, &with(|u| u.save_request_black = Some(true)), forbidden, "saveRequestBlack");
    table.refuses(WHITE, &with(|u| u.save_status = Some(SaveStatus::Paused)), conflict, "saveStatus");
    table.refuses(WHITE, &with(|u| u.report_status = Some(ReportStatus::Reported)), conflict, "reported");
    table.refuses(WHITE, &with(|u| u.report_status = Some(ReportStatus::UnderReview)), forbidden, "admins");
    table.refuses(WHITE, &with(|u| u.status = Some(GameStatus::Terminated)), forbidden, "only an admin");
    table.refuses(ADMIN, &with(|u| u.terminated_by_id = Some(WHITE)), forbidden, "his own name");
    table.refuses(ADMIN, &with(|u| u.status = Some(GameStatus::Terminated)), conflict, "terminated");
    table.refuses(WHITE, &with(|u| u.status = Some(GameStatus::Completed)), Refused::Invalid, "needs the `result`");
    table.refuses(WHITE, &with(|u| u.status = Some(GameStatus::Paused)), conflict, "the server sets it");
    let odd = with(|u| (u.result, u.status) = (Some(GameResult::Draw), Some(GameStatus::Terminated)));
    table.refuses(WHITE, &odd, Refused::Invalid, "does not fit");
    let so = with(|u| {
        (u.save_request_white, u.save_request_black, u.save_status) =
            (Some(false), Some(false), Some(SaveStatus::NotSaveable));
        (u.status, u.report_status) = (Some(GameStatus::Active), Some(ReportStatus::None));
    });
    assert_eq!(table.decide(user(WHITE), &so).unwrap().events, [], "all of it is so already");
}

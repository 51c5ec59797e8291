use super::*;
use crate::gameplay::timers::{ExpireOpenGame, OPEN_GAME_EXPIRY};
use event_schema::gameplay::game_event::{GameCreated, GameStatus, TimeControl};

fn created(command: &CreateGame, actor: UserId) -> GameCreated {
    let event = Table::default().decide(user(actor), command).unwrap().events.remove(0);
    let GameEvent::GameCreated(created) = event else { panic!("{event:?}") };
    created
}

#[test]
fn a_game_of_two_begins_at_once_and_needs_no_timer() {
    let decision = Table::default().decide(user(WHITE), &create()).unwrap();
    assert!(decision.effects.is_empty());
    let table = Table::after(WHITE, &create());
    assert_eq!(table.object().status, GameStatus::Active);
    assert_eq!(table.object().current_fen, "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1");
    assert_eq!(table.object().initial_fen, None);
}

#[test]
fn an_open_game_waits_with_a_timer() {
    let decision = Table::default().decide(user(WHITE), &open()).unwrap();
    let due_at = at(0) + TimeDelta::days(7);
    assert_eq!(decision.effects, [Effect::SetTimer { stream: STREAM, kind: OPEN_GAME_EXPIRY, arming: 0, due_at }]);
    let mut table = Table::after(WHITE, &open());
    assert_eq!(table.object().status, GameStatus::Pending);
    table.issue(Actor::System, &ExpireOpenGame).unwrap();
    assert_eq!(table.end(), (Some(GameResult::Aborted), Some(EndReason::Expiry)));
    assert_eq!(table.issue(Actor::System, &ExpireOpenGame).unwrap(), []);
}

#[test]
fn a_timer_that_fires_late_leaves_a_joined_game_alone() {
    let mut table = Table::after(WHITE, &open());
    table.issue(user(BLACK), &join(BLACK)).unwrap();
    assert_eq!(table.issue(Actor::System, &ExpireOpenGame).unwrap(), []);
    assert_eq!(Table::default().decide(Actor::System, &ExpireOpenGame).unwrap().events, []);
}

#[test]
fn a_retry_makes_nothing_new() {
    let table = Table::after(WHITE, &create());
    assert_eq!(table.decide(user(WHITE), &create()).unwrap().events, []);
}

#[test]
fn a_non_admin_makes_only_games_that_he_plays_in_his_own_name() {
    let table = Table::default();
    table.refuses(STRANGER, &create(), Refused::Forbidden, "you make only games that you play");
    let foreign = CreateGame { created_by: Some(BLACK), ..create() };
    table.refuses(WHITE, &foreign, Refused::Forbidden, "createdById");
    assert_eq!(created(&create(), BLACK).created_by_id, BLACK);
    assert_eq!(created(&create(), ADMIN).created_by_id, ADMIN);
    assert_eq!(created(&foreign, ADMIN).created_by_id, BLACK);
    assert!(table.decide(Actor::Anonymous, &create()).is_err());
}

#[test]
fn nobody_plays_against_himself() {
    let command = CreateGame { black: Some(player(WHITE)), ..create() };
    Table::default().refuses(WHITE, &command, Refused::Invalid, "against himself");
}

#[test]
fn guests_are_known_by_their_role() {
    let guest = Player { id: BLACK, guest: true };
    let event = created(&CreateGame { black: Some(guest), ..create() }, WHITE);
    assert!(!event.guest_player_white && event.guest_player_black);
}

#[test]
fn a_private_game_gets_a_code_that_a_retry_repeats() {
    let private = CreateGame { mode: GameMode::Private, ..open() };
    let code = created(&private, WHITE).invitation_code.unwrap();
    assert_eq!(code.len(), 12);
    assert_eq!(created(&private, WHITE).invitation_code.unwrap(), code);
    let mut other = cx(user(WHITE), 0);
    other.command = CommandId::new();
    let decision = private.decide(&Game::default(), &other).unwrap();
    assert!(matches!(&decision.events[..], [GameEvent::GameCreated(c)] if c.invitation_code.as_ref() != Some(&code)));
    assert_eq!(created(&open(), WHITE).invitation_code, None);
    let own = CreateGame { code: Some("Sesame".into()), ..private.clone() };
    assert_eq!(created(&own, WHITE).invitation_code.as_deref(), Some("Sesame"));
    let blank = CreateGame { code: Some(" ".into()), ..private };
    Table::default().refuses(WHITE, &blank, Refused::Invalid, "invitationCode");
}

#[test]
fn a_starting_position_is_legal_and_has_something_to_play() {
    let from = |fen: &str| CreateGame { initial_fen: Some(fen.into()), ..create() };
    let event = created(&from("4k3/8/8/8/8/8/4P3/4K3 w - - 0 1"), WHITE);
    assert_eq!(event.initial_fen.as_deref(), Some("4k3/8/8/8/8/8/4P3/4K3 w - - 0 1"));
    assert_eq!(Some(event.current_fen), event.initial_fen);
    let usual = created(&from("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"), WHITE);
    assert_eq!(usual.initial_fen, None, "the usual position marks no custom game");
    let table = Table::default();
    table.refuses(WHITE, &from("nonsense"), Refused::Invalid, "initialFEN");
    table.refuses(WHITE, &from("4k3/8/8/8/8/8/8/4K3 w - - 0 1"), Refused::Invalid, "article 5.2.2");
    table.refuses(
        WHITE,
        &from("4k3/4R3/8/8/8/8/8/4K3 w - - 0 1"),
        Refused::Invalid,
        "black is in check and not to move",
    );
    table.refuses(WHITE, &from("P3k3/8/8/8/8/8/8/4K3 w - - 0 1"), Refused::Invalid, "the first or the last rank");
    table.refuses(WHITE, &from("4k3/8/8/8/8/8/8/4K2R w Q - 0 1"), Refused::Invalid, "the castling right `Q`");
    table.refuses(WHITE, &from("k7/1Q6/1K6/8/8/8/8/8 b - - 0 1"), Refused::Invalid, "article 5.1.1");
}

#[test]
fn a_time_control_comes_from_the_kind_or_is_named() {
    let control = |initial_ms, increment_ms| TimeControl { initial_ms, increment_ms };
    let of = |game_type, time_control| CreateGame { game_type, time_control, ..create() };
    for (kind, expected) in [
        (GameType::Blitz, Some(control(180_000, 2_000))),
        (GameType::Rapid, Some(control(600_000, 0))),
        (GameType::Timed, Some(control(900_000, 10_000))),
        (GameType::Untimed, None),
    ] {
        assert_eq!(created(&of(kind, None), WHITE).time_control, expected, "{kind:?}");
    }
    let own = Some(control(60_000, 1_000));
    assert_eq!(created(&of(GameType::Blitz, own), WHITE).time_control, own);
    let table = Table::default();
    table.refuses(WHITE, &of(GameType::Untimed, own), Refused::Invalid, "has no clock");
    for bad in [control(99, 0), control(86_400_001, 0), control(60_000, -1), control(60_000, 600_001)] {
        table.refuses(WHITE, &of(GameType::Blitz, Some(bad)), Refused::Invalid, "timeControlIsNotValid");
    }
}

use super::*;
use crate::es::joint::Joint;
use crate::gameplay::delete::DeleteGame;
use crate::gameplay::invitation::delete::DeleteInvitation;
use crate::gameplay::invitation::end::EndInvitation;
use crate::gameplay::invitation::send::{MOST_PENDING, SendInvitation};
use crate::gameplay::invitation::update::UpdateInvitation;
use crate::gameplay::invitation::{END, Invitation};
use crate::gameplay::timers::{ExpireOpenGame, OPEN_GAME_EXPIRY};
use event_schema::gameplay::game_event::{GameStatus, PendingInvitation};
use event_schema::gameplay::invitation::{ChessGameInvitation, InvitationEvent, InvitationStatus};
use event_schema::ids::{GameId, InvitationId};
use proptest::prelude::*;

const INVITATION: Uuid = Uuid::from_u128(0x1F);
const DAY: i64 = 86_400;

/// White's open private game.
fn private() -> Table {
    Table::after(WHITE, &CreateGame { mode: GameMode::Private, code: Some("Sesame".into()), ..open() })
}

fn to(recipient: UserId) -> SendInvitation {
    SendInvitation { game: GameId(STREAM), sender: None, recipient, expires_at: None }
}

fn answer(status: InvitationStatus) -> UpdateInvitation {
    UpdateInvitation { status: Some(status), ..UpdateInvitation::default() }
}

fn end(at: DateTime<Utc>) -> UpdateInvitation {
    UpdateInvitation { expires_at: Some(at), ..UpdateInvitation::default() }
}

fn pending(recipient_id: UserId) -> PendingInvitation {
    PendingInvitation { invitation_id: InvitationId(INVITATION), recipient_id }
}

/// An invitation and its game.
#[derive(Clone)]
struct Pair {
    invitation: Invitation,
    table: Table,
    /// What the last command did beside its events.
    effects: Vec<Effect>,
}

impl Pair {
    fn of(table: Table) -> Self {
        Self { invitation: Invitation::default(), table, effects: Vec::new() }
    }

    /// White has invited Black.
    fn sent() -> Self {
        let mut pair = Self::of(private());
        pair.issue(user(WHITE), &to(BLACK)).unwrap();
        pair
    }

    /// One second later.
    fn issue<C: Joint<Main = Invitation, Other = Game>>(
        &mut self,
        actor: Actor,
        command: &C,
    ) -> Result<(Vec<InvitationEvent>, Vec<GameEvent>), Rejection> {
        self.table.millis += 1000;
        let cx = Context { stream: INVITATION, ..cx(actor, self.table.millis) };
        let (main, other) = command.decide(&self.invitation, &self.table.game, &cx)?;
        assert!(!main.events.is_empty() || (other == Decision::default() && main.effects.is_empty()));
        self.table.record(actor, &other.events);
        let actor = actor.user_id().map(|id| id.0);
        main.events.iter().for_each(|event| self.invitation.evolve(event, actor));
        self.effects = other.effects.into_iter().chain(main.effects).collect();
        Ok((main.events, other.events))
    }

    #[track_caller]
    fn refuses<C: Joint<Main = Invitation, Other = Game>>(
        &self,
        actor: UserId,
        command: &C,
        kind: Refused,
        word: &str,
    ) {
        let refusal = self.clone().issue(user(actor), command).unwrap_err();
        assert_eq!(refusal.kind, kind, "{refusal}");
        assert!(refusal.detail.contains(word) || refusal.code.contains(word), "{}: {refusal}", refusal.code);
    }

    fn object(&self) -> &ChessGameInvitation {
        &self.invitation.stored().unwrap().object
    }

    /// The timer rings.
    fn rings(&mut self) -> (Vec<InvitationEvent>, Vec<GameEvent>) {
        self.issue(Actor::System, &EndInvitation).unwrap()
    }
}

fn timer(due_at: DateTime<Utc>) -> Effect {
    Effect::SetTimer { stream: INVITATION, kind: END, arming: 0, due_at }
}

fn no_timer() -> Effect {
    Effect::CancelTimer { stream: INVITATION, kind: END }
}

#[test]
fn an_invitation_lets_the_game_know_and_ends_in_a_week() {
    let pair = Pair::sent();
    let object = pair.object();
    assert_eq!((object.sender_id, object.recipient_id, object.status), (WHITE, BLACK, InvitationStatus::Pending));
    assert_eq!(object.expires_at, at(2) + TimeDelta::days(7));
    assert_eq!(pair.effects, [timer(object.expires_at)]);
    assert_eq!(pair.table.object().invitations, [pending(BLACK)]);
    assert!(pair.table.object().is_invited(BLACK) && !pair.table.object().is_invited(STRANGER));
    let mut again = pair.clone();
    assert_eq!(again.issue(user(WHITE), &to(BLACK)).unwrap(), (vec![], vec![]), "the same command is a retry");
}

#[test]
fn who_may_invite_whom() {
    let pair = Pair::of(private());
    pair.refuses(STRANGER, &to(BLACK), Refused::Forbidden, "not yours");
    pair.refuses(ADMIN, &to(BLACK), Refused::Forbidden, "not yours");
    pair.refuses(BLACK, &SendInvitation { sender: Some(WHITE), ..to(STRANGER) }, Refused::Forbidden, "must be you");
    pair.refuses(ADMIN, &SendInvitation { sender: Some(BLACK), ..to(WHITE) }, Refused::Invalid, "neither plays");
    let for_white = SendInvitation { sender: Some(WHITE), ..to(BLACK) };
    assert_eq!(pair.clone().issue(user(ADMIN), &for_white).unwrap().0.len(), 1);
    pair.refuses(WHITE, &to(WHITE), Refused::Invalid, "himself");
    let other = Pair { invitation: Invitation::default(), ..Pair::sent() };
    other.refuses(WHITE, &to(BLACK), Refused::Conflict, "AlreadyInvited");
    let mut crowded = Pair::of(private());
    for number in 0..MOST_PENDING {
        crowded.invitation = Invitation::default();
        crowded.issue(user(WHITE), &to(UserId(Uuid::from_u128(1000 + number as u128)))).unwrap();
    }
    crowded.invitation = Invitation::default();
    crowded.refuses(WHITE, &to(BLACK), Refused::Conflict, "TooManyInvitations");
    for (table, refusal) in [
        (Table::default(), (Refused::NotFound, "there is no chessGame")),
        (Table::after(WHITE, &open()), (Refused::Conflict, "GameIsPublic")),
        (Table::with_moves("e4"), (Refused::Conflict, "GameIsFull")),
    ] {
        Pair::of(table).refuses(WHITE, &to(STRANGER), refusal.0, refusal.1);
    }
    let mut over = private();
    over.issue(user(WHITE), &result(GameResult::Aborted)).unwrap();
    Pair::of(over).refuses(WHITE, &to(BLACK), Refused::Conflict, "GameOver");
}

#[test]
fn an_invitation_ends_in_the_future_and_within_a_month() {
    let mut pair = Pair::of(private());
    for bad in [at(1), at(31 * DAY)] {
        let command = SendInvitation { expires_at: Some(bad), ..to(BLACK) };
        pair.refuses(WHITE, &command, Refused::Invalid, "within the next 30 days");
    }
    let exact = at(60) + TimeDelta::microseconds(1);
    pair.issue(user(WHITE), &SendInvitation { expires_at: Some(exact), ..to(BLACK) }).unwrap();
    assert_eq!(pair.object().expires_at, at(60), "whole milliseconds");
    pair.refuses(BLACK, &end(at(90)), Refused::Forbidden, "only the sender");
    pair.refuses(WHITE, &end(at(40 * DAY)), Refused::Invalid, "within the next 30 days");
    for (who, until) in [(WHITE, 90), (ADMIN, 30)] {
        let (events, of_game) = pair.issue(user(who), &end(at(until))).unwrap();
        assert_eq!((events, of_game), (vec![InvitationEvent::ExpiryChanged { expires_at: at(until) }], vec![]));
        assert_eq!(pair.effects, [timer(at(until))]);
        assert_eq!(pair.issue(user(who), &end(at(until))).unwrap(), (vec![], vec![]), "so already");
    }
}

#[test]
fn accepting_joins_the_game() {
    let mut pair = Pair::sent();
    let accept = answer(InvitationStatus::Accepted);
    pair.refuses(STRANGER, &accept, Refused::Forbidden, "not yours");
    for who in [WHITE, ADMIN] {
        pair.refuses(who, &accept, Refused::Forbidden, "only the recipient accepts");
    }
    let (events, of_game) = pair.issue(Actor::User(BLACK, Role::Guest), &accept).unwrap();
    assert_eq!(events, [InvitationEvent::InvitationAccepted { game_status: GameStatus::Active }]);
    assert_eq!(of_game, [GameEvent::PlayerJoined { player_black_id: BLACK, guest: true, at: at(3) }]);
    let cancelled = Effect::CancelTimer { stream: STREAM, kind: OPEN_GAME_EXPIRY };
    assert_eq!(pair.effects, [timer(at(3)), cancelled, no_timer()], "the last word is that no timer rings");
    let game = pair.table.object();
    assert_eq!((game.status, game.player_black_id, game.invitations.len()), (GameStatus::Active, Some(BLACK), 0));
    assert_eq!(pair.issue(user(BLACK), &accept).unwrap(), (vec![], vec![]), "so already");
    pair.refuses(BLACK, &answer(InvitationStatus::Declined), Refused::Conflict, "over: accepted");
    pair.refuses(WHITE, &answer(InvitationStatus::Cancelled), Refused::Conflict, "over: accepted");
}

#[test]
fn who_declines_or_cancels_ends_it_and_the_game_forgets_him() {
    for (who, other, status) in
        [(BLACK, WHITE, InvitationStatus::Declined), (WHITE, BLACK, InvitationStatus::Cancelled)]
    {
        let mut pair = Pair::sent();
        pair.refuses(other, &answer(status), Refused::Forbidden, "only the");
        let (events, of_game) = pair.issue(user(who), &answer(status)).unwrap();
        assert_eq!((events.len(), of_game), (1, vec![GameEvent::PlayerUninvited(pending(BLACK))]));
        assert_eq!(pair.effects, [no_timer()]);
        assert_eq!((pair.object().status, pair.object().expired), (status, false));
        assert!(!pair.table.object().is_invited(BLACK));
        pair.refuses(BLACK, &answer(InvitationStatus::Accepted), Refused::Conflict, "over");
        pair.refuses(WHITE, &answer(InvitationStatus::Pending), Refused::Conflict, "over");
        assert_eq!(pair.rings(), (vec![], vec![]), "nothing is left to end");
    }
    let mut pair = Pair::sent();
    pair.issue(user(ADMIN), &answer(InvitationStatus::Cancelled)).unwrap();
    assert_eq!(pair.object().status, InvitationStatus::Cancelled);
}

#[test]
fn its_time_ends_it_once_and_accepting_later_is_a_wrong_request() {
    let mut pair = Pair::of(private());
    pair.issue(user(WHITE), &SendInvitation { expires_at: Some(at(60)), ..to(BLACK) }).unwrap();
    assert_eq!(pair.rings(), (vec![], vec![]), "too early");
    let (accept, decline) = (answer(InvitationStatus::Accepted), answer(InvitationStatus::Declined));
    pair.table.millis = 59_500;
    pair.refuses(BLACK, &accept, Refused::Invalid, "InvitationExpired");
    let (events, of_game) = pair.rings();
    assert_eq!(events, [InvitationEvent::InvitationExpired { game_status: GameStatus::Pending }]);
    assert_eq!(of_game, [GameEvent::PlayerUninvited(pending(BLACK))]);
    assert_eq!((pair.object().status, pair.object().expired), (InvitationStatus::Cancelled, true));
    assert_eq!(pair.rings(), (vec![], vec![]));
    for late in [accept, decline, end(at(100))] {
        let who = if late.expires_at.is_some() { WHITE } else { BLACK };
        pair.refuses(who, &late, Refused::Invalid, "InvitationExpired");
    }
    // Another one may be sent now.
    pair.invitation = Invitation::default();
    pair.issue(user(WHITE), &to(BLACK)).unwrap();
}

/// One second later; what a command on the game does beside its events.
fn carry_out<C: Command<Aggregate = Game>>(table: &mut Table, actor: Actor, command: &C) -> Vec<Effect> {
    table.millis += 1000;
    let decision = table.decide(actor, command).unwrap();
    table.record(actor, &decision.events);
    decision.effects
}

#[test]
fn a_game_that_starts_or_ends_lets_its_invitations_ring() {
    let joins =
        |table: &mut Table, who| carry_out(table, user(who), &UpdateGame { code: Some("Sesame".into()), ..join(who) });
    type Way<'a> = &'a dyn Fn(&mut Table) -> Vec<Effect>;
    let ways: [(Way<'_>, InvitationStatus); 6] = [
        (&|table| joins(table, STRANGER), InvitationStatus::Cancelled),
        (&|table| joins(table, BLACK), InvitationStatus::Accepted),
        (&|table| carry_out(table, user(WHITE), &result(GameResult::Aborted)), InvitationStatus::Cancelled),
        (
            &|table| carry_out(table, user(ADMIN), &with(|u| u.status = Some(GameStatus::Terminated))),
            InvitationStatus::Cancelled,
        ),
        (&|table| carry_out(table, user(ADMIN), &DeleteGame), InvitationStatus::Cancelled),
        (&|table| carry_out(table, Actor::System, &ExpireOpenGame), InvitationStatus::Cancelled),
    ];
    for (number, (way, status)) in ways.into_iter().enumerate() {
        let mut pair = Pair::sent();
        let effects = way(&mut pair.table);
        assert!(effects.contains(&timer(at(3))), "way {number}: {effects:?}");
        assert!(!pair.table.object().is_invited(BLACK));
        if status == InvitationStatus::Cancelled {
            pair.refuses(BLACK, &answer(InvitationStatus::Accepted), Refused::Conflict, "Game");
        }
        let (events, of_game) = pair.rings();
        assert_eq!((events.len(), of_game), (1, vec![]), "way {number}");
        assert_eq!((pair.object().status, pair.object().expired), (status, false), "way {number}");
    }
    // Who joined by the code may still say so.
    let mut pair = Pair::sent();
    joins(&mut pair.table, BLACK);
    assert_eq!(pair.issue(user(BLACK), &answer(InvitationStatus::Accepted)).unwrap().1, []);
    assert_eq!(pair.object().status, InvitationStatus::Accepted);
}

#[test]
fn an_admin_deletes_and_a_pending_one_is_over() {
    let mut pair = Pair::sent();
    pair.refuses(WHITE, &DeleteInvitation, Refused::Forbidden, "only admins");
    let (_, of_game) = pair.issue(user(ADMIN), &DeleteInvitation).unwrap();
    assert_eq!(of_game, [GameEvent::PlayerUninvited(pending(BLACK))]);
    assert!(!pair.invitation.stored().unwrap().active);
    assert_eq!(pair.object().status, InvitationStatus::Cancelled);
    pair.refuses(BLACK, &answer(InvitationStatus::Accepted), Refused::NotFound, "chessGameInvitation");
    pair.refuses(ADMIN, &DeleteInvitation, Refused::NotFound, "chessGameInvitation");
    assert_eq!(pair.rings(), (vec![], vec![]));
}

#[test]
fn one_thing_at_a_time_and_nothing_is_handed_on() {
    let pair = Pair::sent();
    pair.refuses(BLACK, &UpdateInvitation::default(), Refused::Invalid, "nothing to do");
    let both = UpdateInvitation { expires_at: Some(at(90)), ..answer(InvitationStatus::Cancelled) };
    pair.refuses(WHITE, &both, Refused::Invalid, "one at a time");
    let handed = UpdateInvitation { recipient: Some(STRANGER), ..answer(InvitationStatus::Accepted) };
    pair.refuses(BLACK, &handed, Refused::Forbidden, "recipientId");
    let foreign = UpdateInvitation { sender: Some(BLACK), ..answer(InvitationStatus::Cancelled) };
    pair.refuses(WHITE, &foreign, Refused::Forbidden, "senderId");
    let said = UpdateInvitation {
        sender: Some(WHITE),
        recipient: Some(BLACK),
        status: Some(InvitationStatus::Accepted),
        expires_at: Some(pair.object().expires_at),
    };
    assert_eq!(pair.clone().issue(user(BLACK), &said).unwrap().0.len(), 1, "what is so is no second wish");
}

/// What may happen to an invitation and its game, whoever does it.
fn happens(pair: &mut Pair, what: u8) {
    let late = end(in_millis(pair.table.millis) + TimeDelta::seconds(90));
    let by_code = UpdateGame { code: Some("Sesame".into()), ..join(STRANGER) };
    // Refusals are as good as anything.
    let refused = match what {
        0 => pair.issue(user(WHITE), &SendInvitation { expires_at: late.expires_at, ..to(BLACK) }).is_err(),
        1 => pair.issue(user(BLACK), &answer(InvitationStatus::Accepted)).is_err(),
        2 => pair.issue(user(BLACK), &answer(InvitationStatus::Declined)).is_err(),
        3 => pair.issue(user(WHITE), &answer(InvitationStatus::Cancelled)).is_err(),
        4 => pair.issue(user(WHITE), &late).is_err(),
        5 => pair.issue(user(ADMIN), &DeleteInvitation).is_err(),
        6 => pair.table.issue(user(STRANGER), &by_code).is_err(),
        7 => pair.table.issue(user(BLACK), &UpdateGame { code: Some("Sesame".into()), ..join(BLACK) }).is_err(),
        8 => pair.table.issue(user(WHITE), &result(GameResult::Aborted)).is_err(),
        _ => pair.issue(Actor::System, &EndInvitation).is_err(),
    };
    let _ = refused;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    /// The game waits for exactly the invitation that waits for its answer; one that is over stays so; and who accepted
    /// plays.
    #[test]
    fn whatever_happens_the_two_agree(steps in prop::collection::vec((0u8..12, 0i64..60), 1..30)) {
        let mut pair = Pair::of(private());
        for (what, seconds) in steps {
            pair.table.millis += seconds * 1000;
            let before = pair.invitation.stored().map(|stored| stored.object.status);
            happens(&mut pair, what);
            let Some(stored) = pair.invitation.stored() else { continue };
            let (status, game) = (stored.object.status, pair.table.object());
            let waits = status == InvitationStatus::Pending && game.status == GameStatus::Pending;
            let known = if waits { vec![pending(BLACK)] } else { Vec::new() };
            prop_assert_eq!(&game.invitations, &known);
            if before.is_some_and(|before| before != InvitationStatus::Pending) {
                prop_assert_eq!(Some(status), before);
            }
            if status == InvitationStatus::Accepted {
                prop_assert_eq!(game.player_black_id, Some(BLACK));
            }
            prop_assert!(!stored.object.expired || status == InvitationStatus::Cancelled);
        }
    }
}

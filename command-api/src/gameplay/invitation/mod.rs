//! Invitations to private games: sent by who takes part in the game, answered by who is invited.
//!
//! ```text
//!           the recipient accepts, and joins the game in the same item
//!  Pending ────────────────────────────────────────────────────────────▶ Accepted
//!     │ │ the recipient declines
//!     │ └───────────────────────▶ Declined
//!     │ the sender or an admin takes it back; its time is up (`expired`);
//!     │ the game starts or ends without the recipient
//!     └───────────────────────────────────────────────────────────────▶ Cancelled
//! ```
//!
//! The game knows its pending invitations, so each of these steps is decided on both streams. A game that starts or
//! ends waits for none of them: it lets their timers ring ([`end`]).

pub mod delete;
pub mod end;
pub mod send;
pub mod update;

use actix_web::HttpResponse;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use event_schema::gameplay::game_event::{GameEvent, GameStatus};
use event_schema::gameplay::invitation::{ChessGameInvitation, InvitationEvent, InvitationStatus};
use event_schema::object::{Kind, instant};
use service::ApiError;
use service::sessions::Caller;
use uuid::Uuid;

use super::game::{Game, takes_part};
use crate::es::aggregate::{Aggregate, Context, Decision, Plain, Rejection};
use crate::es::effect::Effect;
use crate::es::joint::{Both, Decisions};
use crate::es::state::Loaded;
use crate::http::call::Call;
use crate::http::error::{of_read, of_rejection};
use crate::http::predicate::Predicate;
use crate::http::query::{Filter, Query};
use crate::http::read::{self, Readable};

/// The aggregate of category `chessGameInvitation`.
pub type Invitation = Plain<ChessGameInvitation>;

/// What becomes of an invitation and its game.
type Decided = Result<Decisions<Invitation, Game>, Rejection>;

/// How long an invitation waits that names no time of its own, and the longest that one may.
const LIFE: (TimeDelta, TimeDelta) = (TimeDelta::days(7), TimeDelta::days(30));

/// The timer that ends an invitation.
pub const END: &str = "invitationEnd";

/// Filters of listGameInvitations.
pub const FILTERS: &[Filter] = &[
    Filter { name: "senderId", kind: Kind::Id },
    Filter { name: "recipientId", kind: Kind::Id },
    Filter { name: "status", kind: Kind::Enum(InvitationStatus::OPTIONS) },
    Filter { name: GAME, kind: Kind::Id },
];
const GAME: &str = "gameId";

/// Lets the timer of an invitation ring at this time. The time tells one arming from another.
pub fn end_at(invitation: Uuid, due_at: DateTime<Utc>) -> Effect {
    Effect::SetTimer { stream: invitation, kind: END, arming: 0, due_at }
}

/// The invitation, which must exist and not be deleted.
fn existing<'a>(state: &'a Invitation, cx: &Context) -> Result<&'a ChessGameInvitation, Rejection> {
    match &state.0 {
        Some(stored) if stored.active => Ok(&stored.object),
        Some(_) | None => Err(not_found(cx.stream)),
    }
}

fn not_found(id: Uuid) -> Rejection {
    Rejection::not_found("errMsg_recordNotFound", format!("there is no chessGameInvitation `{id}`"))
}

fn forbidden(told: impl Into<String>) -> Rejection {
    Rejection::forbidden("errMsg_forbidden", told)
}

/// What a decision on the invitation's game knows.
fn beside(invitation: &ChessGameInvitation, cx: &Context) -> Context {
    Context { stream: invitation.game_id.0, ..*cx }
}

/// Refuses what comes too late (contract README, row 23).
fn must_wait(invitation: &ChessGameInvitation, now: DateTime<Utc>) -> Result<(), Rejection> {
    let late = invitation.status == InvitationStatus::Pending && invitation.expires_at <= now;
    if late || invitation.expired {
        let told = format!("the invitation expired at {}; ask for a new one", instant(invitation.expires_at));
        return Err(Rejection::invalid("errMsg_InvitationExpired", told));
    }
    match invitation.status {
        InvitationStatus::Pending => Ok(()),
        InvitationStatus::Accepted | InvitationStatus::Declined | InvitationStatus::Cancelled => {
            let told = format!("the invitation is over: {}", invitation.status.as_str());
            Err(Rejection::conflict("errMsg_InvitationOver", told))
        }
    }
}

/// When an invitation is to end that is wanted to end then.
fn life(wanted: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Rejection> {
    let (default, longest) = LIFE;
    let now = now.trunc_subsecs(3);
    let end = wanted.map_or(now + default, |wanted| wanted.trunc_subsecs(3));
    if end > now && end - now <= longest {
        return Ok(end);
    }
    let told = format!("`expiresAt` is {}, not within the next {} days", instant(end), longest.num_days());
    Err(Rejection::invalid("errMsg_expiresAtIsNotValid", told).at("/expiresAt"))
}

fn status_of(game: &Game) -> GameStatus {
    game.stored().map_or(GameStatus::Pending, |stored| stored.object.status)
}

/// The invitation ends with this event, and the game, if it still waits, waits for this player no more.
fn ended(event: InvitationEvent, game: &Game, cx: &Context) -> Decisions<Invitation, Game> {
    let invitations = game.stored().map(|stored| stored.object.invitations.as_slice()).unwrap_or_default();
    let own = invitations.iter().filter(|pending| pending.invitation_id.0 == cx.stream);
    let uninvited: Vec<GameEvent> = own.map(|pending| GameEvent::PlayerUninvited(*pending)).collect();
    let cancelled = Effect::CancelTimer { stream: cx.stream, kind: END };
    (Decision::from(vec![event]).with(cancelled), uninvited.into())
}

/// A command on the invitation in the path, and on its game.
async fn with_game<C>(call: &Call, command: C) -> Result<(Uuid, Both<C>), ApiError> {
    let id = call.path_id()?;
    let loaded: Loaded<Invitation> = call.app.store.load(id).await.map_err(of_read)?;
    match &loaded.state.0 {
        Some(stored) => Ok((id, Both { command, other: stored.object.game_id.0 })),
        None => Err(of_rejection(&not_found(id))),
    }
}

impl Readable for Invitation {
    /// Admins all, everybody else what he sent or got.
    fn scope(caller: &Caller, _: &Query) -> Predicate {
        if caller.role.is_admin() {
            return Predicate::And(Vec::new());
        }
        let me = || vec![caller.user_id.to_string()];
        Predicate::Or(vec![Predicate::Is("senderId", me()), Predicate::Is("recipientId", me())])
    }

    fn may_read(loaded: &Loaded<Self>, caller: &Caller, _: &Query) -> bool {
        let concerns = |invitation: &ChessGameInvitation| {
            invitation.sender_id == caller.user_id || invitation.recipient_id == caller.user_id
        };
        caller.role.is_admin() || loaded.state.0.as_ref().is_some_and(|stored| concerns(&stored.object))
    }
}

/// Serves listGameInvitations. Who takes part in a game that he names sees all its invitations.
pub async fn list(call: Call) -> Result<HttpResponse, ApiError> {
    let caller = call.caller()?;
    let mut seen = vec![Invitation::scope(caller, &call.query)];
    for id in call.query.all(GAME).filter_map(|text| Uuid::parse_str(text).ok()) {
        let game: Loaded<Game> = call.app.store.load(id).await.map_err(of_read)?;
        let active = game.state.stored().filter(|stored| stored.active);
        if active.is_some_and(|stored| takes_part(&stored.object, caller.user_id)) {
            seen.push(Predicate::Is(GAME, vec![id.to_string()]));
        }
    }
    read::list_within::<Invitation>(call, Predicate::Or(seen)).await
}

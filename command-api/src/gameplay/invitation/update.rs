//! updateGameInvitation: accept, decline, take back, or end at another time.

use chrono::{DateTime, SubsecRound, Utc};
use event_schema::auth::user::Role;
use event_schema::gameplay::game_event::GameStatus;
use event_schema::gameplay::invitation::{
    CHESS_GAME_INVITATION, ChessGameInvitation, InvitationEvent, InvitationStatus,
};
use event_schema::ids::UserId;
use event_schema::object::{Kind, Object};
use serde_json::{Map, Value};
use service::ApiError;
use uuid::Uuid;

use super::{Decided, Invitation, beside, end_at, ended, existing, forbidden, life, must_wait, status_of, with_game};
use crate::es::aggregate::{Actor, Context, Decision, Rejection};
use crate::es::joint::{Both, Joint};
use crate::es::store::Done;
use crate::gameplay::game::Game;
use crate::gameplay::player::Player;
use crate::gameplay::update::join;
use crate::http::body::{Param, optional};
use crate::http::call::Call;
use crate::http::read::shown;
use crate::http::write::Write;

/// The fields that were sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateInvitation {
    /// Must be the sender.
    pub sender: Option<UserId>,
    /// Must be the recipient.
    pub recipient: Option<UserId>,
    /// The answer, or that it is taken back.
    pub status: Option<InvitationStatus>,
    /// Another end.
    pub expires_at: Option<DateTime<Utc>>,
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Accept,
    Decline,
    Cancel,
    EndAt(DateTime<Utc>),
}

impl Joint for UpdateInvitation {
    type Main = Invitation;
    type Other = Game;

    fn decide(&self, state: &Invitation, game: &Game, cx: &Context) -> Decided {
        let invitation = existing(state, cx)?;
        permit(invitation, cx)?;
        self.must_agree(invitation)?;
        let Some(wish) = self.wish(invitation)? else { return Ok(Default::default()) };
        must_be_his(wish, invitation, cx)?;
        must_wait(invitation, cx.now)?;
        match wish {
            Wish::Accept => accept(invitation, game, cx),
            Wish::Decline => Ok(ended(InvitationEvent::InvitationDeclined { game_status: status_of(game) }, game, cx)),
            Wish::Cancel => Ok(ended(InvitationEvent::InvitationCancelled { game_status: status_of(game) }, game, cx)),
            Wish::EndAt(wanted) => {
                let expires_at = life(Some(wanted), cx.now)?;
                let changed = Decision::from(vec![InvitationEvent::ExpiryChanged { expires_at }]);
                Ok((changed.with(end_at(cx.stream, expires_at)), Decision::default()))
            }
        }
    }
}

/// Those whom it concerns, and admins.
fn permit(invitation: &ChessGameInvitation, cx: &Context) -> Result<(), Rejection> {
    let concerns = |user: UserId| user == invitation.sender_id || user == invitation.recipient_id;
    if cx.actor.is_admin() || cx.actor.user_id().is_some_and(concerns) {
        return Ok(());
    }
    Err(forbidden("this chessGameInvitation is not yours: only its sender, its recipient and admins change it"))
}

/// The recipient answers; the sender and admins take it back or let it end at another time.
fn must_be_his(wish: Wish, invitation: &ChessGameInvitation, cx: &Context) -> Result<(), Rejection> {
    let actor = cx.actor.user_id();
    let allowed = match wish {
        Wish::Accept | Wish::Decline => actor == Some(invitation.recipient_id),
        Wish::Cancel | Wish::EndAt(_) => actor == Some(invitation.sender_id) || cx.actor.is_admin(),
    };
    if allowed {
        return Ok(());
    }
    Err(match wish {
        Wish::Accept => forbidden("only the recipient accepts").at("/status"),
        Wish::Decline => forbidden("only the recipient declines; the sender sends `cancelled`").at("/status"),
        Wish::Cancel => forbidden("only the sender and admins cancel; the recipient sends `declined`").at("/status"),
        Wish::EndAt(_) => forbidden("only the sender and admins change `expiresAt`").at("/expiresAt"),
    })
}

/// Joins the game as everybody joins one; his invitation stands for the code.
fn accept(invitation: &ChessGameInvitation, game_state: &Game, cx: &Context) -> Decided {
    let game_cx = beside(invitation, cx);
    let deleted = |_| Rejection::conflict("errMsg_GameOver", "the game was deleted: nothing to join");
    let game = game_state.existing(&game_cx).map_err(deleted)?;
    let accepted = InvitationEvent::InvitationAccepted { game_status: GameStatus::Active };
    if game.player_black_id == Some(invitation.recipient_id) {
        // By the code, a moment ago.
        return Ok(ended(accepted, game_state, cx));
    }
    let guest = matches!(cx.actor, Actor::User(_, Role::Guest));
    let joined = join(Player { id: invitation.recipient_id, guest }, game_state, game, &game_cx)?;
    let (on_invitation, _) = ended(accepted, game_state, cx);
    Ok((on_invitation, joined))
}

impl UpdateInvitation {
    /// Nobody hands an invitation on.
    fn must_agree(&self, invitation: &ChessGameInvitation) -> Result<(), Rejection> {
        for (sent, is, pointer) in [
            (self.sender, invitation.sender_id, "/senderId"),
            (self.recipient, invitation.recipient_id, "/recipientId"),
        ] {
            if sent.is_some_and(|sent| sent != is) {
                return Err(forbidden(format!("`{}` cannot be changed; leave it out", &pointer[1..])).at(pointer));
            }
        }
        Ok(())
    }

    /// The one wish of a request; none when all that it says is so already.
    fn wish(&self, invitation: &ChessGameInvitation) -> Result<Option<Wish>, Rejection> {
        if self.status.is_none() && self.expires_at.is_none() {
            let told = "the body says nothing to do: send `status` (`accepted` or `declined` by the recipient, \
                        `cancelled` by the sender) or `expiresAt`";
            return Err(Rejection::invalid("errMsg_nothingToUpdate", told));
        }
        let status = self.status.filter(|status| *status != invitation.status);
        let end = self.expires_at.map(|end| end.trunc_subsecs(3)).filter(|end| *end != invitation.expires_at);
        Ok(Some(match (status, end) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                let told = "`status` and `expiresAt` are two requests: send one at a time";
                return Err(Rejection::invalid("errMsg_OneRequestAtATime", told));
            }
            (None, Some(end)) => Wish::EndAt(end),
            (Some(InvitationStatus::Accepted), None) => Wish::Accept,
            (Some(InvitationStatus::Declined), None) => Wish::Decline,
            (Some(InvitationStatus::Cancelled), None) => Wish::Cancel,
            (Some(InvitationStatus::Pending), None) => {
                let told = format!("the invitation is over: {}; send a new one", invitation.status.as_str());
                return Err(Rejection::conflict("errMsg_InvitationOver", told).at("/status"));
            }
        }))
    }
}

impl Write for Both<UpdateInvitation> {
    const BODY: &'static [Param] = &[
        optional(
            "status",
            Kind::Enum(InvitationStatus::OPTIONS),
            "`accepted` (joins the game) or `declined` by the recipient; `cancelled` by the sender or an admin.",
        ),
        optional("expiresAt", Kind::Date, "Another end, within 30 days: by the sender or an admin."),
        optional("senderId", Kind::Id, "Must be the sender; leave it out."),
        optional("recipientId", Kind::Id, "Must be the recipient; leave it out."),
    ];
    const SHOWS: &'static Object = &CHESS_GAME_INVITATION;
    const ABOUT: &'static str = "Accepts (which joins the game), declines, cancels, or lets it end at another time.";

    async fn prepare(call: &Call) -> Result<(Uuid, Self), ApiError> {
        let command = UpdateInvitation {
            sender: call.id("senderId").map(UserId),
            recipient: call.id("recipientId").map(UserId),
            status: call.word("status"),
            expires_at: call.word("expiresAt"),
        };
        with_game(call, command).await
    }

    fn answer(done: &Done<Invitation>, call: &Call) -> Option<Map<String, Value>> {
        shown(done, call)
    }
}

//! createGameInvitation.

use chrono::{DateTime, Utc};
use event_schema::gameplay::chess_game::ChessGame;
use event_schema::gameplay::game_event::{GameEvent, GameMode, PendingInvitation};
use event_schema::gameplay::invitation::{CHESS_GAME_INVITATION, InvitationEvent, InvitationStatus, InvitedGame};
use event_schema::ids::{GameId, InvitationId, UserId};
use event_schema::object::{Kind, Object};
use serde_json::{Map, Value};
use service::ApiError;
use uuid::Uuid;

use super::{Decided, GAME, Invitation, end_at, forbidden, life};
use crate::es::aggregate::{Context, Decision, Rejection};
use crate::es::joint::{Both, Joint};
use crate::es::store::Done;
use crate::gameplay::game::{Game, takes_part};
use crate::gameplay::machine::{Act, must_allow};
use crate::gameplay::player;
use crate::http::body::{Param, optional, required};
use crate::http::call::Call;
use crate::http::read::shown;
use crate::http::write::Write;

/// The most invitations to one game that wait at the same time: the game knows each of them.
pub const MOST_PENDING: usize = 50;

/// Invites somebody to be the second player of a private game.
#[derive(Clone, Debug, PartialEq)]
pub struct SendInvitation {
    /// The game.
    pub game: GameId,
    /// Who is said to invite; none: the actor.
    pub sender: Option<UserId>,
    /// Who is invited.
    pub recipient: UserId,
    /// The wanted end.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Joint for SendInvitation {
    type Main = Invitation;
    type Other = Game;

    fn decide(&self, state: &Invitation, game_state: &Game, cx: &Context) -> Decided {
        if state.0.is_some() {
            return Ok(Default::default()); // Its id derives from the command: this is a retry.
        }
        let game = game_state.existing(&Context { stream: self.game.0, ..*cx })?;
        let sender_id = self.sender(game, cx)?;
        if self.recipient == sender_id {
            let told = "`recipientId` is the sender: nobody invites himself";
            return Err(Rejection::invalid("errMsg_recipientIdIsNotValid", told).at("/recipientId"));
        }
        let expires_at = life(self.expires_at, cx.now)?;
        must_allow(game, Act::Invite, game_state.clock(cx.now))?;
        self.must_be_possible(game)?;
        let sent = InvitationEvent::InvitationSent {
            game_id: self.game,
            sender_id,
            recipient_id: self.recipient,
            expires_at,
            game: InvitedGame {
                mode: game.mode,
                game_type: game.game_type,
                time_control: game.time_control,
                initial_fen: game.initial_fen.clone(),
            },
        };
        let pending = PendingInvitation { invitation_id: InvitationId(cx.stream), recipient_id: self.recipient };
        let on_invitation = Decision::from(vec![sent]).with(end_at(cx.stream, expires_at));
        Ok((on_invitation, vec![GameEvent::PlayerInvited(pending)].into()))
    }
}

impl SendInvitation {
    /// Who invites: the actor, who takes part in the game; an admin may name another who does.
    fn sender(&self, game: &ChessGame, cx: &Context) -> Result<UserId, Rejection> {
        let actor = cx.actor.user_id().ok_or_else(|| forbidden("only a logged-in user invites"))?;
        let sender = self.sender.unwrap_or(actor);
        if sender != actor && !cx.actor.is_admin() {
            return Err(forbidden("`senderId` must be you; leave it out").at("/senderId"));
        }
        if takes_part(game, sender) {
            return Ok(sender);
        }
        if sender == actor {
            return Err(forbidden("this chessGame is not yours: only who plays in it or made it invites to it"));
        }
        let told = format!("`senderId`: `{sender}` neither plays in the game nor made it");
        Err(Rejection::invalid("errMsg_senderIdIsNotValid", told).at("/senderId"))
    }

    fn must_be_possible(&self, game: &ChessGame) -> Result<(), Rejection> {
        if game.mode == GameMode::Public {
            let told = "the game is public: everybody finds and joins it; invitations are for private games";
            return Err(Rejection::conflict("errMsg_GameIsPublic", told).at("/gameId"));
        }
        if game.is_player(self.recipient) {
            let told = "`recipientId` plays in the game already";
            return Err(Rejection::conflict("errMsg_AlreadyPlays", told).at("/recipientId"));
        }
        if game.is_invited(self.recipient) {
            let told = "`recipientId` has a pending invitation to this game already; change or cancel that one";
            return Err(Rejection::conflict("errMsg_AlreadyInvited", told).at("/recipientId"));
        }
        if game.invitations.len() >= MOST_PENDING {
            let told = format!("{MOST_PENDING} invitations to this game wait for their answers; cancel one first");
            return Err(Rejection::conflict("errMsg_TooManyInvitations", told));
        }
        Ok(())
    }
}

impl Write for Both<SendInvitation> {
    const BODY: &'static [Param] = &[
        required(GAME, Kind::Id, "A private game that waits for its second player."),
        required("recipientId", Kind::Id, "Who is invited: any other user, guests included."),
        optional("senderId", Kind::Id, "You; an admin may name another who takes part in the game."),
        optional("expiresAt", Kind::Date, "When it ends by itself: within 30 days; in 7 days if it is left out."),
        optional("status", Kind::Enum(InvitationStatus::OPTIONS), "Ignored: `pending`."),
    ];
    const SHOWS: &'static Object = &CHESS_GAME_INVITATION;
    const ABOUT: &'static str = "Invites somebody to a private game; until it ends, he may read the game.";

    async fn prepare(call: &Call) -> Result<(Uuid, Self), ApiError> {
        let missing =
            |field: &str| ApiError::new(400, format!("errMsg_{field}IsRequired"), format!("`{field}` is required"));
        let game = call.id(GAME).ok_or_else(|| missing(GAME))?;
        let command = SendInvitation {
            game: GameId(game),
            sender: player::named(call, "senderId").await?.map(|sender| sender.id),
            recipient: player::named(call, "recipientId").await?.ok_or_else(|| missing("recipientId"))?.id,
            expires_at: call.word("expiresAt"),
        };
        Ok((call.request.command.derive(CHESS_GAME_INVITATION.name), Self { command, other: game }))
    }

    fn answer(done: &Done<Invitation>, call: &Call) -> Option<Map<String, Value>> {
        shown(done, call)
    }
}

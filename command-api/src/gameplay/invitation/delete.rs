//! deleteGameInvitation: an admin takes an invitation out of sight. One that was pending is over.

use event_schema::gameplay::invitation::{CHESS_GAME_INVITATION, InvitationEvent};
use event_schema::object::Object;
use serde_json::{Map, Value};
use service::ApiError;
use uuid::Uuid;

use super::{Decided, Invitation, ended, existing, forbidden, status_of, with_game};
use crate::es::aggregate::Context;
use crate::es::joint::{Both, Joint};
use crate::es::store::Done;
use crate::gameplay::game::Game;
use crate::http::body::Param;
use crate::http::call::Call;
use crate::http::read::shown;
use crate::http::write::Write;

/// Deletes an invitation, in whatever state it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeleteInvitation;

impl Joint for DeleteInvitation {
    type Main = Invitation;
    type Other = Game;

    fn decide(&self, state: &Invitation, game: &Game, cx: &Context) -> Decided {
        existing(state, cx)?;
        if !cx.actor.is_admin() {
            return Err(forbidden("only admins delete invitations; the sender cancels, the recipient declines"));
        }
        Ok(ended(InvitationEvent::InvitationDeleted { game_status: status_of(game) }, game, cx))
    }
}

impl Write for Both<DeleteInvitation> {
    const BODY: &'static [Param] = &[];
    const SHOWS: &'static Object = &CHESS_GAME_INVITATION;
    const ABOUT: &'static str = "Deletes an invitation softly: users see it no more, admins do.";

    async fn prepare(call: &Call) -> Result<(Uuid, Self), ApiError> {
        with_game(call, DeleteInvitation).await
    }

    fn answer(done: &Done<Invitation>, call: &Call) -> Option<Map<String, Value>> {
        shown(done, call)
    }
}

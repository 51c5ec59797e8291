//! What the timer of an invitation does: it ends one whose time is up, or whose game started or ended without it.

use chrono::{DateTime, Utc};
use event_schema::gameplay::game_event::GameStatus;
use event_schema::gameplay::invitation::{ChessGameInvitation, InvitationEvent, InvitationStatus};

use super::{Decided, Invitation, ended, status_of};
use crate::es::aggregate::{Aggregate, Context};
use crate::es::joint::{Both, Joint};
use crate::es::store::{Failure, Store};
use crate::es::timers::{Due, Fired};
use crate::gameplay::game::Game;

/// Ends an invitation that can wait no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndInvitation;

impl Joint for EndInvitation {
    type Main = Invitation;
    type Other = Game;

    fn decide(&self, state: &Invitation, game: &Game, cx: &Context) -> Decided {
        let Some(invitation) = pending(state) else { return Ok(Default::default()) };
        let open = game.stored().filter(|stored| stored.active && stored.object.status == GameStatus::Pending);
        let plays = game.stored().is_some_and(|stored| stored.object.is_player(invitation.recipient_id));
        let game_status = status_of(game);
        let event = match open {
            // He joined by the code.
            None if plays => InvitationEvent::InvitationAccepted { game_status },
            None => InvitationEvent::InvitationCancelled { game_status },
            Some(_) if invitation.expires_at <= cx.now => InvitationEvent::InvitationExpired { game_status },
            Some(_) => return Ok(Default::default()),
        };
        Ok(ended(event, game, cx))
    }
}

fn pending(state: &Invitation) -> Option<&ChessGameInvitation> {
    let stored = state.0.as_ref().filter(|stored| stored.active)?;
    (stored.object.status == InvitationStatus::Pending).then_some(&stored.object)
}

/// Fires a timer of [`super::END`]: ends the invitation, or says when it will end.
pub async fn fire(store: &Store, due: &Due) -> Result<Fired, Failure> {
    let loaded = store.load::<Invitation>(due.stream).await?;
    let Some(invitation) = pending(&loaded.state) else { return Ok(Fired::Done) };
    let command = Both { command: EndInvitation, other: invitation.game_id.0 };
    let done = store.transact(due.stream, &command, &due.request()).await?;
    let still: Option<DateTime<Utc>> = pending(&done.loaded.state).map(|invitation| invitation.expires_at);
    Ok(still.map_or(Fired::Done, Fired::Again))
}

//! `invitationNotificationView`: the invitation as its mirror has it, with what its events say of the game and, filled in
//! by the worker, the names of the two.

use event_schema::envelope::Recorded;
use event_schema::event::{DecodeError, DomainEvent};
use event_schema::gameplay::invitation::{ChessGameInvitation, InvitationEvent};
use event_schema::stored::{Document, Mirror, mirror};
use event_schema::views::Composed;
use event_schema::views::invitation_notification::INVITATION_NOTIFICATION_VIEW;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Projection;

/// The invitation's own part is folded as its mirror folds it.
const INVITATION: Mirror = mirror::<ChessGameInvitation>();

/// The fold.
pub struct InvitationNotification;

impl Projection for InvitationNotification {
    const VIEW: &'static Composed = &INVITATION_NOTIFICATION_VIEW;
    const REVISION: u32 = 1;
    const OWN_STREAM: bool = true;
    const CATEGORIES: &'static [&'static str] = &[InvitationEvent::CATEGORY];

    fn keys(event: &Recorded) -> Result<Vec<Uuid>, DecodeError> {
        Ok(vec![event.stream_id])
    }

    fn fold(_: Uuid, prior: Option<&Map<String, Value>>, recorded: &Recorded) -> Result<Option<Document>, DecodeError> {
        let Some(mut document) = (INVITATION.fold)(prior, recorded)? else { return Ok(None) };
        let mut values = prior.cloned().unwrap_or_default();
        let event = InvitationEvent::from_recorded(recorded)?;
        if let InvitationEvent::InvitationSent { game, .. } = &event {
            values.insert("gameMode".to_owned(), json!(game.mode));
            values.insert("gameType".to_owned(), json!(game.game_type));
            values.insert("timeControl".to_owned(), json!(game.time_control));
            values.insert("initialFEN".to_owned(), json!(game.initial_fen));
        }
        if let Some(status) = event.game_status() {
            values.insert("gameStatus".to_owned(), json!(status));
        }
        for field in Self::VIEW.table.all_fields().filter(|field| INVITATION.table.field(field.name).is_none()) {
            field.put(&values, &mut document.fields);
        }
        Ok(Some(document))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::recorded;
    use crate::views::tests::{fields_are_the_table_s, folded};
    use event_schema::gameplay::game_event::{GameMode, GameStatus, GameType};
    use event_schema::gameplay::invitation::InvitedGame;
    use event_schema::ids::{GameId, UserId};

    const SENDER: UserId = UserId(Uuid::from_u128(1));
    const RECIPIENT: UserId = UserId(Uuid::from_u128(2));

    fn sent() -> InvitationEvent {
        InvitationEvent::InvitationSent {
            game_id: GameId(Uuid::from_u128(9)),
            sender_id: SENDER,
            recipient_id: RECIPIENT,
            expires_at: "2026-02-07T12:00:00.125Z".parse().unwrap(),
            game: InvitedGame {
                mode: GameMode::Private,
                game_type: GameType::Rapid,
                time_control: GameType::Rapid.time_control(),
                initial_fen: None,
            },
        }
    }

    fn fold(events: &[InvitationEvent]) -> Document {
        let recorded = (1..).zip(events).map(|(at, event)| recorded(at.into(), Uuid::from_u128(0x1f), at, event));
        folded::<InvitationNotification>(&recorded.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn an_invitation_shows_what_its_game_is() {
        let document = fold(&[sent(), InvitationEvent::InvitationAccepted { game_status: GameStatus::Active }]);
        assert_eq!(document.readers, json!([SENDER, RECIPIENT]));
        insta::assert_json_snapshot!("invitation_notification", document.fields);
    }

    #[test]
    fn its_fields_are_exactly_the_table_s_and_names_stay() {
        let mut document = fold(&[sent()]);
        fields_are_the_table_s(INVITATION_NOTIFICATION_VIEW.table, &document);
        document.fields.insert("senderName".to_owned(), json!("Ann"));
        let event = InvitationEvent::InvitationDeleted { game_status: GameStatus::Pending };
        let next = recorded(2, Uuid::from_u128(0x1f), 2, &event);
        let next = InvitationNotification::fold(document.id, Some(&document.fields), &next).unwrap().unwrap();
        assert_eq!((&next.fields["senderName"], &next.fields["isActive"]), (&json!("Ann"), &json!(false)));
        assert_eq!(next.readers, json!([]), "admins alone see what was deleted");
    }
}

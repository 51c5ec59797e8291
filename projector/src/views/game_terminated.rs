//! `gameTerminatedNotificationView`: a game that an admin ended, for its players.

use event_schema::envelope::Recorded;
use event_schema::event::{DecodeError, DomainEvent};
use event_schema::gameplay::game_event::GameEvent;
use event_schema::ids::UserId;
use event_schema::object::instant;
use event_schema::stored::{Document, Readers};
use event_schema::views::Composed;
use event_schema::views::game_terminated::GAME_TERMINATED_VIEW;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Projection, bookkeeping};

/// The fold.
pub struct GameTerminated;

impl Projection for GameTerminated {
    const VIEW: &'static Composed = &GAME_TERMINATED_VIEW;
    const REVISION: u32 = 1;
    const OWN_STREAM: bool = true;
    const CATEGORIES: &'static [&'static str] = &[GameEvent::CATEGORY];

    /// Only what ends a game by an admin, and what changes such a document later.
    fn keys(event: &Recorded) -> Result<Vec<Uuid>, DecodeError> {
        let concerns = matches!(
            GameEvent::from_recorded(event)?,
            GameEvent::GameTerminated { .. } | GameEvent::ReportChanged { .. } | GameEvent::GameDeleted { .. }
        );
        Ok(concerns.then_some(event.stream_id).into_iter().collect())
    }

    fn fold(_: Uuid, prior: Option<&Map<String, Value>>, recorded: &Recorded) -> Result<Option<Document>, DecodeError> {
        let event = GameEvent::from_recorded(recorded)?;
        if let GameEvent::GameTerminated { by, at, white, black, report_status } = event {
            let fields = json!({
                "gameId": recorded.stream_id,
                "terminatedById": by,
                "terminatedAt": instant(at),
                "reportStatus": report_status,
                "playerWhiteId": white,
                "playerBlackId": black,
            });
            return Ok(fields.as_object().map(|fields| document(recorded, fields, None, true)));
        }
        let Some(prior) = prior else { return Ok(None) };
        let mut fields = prior.clone();
        let there = prior.get("isActive") == Some(&Value::Bool(true));
        let active = there && !matches!(event, GameEvent::GameDeleted { .. });
        if let GameEvent::ReportChanged { report_status, .. } = event {
            fields.insert("reportStatus".to_owned(), json!(report_status));
        }
        Ok(Some(document(recorded, &fields, Some(prior), active)))
    }
}

/// The document with these fields. While the game is there its players read it; afterwards only admins do.
fn document(
    recorded: &Recorded,
    fields: &Map<String, Value>,
    prior: Option<&Map<String, Value>>,
    active: bool,
) -> Document {
    let book = bookkeeping(recorded.stream_id, prior, recorded, active);
    let player = |name: &str| fields.get(name)?.as_str()?.parse::<UserId>().ok().map(|user| user.0);
    let players = ["playerWhiteId", "playerBlackId"].into_iter().filter_map(player).filter(|_| active);
    Document {
        id: recorded.stream_id,
        fields: GAME_TERMINATED_VIEW.table.render(fields, &book, |field| field.in_views()),
        live: true,
        readers: Readers::Users(players.collect()).to_value(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{created, deleted, ended, played, reported, terminated};
    use crate::views::tests::{fields_are_the_table_s, folded};

    const FEN: &str = "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1";

    #[test]
    fn only_a_game_that_an_admin_ended_has_a_document() {
        let moved = || played(2, 1, "e4", FEN);
        assert_eq!(folded::<GameTerminated>(&[created(1), moved(), ended(3)]), None);
        assert_eq!(folded::<GameTerminated>(&[created(1), moved(), reported(3), deleted(4)]), None);
        for event in [created(1), moved(), ended(3)] {
            assert!(GameTerminated::keys(&event).unwrap().is_empty(), "{}", event.kind);
        }
        let document = folded::<GameTerminated>(&[created(1), moved(), terminated(3)]).unwrap();
        assert_eq!(document.readers, json!([Uuid::from_u128(1), Uuid::from_u128(2)]));
        fields_are_the_table_s(GAME_TERMINATED_VIEW.table, &document);
        insta::assert_json_snapshot!("game_terminated", document.fields);
    }

    #[test]
    fn it_follows_the_report_and_goes_out_of_the_players_sight_with_the_game() {
        let reviewed = folded::<GameTerminated>(&[created(1), terminated(2), reported(3)]).unwrap();
        assert_eq!(
            (&reviewed.fields["reportStatus"], &reviewed.fields["reportStatus_idx"]),
            (&json!("reported"), &json!(1))
        );
        let mut named = reviewed.fields.clone();
        named.insert("playerWhiteName".to_owned(), json!("Ann"));
        let gone = GameTerminated::fold(reviewed.id, Some(&named), &deleted(4)).unwrap().unwrap();
        assert_eq!((&gone.fields["isActive"], &gone.fields["playerWhiteName"]), (&json!(false), &json!("Ann")));
        assert_eq!((&gone.fields["createdAt"], &gone.fields["_owner"]), (&named["createdAt"], &named["_owner"]));
        assert_eq!((gone.live, gone.readers), (true, json!([])));
    }
}

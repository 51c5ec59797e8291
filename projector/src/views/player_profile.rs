//! `playerProfileView`: the user as his mirror has him, for everybody to see. What of it is for admins alone is said by
//! its table.

use event_schema::auth::user::{User, UserEvent};
use event_schema::envelope::Recorded;
use event_schema::event::{DecodeError, DomainEvent};
use event_schema::stored::{Document, Mirror, Readers, mirror};
use event_schema::views::Composed;
use event_schema::views::player_profile::{PLAYER_PROFILE_VIEW, STANDING};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Projection;

/// The user's own part is folded as his mirror folds it.
const USER: Mirror = mirror::<User>();

/// The fold.
pub struct PlayerProfile;

impl Projection for PlayerProfile {
    const VIEW: &'static Composed = &PLAYER_PROFILE_VIEW;
    const REVISION: u32 = 1;
    const OWN_STREAM: bool = true;
    const CATEGORIES: &'static [&'static str] = &[UserEvent::CATEGORY];

    fn keys(event: &Recorded) -> Result<Vec<Uuid>, DecodeError> {
        Ok(vec![event.stream_id])
    }

    fn fold(_: Uuid, prior: Option<&Map<String, Value>>, recorded: &Recorded) -> Result<Option<Document>, DecodeError> {
        let Some(mut document) = (USER.fold)(prior, recorded)? else { return Ok(None) };
        // Nobody keeps the standing of players yet.
        document.fields.extend(STANDING.iter().map(|field| (field.name.to_owned(), Value::Null)));
        let there = document.fields.get("isActive") == Some(&Value::Bool(true));
        document.readers = if there { Readers::Everybody } else { Readers::Users(Vec::new()) }.to_value();
        Ok(Some(document))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::recorded;
    use crate::views::tests::{fields_are_the_table_s, folded};
    use event_schema::auth::user::Role;
    use serde_json::json;

    fn registered() -> UserEvent {
        UserEvent::UserRegistered(User {
            email: None,
            fullname: Some("Guest".to_owned()),
            avatar: Some("https://example.com/g.png".to_owned()),
            role_id: Role::Guest,
            email_verified: false,
        })
    }

    fn upgraded() -> UserEvent {
        UserEvent::GuestUpgraded {
            email: Some("grace@example.com".to_owned()),
            fullname: Some("Grace".to_owned()),
            avatar: None,
        }
    }

    #[test]
    fn everybody_sees_who_a_user_is_now() {
        let id = Uuid::from_u128(7);
        let events = [recorded(1, id, 1, &registered()), recorded(5, id, 2, &upgraded())];
        let document = folded::<PlayerProfile>(&events).unwrap();
        assert_eq!(document.readers, json!(["*"]));
        fields_are_the_table_s(PLAYER_PROFILE_VIEW.table, &document);
        insta::assert_json_snapshot!("player_profile", document.fields);
    }
}

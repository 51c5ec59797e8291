//! User preferences: one per user, his own.

use event_schema::gameplay::user_preference::{BoardOrientation, UserPreference};
use event_schema::ids::UserId;
use event_schema::object::Kind;
use serde_json::{Map, Value, json};
use service::ApiError;

use super::board_theme;
use crate::es::aggregate::{Actor, Rejection};
use crate::http::body::{Param, optional};
use crate::http::call::Call;
use crate::http::query::Filter;
use crate::http::record::{Change, Rules, owns};

/// Filters of listUserPreferences.
pub const FILTERS: &[Filter] = &[Filter { name: "userId", kind: Kind::Id }];

/// What both bodies take.
const THEME: Param =
    optional("activeThemeId", Kind::String, "The id of a theme that you see; empty for none.").at_most(64);
const SOUND: Param = optional("soundEnabled", Kind::Boolean, "Sounds; true if it is left out.");
const ANIMATIONS: Param = optional("showAnimations", Kind::Boolean, "Moving pieces; true if it is left out.");
const ORIENTATION: Param = optional(
    "boardOrientation",
    Kind::Enum(BoardOrientation::OPTIONS),
    "Which side is below; `auto`, your own, if it is left out.",
);
const PREMOVE: Param = optional("premoveEnabled", Kind::Boolean, "Moves ahead of the turn; false if it is left out.");

impl Rules for UserPreference {
    const CREATE: &'static [Param] =
        &[optional("userId", Kind::Id, "You."), THEME, SOUND, ANIMATIONS, ORIENTATION, PREMOVE];
    const UPDATE: &'static [Param] = &[THEME, SOUND, ANIMATIONS, ORIENTATION, PREMOVE];
    const OWNER: &'static str = "userId";
    const PUBLISHED: Option<&'static str> = None;

    fn defaults() -> Map<String, Value> {
        Map::from_iter([
            ("soundEnabled".to_owned(), json!(true)),
            ("showAnimations".to_owned(), json!(true)),
            ("boardOrientation".to_owned(), json!(BoardOrientation::Auto)),
            ("premoveEnabled".to_owned(), json!(false)),
        ])
    }

    fn owner(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn is_published(&self) -> bool {
        false
    }

    fn checked(mut self) -> Result<Self, Rejection> {
        self.active_theme_id = self.active_theme_id.filter(|id| !id.is_empty());
        Ok(self)
    }

    /// Nobody for another: it is the only one that he can have.
    fn may_be_made_by(&self, actor: Actor) -> bool {
        owns(self, actor)
    }

    fn allows(&self, change: Change, actor: Actor) -> bool {
        match change {
            Change::Update | Change::Delete => owns(self, actor),
        }
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("userPreference:{}", self.user_id))
    }

    async fn look_up(call: &Call) -> Result<(), ApiError> {
        board_theme::named(call).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::es::aggregate::{Command, Context, Plain, Refused};
    use crate::http::record::Create;
    use event_schema::auth::user::Role;
    use event_schema::ids::CommandId;
    use uuid::Uuid;

    const ANN: UserId = UserId(Uuid::from_u128(1));

    fn of_ann(theme: Option<&str>) -> UserPreference {
        UserPreference {
            user_id: ANN,
            active_theme_id: theme.map(str::to_owned),
            sound_enabled: true,
            show_animations: true,
            board_orientation: BoardOrientation::Auto,
            premove_enabled: false,
        }
    }

    #[test]
    fn nobody_makes_them_for_another_admins_neither() {
        let made_by = |id, role| {
            let (now, actor) = (chrono::Utc::now(), Actor::User(UserId(Uuid::from_u128(id)), role));
            let cx = Context { actor, now, command: CommandId::new(), stream: Uuid::now_v7() };
            Create(of_ann(None)).decide(&Plain(None), &cx).map(|_| ()).map_err(|refusal| refusal.kind)
        };
        assert_eq!(made_by(1, Role::Guest), Ok(()));
        for role in [Role::User, Role::Admin, Role::SuperAdmin] {
            assert_eq!(made_by(2, role), Err(Refused::Forbidden));
        }
    }

    #[test]
    fn an_empty_theme_is_none() {
        assert_eq!(of_ann(Some("")).checked().unwrap(), of_ann(None));
        assert_eq!(of_ann(Some("x")).checked().unwrap(), of_ann(Some("x")));
    }
}

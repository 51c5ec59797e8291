//! `userPreference`: how a user likes his board. One per user.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::choices::choices;
use crate::ids::UserId;
use crate::object::{Deletion, Object, ReadBy, boolean, choice, id, string};
use crate::record::{Record, record_events};
use crate::stored::Readers;

choices! {
    /// Which side of the board is below.
    BoardOrientation {
        /// The player's own.
        Auto = "auto",
        /// White's.
        White = "white",
        /// Black's.
        Black = "black",
    }
}

/// The contract's table (1.3).
pub const USER_PREFERENCE: Object = Object {
    name: "userPreference",
    plural: "userPreferences",
    deletion: Deletion::Soft,
    read_by: ReadBy::admins_and("the user himself"),
    fields: &[
        id("userId").listed(),
        string("activeThemeId"),
        boolean("soundEnabled"),
        boolean("showAnimations"),
        choice("boardOrientation", BoardOrientation::OPTIONS),
        boolean("premoveEnabled"),
    ],
    additions: &[],
};

/// The flat object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserPreference {
    /// Whose.
    pub user_id: UserId,
    /// The id of a theme that he may see.
    pub active_theme_id: Option<String>,
    /// Sounds.
    pub sound_enabled: bool,
    /// Moving pieces.
    pub show_animations: bool,
    /// Which side is below.
    pub board_orientation: BoardOrientation,
    /// Moves ahead of the turn.
    pub premove_enabled: bool,
}

record_events!(UserPreferenceEvent of UserPreference in "userPreference": UserPreferenceSaved, UserPreferenceDeleted);

impl Record for UserPreference {
    const TABLE: &'static Object = &USER_PREFERENCE;
    type Event = UserPreferenceEvent;

    fn readers(&self, _: Uuid) -> Readers {
        Readers::Users(vec![self.user_id.0])
    }
}

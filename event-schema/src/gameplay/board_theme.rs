//! `boardTheme`: the colours of a board.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::UserId;
use crate::object::{Deletion, Object, ReadBy, boolean, id, string};
use crate::record::{Record, record_events};
use crate::stored::Readers;

/// The contract's table (1.3).
pub const BOARD_THEME: Object = Object {
    name: "boardTheme",
    plural: "boardThemes",
    deletion: Deletion::Soft,
    read_by: ReadBy::admins_and("the creator; every logged-in user while it is published"),
    fields: &[
        string("name").searched(),
        string("lightSquare"),
        string("darkSquare"),
        boolean("isPublished").listed(),
        id("createdById").listed(),
    ],
    additions: &[],
};

/// The themes that every system has: name, light and dark squares. Their ids derive from the name and are the same in every system.
pub const PRESETS: &[(&str, &str, &str)] = &[
    ("Brown", "#f0d9b5", "#b58863"),
    ("Blue", "#dee3e6", "#8ca2ad"),
    ("Green", "#ffffdd", "#86a666"),
    ("Purple", "#e8e0f0", "#9f90b0"),
    ("Grey", "#dcdcdc", "#8a8a8a"),
    ("High contrast", "#ffffff", "#4a4a4a"),
];

/// The flat object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BoardTheme {
    /// What its creator calls it.
    pub name: String,
    /// `#rrggbb`.
    pub light_square: String,
    /// `#rrggbb`.
    pub dark_square: String,
    /// Whether everybody sees it.
    pub is_published: bool,
    /// Who made it; none: it came with the system.
    pub created_by_id: Option<UserId>,
}

record_events!(BoardThemeEvent of BoardTheme in "boardTheme": BoardThemeSaved, BoardThemeDeleted);

impl Record for BoardTheme {
    const TABLE: &'static Object = &BOARD_THEME;
    type Event = BoardThemeEvent;

    fn readers(&self, _: Uuid) -> Readers {
        if self.is_published {
            Readers::Everybody
        } else {
            Readers::Users(self.created_by_id.iter().map(|user| user.0).collect())
        }
    }
}

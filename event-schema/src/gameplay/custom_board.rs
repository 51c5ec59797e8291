//! `customBoard`: a position that a user keeps, for himself or for all.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::choices::choices;
use crate::ids::UserId;
use crate::object::{Deletion, Object, ReadBy, boolean, choice, id, string, text};
use crate::record::{Record, record_events};
use crate::stored::Readers;

choices! {
    /// What a position is for.
    BoardCategory {
        /// To be played out.
        Endgame = "endgame",
        /// To be begun from.
        Opening = "opening",
        /// To be solved.
        Puzzle = "puzzle",
        /// Anything else.
        Custom = "custom",
    }
}

/// The contract's table (1.3).
pub const CUSTOM_BOARD: Object = Object {
    name: "customBoard",
    plural: "customBoards",
    deletion: Deletion::Soft,
    read_by: ReadBy::admins_and("the creator; every logged-in user while it is published"),
    fields: &[
        string("name").searched(),
        string("fen"),
        text("description").searched(),
        boolean("isPublished").listed(),
        choice("category", BoardCategory::OPTIONS).listed(),
        id("createdById").listed(),
    ],
    additions: &[],
};

/// The flat object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomBoard {
    /// What its creator calls it.
    pub name: String,
    /// The position, canonical FEN.
    pub fen: String,
    /// More about it.
    pub description: Option<String>,
    /// Whether everybody sees it.
    pub is_published: bool,
    /// What it is for.
    pub category: BoardCategory,
    /// Who made it.
    pub created_by_id: UserId,
}

record_events!(CustomBoardEvent of CustomBoard in "customBoard": CustomBoardSaved, CustomBoardDeleted);

impl Record for CustomBoard {
    const TABLE: &'static Object = &CUSTOM_BOARD;
    type Event = CustomBoardEvent;

    fn readers(&self, _: Uuid) -> Readers {
        if self.is_published { Readers::Everybody } else { Readers::Users(vec![self.created_by_id.0]) }
    }
}

//! `gameTerminatedNotificationView`: what the players of a game are told when an admin ended it.

use super::chess_game_list::PLAYER_NAMES;
use super::{Composed, Join};
use crate::auth::user::USER;
use crate::gameplay::game_event::ReportStatus;
use crate::object::{Deletion, Object, ReadBy, choice, date, id, string};

/// The view; its id is the game's. There is a document only for games that an admin terminated.
pub const GAME_TERMINATED_VIEW: Composed = Composed {
    table: &Object {
        name: "gameTerminatedNotificationView",
        plural: "gameTerminatedNotificationViews",
        deletion: Deletion::Soft,
        read_by: ReadBy::admins_and("the players, while the game is not deleted"),
        fields: &[
            id("gameId"),
            id("terminatedById"),
            string("terminatedByName").searched(),
            date("terminatedAt"),
            choice("reportStatus", ReportStatus::OPTIONS),
            id("playerWhiteId"),
            string("playerWhiteName").searched(),
            id("playerBlackId"),
            string("playerBlackName").searched(),
        ],
        additions: &[],
    },
    joins: &[
        Join { field: "terminatedByName", by: "terminatedById", of: &USER, shown: "fullname" },
        PLAYER_NAMES[0],
        PLAYER_NAMES[1],
    ],
};

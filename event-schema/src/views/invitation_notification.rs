//! `invitationNotificationView`: an invitation with the names of the two, and what a notice says of the game.

use super::{Composed, Join};
use crate::auth::user::USER;
use crate::gameplay::game_event::{GameMode, GameStatus, GameType};
use crate::gameplay::invitation::{CHESS_GAME_INVITATION, INVITATION_ADDITIONS};
use crate::object::{Deletion, Field, Object, ReadBy, any, choice, string};

/// What the view adds to the invitation. `gameStatus` is the game's when the invitation last changed.
const ADDITIONS: &[Field] = &[
    string("senderName").searched(),
    string("senderAvatar"),
    string("recipientName").searched(),
    string("recipientAvatar"),
    choice("gameMode", GameMode::OPTIONS),
    choice("gameType", GameType::OPTIONS),
    any("timeControl"),
    string("initialFEN"),
    choice("gameStatus", GameStatus::OPTIONS),
];

/// The view; its id is the invitation's.
pub const INVITATION_NOTIFICATION_VIEW: Composed = Composed {
    table: &Object {
        name: "invitationNotificationView",
        plural: "invitationNotificationViews",
        deletion: Deletion::Soft,
        read_by: ReadBy::admins_and("the sender and the recipient"),
        fields: CHESS_GAME_INVITATION.fields,
        additions: &[INVITATION_ADDITIONS, ADDITIONS],
    },
    joins: &[
        Join { field: "senderName", by: "senderId", of: &USER, shown: "fullname" },
        Join { field: "senderAvatar", by: "senderId", of: &USER, shown: "avatar" },
        Join { field: "recipientName", by: "recipientId", of: &USER, shown: "fullname" },
        Join { field: "recipientAvatar", by: "recipientId", of: &USER, shown: "avatar" },
    ],
};

//! `lobbyChatMessageView` and `chatModerationNotificationView`: what is said in the lobby, and what is done about it.

use super::Composed;
use crate::choices::choices;
use crate::gameplay::game_event::ReportStatus;
use crate::object::{Deletion, Object, ReadBy, boolean, choice, date, id, integer, string, text};

choices! {
    /// What a moderator does to who talks in the lobby.
    ModerationAction {
        /// He may not enter.
        Blocked = "blocked",
        /// He may not speak.
        Silenced = "silenced",
    }
}

/// The view: the contract's `lobbyMessage` with the sender's picture. Nothing is in it until the lobby's service writes
/// events.
pub const LOBBY_CHAT_MESSAGE_VIEW: Composed = Composed {
    table: &Object {
        name: "lobbyChatMessageView",
        plural: "lobbyChatMessageViews",
        deletion: Deletion::Hard,
        read_by: ReadBy::admins_and("nobody yet: it is empty"),
        fields: &[
            id("senderId"),
            string("senderDisplayName").searched(),
            text("content").searched(),
            date("sentAt"),
            choice("reportStatus", ReportStatus::OPTIONS),
            date("mutedUntil"),
            boolean("removed"),
            string("roomId"),
        ],
        additions: &[&[string("senderAvatar")]],
    },
    joins: &[],
};

/// The view: a report, a removal, a mute or a block in the lobby, for whom it concerns: the contract's `lobbyMessage`
/// and `lobbyChatHubModeration`. Nothing is in it until the lobby's service writes events.
pub const CHAT_MODERATION_VIEW: Composed = Composed {
    table: &Object {
        name: "chatModerationNotificationView",
        plural: "chatModerationNotificationViews",
        deletion: Deletion::Soft,
        read_by: ReadBy::admins_and("nobody yet: it is empty"),
        fields: &[
            id("lobbyMessageId"),
            string("roomId"),
            id("userId"),
            string("userName").searched(),
            choice("reportStatus", ReportStatus::OPTIONS),
            boolean("removed"),
            date("mutedUntil"),
            choice("action", ModerationAction::OPTIONS),
            text("reason"),
            integer("duration"),
            date("expiresAt"),
            id("issuedBy"),
            string("issuedByName"),
        ],
        additions: &[],
    },
    joins: &[],
};

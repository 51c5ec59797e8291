//! `gameHubMessage`: what is said in the room of a game.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::choices::choices;
use crate::ids::{GameId, UserId};
use crate::object::{Deletion, KeyOf, Object, ReadBy, any, choice, date, id, string};
use crate::record::{Record, record_events};
use crate::stored::Readers;

choices! {
    /// What a message is about: says how its content looks.
    MessageType {
        /// Words of a player.
        Text = "text",
        /// Words of the system or of an admin.
        System = "system",
        /// A move was made.
        ChessMove = "chessMove",
        /// A draw was offered.
        DrawOffer = "drawOffer",
        /// The offer was accepted.
        DrawAccepted = "drawAccepted",
        /// The offer was declined.
        DrawDeclined = "drawDeclined",
        /// A player gave up.
        Resignation = "resignation",
        /// A player asks to save.
        SaveRequest = "saveRequest",
        /// The other agrees.
        SaveAccepted = "saveAccepted",
        /// The other says no.
        SaveDeclined = "saveDeclined",
        /// A player asks to go on.
        ResumeRequest = "resumeRequest",
        /// The other agrees.
        ResumeAccepted = "resumeAccepted",
        /// The other says no.
        ResumeDeclined = "resumeDeclined",
    }
    /// Moderation of a message.
    MessageStatus {
        /// An admin has to look at it first.
        Pending = "pending",
        /// The room sees it.
        Approved = "approved",
        /// Taken out of the room's sight by an admin.
        Rejected = "rejected",
    }
}

/// The contract's table (1.3), with the players that its room had when it was posted.
pub const GAME_HUB_MESSAGE: Object = Object {
    name: "gameHubMessage",
    plural: "gameHubMessages",
    deletion: Deletion::Soft,
    read_by: ReadBy::admins_and("the sender and, once it is approved, the players of the game"),
    fields: &[
        id("roomId").listed(),
        id("senderId").listed(),
        string("senderName").personal(KeyOf::Field("senderId")).searched(),
        string("senderAvatar").personal(KeyOf::Field("senderId")),
        choice("messageType", MessageType::OPTIONS).listed(),
        any("content"),
        date("timestamp"),
        choice("status", MessageStatus::OPTIONS).listed(),
    ],
    additions: &[&[id("playerWhiteId"), id("playerBlackId")]],
};

/// The flat object. Name and avatar are `None` once the sender is erased.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GameHubMessage {
    /// The game.
    pub room_id: GameId,
    /// Who said it; none: the system.
    pub sender_id: Option<UserId>,
    /// His name when he said it.
    pub sender_name: Option<String>,
    /// URL of his picture when he said it.
    pub sender_avatar: Option<String>,
    /// What it is about.
    pub message_type: MessageType,
    /// An object; its shape depends on the type.
    pub content: Value,
    /// When it was said.
    pub timestamp: DateTime<Utc>,
    /// Moderation.
    pub status: MessageStatus,
    /// White, for the readers of the message.
    pub player_white_id: UserId,
    /// Black, for the readers of the message; none while the game waited for him.
    pub player_black_id: Option<UserId>,
}

record_events!(GameHubMessageEvent of GameHubMessage in "gameHubMessage": MessagePosted then MessageEdited, MessageDeleted);

impl GameHubMessage {
    /// Whether the whole room sees it; what is not approved is between its sender and the admins.
    pub fn is_public(&self) -> bool {
        match self.status {
            MessageStatus::Approved => true,
            MessageStatus::Pending | MessageStatus::Rejected => false,
        }
    }
}

impl Record for GameHubMessage {
    const TABLE: &'static Object = &GAME_HUB_MESSAGE;
    type Event = GameHubMessageEvent;

    /// Its sender and, once approved, the players of the room.
    fn readers(&self, _: Uuid) -> Readers {
        let players = std::iter::once(self.player_white_id).chain(self.player_black_id);
        let room = players.filter(|player| self.is_public() && Some(*player) != self.sender_id);
        Readers::Users(self.sender_id.into_iter().chain(room).map(|user| user.0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_reads_what_is_approved_and_the_sender_his_own() {
        let user = |number| UserId(Uuid::from_u128(number));
        let said = |status, sender_id| GameHubMessage {
            room_id: GameId::default(),
            sender_id,
            sender_name: None,
            sender_avatar: None,
            message_type: MessageType::Text,
            content: Value::Null,
            timestamp: DateTime::UNIX_EPOCH,
            status,
            player_white_id: user(1),
            player_black_id: Some(user(2)),
        };
        let readers = |status, sender| match said(status, sender).readers(Uuid::nil()) {
            Readers::Users(ids) => ids.iter().map(Uuid::as_u128).collect::<Vec<_>>(),
            Readers::Everybody | Readers::UserAndRole(..) => panic!("more than the two"),
        };
        assert_eq!(readers(MessageStatus::Approved, Some(user(2))), [2, 1]);
        assert_eq!(readers(MessageStatus::Approved, None), [1, 2]);
        for status in [MessageStatus::Pending, MessageStatus::Rejected] {
            assert_eq!(readers(status, Some(user(2))), [2]);
        }
    }
}

//! `gameHubMessage`: what is said in the room of a game.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::chess_game::{CHESS_GAME, players_there};
use crate::choices::choices;
use crate::ids::{GameId, UserId};
use crate::object::{Deletion, KeyOf, Object, ReadBy, any, choice, date, id, string};
use crate::record::{Record, record_events};
use crate::stored::{Readers, Whole};

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
    read_by: ReadBy::admins_and(
        "while its game is not deleted, the sender and, once it is approved, the players of the game",
    ),
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

impl MessageStatus {
    fn is_public(self) -> bool {
        match self {
            Self::Approved => true,
            Self::Pending | Self::Rejected => false,
        }
    }
}

impl GameHubMessage {
    /// Whether the whole room sees it; what is not approved is between its sender and the admins.
    pub fn is_public(&self) -> bool {
        self.status.is_public()
    }
}

impl Record for GameHubMessage {
    const TABLE: &'static Object = &GAME_HUB_MESSAGE;
    const WHOLE: Option<&'static Whole> = Some(&ROOM);
    type Event = GameHubMessageEvent;

    /// As far as the message itself can tell: the players may be others by now, see [`ROOM`].
    fn readers(&self, _: Uuid) -> Readers {
        let players = std::iter::once(self.player_white_id).chain(self.player_black_id).map(|player| player.0);
        readers(self.sender_id.map(|sender| sender.0), self.is_public(), players)
    }
}

/// Who is in the room now reads what was said there, also before he came; in the room of a deleted game is nobody.
const ROOM: Whole = Whole {
    table: &CHESS_GAME,
    by: "roomId",
    changed_by: &["PlayerJoined", "GameDeleted"],
    comes_first: false,
    readers: readers_now,
};

fn readers_now(message: &Map<String, Value>, game: &Map<String, Value>) -> Readers {
    let players = players_there(game);
    if players.is_empty() || message.get("isActive") != Some(&Value::Bool(true)) {
        return Readers::Users(Vec::new());
    }
    let text = |name: &str| message.get(name).and_then(Value::as_str);
    let sender = text("senderId").and_then(|id| id.parse().ok());
    let status = text("status").and_then(|word| word.parse::<MessageStatus>().ok());
    readers(sender, status.is_some_and(MessageStatus::is_public), players)
}

/// The sender and, once the message is approved, the players of the room.
fn readers(sender: Option<Uuid>, public: bool, players: impl IntoIterator<Item = Uuid>) -> Readers {
    let room = players.into_iter().filter(|player| public && Some(*player) != sender);
    Readers::Users(sender.into_iter().chain(room).collect())
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

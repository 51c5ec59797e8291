//! `chessGameInvitation`: somebody is asked to be the second player of a private game.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::game_event::{GameMode, GameStatus, GameType, TimeControl};
use crate::choices::choices;
use crate::event::DomainEvent;
use crate::ids::{GameId, UserId};
use crate::object::{Deletion, Field, Object, ReadBy, boolean, choice, date, id};
use crate::stored::{DataObject, Readers};

choices! {
    /// Where an invitation stands.
    InvitationStatus {
        /// Waits for its answer.
        Pending = "pending",
        /// The recipient plays.
        Accepted = "accepted",
        /// The recipient does not want to.
        Declined = "declined",
        /// Taken back, expired, or its game started or ended without the recipient.
        Cancelled = "cancelled",
    }
}

/// Our additions to the contract's fields.
pub const INVITATION_ADDITIONS: &[Field] = &[boolean("expired")];

/// The contract's table (1.3); `expired` tells what only time has ended (contract README, row 23).
pub const CHESS_GAME_INVITATION: Object = Object {
    name: "chessGameInvitation",
    plural: "chessGameInvitations",
    deletion: Deletion::Soft,
    read_by: ReadBy::admins_and("the sender and the recipient"),
    fields: &[
        id("gameId").listed(),
        id("senderId").listed(),
        id("recipientId").listed(),
        choice("status", InvitationStatus::OPTIONS).listed(),
        date("expiresAt"),
    ],
    additions: &[INVITATION_ADDITIONS],
};

/// The flat object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChessGameInvitation {
    /// The game.
    pub game_id: GameId,
    /// Who invites.
    pub sender_id: UserId,
    /// Who is invited.
    pub recipient_id: UserId,
    /// Where it stands.
    pub status: InvitationStatus,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// Whether it ended by itself.
    pub expired: bool,
}

/// What never changes of the game, for whoever is shown the invitation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvitedGame {
    /// Who may find it.
    pub mode: GameMode,
    /// The kind of time control.
    pub game_type: GameType,
    /// None: no clock.
    pub time_control: Option<TimeControl>,
    /// The starting position of a custom game.
    #[serde(rename = "initialFEN")]
    pub initial_fen: Option<String>,
}

/// Stored: past tense, never renamed. `game_status` is that of the game after the command that made the event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum InvitationEvent {
    /// The game waits, and somebody is invited.
    #[serde(rename_all = "camelCase")]
    InvitationSent {
        /// The game.
        game_id: GameId,
        /// Who invites.
        sender_id: UserId,
        /// Who is invited.
        recipient_id: UserId,
        /// When it ends by itself.
        expires_at: DateTime<Utc>,
        /// The game as it will stay.
        game: InvitedGame,
    },
    /// It ends by itself at another time.
    #[serde(rename_all = "camelCase")]
    ExpiryChanged {
        /// When.
        expires_at: DateTime<Utc>,
    },
    /// The recipient plays.
    #[serde(rename_all = "camelCase")]
    InvitationAccepted {
        /// The game's.
        game_status: GameStatus,
    },
    /// The recipient does not want to.
    #[serde(rename_all = "camelCase")]
    InvitationDeclined {
        /// The game's.
        game_status: GameStatus,
    },
    /// The sender or an admin took it back; or, without an actor, the game started or ended without the recipient.
    #[serde(rename_all = "camelCase")]
    InvitationCancelled {
        /// The game's.
        game_status: GameStatus,
    },
    /// Its time was up.
    #[serde(rename_all = "camelCase")]
    InvitationExpired {
        /// The game's.
        game_status: GameStatus,
    },
    /// An admin took it out of sight.
    #[serde(rename_all = "camelCase")]
    InvitationDeleted {
        /// The game's.
        game_status: GameStatus,
    },
}

impl DomainEvent for InvitationEvent {
    const CATEGORY: &'static str = "chessGameInvitation";

    fn schema(_: &str) -> i16 {
        1
    }

    fn upcast(_: &str, _: i16, data: serde_json::Value) -> serde_json::Value {
        data
    }
}

impl DataObject for ChessGameInvitation {
    const TABLE: &'static Object = &CHESS_GAME_INVITATION;
    type Event = InvitationEvent;

    fn begin(event: &InvitationEvent) -> Option<Self> {
        let InvitationEvent::InvitationSent { game_id, sender_id, recipient_id, expires_at, .. } = event else {
            return None;
        };
        Some(Self {
            game_id: *game_id,
            sender_id: *sender_id,
            recipient_id: *recipient_id,
            status: InvitationStatus::Pending,
            expires_at: *expires_at,
            expired: false,
        })
    }

    fn evolve(&mut self, event: &InvitationEvent) {
        match event {
            InvitationEvent::InvitationSent { .. } => {}
            InvitationEvent::ExpiryChanged { expires_at } => self.expires_at = *expires_at,
            InvitationEvent::InvitationAccepted { .. } => self.status = InvitationStatus::Accepted,
            InvitationEvent::InvitationDeclined { .. } => self.status = InvitationStatus::Declined,
            InvitationEvent::InvitationCancelled { .. } => self.status = InvitationStatus::Cancelled,
            InvitationEvent::InvitationExpired { .. } => {
                self.status = InvitationStatus::Cancelled;
                self.expired = true;
            }
            InvitationEvent::InvitationDeleted { .. } if self.status == InvitationStatus::Pending => {
                self.status = InvitationStatus::Cancelled;
            }
            InvitationEvent::InvitationDeleted { .. } => {}
        }
    }

    fn deletes(event: &InvitationEvent) -> bool {
        matches!(event, InvitationEvent::InvitationDeleted { .. })
    }

    /// The two whom it concerns.
    fn readers(&self, _: uuid::Uuid) -> Readers {
        Readers::Users(vec![self.sender_id.0, self.recipient_id.0])
    }
}

impl InvitationEvent {
    /// The status of the game after the command that made the event; none where nothing was said of it.
    pub fn game_status(&self) -> Option<GameStatus> {
        match self {
            Self::InvitationSent { .. } => Some(GameStatus::Pending),
            Self::ExpiryChanged { .. } => None,
            Self::InvitationAccepted { game_status }
            | Self::InvitationDeclined { game_status }
            | Self::InvitationCancelled { game_status }
            | Self::InvitationExpired { game_status }
            | Self::InvitationDeleted { game_status } => Some(*game_status),
        }
    }
}

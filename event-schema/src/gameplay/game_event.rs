//! The events of a game's stream, and their closed sets of words.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::imported::GameImported;
use crate::choices::choices;
use crate::event::DomainEvent;
use crate::ids::{InvitationId, UserId};

choices! {
    /// Where a game stands.
    GameStatus {
        /// Waits for its second player.
        Pending = "pending",
        /// Is being played.
        Active = "active",
        /// Saved by both players.
        Paused = "paused",
        /// Ended by the rules or by the players.
        Completed = "completed",
        /// Ended by an admin.
        Terminated = "terminated",
    }
    /// Who may find a game.
    GameMode {
        /// Everybody, while it waits for a player.
        Public = "public",
        /// Who has its code.
        Private = "private",
    }
    /// The kind of time control.
    GameType {
        /// 15 minutes and 10 seconds a move by default.
        Timed = "timed",
        /// No clock.
        Untimed = "untimed",
        /// 3 minutes and 2 seconds a move by default.
        Blitz = "blitz",
        /// 10 minutes by default.
        Rapid = "rapid",
    }
    /// How far a mutual save is.
    SaveStatus {
        /// Nobody asked.
        NotSaveable = "notSaveable",
        /// One player asked.
        Requested = "requested",
        /// Both agreed.
        Paused = "paused",
    }
    /// How a game ended.
    GameResult {
        /// White won.
        WhiteWin = "whiteWin",
        /// Black won.
        BlackWin = "blackWin",
        /// Nobody won.
        Draw = "draw",
        /// It does not count.
        Aborted = "aborted",
    }
    /// Moderation.
    ReportStatus {
        /// Not reported.
        None = "none",
        /// By a player.
        Reported = "reported",
        /// An admin looks at it.
        UnderReview = "underReview",
    }
    /// Why a game ended (FIDE Laws of Chess 2023, articles 5 and 9).
    EndReason {
        /// 5.1.1.
        Checkmate = "checkmate",
        /// 5.1.2.
        Resignation = "resignation",
        /// 5.2.1.
        Stalemate = "stalemate",
        /// 5.2.3.
        Agreement = "agreement",
        /// 5.2.2, dead position.
        InsufficientMaterial = "insufficientMaterial",
        /// 9.2, claimed.
        ThreefoldRepetition = "threefoldRepetition",
        /// 9.3, claimed.
        FiftyMoves = "fiftyMoves",
        /// 9.6.1, by itself.
        FivefoldRepetition = "fivefoldRepetition",
        /// 9.6.2, by itself.
        SeventyFiveMoves = "seventyFiveMoves",
        /// A player left before both had moved.
        Abort = "abort",
        /// Nobody joined the open game in time.
        Expiry = "expiry",
        /// 6.9: time ran out.
        Timeout = "timeout",
        /// 6.9, second sentence: time ran out, and the opponent has not the material to mate.
        TimeoutAgainstBareMaterial = "timeoutAgainstBareMaterial",
        /// An admin ended it.
        Termination = "termination",
        /// A saved public game was not resumed in time.
        PauseExpiry = "pauseExpiry",
    }
}

/// How much time the players have: an initial amount, and an increment after each move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimeControl {
    /// Milliseconds at the beginning.
    pub initial_ms: i64,
    /// Milliseconds that are added after a move.
    pub increment_ms: i64,
}

impl GameType {
    /// The time control of a game that names none of its own.
    pub const fn time_control(self) -> Option<TimeControl> {
        let (minutes, seconds) = match self {
            Self::Timed => (15, 10),
            Self::Untimed => return None,
            Self::Blitz => (3, 2),
            Self::Rapid => (10, 0),
        };
        Some(TimeControl { initial_ms: minutes * 60_000, increment_ms: seconds * 1000 })
    }
}

/// Stored: past tense, never renamed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum GameEvent {
    /// A game begins, or waits for a second player (`player_black_id` none).
    GameCreated(GameCreated),
    /// A game that was played elsewhere; it is over.
    GameImported(Box<GameImported>),
    /// An open game has its second player and begins.
    #[serde(rename_all = "camelCase")]
    PlayerJoined {
        /// The second player.
        player_black_id: UserId,
        /// Whether he is a guest at that time.
        guest: bool,
        /// Game time.
        at: DateTime<Utc>,
    },
    /// Somebody is invited to be the second player; stands until the game starts or ends, or his invitation does.
    PlayerInvited(PendingInvitation),
    /// His invitation ended without him.
    PlayerUninvited(PendingInvitation),
    /// A legal move.
    MovePlayed(MovePlayed),
    /// A player offers a draw; stands until it is answered or the opponent moves.
    DrawOffered {
        /// Who.
        by: UserId,
    },
    /// A standing offer was declined in words (a move declines it as well, without this event).
    DrawDeclined {
        /// Who.
        by: UserId,
    },
    /// A player asks to save; stands until it is answered or withdrawn.
    SaveRequested {
        /// Who.
        by: UserId,
    },
    /// He takes it back.
    SaveWithdrawn {
        /// Who.
        by: UserId,
    },
    /// The other says no.
    SaveDeclined {
        /// Who.
        by: UserId,
    },
    /// The other agrees: clocks and board stand still.
    GamePaused {
        /// Who agreed.
        by: UserId,
        /// Game time.
        at: DateTime<Utc>,
    },
    /// A player asks to go on; stands until it is answered or withdrawn.
    ResumeRequested {
        /// Who.
        by: UserId,
    },
    /// He takes it back.
    ResumeWithdrawn {
        /// Who.
        by: UserId,
    },
    /// The other says no.
    ResumeDeclined {
        /// Who.
        by: UserId,
    },
    /// The other agrees: clocks run on.
    GameResumed {
        /// Who agreed.
        by: UserId,
        /// Game time.
        at: DateTime<Utc>,
    },
    /// Moderation: reported by a player, or looked at by an admin.
    #[serde(rename_all = "camelCase")]
    ReportChanged {
        /// The status now.
        report_status: ReportStatus,
        /// Who changed it.
        by: UserId,
    },
    /// An admin ended the game; it does not count. Carries what the players are told of it.
    #[serde(rename_all = "camelCase")]
    GameTerminated {
        /// The admin.
        by: UserId,
        /// Game time.
        at: DateTime<Utc>,
        /// White; none in the first shape.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        white: Option<UserId>,
        /// Black; none as well while the game was open.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        black: Option<UserId>,
        /// Whether it was reported; none in the first shape.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        report_status: Option<ReportStatus>,
    },
    /// An admin took the game out of sight.
    GameDeleted {
        /// The admin.
        by: UserId,
        /// Game time.
        at: DateTime<Utc>,
    },
    /// The game is over.
    #[serde(rename_all = "camelCase")]
    GameEnded {
        /// How.
        result: GameResult,
        /// Why.
        reason: EndReason,
        /// The player whose act ended it; none when the rules or a timer did.
        by: Option<UserId>,
        /// Game time.
        at: DateTime<Utc>,
    },
}

/// The first event of a game.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GameCreated {
    /// White.
    pub player_white_id: UserId,
    /// Black; none while the game is open.
    pub player_black_id: Option<UserId>,
    /// Who made it.
    pub created_by_id: UserId,
    /// Who may find it.
    pub mode: GameMode,
    /// The kind of time control.
    pub game_type: GameType,
    /// Opens a private game to who has it.
    pub invitation_code: Option<String>,
    /// The starting position of a custom game, canonical FEN.
    #[serde(rename = "initialFEN")]
    pub initial_fen: Option<String>,
    /// The position it starts from, canonical FEN.
    #[serde(rename = "currentFEN")]
    pub current_fen: String,
    /// Whether White is a guest at that time.
    pub guest_player_white: bool,
    /// Whether Black is a guest at that time.
    pub guest_player_black: bool,
    /// Game time.
    pub at: DateTime<Utc>,
    /// None: no clock.
    pub time_control: Option<TimeControl>,
}

/// An invitation that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingInvitation {
    /// The invitation.
    pub invitation_id: InvitationId,
    /// Who may take the second side.
    pub recipient_id: UserId,
}

/// One legal move. Carries all that a view needs, so a fold knows no rules of chess.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MovePlayed {
    /// Half-moves from 1.
    pub move_number: u32,
    /// UCI, castling as `e1g1`.
    pub uci: String,
    /// Canonical SAN.
    pub san: String,
    /// The position after it, canonical FEN.
    pub fen: String,
    /// Who moved.
    pub by: UserId,
    /// White, for the readers of the move.
    pub white: UserId,
    /// Black, for the readers of the move.
    pub black: UserId,
    /// Milliseconds since the previous move by the server's clock.
    pub move_time: i64,
    /// Game time: max(server time, the last event's).
    pub at: DateTime<Utc>,
    /// Milliseconds left to who moved, the increment added; none without a clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_ms: Option<i64>,
    /// Milliseconds that the client says the move took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_move_time: Option<i64>,
}

impl DomainEvent for GameEvent {
    const CATEGORY: &'static str = "chessGame";

    fn schema(kind: &str) -> i16 {
        match kind {
            "GameCreated" | "MovePlayed" | "GameEnded" | "GameTerminated" => 2,
            _ => 1,
        }
    }

    /// `GameCreated` 2: `timeControl`. `MovePlayed` 2: `remainingMs` and `clientMoveTime`, left out where there are none.
    /// `GameEnded` 2: more reasons. `GameTerminated` 2: the players and the report, which older ones do not tell.
    fn upcast(kind: &str, _: i16, mut data: serde_json::Value) -> serde_json::Value {
        if let (Some(fields), "GameCreated") = (data.as_object_mut(), kind) {
            fields.insert("timeControl".to_owned(), serde_json::Value::Null);
        }
        data
    }
}

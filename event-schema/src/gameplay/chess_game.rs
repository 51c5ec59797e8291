//! `chessGame`: the flat object of the contract, folded from a game's events.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::game_event::{
    EndReason, GameCreated, GameEvent, GameMode, GameResult, GameStatus, GameType, MovePlayed, PendingInvitation,
    ReportStatus, SaveStatus, TimeControl,
};
use super::imported::{GameImported, Tags};
use crate::ids::UserId;
use crate::object::{Deletion, Field, Object, ReadBy, any, boolean, choice, date, id, integer, string};
use crate::stored::{DataObject, Readers};

/// Our additions to the contract's fields.
pub const CHESS_GAME_ADDITIONS: &[Field] = &[
    choice("endReason", EndReason::OPTIONS),
    id("drawOfferedById"),
    integer("moveCount"),
    any("timeControl"),
    integer("whiteRemainingMs"),
    integer("blackRemainingMs"),
    date("clockRunsSince"),
    any("invitations").for_admins(),
    id("importedById").listed(),
    any("tags"),
];

/// Who reads a game, in words: what [`ChessGame::readers`] names.
pub const GAME_READERS: &str = "the players and who is invited; every logged-in user while a public game waits for its \
     second player, and of an imported game";

/// The contract's table (1.3).
pub const CHESS_GAME: Object = Object {
    name: "chessGame",
    plural: "chessGames",
    deletion: Deletion::Soft,
    read_by: ReadBy::admins_and(GAME_READERS),
    fields: &[
        id("playerWhiteId").listed(),
        id("playerBlackId").listed(),
        id("createdById").listed(),
        choice("status", GameStatus::OPTIONS).listed(),
        choice("mode", GameMode::OPTIONS).listed(),
        string("invitationCode").listed().command_only(),
        string("currentFEN"),
        choice("gameType", GameType::OPTIONS).listed(),
        choice("saveStatus", SaveStatus::OPTIONS),
        boolean("saveRequestWhite"),
        boolean("saveRequestBlack"),
        date("movedAt"),
        choice("result", GameResult::OPTIONS).listed(),
        id("terminatedById"),
        choice("reportStatus", ReportStatus::OPTIONS).listed(),
        boolean("guestPlayerWhite"),
        boolean("guestPlayerBlack"),
        string("initialFEN"),
    ],
    additions: &[CHESS_GAME_ADDITIONS],
};

/// The flat object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChessGame {
    /// White.
    pub player_white_id: UserId,
    /// Black; none while the game is open.
    pub player_black_id: Option<UserId>,
    /// Who made it.
    pub created_by_id: UserId,
    /// Where it stands.
    pub status: GameStatus,
    /// Who may find it.
    pub mode: GameMode,
    /// Opens a private game to who has it; absent in views.
    #[serde(default)]
    pub invitation_code: Option<String>,
    /// The position now, canonical FEN.
    #[serde(rename = "currentFEN")]
    pub current_fen: String,
    /// The kind of time control.
    pub game_type: GameType,
    /// How far a mutual save is.
    pub save_status: SaveStatus,
    /// White asks to save.
    pub save_request_white: bool,
    /// Black asks to save.
    pub save_request_black: bool,
    /// Time of the last move.
    pub moved_at: Option<DateTime<Utc>>,
    /// How it ended.
    pub result: Option<GameResult>,
    /// The admin who terminated it.
    pub terminated_by_id: Option<UserId>,
    /// Moderation.
    pub report_status: ReportStatus,
    /// Whether White was a guest when he entered.
    pub guest_player_white: bool,
    /// Whether Black was a guest when he entered.
    pub guest_player_black: bool,
    /// The starting position of a custom game.
    #[serde(rename = "initialFEN")]
    pub initial_fen: Option<String>,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
    /// The player whose draw offer stands.
    pub draw_offered_by_id: Option<UserId>,
    /// Half-moves played.
    pub move_count: u32,
    /// None: no clock.
    pub time_control: Option<TimeControl>,
    /// Milliseconds left to White when the clock of the side to move was last started or stopped.
    pub white_remaining_ms: Option<i64>,
    /// Milliseconds left to Black.
    pub black_remaining_ms: Option<i64>,
    /// Since when the side to move uses its time; none while no clock runs.
    pub clock_runs_since: Option<DateTime<Utc>>,
    /// Who is invited, while the game waits for its second player.
    #[serde(default)]
    pub invitations: Vec<PendingInvitation>,
    /// The admin who imported it; none when it is played here.
    pub imported_by_id: Option<UserId>,
    /// What its PGN said of it, if it was imported.
    pub tags: Option<Box<Tags>>,
}

impl ChessGame {
    fn created(event: &GameCreated) -> Self {
        Self {
            player_white_id: event.player_white_id,
            player_black_id: event.player_black_id,
            created_by_id: event.created_by_id,
            status: if event.player_black_id.is_some() { GameStatus::Active } else { GameStatus::Pending },
            mode: event.mode,
            invitation_code: event.invitation_code.clone(),
            current_fen: event.current_fen.clone(),
            game_type: event.game_type,
            save_status: SaveStatus::NotSaveable,
            save_request_white: false,
            save_request_black: false,
            moved_at: None,
            result: None,
            terminated_by_id: None,
            report_status: ReportStatus::None,
            guest_player_white: event.guest_player_white,
            guest_player_black: event.guest_player_black,
            initial_fen: event.initial_fen.clone(),
            end_reason: None,
            draw_offered_by_id: None,
            move_count: 0,
            time_control: event.time_control,
            white_remaining_ms: event.time_control.map(|control| control.initial_ms),
            black_remaining_ms: event.time_control.map(|control| control.initial_ms),
            clock_runs_since: None,
            invitations: Vec::new(),
            imported_by_id: None,
            tags: None,
        }
    }

    fn imported(event: &GameImported) -> Self {
        Self {
            status: GameStatus::Completed,
            result: Some(event.result),
            end_reason: event.reason,
            imported_by_id: Some(event.imported_by_id),
            tags: Some(Box::new(event.tags.clone())),
            ..Self::created(&event.beginning())
        }
    }

    /// Whether White is to move.
    pub fn white_to_move(&self) -> bool {
        self.current_fen.split(' ').nth(1) != Some("b")
    }

    /// Milliseconds left at this time to the side to move; none without a clock.
    pub fn remaining_at(&self, at: DateTime<Utc>) -> Option<i64> {
        let left = if self.white_to_move() { self.white_remaining_ms } else { self.black_remaining_ms }?;
        let used = self.clock_runs_since.map_or(0, |since| (at - since).num_milliseconds().max(0));
        Some((left - used).max(0))
    }

    fn stop_clock(&mut self, at: DateTime<Utc>) {
        let left = self.remaining_at(at);
        if self.white_to_move() {
            self.white_remaining_ms = left;
        } else {
            self.black_remaining_ms = left;
        }
        self.clock_runs_since = None;
    }

    /// Moved: the mover's time is known, and the other's clock runs.
    fn moved(&mut self, played: &MovePlayed) {
        if played.by == played.white {
            self.white_remaining_ms = played.remaining_ms;
        } else {
            self.black_remaining_ms = played.remaining_ms;
        }
        // The moves of an imported game come when it is over.
        let runs = self.status == GameStatus::Active;
        self.clock_runs_since = self.time_control.filter(|_| runs).map(|_| played.at);
        self.current_fen.clone_from(&played.fen);
        self.moved_at = Some(played.at);
        self.move_count = played.move_number;
        if self.draw_offered_by_id.is_some_and(|by| by != played.by) {
            self.draw_offered_by_id = None;
        }
    }

    fn ended(&mut self, status: GameStatus, result: GameResult, reason: EndReason, at: DateTime<Utc>) {
        self.stop_clock(at);
        self.status = status;
        self.result = Some(result);
        self.end_reason = Some(reason);
        self.draw_offered_by_id = None;
        self.invitations.clear();
        self.save(SaveStatus::NotSaveable, false);
    }

    fn save(&mut self, status: SaveStatus, requests: bool) {
        self.save_status = status;
        self.save_request_white = requests;
        self.save_request_black = requests;
    }

    fn set_request(&mut self, by: UserId, request: bool) {
        if by == self.player_white_id {
            self.save_request_white = request;
        } else {
            self.save_request_black = request;
        }
    }

    /// Whether an invitation of this user waits for his answer.
    pub fn is_invited(&self, user: UserId) -> bool {
        self.invitations.iter().any(|pending| pending.recipient_id == user)
    }

    /// Whether this user plays in it.
    pub fn is_player(&self, user: UserId) -> bool {
        self.player_white_id == user || self.player_black_id == Some(user)
    }
}

/// The players of a game with these fields; none once it is deleted.
pub fn players_there(game: &Map<String, Value>) -> Vec<Uuid> {
    let player = |name: &&str| game.get(*name)?.as_str()?.parse().ok();
    let there = game.get("isActive") == Some(&Value::Bool(true));
    ["playerWhiteId", "playerBlackId"].iter().filter(|_| there).filter_map(player).collect()
}

impl DataObject for ChessGame {
    const TABLE: &'static Object = &CHESS_GAME;
    type Event = GameEvent;

    fn begin(event: &GameEvent) -> Option<Self> {
        if let GameEvent::GameImported(imported) = event {
            return Some(Self::imported(imported));
        }
        if let GameEvent::GameCreated(created) = event { Some(Self::created(created)) } else { None }
    }

    fn evolve(&mut self, event: &GameEvent) {
        match event {
            GameEvent::GameCreated(created) => *self = Self::created(created),
            GameEvent::GameImported(imported) => *self = Self::imported(imported),
            GameEvent::PlayerJoined { player_black_id, guest, .. } => {
                self.player_black_id = Some(*player_black_id);
                self.guest_player_black = *guest;
                self.status = GameStatus::Active;
                self.invitations.clear();
            }
            GameEvent::PlayerInvited(pending) => self.invitations.push(*pending),
            GameEvent::PlayerUninvited(ended) => self.invitations.retain(|pending| pending != ended),
            GameEvent::MovePlayed(played) => self.moved(played),
            GameEvent::DrawOffered { by } => self.draw_offered_by_id = Some(*by),
            GameEvent::DrawDeclined { .. } => self.draw_offered_by_id = None,
            GameEvent::SaveRequested { by } => {
                self.save_status = SaveStatus::Requested;
                self.set_request(*by, true);
            }
            GameEvent::SaveWithdrawn { .. } | GameEvent::SaveDeclined { .. } => {
                self.save(SaveStatus::NotSaveable, false);
            }
            GameEvent::GamePaused { at, .. } => {
                self.stop_clock(*at);
                self.status = GameStatus::Paused;
                self.save(SaveStatus::Paused, true);
            }
            GameEvent::ResumeRequested { by } => self.set_request(*by, false),
            GameEvent::ResumeWithdrawn { .. } | GameEvent::ResumeDeclined { .. } => {
                self.save(SaveStatus::Paused, true);
            }
            GameEvent::GameResumed { at, .. } => {
                self.status = GameStatus::Active;
                self.save(SaveStatus::NotSaveable, false);
                self.clock_runs_since = self.time_control.filter(|_| self.move_count > 0).map(|_| *at);
            }
            GameEvent::ReportChanged { report_status, .. } => self.report_status = *report_status,
            GameEvent::GameTerminated { by, at, .. } => {
                self.terminated_by_id = Some(*by);
                self.ended(GameStatus::Terminated, GameResult::Aborted, EndReason::Termination, *at);
            }
            GameEvent::GameDeleted { at, .. } => {
                self.stop_clock(*at);
                self.invitations.clear();
            }
            GameEvent::GameEnded { result, reason, at, .. } => {
                self.ended(GameStatus::Completed, *result, *reason, *at);
            }
        }
    }

    fn deletes(event: &GameEvent) -> bool {
        matches!(event, GameEvent::GameDeleted { .. })
    }

    /// The players, and who is invited; everybody while a public game waits for its second one (contract, row 32), and of
    /// imported games.
    fn readers(&self, _: Uuid) -> Readers {
        let open = self.status == GameStatus::Pending && self.mode == GameMode::Public;
        if open || self.imported_by_id.is_some() {
            return Readers::Everybody;
        }
        let players = std::iter::once(self.player_white_id).chain(self.player_black_id);
        let invited = self.invitations.iter().map(|pending| pending.recipient_id);
        Readers::Users(players.chain(invited).map(|user| user.0).collect())
    }
}

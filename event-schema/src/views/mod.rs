//! The views of the query service: mirrors of every data object, and composed views.

pub mod chess_game_detail;
pub mod chess_game_list;
pub mod dimensions;
pub mod game_terminated;
pub mod invitation_notification;
pub mod leaderboard_top;
pub mod lobby_chat;
pub mod player_game;
pub mod player_profile;

use crate::auth::user::User;
use crate::gameplay::board_theme::BoardTheme;
use crate::gameplay::chess_game::ChessGame;
use crate::gameplay::custom_board::CustomBoard;
use crate::gameplay::game_move::ChessGameMove;
use crate::gameplay::hub_message::GameHubMessage;
use crate::gameplay::invitation::ChessGameInvitation;
use crate::gameplay::user_preference::UserPreference;
use crate::object::Object;
use crate::saved_filter::SavedFilter;
use crate::stored::{Mirror, event_mirror, mirror};

/// Every data object is mirrored; a new object is one row.
pub const MIRRORS: &[Mirror] = &[
    mirror::<User>(),
    mirror::<ChessGame>(),
    event_mirror::<ChessGameMove>(),
    mirror::<ChessGameInvitation>(),
    mirror::<CustomBoard>(),
    mirror::<BoardTheme>(),
    mirror::<UserPreference>(),
    mirror::<GameHubMessage>(),
    mirror::<SavedFilter>(),
];

/// A fact of another object that a composed view shows: `field` is `shown` of the object of `of` whose id stands in
/// `by`.
#[derive(Clone, Copy, Debug)]
pub struct Join {
    /// The field of the view.
    pub field: &'static str,
    /// The view's field that holds the other object's id.
    pub by: &'static str,
    /// The other object's table.
    pub of: &'static Object,
    /// The other object's field.
    pub shown: &'static str,
}

/// A view composed of several facts. Its fold lives in the projector.
#[derive(Debug)]
pub struct Composed {
    /// The view's table.
    pub table: &'static Object,
    /// Fields filled from other objects.
    pub joins: &'static [Join],
}

/// Every composed view; a new one is one row here and one fold in the projector.
pub const COMPOSED: &[&Composed] = &[
    &chess_game_list::CHESS_GAME_LIST_VIEW,
    &chess_game_detail::CHESS_GAME_DETAIL_VIEW,
    &invitation_notification::INVITATION_NOTIFICATION_VIEW,
    &game_terminated::GAME_TERMINATED_VIEW,
    &player_game::PLAYER_GAME_VIEW,
    &player_profile::PLAYER_PROFILE_VIEW,
];

/// Views of services that write no events yet: they have their tables, their indexes and their routes, and nothing is in
/// them. Such a view becomes a row of [`COMPOSED`] when its first event is declared.
pub const WAITING: &[&Composed] =
    &[&leaderboard_top::LEADERBOARD_TOP_VIEW, &lobby_chat::LOBBY_CHAT_MESSAGE_VIEW, &lobby_chat::CHAT_MODERATION_VIEW];

/// The tables of all views.
pub fn tables() -> impl Iterator<Item = &'static Object> {
    MIRRORS.iter().map(|m| m.table).chain(COMPOSED.iter().chain(WAITING).map(|c| c.table))
}

/// The view of that name; names in URLs are compared without case (contract README, row 6).
pub fn by_name(name: &str) -> Option<&'static Object> {
    tables().find(|table| table.name.eq_ignore_ascii_case(name))
}

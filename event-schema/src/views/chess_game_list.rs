//! `chessGameListView`: a game with the names of its players, its last move, its PGN's tags, and what analysts ask of it.

use super::dimensions::{GAME_DIMENSIONS, RATING_DIMENSIONS};
use super::{Composed, Join};
use crate::auth::user::USER;
use crate::gameplay::chess_game::{CHESS_GAME, CHESS_GAME_ADDITIONS, GAME_READERS};
use crate::gameplay::imported::TAG_FIELDS;
use crate::object::{Deletion, Field, Object, ReadBy, string};

/// What the view adds to the game, besides the tags of an imported one and the dimensions.
pub const CHESS_GAME_LIST_ADDITIONS: &[Field] =
    &[string("playerWhiteName").searched(), string("playerBlackName").searched(), string("lastMove")];

/// The names of a game's players.
pub const PLAYER_NAMES: [Join; 2] = [
    Join { field: "playerWhiteName", by: "playerWhiteId", of: &USER, shown: "fullname" },
    Join { field: "playerBlackName", by: "playerBlackId", of: &USER, shown: "fullname" },
];

/// The view; its id is the game's.
pub const CHESS_GAME_LIST_VIEW: Composed = Composed {
    table: &Object {
        name: "chessGameListView",
        plural: "chessGameListViews",
        deletion: Deletion::Soft,
        read_by: ReadBy::admins_and(GAME_READERS),
        fields: CHESS_GAME.fields,
        additions: &[CHESS_GAME_ADDITIONS, CHESS_GAME_LIST_ADDITIONS, GAME_DIMENSIONS, RATING_DIMENSIONS, TAG_FIELDS],
    },
    joins: &PLAYER_NAMES,
};

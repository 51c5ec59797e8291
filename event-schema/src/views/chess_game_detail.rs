//! `chessGameDetailView`: all that a page about one game shows, its moves included.

use super::chess_game_list::{CHESS_GAME_LIST_ADDITIONS, PLAYER_NAMES};
use super::dimensions::{GAME_DIMENSIONS, RATING_DIMENSIONS};
use super::{Composed, Join};
use crate::auth::user::USER;
use crate::gameplay::chess_game::{CHESS_GAME, CHESS_GAME_ADDITIONS, GAME_READERS};
use crate::gameplay::imported::TAG_FIELDS;
use crate::object::{Deletion, Field, Object, ReadBy, any, string};

/// What the view adds to the list view: the pictures of the players, and the moves in order, each `{moveNumber,
/// moveNotation, uci, fen, moveTime, remainingMs, movedById, moveTimestamp}`.
const ADDITIONS: &[Field] = &[string("playerWhiteAvatar"), string("playerBlackAvatar"), any("moves")];

/// The view; its id is the game's.
pub const CHESS_GAME_DETAIL_VIEW: Composed = Composed {
    table: &Object {
        name: "chessGameDetailView",
        plural: "chessGameDetailViews",
        deletion: Deletion::Soft,
        read_by: ReadBy::admins_and(GAME_READERS),
        fields: CHESS_GAME.fields,
        additions: &[
            CHESS_GAME_ADDITIONS,
            CHESS_GAME_LIST_ADDITIONS,
            GAME_DIMENSIONS,
            RATING_DIMENSIONS,
            TAG_FIELDS,
            ADDITIONS,
        ],
    },
    joins: &[
        PLAYER_NAMES[0],
        PLAYER_NAMES[1],
        Join { field: "playerWhiteAvatar", by: "playerWhiteId", of: &USER, shown: "avatar" },
        Join { field: "playerBlackAvatar", by: "playerBlackId", of: &USER, shown: "avatar" },
    ],
};

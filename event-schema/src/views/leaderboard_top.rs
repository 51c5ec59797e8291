//! `leaderboardTopView`: the best players, with names, pictures and results.

use super::Composed;
use crate::object::{Deletion, Object, ReadBy, date, id, integer, string};

/// The view: the contract's `leaderboardEntry`, and of the same player what `playerStats` and `user` say. Nothing is in
/// it until the service that ranks players writes events.
pub const LEADERBOARD_TOP_VIEW: Composed = Composed {
    table: &Object {
        name: "leaderboardTopView",
        plural: "leaderboardTopViews",
        deletion: Deletion::Soft,
        read_by: ReadBy::admins_and("nobody yet: it is empty"),
        fields: &[
            id("userId"),
            integer("currentRank"),
            integer("eloRating"),
            string("season"),
            date("lastRankChangeAt"),
            string("username").searched(),
        ],
        additions: &[&[
            string("avatar"),
            integer("totalGames"),
            integer("wins"),
            integer("losses"),
            integer("draws"),
            integer("streak"),
            date("lastGameAt"),
        ]],
    },
    joins: &[],
};

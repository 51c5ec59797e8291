//! `playerProfileView`: what of a user is public, and his standing.

use super::Composed;
use crate::object::{Deletion, Field, Object, ReadBy, boolean, date, integer, string};

/// The standing of a player: the fields of the contract's `playerStats`, and his rank of `leaderboardEntry`.
pub const STANDING: &[Field] = &[
    integer("eloRating"),
    integer("totalGames"),
    integer("wins"),
    integer("losses"),
    integer("draws"),
    integer("streak"),
    date("lastGameAt"),
    integer("currentRank"),
];

/// The view; its id is the user's. Everybody sees name and picture; address, role and whether the address is proven are
/// for admins. The standing is null until the service that keeps it writes events.
pub const PLAYER_PROFILE_VIEW: Composed = Composed {
    table: &Object {
        name: "playerProfileView",
        plural: "playerProfileViews",
        deletion: Deletion::Soft,
        read_by: ReadBy::admins_and("every logged-in user"),
        fields: &[
            string("email").searched().for_admins(),
            string("fullname").searched(),
            string("avatar"),
            string("roleId").for_admins(),
            boolean("emailVerified").for_admins(),
        ],
        additions: &[STANDING],
    },
    joins: &[],
};

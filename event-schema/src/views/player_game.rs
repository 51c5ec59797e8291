//! `playerGameView`: a game as one of its players sees it, so that what is asked of players is one group of one view.

use uuid::Uuid;

use super::dimensions::{GAME_DIMENSIONS, RATING_BANDS};
use super::{Composed, Join};
use crate::auth::user::USER;
use crate::choices::choices;
use crate::gameplay::game_event::{GameMode, GameStatus, GameType};
use crate::object::{Deletion, Object, ReadBy, choice, double, id, integer, string};

choices! {
    /// The side of a player.
    Colour {
        /// Moves first.
        White = "white",
        /// Moves second.
        Black = "black",
    }
    /// A result from the side of one player.
    Outcome {
        /// He won.
        Win = "win",
        /// Nobody won.
        Draw = "draw",
        /// The other won.
        Loss = "loss",
        /// It does not count (`aborted`).
        None = "none",
    }
}

impl Colour {
    /// Both, in the order of play.
    pub const BOTH: [Self; 2] = [Self::White, Self::Black];

    /// The id of the document that this side of a game has: a UUID of version 5 of the game's id and the word. Stored:
    /// never change it.
    pub fn document_of(self, game: Uuid) -> Uuid {
        Uuid::new_v5(&game, self.as_str().as_bytes())
    }
}

/// The view: two documents for each game. Ratings are those before the game, null where nobody says them. `score` is 1,
/// 0.5 or 0; null while the game runs and when it does not count. A side that nobody has taken yet has no `playerId`,
/// and until both are taken only admins see the two.
pub const PLAYER_GAME_VIEW: Composed = Composed {
    table: &Object {
        name: "playerGameView",
        plural: "playerGameViews",
        deletion: Deletion::Soft,
        read_by: ReadBy::admins_and(
            "the two players, once both are there and while the game is not deleted; of an imported game every logged-in user",
        ),
        fields: &[
            id("gameId"),
            id("playerId"),
            string("playerName").searched(),
            choice("colour", Colour::OPTIONS),
            id("opponentId"),
            string("opponentName").searched(),
            integer("rating"),
            integer("opponentRating"),
            integer("ratingDifference"),
            choice("ratingBand", RATING_BANDS),
            choice("opponentRatingBand", RATING_BANDS),
            choice("outcome", Outcome::OPTIONS),
            double("score"),
            choice("status", GameStatus::OPTIONS),
            choice("mode", GameMode::OPTIONS),
            choice("gameType", GameType::OPTIONS),
            id("importedById"),
            string("event").searched(),
        ],
        additions: &[GAME_DIMENSIONS],
    },
    joins: &[
        Join { field: "playerName", by: "playerId", of: &USER, shown: "fullname" },
        Join { field: "opponentName", by: "opponentId", of: &USER, shown: "fullname" },
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_documents_of_a_game_have_ids_that_never_change() {
        let game = Uuid::from_u128(0x6a);
        let ids = Colour::BOTH.map(|colour| colour.document_of(game).to_string());
        assert_eq!(ids, ["eddb28f9-6a3b-5a7f-a073-d48b46ebe693", "3b0d41f9-8a08-56db-8e3d-c8d4ae2ec17a"]);
    }
}

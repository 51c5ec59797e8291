//! Games that were played elsewhere: the event that brings one in, and what its PGN said of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::game_event::{EndReason, GameCreated, GameMode, GameResult, GameType, TimeControl};
use crate::ids::UserId;
use crate::object::{Field, date, integer, string};

/// The first event of an imported game, which is over from the beginning: its moves follow as `MovePlayed`, and no
/// `GameEnded` does. So nothing that happens at the end of a game, ratings above all, happens to an imported one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GameImported {
    /// White: nobody who has an account ([`UserId::named`]).
    pub player_white_id: UserId,
    /// Black: nobody who has an account, and another one than White.
    pub player_black_id: UserId,
    /// The admin.
    pub imported_by_id: UserId,
    /// The kind of time control.
    pub game_type: GameType,
    /// The starting position of a custom game, canonical FEN.
    #[serde(rename = "initialFEN")]
    pub initial_fen: Option<String>,
    /// The position it starts from, canonical FEN.
    #[serde(rename = "currentFEN")]
    pub current_fen: String,
    /// None: no clock, or one that cannot be said as a beginning and an increment.
    pub time_control: Option<TimeControl>,
    /// How it ended; `aborted` when the PGN does not say.
    pub result: GameResult,
    /// Why it ended, as far as the board and the PGN tell.
    pub reason: Option<EndReason>,
    /// Game time: when it was played, or else when it was imported.
    pub at: DateTime<Utc>,
    /// What the PGN said of it.
    pub tags: Tags,
}

impl GameImported {
    /// The game as it began.
    pub fn beginning(&self) -> GameCreated {
        GameCreated {
            player_white_id: self.player_white_id,
            player_black_id: Some(self.player_black_id),
            created_by_id: self.imported_by_id,
            mode: GameMode::Public,
            game_type: self.game_type,
            invitation_code: None,
            initial_fen: self.initial_fen.clone(),
            current_fen: self.current_fen.clone(),
            guest_player_white: false,
            guest_player_black: false,
            at: self.at,
            time_control: self.time_control,
        }
    }
}

/// The tags of a game's PGN. None: missing, empty or `?`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tags {
    /// `White`: the name.
    pub white: Option<String>,
    /// `Black`: the name.
    pub black: Option<String>,
    /// `Event`.
    pub event: Option<String>,
    /// `Site`.
    pub site: Option<String>,
    /// `Round`.
    pub round: Option<String>,
    /// `Date` as given: `2025.05.01`, `1972.??.??`.
    pub date: Option<String>,
    /// `UTCDate` and `UTCTime`, or else `Date`: the earliest instant that they allow; none without a year.
    pub played_at: Option<DateTime<Utc>>,
    /// `WhiteElo`.
    pub white_elo: Option<i32>,
    /// `BlackElo`.
    pub black_elo: Option<i32>,
    /// `WhiteRatingDiff`.
    pub white_rating_diff: Option<i32>,
    /// `BlackRatingDiff`.
    pub black_rating_diff: Option<i32>,
    /// `WhiteTitle`.
    pub white_title: Option<String>,
    /// `BlackTitle`.
    pub black_title: Option<String>,
    /// `TimeControl`: `300+3`, `40/7200:3600`.
    pub given_time_control: Option<String>,
    /// `Termination`.
    pub termination: Option<String>,
    /// `ECO`; ours is by position.
    pub given_eco: Option<String>,
    /// `Opening`; ours is by position.
    pub given_opening: Option<String>,
    /// All others by name, as given.
    pub more: BTreeMap<String, String>,
}

/// The tags that are fields of `chessGameListView`: those of [`Tags`] but the names, which it shows as the players', and
/// the others. `Termination` is called `givenTermination` there: `termination` is ours.
pub const TAG_FIELDS: &[Field] = &[
    string("event").searched(),
    string("site").searched(),
    string("round"),
    string("date"),
    date("playedAt"),
    integer("whiteElo"),
    integer("blackElo"),
    integer("whiteRatingDiff"),
    integer("blackRatingDiff"),
    string("whiteTitle"),
    string("blackTitle"),
    string("givenTimeControl"),
    string("givenTermination"),
    string("givenEco"),
    string("givenOpening").searched(),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored::fields_of;

    #[test]
    fn the_fields_of_the_view_are_the_tags() {
        let own = ["white", "black", "more"];
        let tags = fields_of(&Tags::default());
        let told = tags.keys().map(String::as_str).filter(|name| !own.contains(name));
        let shown: Vec<&str> = told.map(|name| if name == "termination" { "givenTermination" } else { name }).collect();
        assert_eq!(shown, TAG_FIELDS.iter().map(|field| field.name).collect::<Vec<_>>());
    }
}

//! Dimensions of games that analysts group by: derived once, when events are folded, and never per query.

use crate::choices::choices;
use crate::object::{Field, choice, date, double, integer, string};

choices! {
    /// Who won, by colour.
    Winner {
        /// White.
        White = "white",
        /// Black.
        Black = "black",
        /// Neither: a draw.
        Draw = "draw",
        /// Neither: the game does not count (`aborted`).
        None = "none",
    }
    /// How games end, in fewer words than `endReason`: what analysts count together is one word.
    Termination {
        /// The king is mated.
        Checkmate = "checkmate",
        /// A player gave up.
        Resignation = "resignation",
        /// A player had no time left, also against bare material.
        TimeForfeit = "timeForfeit",
        /// The side to move has no legal move and is not in check.
        Stalemate = "stalemate",
        /// The players agreed to a draw.
        Agreement = "agreement",
        /// Nobody can mate any more.
        InsufficientMaterial = "insufficientMaterial",
        /// The same position for the third (claimed) or fifth time.
        Repetition = "repetition",
        /// Fifty (claimed) or seventy-five moves without a capture or a move of a pawn.
        MoveRule = "moveRule",
        /// Left, never joined or never resumed.
        Abandonment = "abandonment",
        /// An admin ended it.
        Adjudication = "adjudication",
        /// It is over, and nobody says why.
        Unknown = "unknown",
    }
    /// How fast a game is, by the time that each side has for forty moves.
    TimeControlClass {
        /// Less than three minutes.
        Bullet = "bullet",
        /// Less than eight minutes.
        Blitz = "blitz",
        /// Less than twenty-five minutes.
        Rapid = "rapid",
        /// Twenty-five minutes or more.
        Classical = "classical",
        /// No clock.
        Untimed = "untimed",
    }
    /// Days of the week in the order of ISO 8601.
    Weekday {
        /// 0.
        Monday = "monday",
        /// 1.
        Tuesday = "tuesday",
        /// 2.
        Wednesday = "wednesday",
        /// 3.
        Thursday = "thursday",
        /// 4.
        Friday = "friday",
        /// 5.
        Saturday = "saturday",
        /// 6.
        Sunday = "sunday",
    }
}

/// How wide a rating band is.
pub const BAND: i64 = 200;

/// The bands of ratings from 0 to 4000, each [`BAND`] wide. Words, so that they are what people read; their numbers
/// (`..._idx`) are in the order of the ratings.
pub const RATING_BANDS: &[&str] = &[
    "0-199",
    "200-399",
    "400-599",
    "600-799",
    "800-999",
    "1000-1199",
    "1200-1399",
    "1400-1599",
    "1600-1799",
    "1800-1999",
    "2000-2199",
    "2200-2399",
    "2400-2599",
    "2600-2799",
    "2800-2999",
    "3000-3199",
    "3200-3399",
    "3400-3599",
    "3600-3799",
    "3800-3999",
    "4000-4199",
];

/// The band that a rating is in; none outside of all.
pub fn rating_band(rating: i64) -> Option<&'static str> {
    RATING_BANDS.get(usize::try_from(rating.div_euclid(BAND)).ok()?).copied()
}

/// What every game has, from whichever side one looks at it. `opening`, `eco`: of the deepest named position.
/// `openingFamily`: the opening's name before its variation. `plies`: half-moves. `winner`, `termination`: null until the
/// game is over. `startedAt`: the first move; of an imported game the instant that its PGN says (`UTCDate` with
/// `UTCTime`), null where it says a day at most. `startWeekday`, `startHour` (0 to 23): of that, in UTC.
/// `durationSeconds`: from the first move to the end by the server's time, pauses included; of an imported game to its
/// last move by its clocks; null while it is not over, without a move, or without clocks.
pub const GAME_DIMENSIONS: &[Field] = &[
    string("opening").searched(),
    string("eco"),
    string("openingFamily"),
    integer("plies"),
    choice("winner", Winner::OPTIONS),
    choice("termination", Termination::OPTIONS),
    choice("timeControlClass", TimeControlClass::OPTIONS),
    date("startedAt"),
    choice("startWeekday", Weekday::OPTIONS),
    integer("startHour"),
    double("durationSeconds"),
];

/// What the ratings of both say: `whiteElo` and `blackElo` of the game, each alone, their average (rounded down), and
/// White's minus Black's. Null where a rating is not known.
pub const RATING_DIMENSIONS: &[Field] = &[
    choice("whiteRatingBand", RATING_BANDS),
    choice("blackRatingBand", RATING_BANDS),
    choice("averageRatingBand", RATING_BANDS),
    integer("ratingDifference"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rating_is_in_the_band_that_its_word_says() {
        for rating in 0..4200 {
            let (least, most) = rating_band(rating).unwrap().split_once('-').unwrap();
            let (least, most): (i64, i64) = (least.parse().unwrap(), most.parse().unwrap());
            assert!((least..=most).contains(&rating) && most - least + 1 == BAND, "{rating}: {least}-{most}");
        }
        assert_eq!([rating_band(-1), rating_band(4200)], [None; 2]);
    }
}

//! The one integer that says "all up to here": a position in a log that is named by its id.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// A position of one log. Text form `<log id>:<position>`: the `Consistency-Token` of commands and the `Watermark` of
/// reads. Positions are dense and in commit order (1, 2, 3, ...); 0 is "before the first event".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPosition {
    /// The log's identity; a restore renews it.
    pub log: Uuid,
    /// The last position meant.
    pub position: i64,
}

/// The text is no `<log id>:<position>`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not of the form <log id>:<position>")]
pub struct NotAPosition(pub String);

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.log, self.position)
    }
}

impl FromStr for LogPosition {
    type Err = NotAPosition;
    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let bad = || NotAPosition(text.chars().take(80).collect());
        let (log, position) = text.split_once(':').ok_or_else(bad)?;
        let log = Uuid::parse_str(log).map_err(|_| bad())?;
        let position: i64 = position.parse().map_err(|_| bad())?;
        if position < 0 { Err(bad()) } else { Ok(Self { log, position }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_reads_back() {
        let here = LogPosition { log: Uuid::from_u128(7), position: 42 };
        assert_eq!(here.to_string().parse(), Ok(here));
        for bad in ["", "7", "x:1", "00000000-0000-0000-0000-000000000007:-1", "00000000-0000-0000-0000-000000000007:"]
        {
            assert!(bad.parse::<LogPosition>().is_err(), "{bad}");
        }
    }
}

//! What keeps stream and views right, named, so that `cargo dev chaos --without` can take one out and show the loss that
//! it prevents. Only a development build looks at the switch; in a release build every guard holds, always.

use std::sync::LazyLock;

/// The variable that names the guard to take out.
pub const SWITCH: &str = "WECHESS_WITHOUT";

/// A guard of the relay, the feed or the writers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// A document is written with the position of its last event as external version: an older one never replaces it.
    ExternalVersion,
    /// A publish names the sequence that must be the last before it: of two relays one is refused.
    ExpectedSequence,
    /// Events that the stream does not bring are read from the log.
    Refill,
}

impl Guard {
    /// All of them.
    const ALL: [Self; 3] = [Self::ExternalVersion, Self::ExpectedSequence, Self::Refill];

    /// The word of the switch.
    const fn name(self) -> &'static str {
        match self {
            Self::ExternalVersion => "external-version",
            Self::ExpectedSequence => "expected-sequence",
            Self::Refill => "refill",
        }
    }

    /// Whether it is in place.
    pub fn holds(self) -> bool {
        static SWITCHED: LazyLock<Option<String>> = LazyLock::new(|| std::env::var(SWITCH).ok());
        !cfg!(debug_assertions) || self.holds_in(true, SWITCHED.as_deref())
    }

    /// Whether every one is in place: else nothing may put right what the missing one lets happen.
    pub fn all_hold() -> bool {
        Self::ALL.into_iter().all(Self::holds)
    }

    fn holds_in(self, development: bool, switch: Option<&str>) -> bool {
        !(development && switch == Some(self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_development_build_lets_a_guard_be_taken_out_and_only_the_one_named() {
        for guard in Guard::ALL {
            assert!(guard.holds_in(true, None) && guard.holds_in(true, Some("nothing")));
            assert!(!guard.holds_in(true, Some(guard.name())));
            assert!(guard.holds_in(false, Some(guard.name())), "a release build has no switch");
            let others = Guard::ALL.into_iter().filter(|other| *other != guard);
            assert!(others.into_iter().all(|other| other.holds_in(true, Some(guard.name()))));
        }
    }
}

//! Scripted schedules, one for each guard: with the guard in place nothing is found, without it the loss that it prevents.

mod command_id;
mod expected_sequence;
mod external_version;
mod refill;
mod stage;
mod tail_lock;

use stack::error::Result;

use crate::oracle::Verdict;
use crate::rig::Options;

/// What keeps the system from losing anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Guard {
    /// Positions are given out under the lock of the log's row, which is held until the commit.
    TailLock,
    /// A command's id is unique in the log.
    CommandId,
    /// An older document never replaces a newer one in an index.
    ExternalVersion,
    /// Of two relays only one appends to the event stream.
    ExpectedSequence,
    /// What the event stream does not bring is read from the log.
    Refill,
}

impl Guard {
    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TailLock => "tail-lock",
            Self::CommandId => "command-id",
            Self::ExternalVersion => "external-version",
            Self::ExpectedSequence => "expected-sequence",
            Self::Refill => "refill",
        }
    }

    /// The finding that its absence must cause.
    pub const fn finding(self) -> &'static str {
        match self {
            Self::TailLock => "Hole",
            Self::CommandId => "DoublyApplied",
            Self::ExternalVersion => "ViewDiffers",
            Self::ExpectedSequence => "StreamDiffers",
            Self::Refill => "DocumentMissing",
        }
    }
}

/// Runs the schedule of a guard, with or without it.
pub async fn run(options: &Options, guard: Guard, without: bool) -> Result<Verdict> {
    let mut options = options.clone();
    if without {
        // The guards in PostgreSQL do not look at it: there the schedule changes the database instead.
        options.environment.push(("WECHESS_WITHOUT".to_owned(), guard.name().to_owned()));
    }
    match guard {
        Guard::TailLock => tail_lock::run(&options, without).await,
        Guard::CommandId => command_id::run(&options, without).await,
        Guard::ExternalVersion => external_version::run(&options).await,
        Guard::ExpectedSequence => expected_sequence::run(&options).await,
        Guard::Refill => refill::run(&options).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn names_on_the_command_line_and_in_the_switch_are_the_same() {
        for guard in Guard::value_variants() {
            assert_eq!(guard.to_possible_value().unwrap().get_name(), guard.name());
        }
    }
}

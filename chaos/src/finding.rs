//! What the oracle finds, each by a name.

use std::fmt;

use uuid::Uuid;

/// Something is lost, doubled, out of order or different.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// A command was acknowledged and its event is not in the log.
    LostAcknowledged {
        /// What was acknowledged.
        what: String,
    },
    /// One command is in the log twice.
    DoublyApplied {
        /// Which.
        what: String,
    },
    /// The log has an event of one of our players that nobody asked for.
    Unasked {
        /// The event.
        what: String,
    },
    /// A command that had to be accepted was refused.
    Refused {
        /// The command.
        what: String,
        /// The answer.
        answer: String,
    },
    /// An answer says something else than the log, or than another answer to the same command.
    AnswerDiffers {
        /// The command.
        what: String,
        /// What differs.
        detail: String,
    },
    /// The log has no event at these positions.
    Hole {
        /// The first missing position.
        first: i64,
        /// The last of them.
        last: i64,
    },
    /// The log's row has another tail than its last event.
    TailDiffers {
        /// The row's.
        tail: i64,
        /// The last event's.
        last: i64,
    },
    /// The versions of a stream are not 1, 2, 3, ...
    VersionGap {
        /// The stream.
        stream: Uuid,
        /// The version found.
        found: i32,
        /// The one that should stand there.
        expected: i32,
    },
    /// An event was recorded before the one at the position before it.
    TimeRunsBack {
        /// Its position.
        position: i64,
    },
    /// A state row is not that of its stream's events.
    StateDiffers {
        /// The stream.
        stream: Uuid,
        /// What differs.
        detail: String,
    },
    /// The events of a game are no legal game.
    IllegalGame {
        /// The game.
        game: Uuid,
        /// Which rule is broken.
        detail: String,
    },
    /// The event stream is not the newest part of the log.
    StreamDiffers {
        /// The sequence.
        sequence: u64,
        /// What is there.
        detail: String,
    },
    /// A view did not come to the log's tail in time.
    ViewBehind {
        /// The view.
        view: String,
        /// Where it stands.
        detail: String,
    },
    /// A document was given up.
    Parked {
        /// The view.
        view: String,
        /// What it says of them.
        detail: String,
    },
    /// A document is not there.
    DocumentMissing {
        /// The view.
        view: String,
        /// Its id.
        id: String,
    },
    /// A document is there that no event made.
    DocumentUnexpected {
        /// The view.
        view: String,
        /// Its id.
        id: String,
    },
    /// A field of a document is not what the log makes of it.
    ViewDiffers {
        /// The view.
        view: String,
        /// The document.
        id: String,
        /// The field.
        field: String,
        /// What the view has.
        is: String,
        /// What the log says.
        should: String,
    },
    /// A document's version in its index is not the position that it holds.
    VersionDiffers {
        /// The view.
        view: String,
        /// The document.
        id: String,
        /// Its version.
        version: i64,
    },
}

impl Finding {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::LostAcknowledged { .. } => "LostAcknowledged",
            Self::DoublyApplied { .. } => "DoublyApplied",
            Self::Unasked { .. } => "Unasked",
            Self::Refused { .. } => "Refused",
            Self::AnswerDiffers { .. } => "AnswerDiffers",
            Self::Hole { .. } => "Hole",
            Self::TailDiffers { .. } => "TailDiffers",
            Self::VersionGap { .. } => "VersionGap",
            Self::TimeRunsBack { .. } => "TimeRunsBack",
            Self::StateDiffers { .. } => "StateDiffers",
            Self::IllegalGame { .. } => "IllegalGame",
            Self::StreamDiffers { .. } => "StreamDiffers",
            Self::ViewBehind { .. } => "ViewBehind",
            Self::Parked { .. } => "Parked",
            Self::DocumentMissing { .. } => "DocumentMissing",
            Self::DocumentUnexpected { .. } => "DocumentUnexpected",
            Self::ViewDiffers { .. } => "ViewDiffers",
            Self::VersionDiffers { .. } => "VersionDiffers",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name())?;
        match self {
            Self::LostAcknowledged { what } | Self::DoublyApplied { what } | Self::Unasked { what } => {
                f.write_str(what)
            }
            Self::Refused { what, answer } => write!(f, "{what} -> {answer}"),
            Self::AnswerDiffers { what, detail } => write!(f, "{what}: {detail}"),
            Self::Hole { first, last } => write!(f, "positions {first} to {last} are not in the log"),
            Self::TailDiffers { tail, last } => write!(f, "the log's tail is {tail}, its last event is at {last}"),
            Self::VersionGap { stream, found, expected } => {
                write!(f, "stream {stream} has version {found} where {expected} should stand")
            }
            Self::TimeRunsBack { position } => write!(f, "the event at {position} is older than the one before it"),
            Self::StateDiffers { stream, detail } => write!(f, "stream {stream}: {detail}"),
            Self::IllegalGame { game, detail } => write!(f, "game {game}: {detail}"),
            Self::StreamDiffers { sequence, detail } => write!(f, "sequence {sequence}: {detail}"),
            Self::ViewBehind { view, detail } | Self::Parked { view, detail } => write!(f, "{view}: {detail}"),
            Self::DocumentMissing { view, id } | Self::DocumentUnexpected { view, id } => write!(f, "{view}/{id}"),
            Self::ViewDiffers { view, id, field, is, should } => {
                write!(f, "{view}/{id}: `{field}` is {is}, the log says {should}")
            }
            Self::VersionDiffers { view, id, version } => {
                write!(f, "{view}/{id}: version {version} in the index is not its `_position`")
            }
        }
    }
}

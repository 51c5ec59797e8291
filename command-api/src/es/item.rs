//! An item of an append: one command, over any number of streams, accepted or refused as a whole.

use chrono::{DateTime, Utc};
use event_schema::envelope::Recorded;
use event_schema::ids::CommandId;
use uuid::Uuid;

use super::effect::EffectRow;

/// The largest event data in bytes: NATS refuses messages above 1 MiB, and a refused event would stop the relay.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;

/// One event on its way into the log.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRow {
    /// Stored type.
    pub kind: String,
    /// Number of its shape.
    pub schema: i16,
    /// JSON text, personal fields sealed.
    pub data: String,
}

/// What an item does to one stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The stream.
    pub stream: Uuid,
    /// Its category.
    pub category: &'static str,
    /// The version that it was decided on; 0 = the stream is new.
    pub expected: i32,
    /// The state after the events, as JSON text.
    pub state: String,
    /// At least one.
    pub events: Vec<EventRow>,
}

/// One command, ready to be appended.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its id: the same id is never appended twice.
    pub command: CommandId,
    /// Who.
    pub actor: Option<Uuid>,
    /// The first command of the chain.
    pub correlation: Uuid,
    /// What led to it.
    pub causation: Option<Uuid>,
    /// Stands on its first event: the request's fingerprint.
    pub meta: Option<String>,
    /// What it does to streams.
    pub writes: Vec<Write>,
    /// What it does besides.
    pub effects: Vec<EffectRow>,
    /// The unique keys that it claims.
    pub claims: Vec<String>,
}

impl Item {
    /// Its weight in the queue.
    pub fn bytes(&self) -> usize {
        let writes =
            self.writes.iter().map(|w| w.state.len() + w.events.iter().map(|e| e.data.len() + 64).sum::<usize>());
        256 + writes.sum::<usize>() + self.effects.iter().map(|e| e.args.len()).sum::<usize>()
    }

    /// The largest of its events in bytes.
    pub fn largest_event(&self) -> usize {
        self.writes.iter().flat_map(|w| &w.events).map(|e| e.data.len()).max().unwrap_or(0)
    }
}

/// What the log said to an item.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is durable.
    Appended {
        /// Position of its first event; the others follow densely.
        position: i64,
        /// When it was recorded.
        at: DateTime<Utc>,
    },
    /// A command of this id was appended before.
    Already {
        /// Position of that command's first event.
        position: i64,
    },
    /// A stream has moved on.
    Conflict {
        /// Which.
        stream: Uuid,
        /// What happened since the expected version (personal fields still sealed); up to a bound.
        missed: Vec<Recorded>,
        /// The version now.
        version: i32,
    },
    /// A unique key belongs to another stream.
    KeyTaken {
        /// Which.
        key: String,
    },
}

/// Why an append has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The queue is full: nothing was written.
    #[error("the append queue is full")]
    Full,
    /// PostgreSQL takes no writes for now, and said so each time: nothing was written.
    #[error("PostgreSQL takes no writes: {0}")]
    Unwritable(String),
    /// PostgreSQL did not answer in time: nobody can tell whether it was written. The same command id answers.
    #[error("the outcome of the append is unknown")]
    Unknown,
    /// An event is larger than [`MAX_EVENT_BYTES`]: nothing was written.
    #[error("an event of {0} bytes is larger than {MAX_EVENT_BYTES}")]
    TooLarge(usize),
    /// PostgreSQL refused this very item: nothing was written.
    #[error("the log refused the item: {0}")]
    Refused(String),
    /// A command decided effects without an event, which no retry could be told from: nothing was written.
    #[error("a decision has effects and no event")]
    NoEvent,
    /// The process is stopping: nothing was written.
    #[error("the appender has stopped")]
    Stopped,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::es::store::Failure;
    use crate::http::error::of_failure;
    use actix_web::ResponseError as _;

    #[test]
    fn who_is_refused_by_the_log_is_told_whether_to_come_back() {
        let told = |error: AppendError| {
            let answer = of_failure(Failure::Append(error)).error_response();
            (answer.status().as_u16(), answer.headers().contains_key("retry-after"))
        };
        assert_eq!(told(AppendError::Full), (503, true));
        assert_eq!(told(AppendError::Unwritable("53100 disk full".into())), (503, true));
        assert_eq!(told(AppendError::Unknown), (503, true));
        assert_eq!(told(AppendError::Stopped), (503, true));
        assert_eq!(told(AppendError::TooLarge(MAX_EVENT_BYTES + 1)), (413, false));
        assert_eq!(told(AppendError::Refused("23514".into())), (500, false));
        assert_eq!(told(AppendError::NoEvent), (500, false));
    }
}

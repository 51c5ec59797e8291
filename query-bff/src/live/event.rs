//! The form of events on the wire: `text/event-stream` of the HTML standard.

use std::str::FromStr;

use bytes::Bytes;
use event_schema::position::{LogPosition, NotAPosition};
use serde_json::Value;

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// The list as it is: forget what you had.
    Snapshot,
    /// A document begins to fit.
    Enter,
    /// One that fits has changed.
    Change,
    /// One does not fit any more, or is gone.
    Leave,
    /// Nothing more comes, and why.
    End,
}

/// Every event.
pub const NAMES: [Name; 5] = [Name::Snapshot, Name::Enter, Name::Change, Name::Leave, Name::End];

impl Name {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Enter => "enter",
            Self::Change => "change",
            Self::Leave => "leave",
            Self::End => "end",
        }
    }
}

/// The id of an event, as a client sends it back. On the wire `<log id>:<position>:<digest>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastEventId {
    /// Everything up to here has been told ...
    pub at: LogPosition,
    /// ... of what has this digest; empty where the client made the id up.
    pub digest: String,
}

impl FromStr for LastEventId {
    type Err = NotAPosition;
    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let (at, digest) = match text.match_indices(':').nth(1) {
            Some((end, _)) => (&text[..end], &text[end + 1..]),
            None => (text, ""),
        };
        Ok(Self { at: at.parse()?, digest: digest.to_owned() })
    }
}

/// Events that are sent together, of what has this digest.
pub struct Events<'a> {
    digest: &'a str,
    text: String,
}

impl<'a> Events<'a> {
    /// None yet.
    pub fn of(digest: &'a str) -> Self {
        Self { digest, text: String::new() }
    }

    /// Adds an event. With a position, everything up to there has been told once it is read.
    pub fn push(&mut self, name: Name, told: Option<LogPosition>, data: &Value) {
        if let Some(told) = told {
            self.id(told);
        }
        // JSON has no line breaks outside of strings, and inside they are escaped.
        self.text.push_str(&format!("event: {}\ndata: {data}\n\n", name.as_str()));
    }

    /// Moves on without an event: a browser notes the id and tells its page nothing. Keeps connections open too.
    pub fn beat(&mut self, told: LogPosition) {
        self.text.push_str(": still here\n");
        self.id(told);
        self.text.push('\n');
    }

    fn id(&mut self, told: LogPosition) {
        self.text.push_str(&format!("id: {told}:{}\n", self.digest));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The bytes to send.
    pub fn into_bytes(self) -> Bytes {
        self.text.into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn events_are_blocks_of_lines() {
        let at = LogPosition { log: Uuid::nil(), position: 7 };
        let mut events = Events::of("abc");
        assert!(events.is_empty());
        events.push(Name::Leave, None, &json!({"id": "a\nb"}));
        events.push(Name::Enter, Some(at), &json!({}));
        events.beat(at);
        let id = format!("{at}:abc");
        let expected = format!(
            "event: leave\ndata: {{\"id\":\"a\\nb\"}}\n\nid: {id}\nevent: enter\ndata: {{}}\n\n: still here\nid: {id}\n\n"
        );
        assert_eq!(events.into_bytes(), expected);
        assert_eq!(id.parse(), Ok(LastEventId { at, digest: "abc".into() }));
    }

    #[test]
    fn an_id_that_somebody_made_up_is_of_nothing() {
        let at = LogPosition { log: Uuid::nil(), position: 7 };
        assert_eq!(at.to_string().parse(), Ok(LastEventId { at, digest: String::new() }));
        assert_eq!(format!("{at}:a:b").parse(), Ok(LastEventId { at, digest: "a:b".into() }));
        for bad in ["", "7", "7:8:9", &format!("{}:x:abc", at.log), &format!("{}::", at.log)] {
            assert!(bad.parse::<LastEventId>().is_err(), "{bad}");
        }
    }
}

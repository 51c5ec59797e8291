//! The form of events on the wire: `text/event-stream` of the HTML standard.

use bytes::Bytes;
use event_schema::position::LogPosition;
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

/// Events that are sent together.
#[derive(Default)]
pub struct Events(String);

impl Events {
    /// Adds an event. With an id, everything up to that position has been told once it is read.
    pub fn push(&mut self, name: Name, id: Option<LogPosition>, data: &Value) {
        if let Some(id) = id {
            self.0.push_str(&format!("id: {id}\n"));
        }
        // JSON has no line breaks outside of strings, and inside they are escaped.
        self.0.push_str(&format!("event: {}\ndata: {data}\n\n", name.as_str()));
    }

    /// Moves on without an event: a browser notes the id and tells its page nothing. Keeps connections open too.
    pub fn beat(&mut self, id: LogPosition) {
        self.0.push_str(&format!(": still here\nid: {id}\n\n"));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes to send.
    pub fn into_bytes(self) -> Bytes {
        self.0.into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn events_are_blocks_of_lines() {
        let id = LogPosition { log: Uuid::nil(), position: 7 };
        let mut events = Events::default();
        assert!(events.is_empty());
        events.push(Name::Leave, None, &json!({"id": "a\nb"}));
        events.push(Name::Enter, Some(id), &json!({}));
        events.beat(id);
        let expected = format!(
            "event: leave\ndata: {{\"id\":\"a\\nb\"}}\n\nid: {id}\nevent: enter\ndata: {{}}\n\n: still here\nid: {id}\n\n"
        );
        assert_eq!(events.into_bytes(), expected);
    }
}

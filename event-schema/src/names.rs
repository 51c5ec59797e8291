//! Names that two or more processes must agree on: schema, subjects, stream, bucket, indexes. All are stored or wire
//! contracts.

use std::fmt;
use std::str::FromStr;

/// An optional word that keeps several systems apart on the same three servers: schema `wechess_<ns>`, subjects
/// `wechess.<ns>.…`, indexes `wechess_<ns>_…`. Empty for the one system of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace(String);

/// The word is not usable as a namespace.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("namespace `{0}` must be 1 to 16 of a-z and 0-9, and no subject word of ours")]
pub struct NotANamespace(pub String);

/// Words that stand where a namespace would stand in a subject.
const RESERVED: &[&str] = &["events", "poke", "ask", "refresh", "push", "changes", "listen", "projector"];

impl FromStr for Namespace {
    type Err = NotANamespace;
    fn from_str(word: &str) -> Result<Self, NotANamespace> {
        let plain = word.len() <= 16 && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if plain && !RESERVED.contains(&word) { Ok(Self(word.to_owned())) } else { Err(NotANamespace(word.to_owned())) }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Namespace {
    /// `wechess` or `wechess_<ns>`: the PostgreSQL schema, and the start of the names below.
    pub fn schema(&self) -> String {
        if self.0.is_empty() { "wechess".to_owned() } else { format!("wechess_{}", self.0) }
    }

    /// The alias of a view's live index: `wechess_<view in lower case>`.
    pub fn index(&self, view: &str) -> String {
        format!("{}_{}", self.schema(), view.to_ascii_lowercase())
    }

    /// The index of one generation (from 1) of a view.
    pub fn index_generation(&self, view: &str, generation: u32) -> String {
        format!("{}-g{generation}", self.index(view))
    }

    /// The JetStream stream that carries the log's newest part.
    pub fn events_stream(&self) -> String {
        format!("{}_events", self.schema())
    }

    /// The key-value bucket of watermarks: one key per view, named as the view in lower case.
    pub fn watermarks_bucket(&self) -> String {
        format!("{}_watermarks", self.schema())
    }

    fn subject(&self, rest: &str) -> String {
        if self.0.is_empty() { format!("wechess.{rest}") } else { format!("wechess.{}.{rest}", self.0) }
    }

    /// The subject of one event.
    pub fn event_subject(&self, category: &str, kind: &str) -> String {
        self.subject(&format!("events.{category}.{kind}"))
    }

    /// All events: what the stream listens to.
    pub fn events_subjects(&self) -> String {
        self.subject("events.>")
    }

    /// Core NATS, from command-api after a commit: the log's tail as text. Never a guarantee, only a wake-up.
    pub fn poke_subject(&self) -> String {
        self.subject("poke")
    }

    /// Request/reply to command-api; `what` is one of [`crate::wire::ask`].
    pub fn ask_subject(&self, what: &str) -> String {
        self.subject(&format!("ask.{what}"))
    }

    /// Request/reply to the projector: refresh this view (payload and answer in [`crate::wire`]).
    pub fn refresh_subject(&self, view: &str) -> String {
        self.subject(&format!("refresh.{}", view.to_ascii_lowercase()))
    }

    /// Core NATS, from the projector after each refresh while somebody listens: what changed in this view
    /// ([`crate::wire::Changes`]).
    pub fn changes_subject(&self, view: &str) -> String {
        self.subject(&format!("changes.{}", view.to_ascii_lowercase()))
    }

    /// Core NATS, from the query service every second while somebody reads this view live; empty.
    pub fn listen_subject(&self, view: &str) -> String {
        self.subject(&format!("listen.{}", view.to_ascii_lowercase()))
    }

    /// Request/reply from the projector's command line to the leading projector (`projector rebuild ...`). Both use the
    /// projector's own login; nobody else may publish here.
    pub fn projector_subject(&self, what: &str) -> String {
        self.subject(&format!("projector.{what}"))
    }

    /// Broadcast of command-api to everybody who caches sessions ([`crate::wire::Push`]).
    pub fn push_subject(&self, what: &str) -> String {
        self.subject(&format!("push.{what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_and_without_a_namespace() {
        let (none, some) = (Namespace::default(), "t1".parse::<Namespace>().unwrap());
        assert_eq!((none.schema(), some.schema()), ("wechess".into(), "wechess_t1".into()));
        assert_eq!(some.index_generation("chessGame", 2), "wechess_t1_chessgame-g2");
        assert_eq!(none.event_subject("chessGame", "MovePlayed"), "wechess.events.chessGame.MovePlayed");
        assert_eq!(some.poke_subject(), "wechess.t1.poke");
        assert!("events".parse::<Namespace>().is_err() && "A".parse::<Namespace>().is_err());
    }
}

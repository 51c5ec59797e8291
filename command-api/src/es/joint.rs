//! Commands on two streams that must agree: decided on both, accepted as one item or not at all.

use uuid::Uuid;

use super::aggregate::{Aggregate, Command, Context, Decision, EventOf, Rejection, key_taken};

/// What happens on each of two streams.
pub type Decisions<M, O> = (Decision<EventOf<M>>, Decision<EventOf<O>>);

/// One use-case on two streams.
pub trait Joint: Send + Sync {
    /// The aggregate of the stream that it is issued on: retries are answered from there.
    type Main: Aggregate;
    /// The aggregate of the other stream.
    type Other: Aggregate;

    /// Decides on the newest states of both. Pure: may be called again after a conflict.
    ///
    /// Without an event on the main stream, nothing may happen on the other. Only a stream that gets an event is checked
    /// once more when it is appended: a decision without one must not depend on what can still change there.
    fn decide(
        &self,
        main: &Self::Main,
        other: &Self::Other,
        cx: &Context,
    ) -> Result<Decisions<Self::Main, Self::Other>, Rejection>;
}

/// A joint command and its other stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Both<C> {
    /// The command.
    pub command: C,
    /// The stream beside the one that it is issued on.
    pub other: Uuid,
}

/// What the store carries out: a [`Command`] on one stream, or [`Both`] on two.
pub trait Transaction: Send + Sync {
    /// The aggregate of the stream that it is issued on.
    type Main: Aggregate;
    /// The aggregate of the other stream, if there is one.
    type Other: Aggregate;

    /// The other stream.
    fn other(&self) -> Option<Uuid>;

    /// Decides on the newest states. Pure.
    fn decide_all(
        &self,
        main: &Self::Main,
        other: Option<&Self::Other>,
        cx: &Context,
    ) -> Result<Decisions<Self::Main, Self::Other>, Rejection>;

    /// The refusal when a unique key belongs to another stream.
    fn refuse_key(&self, key: &str) -> Rejection;
}

impl<C: Command> Transaction for C {
    type Main = C::Aggregate;
    type Other = C::Aggregate;

    fn other(&self) -> Option<Uuid> {
        None
    }

    fn decide_all(
        &self,
        main: &C::Aggregate,
        _: Option<&C::Aggregate>,
        cx: &Context,
    ) -> Result<Decisions<C::Aggregate, C::Aggregate>, Rejection> {
        Ok((self.decide(main, cx)?, Decision::default()))
    }

    fn refuse_key(&self, key: &str) -> Rejection {
        self.key_taken(key)
    }
}

impl<C: Joint> Transaction for Both<C> {
    type Main = C::Main;
    type Other = C::Other;

    fn other(&self) -> Option<Uuid> {
        Some(self.other)
    }

    fn decide_all(
        &self,
        main: &C::Main,
        other: Option<&C::Other>,
        cx: &Context,
    ) -> Result<Decisions<C::Main, C::Other>, Rejection> {
        match other {
            Some(other) => self.command.decide(main, other, cx),
            None => self.command.decide(main, &C::Other::default(), cx),
        }
    }

    fn refuse_key(&self, key: &str) -> Rejection {
        key_taken(key)
    }
}

//! One command at a time per stream within this process: commands on one stream are decided in the order in which they
//! came, so that a hot stream waits in front of its own gate and never in front of the others.
//!
//! Several processes still meet at the log: there the expected version decides.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

type Gate = Arc<Mutex<()>>;

/// The gates of all streams on which somebody works or waits.
#[derive(Debug)]
pub struct Gates {
    open: StdMutex<HashMap<Uuid, Gate>>,
    most: usize,
    patience: Duration,
}

/// Too many wait for this stream, or one waited too long. Nothing was done.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many commands on the stream {0} wait for their turn")]
pub struct Crowded(pub Uuid);

/// The right to work on a stream; the next in line has it when this is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    // Dropped first, so that the place finds itself alone.
    _turn: OwnedMutexGuard<()>,
    _place: Place<'a>,
}

/// A place in the line of a stream.
#[derive(Debug)]
struct Place<'a> {
    gates: &'a Gates,
    stream: Uuid,
    gate: Gate,
}

impl Gates {
    /// At most `most` commands work or wait per stream, each for no longer than `patience`.
    pub fn new(most: usize, patience: Duration) -> Self {
        Self { open: StdMutex::default(), most, patience }
    }

    /// Waits for the turn on this stream: first come, first served.
    pub async fn turn(&self, stream: Uuid) -> Result<Turn<'_>, Crowded> {
        let place = self.place(stream).ok_or(Crowded(stream))?;
        let gate = Arc::clone(&place.gate);
        match tokio::time::timeout(self.patience, gate.lock_owned()).await {
            Ok(turn) => Ok(Turn { _turn: turn, _place: place }),
            Err(_) => Err(Crowded(stream)),
        }
    }

    /// Waits for the turns on a stream and on another one: always in the order of their ids, so that no two commands wait
    /// for each other.
    pub async fn turns(&self, stream: Uuid, other: Option<Uuid>) -> Result<(Turn<'_>, Option<Turn<'_>>), Crowded> {
        let Some(other) = other.filter(|other| *other != stream) else {
            return Ok((self.turn(stream).await?, None));
        };
        let first = self.turn(stream.min(other)).await?;
        Ok((first, Some(self.turn(stream.max(other)).await?)))
    }

    fn place(&self, stream: Uuid) -> Option<Place<'_>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = open.entry(stream).or_default();
        // The map holds it once, and everybody who works or waits here twice: his place, and his turn or wait.
        let here = Arc::strong_count(gate) / 2;
        (here < self.most).then(|| Place { gates: self, stream, gate: Arc::clone(gate) })
    }

    #[cfg(test)]
    fn known(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut open = self.gates.open.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's and this one: nobody else works or waits here.
        if Arc::strong_count(&self.gate) == 2 {
            open.remove(&self.stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;

    const STREAM: Uuid = Uuid::from_u128(1);

    #[tokio::test]
    async fn one_works_at_a_time_in_the_order_of_coming() {
        let gates = Gates::new(100, Duration::from_secs(5));
        let (working, order) = (Mutex::new(()), StdMutex::new(Vec::new()));
        let work = async |number: usize| {
            let _turn = gates.turn(STREAM).await.unwrap();
            let _alone = working.try_lock().expect("nobody else works on this stream");
            tokio::task::yield_now().await;
            order.lock().unwrap().push(number);
        };
        join_all((0..50).map(work)).await;
        assert_eq!(*order.lock().unwrap(), (0..50).collect::<Vec<_>>());
        assert_eq!(gates.known(), 0, "nothing is kept of a stream on which nobody works");
    }

    #[tokio::test]
    async fn who_needs_two_streams_never_waits_for_who_waits_for_him() {
        let gates = Gates::new(100, Duration::from_secs(5));
        let other = Uuid::from_u128(2);
        let work = async |number: usize| {
            let (one, two) = if number.is_multiple_of(2) { (STREAM, other) } else { (other, STREAM) };
            let _turns = gates.turns(one, Some(two)).await?;
            tokio::task::yield_now().await;
            Ok::<(), Crowded>(())
        };
        let done = join_all((0..50).map(work)).await;
        assert!(done.iter().all(Result::is_ok), "{done:?}");
        assert!(gates.turns(STREAM, Some(STREAM)).await.is_ok(), "one stream is one turn");
        assert_eq!(gates.known(), 0);
    }

    #[tokio::test]
    async fn other_streams_do_not_wait_and_a_crowd_is_told_so() {
        let gates = Gates::new(2, Duration::from_millis(20));
        let first = gates.turn(STREAM).await.unwrap();
        let (second, third, other) =
            tokio::join!(gates.turn(STREAM), gates.turn(STREAM), gates.turn(Uuid::from_u128(2)));
        assert_eq!(second.err(), Some(Crowded(STREAM)), "it waited too long");
        assert_eq!(third.err(), Some(Crowded(STREAM)), "no room in the line");
        assert!(other.is_ok());
        drop((first, other));
        assert!(gates.turn(STREAM).await.is_ok());
        assert_eq!(gates.known(), 0);
    }
}

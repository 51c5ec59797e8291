//! Searches on their way that several requests wait for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use service::error::ApiError;

use super::Mark;

type Outcome = Result<Bytes, ApiError>;
/// A search that goes on while anybody holds it.
pub type Flight = Shared<BoxFuture<'static, Outcome>>;
type Key = (Bytes, Mark);
type Flying = HashMap<Key, (u64, WeakShared<BoxFuture<'static, Outcome>>)>;

/// All of them.
#[derive(Default)]
pub struct Flights {
    flying: Mutex<Flying>,
    numbers: AtomicU64,
}

/// Takes a flight off the list when it has landed, or when nobody waits for it any more.
struct Landing {
    flights: Arc<Flights>,
    key: Key,
    number: u64,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut flying = self.flights.lock();
        if flying.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            flying.remove(&self.key);
        }
    }
}

impl Flights {
    /// The flight of this key, begun if there is none; whether it was.
    pub fn join(self: &Arc<Self>, key: Key, begin: impl FnOnce() -> BoxFuture<'static, Outcome>) -> (Flight, bool) {
        let mut flying = self.lock();
        if let Some(flight) = flying.get(&key).and_then(|(_, flight)| flight.upgrade()) {
            return (flight, false);
        }
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let landing = Landing { flights: Arc::clone(self), key: key.clone(), number };
        let work = begin();
        let flight = async move {
            let _landing = landing;
            work.await
        }
        .boxed()
        .shared();
        if let Some(weak) = flight.downgrade() {
            flying.insert(key, (number, weak));
        }
        (flight, true)
    }

    fn lock(&self) -> MutexGuard<'_, Flying> {
        self.flying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use futures_util::future::join_all;
    use tokio::sync::Notify;
    use uuid::Uuid;

    use super::*;

    fn key() -> Key {
        (Bytes::from_static(b"q"), Mark { log: Uuid::nil(), position: 1, generation: 1, edition: Uuid::nil() })
    }

    #[tokio::test]
    async fn equal_questions_are_searched_once() {
        let flights = Arc::new(Flights::default());
        let gate = Arc::new(Notify::new());
        let mut all = Vec::new();
        for number in 0..10 {
            let waits = Arc::clone(&gate);
            let work = async move {
                waits.notified().await;
                Ok(Bytes::from(number.to_string()))
            };
            let (flight, began) = flights.join(key(), || work.boxed());
            assert_eq!(began, number == 0);
            all.push(flight);
        }
        gate.notify_one();
        assert!(join_all(all).await.into_iter().all(|body| body.unwrap() == "0"));
        assert!(flights.lock().is_empty());
    }

    #[tokio::test]
    async fn a_failure_is_that_of_those_who_waited_and_of_nobody_later() {
        let flights = Arc::new(Flights::default());
        let fails = || async { Err(ApiError::unavailable("down", "down")) }.boxed();
        let (one, two) = (flights.join(key(), fails).0, flights.join(key(), fails).0);
        assert_eq!((one.await.unwrap_err().status(), two.await.unwrap_err().status()), (503, 503));
        let (again, began) = flights.join(key(), || async { Ok(Bytes::from_static(b"x")) }.boxed());
        assert_eq!((began, again.await.unwrap()), (true, Bytes::from_static(b"x")));
    }

    /// Notes that it was dropped.
    struct Dropped(Arc<AtomicBool>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn who_began_may_go_and_when_all_have_gone_it_is_cut_off() {
        let flights = Arc::new(Flights::default());
        let (gate, cut) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let begin = |gate: &Arc<Notify>| {
            let (waits, dropped) = (Arc::clone(gate), Dropped(Arc::clone(&cut)));
            async move {
                let _dropped = dropped;
                waits.notified().await;
                Ok(Bytes::from_static(b"x"))
            }
            .boxed()
        };
        let (leader, _) = flights.join(key(), || begin(&gate));
        let (follower, began) = flights.join(key(), || begin(&gate));
        assert!(!began);
        // The one who polls it first goes away in the middle.
        assert!(leader.now_or_never().is_none());
        assert!(!cut.load(Ordering::SeqCst));
        gate.notify_one();
        assert_eq!(follower.await.unwrap(), "x");

        let (alone, began) = flights.join(key(), || begin(&gate));
        assert!(began && alone.now_or_never().is_none());
        assert!(cut.load(Ordering::SeqCst) && flights.lock().is_empty());
    }
}

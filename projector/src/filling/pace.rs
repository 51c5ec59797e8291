//! Keeps those who fill several views at once within reach of each other, so that they share what is read of the log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// Nobody is further ahead of another than this many events: what the feed keeps of the log in memory.
const REACH: i64 = 3000;
/// Somebody who is further behind than this is not waited for.
const LOST: i64 = 20_000;
/// Nor longer than this at a time: he may wait for something himself.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where everybody is.
pub struct Pace {
    places: Arc<Mutex<HashMap<&'static str, i64>>>,
    moved: watch::Sender<()>,
}

/// Somebody among the others; leaves when dropped.
pub struct Place {
    pace: Arc<Pace>,
    name: &'static str,
}

impl Pace {
    /// Nobody is there.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { places: Arc::default(), moved: watch::Sender::new(()) })
    }

    /// Joins the others at a position.
    pub fn enter(self: &Arc<Self>, name: &'static str, position: i64) -> Place {
        self.put(name, Some(position));
        Place { pace: Arc::clone(self), name }
    }

    fn put(&self, name: &'static str, position: Option<i64>) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        match position {
            Some(position) => places.insert(name, position),
            None => places.remove(name),
        };
        drop(places);
        self.moved.send_replace(());
    }

    /// Whether nobody who is near would be left too far behind.
    fn may_go_on(&self, position: i64) -> bool {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.values().all(|other| !(REACH..LOST).contains(&(position - other)))
    }
}

impl Place {
    /// Says where he is, and waits for the others.
    pub async fn reached(&self, position: i64) {
        self.pace.put(self.name, Some(position));
        let mut moved = self.pace.moved.subscribe();
        let together = async {
            while !self.pace.may_go_on(position) {
                if moved.changed().await.is_err() {
                    return;
                }
            }
        };
        // In vain or not: he goes on.
        let _ = tokio::time::timeout(PATIENCE, together).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.pace.put(self.name, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_fast_wait_for_the_slow_but_not_for_the_lost() {
        let pace = Pace::new();
        let fast = pace.enter("fast", 0);
        let slow = pace.enter("slow", 0);
        let soon = async |place: &Place, position| {
            tokio::time::timeout(Duration::from_millis(20), place.reached(position)).await
        };
        assert!(soon(&fast, REACH - 1).await.is_ok());
        assert!(soon(&fast, REACH).await.is_err(), "the slow one is not within reach");
        slow.reached(1).await;
        assert!(soon(&fast, REACH).await.is_ok());
        assert!(soon(&fast, LOST + 1).await.is_ok(), "somebody who is lost is not waited for");
        assert!(soon(&fast, REACH * 2).await.is_err());
        drop(slow);
        assert!(soon(&fast, REACH * 2).await.is_ok());
    }
}

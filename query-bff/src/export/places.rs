//! How many exports run at once, and how many points in time are left open for cut ones.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use event_schema::ids::UserId;
use service::error::ApiError;

/// Exports of one process at once.
pub const MAX_RUNNING: usize = 8;
/// Exports of one user at once, in one process.
pub const MAX_OF_USER: usize = 2;
/// Points in time of one user that wait for their export to be resumed.
const MAX_LEFT: usize = 2;
/// How long one lives when nobody reads it.
const LIFE: Duration = Duration::from_secs(600);

/// The places of one process.
#[derive(Clone, Default)]
pub struct Places(Arc<Mutex<HashMap<UserId, Held>>>);

#[derive(Default)]
struct Held {
    running: usize,
    left: VecDeque<(String, Instant)>,
}

/// A running export. Dropping it makes room.
pub struct Place {
    places: Places,
    user: UserId,
}

impl Places {
    /// A place for an export of this user: 429 when he has enough, 503 when all are taken.
    pub fn take(&self, user: UserId) -> Result<Place, ApiError> {
        let mut all = self.lock();
        all.retain(|_, held| {
            held.left.retain(|(_, at)| at.elapsed() < LIFE);
            held.running > 0 || !held.left.is_empty()
        });
        if all.get(&user).is_some_and(|held| held.running >= MAX_OF_USER) {
            let told =
                format!("{MAX_OF_USER} of your exports are running, which is all that one user may have at once");
            return Err(ApiError::new(429, "errMsg_tooManyExports", told).retry_after(5));
        }
        if all.values().map(|held| held.running).sum::<usize>() >= MAX_RUNNING {
            let told =
                format!("{MAX_RUNNING} exports are running, which is all that this service does at once; try again");
            return Err(ApiError::new(503, "errMsg_tooManyExports", told).retry_after(5));
        }
        let held = all.entry(user).or_default();
        held.running += 1;
        metrics::gauge!("wechess_exports_running").increment(1.0);
        Ok(Place { places: self.clone(), user })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Leaves a point in time open so that its export can be resumed; the oldest one of this user, to be closed, if he
    /// left too many.
    #[must_use]
    pub fn leave(&self, pit: &str) -> Option<String> {
        let mut all = self.places.lock();
        let left = &mut all.entry(self.user).or_default().left;
        left.retain(|(known, _)| known != pit);
        left.push_back((pit.to_owned(), Instant::now()));
        if left.len() > MAX_LEFT { left.pop_front().map(|(oldest, _)| oldest) } else { None }
    }

    /// A point in time whose export has yet to begin. With its token `known` somebody may try again with it.
    pub fn opening<C: FnMut(String)>(&self, pit: &str, known: bool, close: C) -> Opening<'_, C> {
        if known {
            self.forget(pit);
        }
        Opening { place: self, pit: Some(pit.to_owned()), known, close }
    }

    /// The point in time is in use again, closed or over.
    pub fn forget(&self, pit: &str) {
        if let Some(held) = self.places.lock().get_mut(&self.user) {
            held.left.retain(|(known, _)| known != pit);
        }
    }
}

/// A point in time whose export has not begun. Dropped, for example because the reader goes away meanwhile, it is left
/// open where its token is known, and closed where it is not.
pub struct Opening<'a, C: FnMut(String)> {
    place: &'a Place,
    pit: Option<String>,
    known: bool,
    close: C,
}

impl<C: FnMut(String)> Opening<'_, C> {
    /// The export has begun, or its point in time is over: there is nothing to leave or to close.
    pub fn done(mut self) {
        self.pit = None;
    }
}

impl<C: FnMut(String)> Drop for Opening<'_, C> {
    fn drop(&mut self) {
        let Some(pit) = self.pit.take() else { return };
        let over = if self.known { self.place.leave(&pit) } else { Some(pit) };
        if let Some(over) = over {
            (self.close)(over);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!("wechess_exports_running").decrement(1.0);
        let mut all = self.places.lock();
        if let Some(held) = all.get_mut(&self.user) {
            held.running = held.running.saturating_sub(1);
            if held.running == 0 && held.left.is_empty() {
                all.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: u128) -> UserId {
        UserId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn a_user_has_two_places_and_all_have_eight() {
        let places = Places::default();
        let refused = |n: u128| places.take(user(n)).map(drop).unwrap_err().status();
        let mut held: Vec<Place> = (0..2).map(|_| places.take(user(0)).unwrap()).collect();
        assert_eq!(refused(0), 429);
        held.extend((2..8).map(|n| places.take(user(n / 2)).unwrap()));
        assert_eq!((refused(9), refused(0)), (503, 429));
        held.pop();
        assert!(places.take(user(9)).is_ok());
        held.clear();
        assert!(places.lock().is_empty());
    }

    #[test]
    fn the_oldest_point_in_time_gives_way() {
        let places = Places::default();
        let place = places.take(user(1)).unwrap();
        assert_eq!((place.leave("a"), place.leave("b"), place.leave("a")), (None, None, None));
        assert_eq!(place.leave("c"), Some("b".to_owned()));
        place.forget("a");
        assert_eq!(place.leave("d"), None);
    }

    #[test]
    fn what_did_not_begin_is_left_where_its_token_is_known_and_closed_where_it_is_not() {
        let (places, closed) = (Places::default(), Mutex::new(Vec::new()));
        let place = places.take(user(1)).unwrap();
        let close = |pit: String| closed.lock().unwrap().push(pit);
        assert_eq!((place.leave("a"), place.leave("b")), (None, None));
        // Its reader goes away while it is opened: it is the newest that was left.
        drop(place.opening("a", true, close));
        assert!(closed.lock().unwrap().is_empty());
        drop(place.opening("c", true, close));
        drop(place.opening("new", false, close));
        assert_eq!(*closed.lock().unwrap(), ["b", "new"]);
        // It has begun: nothing is left of it.
        place.opening("c", true, close).done();
        assert_eq!((place.leave("d"), place.leave("e")), (None, Some("a".to_owned())));
    }

    #[test]
    fn one_that_is_over_takes_no_place_of_those_that_live() {
        let places = Places::default();
        let place = places.take(user(1)).unwrap();
        let close = |pit: String| assert!(pit.is_empty(), "{pit} is closed");
        assert_eq!((place.leave("a"), place.leave("b")), (None, None));
        place.opening("dead", true, close).done();
        drop(place.opening("a", true, close));
        drop(place.opening("b", true, close));
    }
}

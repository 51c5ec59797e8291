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

    /// The point in time is in use again, or closed.
    pub fn forget(&self, pit: &str) {
        if let Some(held) = self.places.lock().get_mut(&self.user) {
            held.left.retain(|(known, _)| known != pit);
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
}

//! How many may read live at once: in all, and of each user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use event_schema::ids::UserId;
use service::error::ApiError;

/// A reader who was refused may try again after these seconds.
const LATER: u64 = 5;

/// The bounds, and who reads.
pub struct Seats {
    in_all: usize,
    of_each: usize,
    taken: Mutex<HashMap<UserId, usize>>,
}

/// A place; free again when it is dropped.
pub struct Seat {
    seats: Arc<Seats>,
    user: UserId,
}

impl Seats {
    /// At most so many in all, and of each user.
    pub fn new(in_all: usize, of_each: usize) -> Arc<Self> {
        Arc::new(Self { in_all, of_each, taken: Mutex::default() })
    }

    /// A seat for this user: 429 when he has enough, 503 when the process has.
    pub fn take(self: &Arc<Self>, user: UserId) -> Result<Seat, ApiError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (mine, all) = (taken.get(&user).copied().unwrap_or(0), taken.values().sum::<usize>());
        if mine >= self.of_each {
            let told = format!("you have {mine} live reads open, which is as many as you may; close one first");
            return Err(ApiError::new(429, "errMsg_tooManyLiveReads", told).retry_after(LATER));
        }
        if all >= self.in_all {
            let told = format!("{all} live reads are open, which is as many as there may be; try again");
            return Err(ApiError::new(503, "errMsg_tooManyLiveReads", told).retry_after(LATER));
        }
        *taken.entry(user).or_default() += 1;
        metrics::gauge!("wechess_live_readers").set((all + 1) as f64);
        Ok(Seat { seats: Arc::clone(self), user })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = taken.get_mut(&self.user) {
            *mine -= 1;
            if *mine == 0 {
                taken.remove(&self.user);
            }
        }
        metrics::gauge!("wechess_live_readers").set(taken.values().sum::<usize>() as f64);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn seats_are_bounded_and_come_back() {
        let seats = Seats::new(3, 2);
        let user = |number| UserId(Uuid::from_u128(number));
        let status = |taken: Result<Seat, ApiError>| taken.map(drop).map_err(|error| error.status());
        let (one, _two) = (seats.take(user(1)).ok().unwrap(), seats.take(user(1)).ok().unwrap());
        assert_eq!(status(seats.take(user(1))), Err(429));
        let _three = seats.take(user(2)).ok().unwrap();
        assert_eq!(status(seats.take(user(3))), Err(503));
        drop(one);
        assert_eq!(status(seats.take(user(1))), Ok(()));
        assert_eq!(status(seats.take(user(3))), Ok(()));
    }
}

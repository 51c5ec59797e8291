//! When the next timer is due, as far as this process knows: what lets a timer fire at its time without asking
//! PostgreSQL all the while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

/// The shortest sleep: a timer that is due and cannot be claimed, because somebody works on it, is not asked for without
/// a pause.
const LEAST: Duration = Duration::from_millis(1);

/// Set by whoever commits a timer, slept on by the runner. Timers of other processes are found by its sweeps.
#[derive(Debug, Default)]
pub struct Alarm {
    next: Mutex<Option<DateTime<Utc>>>,
    earlier: Notify,
}

impl Alarm {
    /// A timer is due then. Cheap: wakes the runner only if it would sleep too long.
    pub fn set(&self, due: DateTime<Utc>) {
        let mut next = self.lock();
        if next.is_none_or(|known| due < known) {
            *next = Some(due);
            drop(next);
            self.earlier.notify_one();
        }
    }

    /// Begins anew: what is set from now on counts, and the runner asks PostgreSQL for the rest.
    pub fn forget(&self) {
        *self.lock() = None;
    }

    /// Sleeps until the earliest timer is due, `at_most` so long.
    pub async fn sleep(&self, at_most: Duration) {
        let woken = tokio::time::sleep(at_most);
        tokio::pin!(woken);
        loop {
            let left = self.lock().map_or(at_most, |next| (next - Utc::now()).to_std().unwrap_or_default().max(LEAST));
            tokio::select! {
                () = &mut woken => return,
                () = tokio::time::sleep(left), if left < at_most => return,
                () = self.earlier.notified() => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<DateTime<Utc>>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use std::sync::Arc;
    use std::time::Instant;

    const LONG: Duration = Duration::from_secs(60);

    fn in_millis(millis: i64) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(millis)
    }

    #[tokio::test]
    async fn it_wakes_for_the_earliest_also_when_that_comes_later() {
        let (alarm, begun) = (Arc::new(Alarm::default()), Instant::now());
        alarm.set(in_millis(50_000));
        let sleeper = Arc::clone(&alarm);
        let sleep = tokio::spawn(async move { sleeper.sleep(LONG).await });
        tokio::task::yield_now().await;
        alarm.set(in_millis(30));
        alarm.set(in_millis(40_000));
        sleep.await.unwrap();
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(25) && took < Duration::from_secs(20), "{took:?}");
    }

    #[tokio::test]
    async fn what_is_due_is_not_slept_on_and_what_is_forgotten_wakes_nobody() {
        let alarm = Alarm::default();
        alarm.set(in_millis(-5));
        alarm.sleep(LONG).await;
        alarm.forget();
        let begun = Instant::now();
        alarm.sleep(Duration::from_millis(30)).await;
        assert!(begun.elapsed() >= Duration::from_millis(29));
    }
}

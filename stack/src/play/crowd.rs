//! Many threads over one list of things to do, in step with a wanted rate.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Does `work` for each item with up to `threads` threads; the results in the items' order. The first error ends all.
pub fn each<'a, T: Sync, R: Send>(
    threads: usize,
    items: &'a [T],
    work: impl Fn(&'a T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let first_error = Mutex::new(None::<Error>);
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    match work(item) {
                        Ok(result) => done.lock().unwrap_or_else(PoisonError::into_inner).push((index, result)),
                        Err(error) => {
                            failed.store(true, Ordering::Relaxed);
                            first_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        }
                    }
                }
            });
        }
    });
    if let Some(error) = first_error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// How fast moves are played.
#[derive(Debug)]
pub struct Pace {
    per_second: Option<f64>,
    since: Instant,
    given: AtomicU64,
}

impl Pace {
    /// So many a second, or as fast as it goes.
    pub fn new(per_second: Option<f64>) -> Self {
        Self { per_second, since: Instant::now(), given: AtomicU64::new(0) }
    }

    /// Waits for one's turn.
    pub fn turn(&self) {
        let Some(per_second) = self.per_second else { return };
        let place = self.given.fetch_add(1, Ordering::Relaxed) as f64;
        let due = Duration::from_secs_f64(place / per_second);
        thread::sleep(due.saturating_sub(self.since.elapsed()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order_and_an_error_ends_all() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(each(7, &items, |item| Ok(item * 2)).unwrap(), items.iter().map(|i| i * 2).collect::<Vec<_>>());
        let begun = AtomicUsize::new(0);
        let failed = each(1, &items, |item| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *item == 3 { Err(Error::new("three")) } else { Ok(()) }
        });
        assert_eq!((failed.unwrap_err().to_string(), begun.into_inner()), ("three".to_owned(), 4));
        assert!(each(4, &[] as &[u8], |_| Ok(())).unwrap().is_empty());
    }

    #[test]
    fn a_pace_is_kept() {
        let pace = Pace::new(Some(1000.0));
        (0..21).for_each(|_| pace.turn());
        assert!(pace.since.elapsed() >= Duration::from_millis(20));
        Pace::new(None).turn();
    }
}

//! How far the filling of a generation is, for those who watch.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// What is done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// Events are read and documents written.
    Filling,
    /// It has caught up, and is compared with the one that serves.
    Comparing,
    /// It serves.
    Done,
    /// It may not serve.
    Failed,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Which generation.
    pub generation: u32,
    /// What is done now.
    pub stage: Stage,
    /// Where it began: a continued one not at 0.
    pub from: i64,
    /// Every event up to here is folded.
    pub position: i64,
    /// The log's last position.
    pub head: i64,
    /// How many documents were written.
    pub documents: u64,
    /// For how long, since it was begun or continued.
    pub seconds: f64,
    /// Why it failed, or what it waits for.
    pub note: Option<String>,
}

impl Progress {
    /// At the beginning.
    pub fn begin(generation: u32, from: i64, head: i64) -> Self {
        Self { generation, stage: Stage::Filling, from, position: from, head, documents: 0, seconds: 0.0, note: None }
    }

    /// It came further.
    pub fn reached(&mut self, position: i64, head: i64, documents: u64) {
        (self.position, self.head, self.documents, self.note) = (position, head, documents, None);
    }

    /// It may not serve.
    pub fn fail(&mut self, why: String) {
        (self.stage, self.note) = (Stage::Failed, Some(why));
    }

    /// Nothing more will happen; if it was not over, it failed.
    pub fn end(&mut self, why: &str) {
        if !self.is_over() {
            self.fail(why.to_owned());
        }
    }

    /// Whether nothing more will happen.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Done | Stage::Failed)
    }

    /// Events a second so far.
    pub fn rate(&self) -> f64 {
        (self.position - self.from).max(0) as f64 / self.seconds.max(0.001)
    }

    /// Seconds that are left at this rate; none when that cannot be told yet.
    pub fn seconds_left(&self) -> Option<f64> {
        let rate = self.rate();
        (rate > 0.0).then(|| (self.head - self.position).max(0) as f64 / rate)
    }
}

/// The progress of one view, if there is or was any.
#[derive(Default)]
pub struct Watched(Mutex<Option<(Instant, Progress)>>);

impl Watched {
    /// A new one begins.
    pub fn set(&self, progress: Progress) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), progress));
    }

    /// Changes what is there; its time goes on until it is over.
    pub fn change(&self, edit: impl FnOnce(&mut Progress)) {
        if let Some((begun, progress)) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            progress.seconds = begun.elapsed().as_secs_f64();
            edit(progress);
        }
    }

    /// Nothing is known any more.
    pub fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// As it is now.
    pub fn get(&self) -> Option<Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(_, progress)| progress.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_time_left_count_from_where_it_was_continued() {
        let mut progress = Progress::begin(2, 1000, 5000);
        assert_eq!(progress.seconds_left(), None);
        progress.seconds = 2.0;
        progress.reached(3000, 5000, 10);
        assert_eq!((progress.rate(), progress.seconds_left()), (1000.0, Some(2.0)));
        assert!(!progress.is_over());
        progress.fail("x".into());
        assert!(progress.is_over());
    }
}

//! What the tasks of the projector know of each other: how far every view is, and the role of this process.

use std::ops::Deref;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use event_schema::wire::Watermark;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::progress::Watched;
use crate::views::View;

/// What this process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Tries to reach PostgreSQL.
    Starting,
    /// Waits until the leader is gone.
    Standby,
    /// Relays and folds.
    Leader,
}

impl Role {
    /// The word in the health report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Standby => "standby",
            Self::Leader => "leader",
        }
    }
}

/// Raises what is waited for; tells whoever listens only if it is higher.
pub fn raise(waiting: &watch::Sender<i64>, position: i64) {
    waiting.send_if_modified(|highest| {
        let higher = position > *highest;
        *highest = position.max(*highest);
        higher
    });
}

/// One view as the others see it.
pub struct ViewStatus {
    /// The view.
    pub view: View,
    /// How far it is; none before its index was opened.
    pub watermark: watch::Sender<Option<Watermark>>,
    /// How far the generation is that its worker fills: the watermark's, but while an older one serves.
    pub folded: watch::Sender<Option<i64>>,
    /// The highest position that a reader waits for.
    pub wanted: watch::Sender<i64>,
    /// The highest position that a reader by id waits for, or a view that shows facts of this one.
    pub needed: watch::Sender<i64>,
    /// When somebody who reads it live was last heard.
    pub listened: watch::Sender<Option<Instant>>,
    /// How far the filling of another generation is.
    pub progress: Watched,
    /// Told when a generation is to be filled.
    pub nudge: Notify,
    parked: AtomicUsize,
    report: Mutex<(Option<String>, Value)>,
    /// Of the watermark that was known last.
    reached: Mutex<Reached>,
}

/// How far a view is, or was when it was last known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Every event up to here is applied.
    pub applied: i64,
    /// Every event up to here is found by searches.
    pub searchable: i64,
}

impl ViewStatus {
    fn new(view: View) -> Self {
        Self {
            view,
            watermark: watch::Sender::new(None),
            folded: watch::Sender::new(None),
            wanted: watch::Sender::new(0),
            needed: watch::Sender::new(0),
            listened: watch::Sender::new(None),
            progress: Watched::default(),
            nudge: Notify::new(),
            parked: AtomicUsize::new(0),
            report: Mutex::new((None, json!([]))),
            reached: Mutex::default(),
        }
    }

    /// How far it is. Of a view that has lost its index, how far it was; nowhere, if it was never open: it falls behind
    /// until it is open again, and whoever watches its lag sees that.
    pub fn reached(&self) -> Reached {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*self.watermark.borrow() {
            *reached = Reached { applied: known.applied, searchable: known.searchable };
        }
        *reached
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.view.name()
    }

    /// Notes that a reader by id, or another view, waits for a position.
    pub fn need(&self, position: i64) {
        raise(&self.needed, position);
    }

    /// Tells how many documents are parked, and the first few.
    pub fn set_parked(&self, count: usize, report: Value) {
        self.parked.store(count, Ordering::Relaxed);
        metrics::gauge!("wechess_parked_documents", "view" => self.name()).set(count as f64);
        self.report.lock().unwrap_or_else(PoisonError::into_inner).1 = report;
    }

    /// Tells what the worker fails at, or that it does not.
    pub fn set_error(&self, error: Option<String>) {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).0 = error;
    }

    /// Forgets what was known: another process may lead now.
    fn reset(&self) {
        self.watermark.send_replace(None);
        self.folded.send_replace(None);
        self.wanted.send_replace(0);
        self.needed.send_replace(0);
        self.progress.clear();
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = Reached::default();
        self.set_error(None);
    }

    fn info(&self) -> Value {
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let watermark = self.watermark.borrow();
        json!({
            "generation": watermark.as_ref().map(|w| w.generation),
            "applied": watermark.as_ref().map(|w| w.applied),
            "searchable": watermark.as_ref().map(|w| w.searchable),
            "folded": *self.folded.borrow(),
            "parked": self.parked.load(Ordering::Relaxed),
            "parkedDocuments": report.1,
            "rebuild": self.progress.get(),
            "error": report.0,
        })
    }
}

/// One of the views of a process.
#[derive(Clone)]
pub struct ViewRef {
    status: Arc<Status>,
    place: usize,
}

impl Deref for ViewRef {
    type Target = ViewStatus;
    fn deref(&self) -> &ViewStatus {
        &self.status.views[self.place]
    }
}

/// The whole process.
pub struct Status {
    /// Its views.
    pub views: Vec<ViewStatus>,
    /// Its role.
    pub role: watch::Sender<Role>,
    /// The log's last known position.
    pub tail: AtomicI64,
    /// The stream's last sequence; -1 when it is not known.
    pub relayed: watch::Sender<i64>,
    /// Settings of PostgreSQL that durability rests on, as last seen.
    pub durability: Mutex<Value>,
}

impl Status {
    /// Nothing is known yet.
    pub fn new(views: Vec<View>) -> Self {
        Self {
            views: views.into_iter().map(ViewStatus::new).collect(),
            role: watch::Sender::new(Role::Starting),
            tail: AtomicI64::new(0),
            relayed: watch::Sender::new(-1),
            durability: Mutex::new(Value::Null),
        }
    }

    /// All views.
    pub fn refs(self: &Arc<Self>) -> impl Iterator<Item = ViewRef> {
        (0..self.views.len()).map(|place| ViewRef { status: Arc::clone(self), place })
    }

    /// The view of that name, compared without case.
    pub fn view(&self, name: &str) -> Option<&ViewStatus> {
        self.views.iter().find(|view| view.name().eq_ignore_ascii_case(name))
    }

    /// Enters a role; only a leader knows anything of the views.
    pub fn enter(&self, role: Role) {
        if *self.role.borrow() != role {
            tracing::info!(role = role.as_str(), "the role changed");
        }
        metrics::gauge!("wechess_leader").set(if role == Role::Leader { 1.0 } else { 0.0 });
        self.role.send_replace(role);
        self.relayed.send_replace(-1);
        self.views.iter().for_each(ViewStatus::reset);
    }

    /// The lowest position that every view has folded; none while one of them is not known.
    pub fn lowest(&self) -> Option<i64> {
        self.views.iter().map(|view| *view.folded.borrow()).min().flatten()
    }

    /// Whether every view has its index.
    pub fn opened(&self) -> bool {
        self.views.iter().all(|view| view.watermark.borrow().is_some())
    }

    /// Sets the gauges that follow from what is known.
    pub fn measure(&self, tail: i64) {
        self.tail.store(tail, Ordering::Relaxed);
        metrics::gauge!("wechess_log_tail").set(tail as f64);
        for view in &self.views {
            let reached = view.reached();
            let lag = |position: i64| (tail - position).max(0) as f64;
            metrics::gauge!("wechess_view_lag", "view" => view.name()).set(lag(reached.applied));
            metrics::gauge!("wechess_view_search_lag", "view" => view.name()).set(lag(reached.searchable));
        }
    }

    /// The health report's details.
    pub fn info(&self) -> Value {
        let views: serde_json::Map<String, Value> =
            self.views.iter().map(|view| (view.name().to_owned(), view.info())).collect();
        let relayed = *self.relayed.borrow();
        json!({
            "role": self.role.borrow().as_str(),
            "tail": self.tail.load(Ordering::Relaxed),
            "streamLastSequence": (relayed >= 0).then_some(relayed),
            "postgres": *self.durability.lock().unwrap_or_else(PoisonError::into_inner),
            "views": views,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_view_without_its_index_stays_where_it_was_last_seen() {
        let status = Status::new(crate::views::registry());
        let view = &status.views[0];
        assert_eq!(view.reached(), Reached::default());
        let (log_id, edition) = (Uuid::nil(), Uuid::nil());
        view.watermark.send_replace(Some(Watermark { log_id, generation: 1, edition, applied: 70, searchable: 60 }));
        let there = Reached { applied: 70, searchable: 60 };
        assert_eq!(view.reached(), there);
        view.watermark.send_replace(None);
        assert_eq!(view.reached(), there);
        status.enter(Role::Standby);
        assert_eq!(view.reached(), Reached::default(), "another process may have done anything");
    }
}

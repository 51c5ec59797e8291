//! Group commit: everything that waits goes to PostgreSQL in one call, on one of a few connections.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_schema::names::Namespace;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::item::{AppendError, Item, MAX_EVENT_BYTES, Outcome};
use super::lane::{Lane, Waiting};

/// How much may wait and how it is cut.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections: while one flushes, the next works.
    pub lanes: usize,
    /// The smallest batch that goes while another one is on its way: fewer wait for it, and share its flush.
    pub min_batch: usize,
    /// The largest batch.
    pub max_batch: usize,
    /// How long the next batch waits for the writers that the last one answered.
    pub linger: Duration,
    /// After this a batch that has no answer yet holds nobody back: its connection may hang.
    pub overdue: Duration,
    /// Items that may wait; more are refused at once.
    pub queue_items: usize,
    /// Bytes that may wait.
    pub queue_bytes: usize,
    /// How long an item is tried. A caller waits a quarter longer to hear what came of it, before its outcome is called
    /// unknown.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lanes: 2,
            min_batch: 16,
            max_batch: 256,
            linger: Duration::from_micros(100),
            overdue: Duration::from_millis(10),
            queue_items: 8192,
            queue_bytes: 64 << 20,
            patience: Duration::from_secs(8),
        }
    }
}

/// The door to the log within this process. Cheap to clone.
#[derive(Clone)]
pub struct Appender {
    queue: mpsc::UnboundedSender<Waiting>,
    items: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    tail: watch::Receiver<i64>,
    patience: Duration,
    capacity: usize,
}

/// The running appender: stops when every [`Appender`] is dropped and what was accepted is committed.
pub struct Running(JoinHandle<()>);

impl Running {
    /// Waits until everything that was accepted has its answer.
    pub async fn finished(self) {
        if let Err(error) = self.0.await {
            tracing::error!(%error, "the appender's dispatcher broke");
        }
    }
}

/// Starts the dispatcher.
pub fn start(config: &tokio_postgres::Config, namespace: &Namespace, limits: Limits) -> (Appender, Running) {
    let (queue, incoming) = mpsc::unbounded_channel();
    let (tail_sender, tail) = watch::channel(0);
    let lanes = (0..limits.lanes).map(|_| Lane::new(config.clone(), &namespace.schema())).collect();
    let dispatcher = Dispatcher {
        limits,
        waiting: VecDeque::new(),
        busy: Busy::default(),
        in_flight: 0,
        sent: Vec::new(),
        returning: (Instant::now(), 0),
        tail: tail_sender,
    };
    let running = Running(tokio::spawn(dispatcher.run(incoming, lanes)));
    let appender = Appender {
        queue,
        items: Arc::new(Semaphore::new(limits.queue_items)),
        bytes: Arc::new(Semaphore::new(limits.queue_bytes)),
        tail,
        patience: limits.patience,
        capacity: limits.queue_items,
    };
    (appender, running)
}

impl Appender {
    /// Appends one item. Returns when it is durable or refused.
    pub async fn append(&self, item: Item) -> Result<Outcome, AppendError> {
        let largest = item.largest_event();
        if largest > MAX_EVENT_BYTES {
            return Err(AppendError::TooLarge(largest));
        }
        let bytes = u32::try_from(item.bytes()).unwrap_or(u32::MAX);
        let one = Arc::clone(&self.items).try_acquire_owned().map_err(|_| AppendError::Full)?;
        let weight = Arc::clone(&self.bytes).try_acquire_many_owned(bytes).map_err(|_| AppendError::Full)?;
        let (reply, outcome) = oneshot::channel();
        let deadline = Instant::now() + self.patience;
        let waiting = Waiting { item, reply, deadline, _permits: [one, weight] };
        self.queue.send(waiting).map_err(|_| AppendError::Stopped)?;
        match tokio::time::timeout(self.patience.mul_f64(1.25), outcome).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(AppendError::Unknown),
        }
    }

    /// The last position that this process has committed: a wake-up for the relay, never a promise.
    pub fn tail(&self) -> watch::Receiver<i64> {
        self.tail.clone()
    }

    /// How many items wait or are in flight, of how many allowed.
    pub fn load(&self) -> (usize, usize) {
        (self.capacity.saturating_sub(self.items.available_permits()), self.capacity)
    }
}

/// Streams, commands and keys in flight: a second item with one of them waits for the next batch.
#[derive(Default)]
struct Busy {
    ids: HashSet<Uuid>,
    keys: HashSet<String>,
}

impl Busy {
    fn ids(item: &Item) -> impl Iterator<Item = Uuid> + '_ {
        std::iter::once(item.command.0).chain(item.writes.iter().map(|w| w.stream))
    }

    fn take(&mut self, item: &Item) -> bool {
        let free =
            Self::ids(item).all(|id| !self.ids.contains(&id)) && item.claims.iter().all(|k| !self.keys.contains(k));
        if free {
            self.ids.extend(Self::ids(item));
            self.keys.extend(item.claims.iter().cloned());
        }
        free
    }

    fn release(&mut self, held: &Held) {
        for id in &held.ids {
            self.ids.remove(id);
        }
        for key in &held.keys {
            self.keys.remove(key);
        }
    }
}

/// What a batch in flight holds.
struct Held {
    lane: Lane,
    sent: Instant,
    highest: i64,
    items: usize,
    ids: Vec<Uuid>,
    keys: Vec<String>,
}

struct Dispatcher {
    limits: Limits,
    waiting: VecDeque<Waiting>,
    busy: Busy,
    in_flight: usize,
    /// When each batch in flight went.
    sent: Vec<Instant>,
    /// Until when how many are expected: the writers of the last batch, who may have more to write.
    returning: (Instant, usize),
    tail: watch::Sender<i64>,
}

impl Dispatcher {
    async fn run(mut self, mut incoming: mpsc::UnboundedReceiver<Waiting>, mut free: Vec<Lane>) {
        let lanes = free.len();
        let (done, mut finished) = mpsc::unbounded_channel::<Held>();
        let mut open = true;
        // Connected before the first item needs them.
        while let Some(lane) = free.pop() {
            self.send(lane, Vec::new(), done.clone());
        }
        while open || !self.waiting.is_empty() || free.len() < lanes {
            let held_back = if free.is_empty() || self.waiting.is_empty() { None } else { self.newest() };
            tokio::select! {
                biased;
                held = finished.recv() => if let Some(held) = held {
                    self.settle(&held);
                    free.push(held.lane);
                },
                item = incoming.recv(), if open => match item {
                    Some(item) => self.waiting.push_back(item),
                    None => open = false,
                },
                () = pause(held_back.map(|sent| sent + self.limits.overdue)) => {}
            }
            self.gather(&mut incoming).await;
            while let Some(lane) = free.pop() {
                match self.cut() {
                    Some(batch) => self.send(lane, batch, done.clone()),
                    None => {
                        free.push(lane);
                        break;
                    }
                }
            }
        }
    }

    fn settle(&mut self, held: &Held) {
        self.busy.release(held);
        self.in_flight -= held.items;
        self.sent.retain(|sent| *sent != held.sent);
        self.returning = (Instant::now() + self.limits.linger, held.items);
        self.tail.send_if_modified(|tail| std::mem::replace(tail, held.highest.max(*tail)) < held.highest);
    }

    /// When the newest batch went whose answer is still to be expected soon.
    fn newest(&self) -> Option<Instant> {
        self.sent.iter().copied().filter(|sent| sent.elapsed() < self.limits.overdue).max()
    }

    /// Takes in what has come. Writers that were just answered get to send their next command into this batch: one flush
    /// for all of them is worth the moment (tokio's timer is too coarse for it).
    async fn gather(&mut self, incoming: &mut mpsc::UnboundedReceiver<Waiting>) {
        loop {
            while let Ok(item) = incoming.try_recv() {
                self.waiting.push_back(item);
            }
            let (until, returning) = self.returning;
            if self.waiting.is_empty() || self.waiting.len() >= returning || Instant::now() >= until {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Takes what may go together: a share of all that is outstanding, each stream, command and key once.
    fn cut(&mut self) -> Option<Vec<Waiting>> {
        if self.newest().is_some() && self.waiting.len() < self.limits.min_batch {
            return None;
        }
        let outstanding = self.waiting.len() + self.in_flight;
        let want = outstanding.div_ceil(self.limits.lanes).clamp(self.limits.min_batch, self.limits.max_batch);
        let (mut batch, mut later) = (Vec::with_capacity(want.min(self.waiting.len())), VecDeque::new());
        while batch.len() < want {
            let Some(next) = self.waiting.pop_front() else { break };
            if self.busy.take(&next.item) { batch.push(next) } else { later.push_back(next) }
        }
        while let Some(back) = later.pop_back() {
            self.waiting.push_front(back);
        }
        if batch.is_empty() {
            return None;
        }
        // Row locks of concurrent batches are taken in one order.
        batch.sort_unstable_by_key(|w: &Waiting| w.item.writes.first().map(|write| write.stream));
        Some(batch)
    }

    fn send(&mut self, mut lane: Lane, batch: Vec<Waiting>, done: mpsc::UnboundedSender<Held>) {
        let ids = batch.iter().flat_map(|w| Busy::ids(&w.item)).collect();
        let keys = batch.iter().flat_map(|w| w.item.claims.iter().cloned()).collect();
        let items = batch.len();
        self.in_flight += items;
        let sent = Instant::now();
        self.sent.push(sent);
        if items > 0 {
            metrics::histogram!("wechess_append_batch_items").record(items as f64);
        }
        tokio::spawn(async move {
            let highest = lane.carry(batch).await;
            // The dispatcher outlives every lane.
            drop(done.send(Held { lane, sent, highest, items, ids, keys }));
        });
    }
}

/// Waits until a moment, for ever without one.
async fn pause(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::Write;
    use super::*;
    use event_schema::ids::CommandId;

    fn dispatcher(waiting: u128) -> Dispatcher {
        let permit = || Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let waiting = (0..waiting).map(|nth| {
            let stream = Uuid::from_u128(nth);
            let write = Write { stream, category: "c", expected: 0, state: String::new(), events: Vec::new() };
            let command = CommandId::new();
            let (actor, causation, meta, effects, claims) = (None, None, None, Vec::new(), Vec::new());
            let correlation = command.0;
            let writes = vec![write];
            let item = Item { command, actor, correlation, causation, meta, writes, effects, claims };
            Waiting { item, reply: oneshot::channel().0, deadline: Instant::now(), _permits: [permit(), permit()] }
        });
        Dispatcher {
            limits: Limits { overdue: Duration::from_secs(3600), ..Limits::default() },
            waiting: waiting.collect(),
            busy: Busy::default(),
            in_flight: 0,
            sent: Vec::new(),
            returning: (Instant::now(), 0),
            tail: watch::channel(0).0,
        }
    }

    #[test]
    fn a_small_batch_goes_at_once_when_nothing_is_in_flight() {
        assert_eq!(dispatcher(1).cut().map(|batch| batch.len()), Some(1));
    }

    #[test]
    fn a_small_batch_waits_for_the_one_in_flight_until_that_is_overdue() {
        let mut dispatcher = dispatcher(15);
        dispatcher.sent.push(Instant::now());
        assert!(dispatcher.cut().is_none());
        assert_eq!(dispatcher.waiting.len(), 15);
        dispatcher.limits.overdue = Duration::ZERO;
        assert_eq!(dispatcher.cut().map(|batch| batch.len()), Some(15));
    }

    #[test]
    fn a_batch_beside_another_one_takes_its_share() {
        let mut dispatcher = dispatcher(100);
        (dispatcher.in_flight, dispatcher.sent) = (20, vec![Instant::now()]);
        assert_eq!(dispatcher.cut().map(|batch| batch.len()), Some(60));
    }
}

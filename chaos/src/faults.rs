//! Carries out faults, one after the other, and counts them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use event_schema::names::Namespace;
use event_schema::views;
use rustix::process::Signal;
use serde_json::Value;
use stack::error::{Context, Error, Result};
use stack::unit::{Server, Unit};

use crate::plan::{Fault, Plan};
use crate::rig::{Rig, Target};
use crate::servers;

/// What was done.
#[derive(Debug, Default)]
pub struct Done {
    /// How often each kind was carried out.
    pub counts: BTreeMap<String, u32>,
    /// How many could not be: what they are done to was down.
    pub missed: u32,
    /// The stream's sequences that were deleted.
    pub deleted: BTreeSet<u64>,
}

/// Carries out a plan until the time is over or somebody wants to stop.
pub async fn run(rig: &Rig, plan: Plan, time: Duration, stop: impl Fn() -> bool, say: impl Fn(&str)) -> Done {
    let begun = Instant::now();
    let mut faults = Faults { rig, done: Done::default() };
    if let Err(error) = tokio::task::block_in_place(|| faults.copy_store()) {
        say(&format!("NATS's store is never put back: {error}"));
    }
    for step in plan {
        let until = begun.elapsed() + step.after;
        while begun.elapsed() < until.min(time) && !stop() {
            tokio::time::sleep(Duration::from_millis(50).min(step.after)).await;
        }
        if begun.elapsed() >= time || stop() {
            break;
        }
        let at = begun.elapsed().as_secs_f64();
        match faults.cause_patiently(step.fault, &stop).await {
            Ok(()) => {
                say(&format!("{at:7.1} s  {}", step.fault));
                *faults.done.counts.entry(step.fault.kind()).or_default() += 1;
            }
            Err(error) => {
                say(&format!("{at:7.1} s  {}: not now ({error})", step.fault));
                faults.done.missed += 1;
            }
        }
    }
    faults.done
}

struct Faults<'a> {
    rig: &'a Rig,
    done: Done,
}

const NATS: Target = Target::Unit(Unit::Server(Server::Nats));

/// How long a fault waits for what it strikes, if that is down.
const WAITING: Duration = Duration::from_secs(60);

impl Faults<'_> {
    async fn cause_patiently(&mut self, fault: Fault, stop: impl Fn() -> bool) -> Result<()> {
        let begun = Instant::now();
        loop {
            let caused = self.cause(fault).await;
            if caused.is_ok() || begun.elapsed() > WAITING || stop() {
                return caused;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    async fn cause(&mut self, fault: Fault) -> Result<()> {
        let connections = &self.rig.connections;
        match fault {
            Fault::Kill(target) => {
                self.rig.keeper(target).id().context(|| format!("{target} does not run"))?;
                self.rig.keeper(target).kill();
                Ok(())
            }
            Fault::Hang(target, milliseconds) => {
                self.rig.signal(target, Signal::STOP);
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                self.rig.signal(target, Signal::CONT);
                Ok(())
            }
            Fault::DeleteStream => within(servers::delete_stream(connections)).await,
            Fault::PurgeStream => {
                let purged = async { servers::stream(connections).await?.purge().await.context(|| "no purge".into()) };
                within(purged).await.map(|_| ())
            }
            Fault::CutTail(count) => {
                within(self.delete_messages(|first, last| last.saturating_sub(count).max(first)..=last)).await
            }
            Fault::DeleteMiddle => {
                within(self.delete_messages(|first, last| {
                    let middle = first + (last - first) / 2;
                    middle..=middle
                }))
                .await
            }
            Fault::OlderStore => tokio::task::block_in_place(|| self.older_store()),
            Fault::DeleteIndex(which) => {
                let names: Vec<&str> = views::tables().map(|table| table.name).collect();
                within(self.delete_indexes(Some(names[which % names.len()]))).await
            }
            Fault::DeleteIndexes => within(self.delete_indexes(None)).await,
        }
    }

    async fn delete_messages(&mut self, which: impl Fn(u64, u64) -> std::ops::RangeInclusive<u64>) -> Result<()> {
        let mut stream = servers::stream(&self.rig.connections).await?;
        let state = stream.info().await.context(|| "the stream does not say how far it is".into())?.state.clone();
        if state.messages < 3 {
            return Err(Error::new("the stream is nearly empty"));
        }
        for sequence in which(state.first_sequence, state.last_sequence) {
            // Deleted before, perhaps.
            if stream.delete_message(sequence).await.is_ok() {
                self.done.deleted.insert(sequence);
            }
        }
        Ok(())
    }

    /// What NATS has on disk, and an older copy of that.
    fn stores(&self) -> [PathBuf; 2] {
        let store = Unit::Server(Server::Nats).folder(&self.rig.run).join("data");
        [store, self.rig.run.join("older-store")]
    }

    /// Makes the first copy of what NATS has on disk.
    fn copy_store(&self) -> Result<()> {
        let (keeper, [store, copy]) = (self.rig.keeper(NATS), self.stores());
        keeper.hold();
        let made = copied(&store, &copy);
        keeper.release();
        made.and_then(|()| self.rig.wait_ready(NATS))
    }

    /// Puts the copy in the place of what NATS has on disk, which is the copy for the next time.
    fn older_store(&self) -> Result<()> {
        let (keeper, [store, copy]) = (self.rig.keeper(NATS), self.stores());
        let aside = self.rig.run.join("newer-store");
        let renamed = |from: &PathBuf, to: &PathBuf| {
            std::fs::rename(from, to).context(|| format!("{} cannot be put in another place", from.display()))
        };
        if !copy.is_dir() {
            return Err(Error::new("there is no copy"));
        }
        keeper.hold();
        let swapped =
            renamed(&store, &aside).and_then(|()| renamed(&copy, &store)).and_then(|()| renamed(&aside, &copy));
        keeper.release();
        swapped
    }

    async fn delete_indexes(&self, view: Option<&str>) -> Result<()> {
        let schema = Namespace::default().schema();
        let pattern =
            view.map_or_else(|| format!("{schema}_*"), |view| format!("{}-g*", Namespace::default().index(view)));
        let path = format!("/_cat/indices/{pattern}?format=json&h=index");
        let found = servers::elasticsearch(&self.rig.connections, "GET", &path, None).await?;
        let names: Vec<&str> = found.as_array().into_iter().flatten().filter_map(|i| i["index"].as_str()).collect();
        if names.is_empty() {
            return Err(Error::new("there is no index"));
        }
        let path = format!("/{}", names.join(","));
        servers::elasticsearch(&self.rig.connections, "DELETE", &path, None).await.map(|_: Value| ())
    }
}

/// Owners and modes stay as they are.
fn copied(from: &std::path::Path, to: &std::path::Path) -> Result<()> {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().context(|| "cannot run cp".into())?;
    if status.success() { Ok(()) } else { Err(Error::new(format!("cp -a {} failed", from.display()))) }
}

/// Something that a dead server would let wait for ever.
async fn within<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let done = tokio::time::timeout(Duration::from_secs(6), work).await;
    done.unwrap_or_else(|_| Err(Error::new("no answer")))
}

//! The random run: writers write, faults strike, and at the end everything is compared.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stack::error::Result;
use stack::unit::Service;

use crate::faults::{self, Done};
use crate::hall::Hall;
use crate::oracle::{self, SETTLING, Verdict};
use crate::plan::Plan;
use crate::proxy::{Losses, Proxy};
use crate::random::Random;
use crate::rig::{Options, Rig};
use crate::writers;

/// How often an answer, or a request, loses its connection: in a thousand.
const LOSSES: Losses = Losses { answers: 30, requests: 10 };

/// What a run did and found.
pub struct Report {
    seed: u64,
    time: Duration,
    faults: Done,
    acknowledged: usize,
    open: usize,
    client: [u64; 3],
    lost: (u64, u64),
    /// What the oracle says.
    pub verdict: Verdict,
}

/// Runs for so long with this seed. Prints the faults as they strike.
pub async fn run(options: &Options, seed: u64, time: Duration) -> Result<Report> {
    let random = Random::new(seed);
    let rig = tokio::task::block_in_place(|| Rig::start(options, |_| Ok(Vec::new())))?;
    let begun = Instant::now();
    let apis = vec![rig.address(Service::CommandApi)?, rig.other_command_api_at];
    let api = Proxy::start(apis, LOSSES, random.branch(1))?;
    let bff = Proxy::start(vec![rig.address(Service::QueryBff)?], LOSSES, random.branch(2))?;
    let hall = Arc::new(Hall::new(format!("http://{}", api.address), format!("http://{}", bff.address))?);
    let mut writing = writers::start(&hall, &random);
    let stop = options.stop.clone();
    let faults =
        faults::run(&rig, Plan::new(random.branch(3)), time, || stop.is_wanted(), |line| println!("{line}")).await;
    tokio::task::block_in_place(|| rig.wait_all_ready())?;
    hall.client.stop();
    println!("{:7.1} s  the last writers end", begun.elapsed().as_secs_f64());
    while let Some(ended) = writing.join_next().await {
        if let Err(error) = ended {
            return Err(stack::error::Error::new(format!("a writer panicked: {error}")));
        }
    }
    println!("{:7.1} s  everything is compared", begun.elapsed().as_secs_f64());
    let verdict = oracle::judge(&rig, &hall, &faults.deleted, SETTLING).await?;
    let notes = hall.notes().clone();
    let (acknowledged, open) = (notes.acknowledged.len(), notes.open.len());
    let (one, other) = (api.lost(), bff.lost());
    let lost = (one.0 + other.0, one.1 + other.1);
    tokio::task::block_in_place(|| rig.stop());
    Ok(Report { seed, time: begun.elapsed(), faults, acknowledged, open, client: hall.client.counts(), lost, verdict })
}

impl Report {
    /// The report for people.
    pub fn text(&self) -> String {
        let [requests, retries, replayed] = self.client;
        let verdict = &self.verdict;
        let faults: u32 = self.faults.counts.values().sum();
        let mut lines = vec![
            format!("\nseed {}, {:.0} s, {} writers", self.seed, self.time.as_secs_f64(), writers::WRITERS),
            format!("{faults} faults ({} more could not be caused just then)", self.faults.missed),
        ];
        lines.extend(self.faults.counts.iter().map(|(kind, count)| format!("  {count:4}  {kind}")));
        lines.extend([
            format!("{:6} answers and {} requests lost with their connections", self.lost.0, self.lost.1),
            format!("{requests:6} requests, {retries} of them tries again, {replayed} answers replayed"),
            format!("{:6} commands acknowledged, {} with an open outcome", self.acknowledged, self.open),
            format!("{:6} events in the log", verdict.events),
            format!(
                "{:6} documents and {} messages compared, {:.1} s after the last command",
                verdict.documents,
                verdict.messages,
                verdict.settled.as_secs_f64()
            ),
        ]);
        if !verdict.empty.is_empty() {
            lines.push(format!("       of these views nothing, they have no document: {}", verdict.empty.join(", ")));
        }
        lines.push(findings(verdict));
        lines.join("\n")
    }
}

/// The findings, the first of each kind in full.
pub fn findings(verdict: &Verdict) -> String {
    const SHOWN: usize = 12;
    if verdict.findings.is_empty() {
        return "no findings".to_owned();
    }
    let mut lines = vec![format!("{} findings", verdict.findings.len())];
    let mut seen: Vec<(&str, usize)> = Vec::new();
    for finding in &verdict.findings {
        let place = seen.iter().position(|(name, _)| *name == finding.name()).unwrap_or_else(|| {
            seen.push((finding.name(), 0));
            seen.len() - 1
        });
        seen[place].1 += 1;
        if seen[place].1 <= SHOWN {
            lines.push(format!("  {finding}"));
        }
    }
    lines.extend(
        seen.iter().filter(|(_, count)| *count > SHOWN).map(|(name, count)| format!("  {name}: {count} in all")),
    );
    lines.join("\n")
}

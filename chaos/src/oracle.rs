//! The end of a run: wait until everything has settled, read everything, check everything.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use event_schema::envelope::Recorded;
use event_schema::views;
use serde_json::Value;
use stack::error::{Context, Result};

use crate::check::{acknowledged, expect, games, log, stream};
use crate::finding::Finding;
use crate::hall::Hall;
use crate::rig::Rig;
use crate::servers;

/// How long views and stream may stand still, behind the log's tail, after the last fault.
pub const SETTLING: Duration = Duration::from_secs(240);

/// However much moves, it must come to an end.
const LONGEST: Duration = Duration::from_secs(1800);

/// What a run came to.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Everything that is wrong.
    pub findings: Vec<Finding>,
    /// Events in the log.
    pub events: usize,
    /// Documents compared.
    pub documents: usize,
    /// Views that were compared and have no document.
    pub empty: Vec<&'static str>,
    /// Messages compared.
    pub messages: usize,
    /// How long the views took to settle.
    pub settled: Duration,
}

/// Checks the whole system. `deleted` are the stream's messages that the run deleted.
pub async fn judge(rig: &Rig, hall: &Hall, deleted: &BTreeSet<u64>, patience: Duration) -> Result<Verdict> {
    let owner = servers::owner(&rig.connections).await?;
    let (events, tail, states) = servers::log(&owner).await?;
    let mut verdict = Verdict { findings: hall.findings(), events: events.len(), ..Verdict::default() };
    verdict.findings.extend(log::check(&events, tail, &states));
    let holes = verdict.findings.iter().any(|finding| matches!(finding, Finding::Hole { .. }));
    verdict.findings.extend(acknowledged::check(&hall.notes(), &events));
    verdict.findings.extend(games::check(&events));
    if holes {
        // No projector gets past a hole: each begins again and again before it, and nothing ever stands still.
        return Ok(verdict);
    }
    let begun = Instant::now();
    let behind = settle(rig, tail, patience).await;
    verdict.settled = begun.elapsed();
    let settled = behind.is_empty();
    verdict.findings.extend(behind);
    if !settled {
        return Ok(verdict);
    }
    let opened = servers::opened(&owner, &rig.connections, &events).await?;
    views(rig, &opened, &mut verdict).await?;
    let window = servers::window(&rig.connections).await?;
    verdict.messages = window.messages.len();
    verdict.findings.extend(stream::check(&window, &events, deleted));
    Ok(verdict)
}

/// Compares every view with the fold of the log.
pub async fn views(rig: &Rig, opened: &[Recorded], verdict: &mut Verdict) -> Result<()> {
    let expected = expect::views(opened).context(|| "the oracle cannot fold the log".into())?;
    for (view, expected) in &expected {
        let found = servers::documents(&rig.connections, view).await?;
        verdict.documents += found.len();
        if found.is_empty() {
            verdict.empty.push(*view);
        }
        verdict.findings.extend(crate::check::views::check(view, &found, expected));
    }
    Ok(())
}

/// Waits until the leading projector has every view and the stream at the tail; what is behind when nothing has moved for
/// so long.
pub async fn settle(rig: &Rig, tail: i64, patience: Duration) -> Vec<Finding> {
    let begun = Instant::now();
    let (mut moved, mut known) = (begun, 0);
    loop {
        let report = leader(rig).await;
        let behind = behind(report.as_ref(), tail);
        let far = report.as_ref().map_or(0, progress);
        if far != known {
            (moved, known) = (Instant::now(), far);
        }
        if behind.is_empty() || moved.elapsed() > patience || begun.elapsed() > LONGEST {
            return behind;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// How far all views are, together.
fn progress(report: &Value) -> i64 {
    let at = |table: &event_schema::object::Object| {
        let view = &report["info"]["views"][table.name];
        view["folded"].as_i64().unwrap_or(0) + view["searchable"].as_i64().unwrap_or(0)
    };
    views::tables().map(at).sum()
}

/// What a leader's report says of views and stream that are not at the tail, or have given documents up.
fn behind(report: Option<&Value>, tail: i64) -> Vec<Finding> {
    let late = |view: &str, detail: String| Finding::ViewBehind { view: view.to_owned(), detail };
    let Some(report) = report else { return vec![late("every view", "no projector leads".into())] };
    let info = &report["info"];
    let mut findings = Vec::new();
    for table in views::tables() {
        let view = &info["views"][table.name];
        if view["searchable"].as_i64() < Some(tail) {
            findings.push(late(table.name, format!("is at {view}, the log at {tail}")));
        }
        if view["parked"].as_i64() != Some(0) {
            let (view, detail) = (table.name.to_owned(), view["parkedDocuments"].to_string());
            findings.push(Finding::Parked { view, detail });
        }
    }
    if info["streamLastSequence"].as_i64() != Some(tail) {
        findings.push(late("the event stream", format!("is at {}, the log at {tail}", info["streamLastSequence"])));
    }
    findings
}

/// The report of the projector that leads.
pub async fn leader(rig: &Rig) -> Option<Value> {
    for url in rig.projectors() {
        let report = servers::projection(&url).await.filter(|report| report["info"]["role"] == "leader");
        if report.is_some() {
            return report;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let view = json!({"searchable": 9, "parked": 0, "parkedDocuments": []});
        let views: serde_json::Map<String, Value> =
            views::tables().map(|table| (table.name.to_owned(), view.clone())).collect();
        let mut report = json!({"info": {"role": "leader", "streamLastSequence": 9, "views": views}});
        change(&mut report["info"]);
        behind(Some(&report), 9).iter().map(|finding| finding.name().to_owned()).collect()
    }

    #[test]
    fn views_and_stream_that_are_behind_and_parked_documents_are_told() {
        assert_eq!(names(|_| ()), Vec::<String>::new());
        assert_eq!(names(|info| info["views"]["user"]["searchable"] = json!(8)), ["ViewBehind"]);
        assert_eq!(names(|info| info["views"]["user"] = Value::Null), ["ViewBehind", "Parked"]);
        assert_eq!(names(|info| info["views"]["chessGame"]["parked"] = json!(1)), ["Parked"]);
        assert_eq!(names(|info| info["streamLastSequence"] = json!(7)), ["ViewBehind"]);
        assert_eq!(behind(None, 9).len(), 1);
    }
}

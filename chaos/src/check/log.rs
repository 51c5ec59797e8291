//! The log itself: positions without a hole, versions without a gap, no command twice, time that never falls.

use std::collections::HashMap;

use event_schema::envelope::Recorded;
use uuid::Uuid;

use crate::finding::Finding;

/// A state row, as far as the events decide it.
#[derive(Clone, Debug, PartialEq)]
pub struct StateRow {
    /// The stream.
    pub stream: Uuid,
    /// Its category.
    pub kind: String,
    /// Its version.
    pub version: i32,
}

/// Checks the whole log, given in the order of positions, against its row's tail and the state rows.
pub fn check(events: &[Recorded], tail: i64, states: &[StateRow]) -> Vec<Finding> {
    let mut findings = positions(events, tail);
    findings.extend(commands(events));
    findings.extend(streams(events, states));
    for pair in events.windows(2) {
        if pair[1].recorded_at < pair[0].recorded_at {
            findings.push(Finding::TimeRunsBack { position: pair[1].position });
        }
    }
    findings
}

fn positions(events: &[Recorded], tail: i64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut next = 1;
    for event in events {
        if event.position > next {
            findings.push(Finding::Hole { first: next, last: event.position - 1 });
        }
        next = event.position + 1;
    }
    if tail != next - 1 {
        findings.push(Finding::TailDiffers { tail, last: next - 1 });
    }
    findings
}

fn commands(events: &[Recorded]) -> Vec<Finding> {
    let mut seen: HashMap<(Uuid, i16), i64> = HashMap::new();
    let mut findings = Vec::new();
    for event in events {
        if let Some(first) = seen.insert((event.command_id.0, event.ordinal), event.position) {
            let (kind, command, again) = (&event.kind, event.command_id.0, event.position);
            let what = format!("{kind} of command {command} stands at positions {first} and {again}");
            findings.push(Finding::DoublyApplied { what });
        }
    }
    findings
}

fn streams(events: &[Recorded], states: &[StateRow]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut versions: HashMap<Uuid, (i32, &str)> = HashMap::new();
    for event in events {
        let (version, category) = versions.entry(event.stream_id).or_insert((0, &event.category));
        if event.version != *version + 1 || *category != event.category {
            let (stream, found, expected) = (event.stream_id, event.version, *version + 1);
            findings.push(Finding::VersionGap { stream, found, expected });
        }
        *version = event.version;
    }
    let mut differs = |stream, detail| findings.push(Finding::StateDiffers { stream, detail });
    for row in states {
        match versions.remove(&row.stream) {
            Some((version, category)) if version == row.version && category == row.kind => {}
            Some((version, category)) => {
                let detail = format!(
                    "the state row is {} version {}, the events make {category} version {version}",
                    row.kind, row.version
                );
                differs(row.stream, detail);
            }
            None => differs(row.stream, "the state row has no events".to_owned()),
        }
    }
    versions.into_keys().for_each(|stream| differs(stream, "the events have no state row".to_owned()));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::samples::{created, moved};

    fn names(findings: &[Finding]) -> Vec<&'static str> {
        findings.iter().map(Finding::name).collect()
    }

    fn state(version: i32) -> StateRow {
        StateRow { stream: Uuid::from_u128(1), kind: "chessGame".into(), version }
    }

    fn log() -> Vec<Recorded> {
        vec![created(1), moved(2, 1, "e2e4"), moved(3, 2, "e7e5")]
    }

    #[test]
    fn a_sound_log_has_no_findings() {
        assert_eq!(check(&log(), 3, &[state(3)]), []);
        assert_eq!(check(&[], 0, &[]), []);
    }

    #[test]
    fn a_missing_event_is_a_hole_and_a_gap() {
        let mut log = log();
        log.remove(1);
        assert_eq!(names(&check(&log, 3, &[state(3)])), ["Hole", "VersionGap"]);
        assert_eq!(check(&log, 3, &[state(3)])[0], Finding::Hole { first: 2, last: 2 });
    }

    #[test]
    fn a_lost_tail_is_seen_by_the_log_s_row_and_the_state() {
        assert_eq!(names(&check(&log()[..2], 3, &[state(3)])), ["TailDiffers", "StateDiffers"]);
    }

    #[test]
    fn a_command_twice_is_doubly_applied() {
        let mut log = log();
        log[2].command_id = log[1].command_id;
        assert_eq!(names(&check(&log, 3, &[state(3)])), ["DoublyApplied"]);
    }

    #[test]
    fn time_that_falls_and_rows_without_events_are_told() {
        let mut log = log();
        log[2].recorded_at = log[0].recorded_at - chrono::TimeDelta::seconds(5);
        assert_eq!(names(&check(&log, 3, &[state(3)])), ["TimeRunsBack"]);
        let stranger = StateRow { stream: Uuid::from_u128(9), ..state(1) };
        assert_eq!(names(&check(&self::log(), 3, &[state(3), stranger])), ["StateDiffers"]);
        assert_eq!(names(&check(&self::log(), 3, &[])), ["StateDiffers"]);
    }
}

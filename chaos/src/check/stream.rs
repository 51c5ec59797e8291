//! The event stream: the newest part of the log, each event at the sequence that is its position.

use std::collections::{BTreeMap, BTreeSet};

use event_schema::envelope::Recorded;

use crate::finding::Finding;

/// What the event stream holds.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// The first sequence that it could hold.
    pub first: u64,
    /// Its last sequence.
    pub last: u64,
    /// The events in its messages; none where a message is no event.
    pub messages: BTreeMap<u64, Option<Recorded>>,
}

/// Compares the stream with the log. `deleted` are the sequences whose messages the run itself has deleted.
pub fn check(window: &Window, events: &[Recorded], deleted: &BTreeSet<u64>) -> Vec<Finding> {
    let mut findings = misplaced(window, events);
    let mut differs = |sequence, detail| findings.push(Finding::StreamDiffers { sequence, detail });
    let tail = events.last().map_or(0, |event| event.position);
    if i64::try_from(window.last) != Ok(tail) {
        differs(window.last, format!("is its last, and the log's tail is {tail}"));
    }
    for sequence in window.first..=window.last {
        if !window.messages.contains_key(&sequence) && !deleted.contains(&sequence) {
            differs(sequence, "is missing, and nobody deleted it".to_owned());
        }
    }
    findings
}

/// Messages that are not the event at their own position: must never be, however far the stream is.
pub fn misplaced(window: &Window, events: &[Recorded]) -> Vec<Finding> {
    let there = |sequence: u64| {
        let position = i64::try_from(sequence).ok()?;
        events.binary_search_by_key(&position, |event| event.position).ok().map(|place| &events[place])
    };
    let mut findings = Vec::new();
    for (sequence, message) in &window.messages {
        let detail = match (message, there(*sequence)) {
            (Some(message), Some(event)) if message == event => continue,
            (Some(message), _) if i64::try_from(*sequence) != Ok(message.position) => {
                format!("holds the event of position {}", message.position)
            }
            (Some(_), Some(_)) => "holds another event than the log has there".to_owned(),
            (Some(_), None) => "holds an event that the log does not have".to_owned(),
            (None, _) => "holds no event".to_owned(),
        };
        findings.push(Finding::StreamDiffers { sequence: *sequence, detail });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::samples::{created, moved};

    fn log() -> Vec<Recorded> {
        vec![created(1), moved(2, 1, "e2e4"), moved(3, 2, "e7e5")]
    }

    fn window(first: u64, events: &[Recorded]) -> Window {
        let messages: BTreeMap<u64, Option<Recorded>> = (first..).zip(events.iter().cloned().map(Some)).collect();
        let last = messages.last_key_value().map_or(first - 1, |(last, _)| *last);
        Window { first, last, messages }
    }

    fn told(window: &Window, deleted: &[u64]) -> Vec<String> {
        check(window, &log(), &deleted.iter().copied().collect()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_whole_log_its_newest_part_and_an_empty_stream_at_its_tail_are_right() {
        assert_eq!(told(&window(1, &log()), &[]), Vec::<String>::new());
        assert_eq!(told(&window(3, &log()[2..]), &[]), Vec::<String>::new());
        assert_eq!(told(&window(4, &[]), &[]), Vec::<String>::new());
    }

    #[test]
    fn a_stream_that_is_behind_or_beyond_differs() {
        assert_eq!(
            told(&window(1, &log()[..2]), &[]),
            ["StreamDiffers: sequence 2: is its last, and the log's tail is 3"]
        );
        let more = [log(), vec![moved(4, 3, "d2d4")]].concat();
        assert_eq!(told(&window(1, &more), &[]).len(), 2);
    }

    #[test]
    fn a_message_is_missing_unless_it_was_deleted() {
        let mut holed = window(1, &log());
        holed.messages.remove(&2);
        assert_eq!(told(&holed, &[2]), Vec::<String>::new());
        assert_eq!(told(&holed, &[]), ["StreamDiffers: sequence 2: is missing, and nobody deleted it"]);
    }

    #[test]
    fn an_event_at_another_sequence_or_with_other_content_differs() {
        let doubled = [&log()[..2], &log()[1..]].concat();
        let told_of = told(&window(1, &doubled), &[]);
        assert!(told_of[0].contains("holds the event of position 2"), "{told_of:?}");
        let mut other = window(1, &log());
        other.messages.insert(3, Some(moved(3, 2, "e7e6")));
        other.messages.insert(2, None);
        assert_eq!(told(&other, &[]).len(), 2);
    }
}

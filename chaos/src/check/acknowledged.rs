//! Every acknowledged command is in the log, exactly once, where its answer says; nobody's event is there unasked.

use std::collections::{HashMap, HashSet};

use event_schema::envelope::Recorded;
use uuid::Uuid;

use crate::finding::Finding;

/// What makes an event the one that somebody asked for: its stream, its type, and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The stream.
    pub stream: Uuid,
    /// The stored type.
    pub kind: String,
    /// The part of its data that the command decided.
    pub detail: String,
}

impl Mark {
    /// A mark.
    pub fn new(stream: Uuid, kind: &str, detail: impl Into<String>) -> Self {
        Self { stream, kind: kind.to_owned(), detail: detail.into() }
    }

    /// The mark of an event in the log.
    pub fn of(event: &Recorded) -> Self {
        let text = |name: &str| {
            let value = &event.data[name];
            value.as_str().map_or_else(|| value.to_string(), str::to_owned)
        };
        let detail = match event.kind.as_str() {
            "MovePlayed" => format!("{} {}", text("moveNumber"), text("uci")),
            "PlayerJoined" => text("playerBlackId"),
            "DrawOffered" | "DrawDeclined" | "SaveRequested" | "GamePaused" | "ResumeRequested" | "GameResumed" => {
                text("by")
            }
            "GameEnded" => text("result"),
            "FilterSaved" => text("filterName"),
            "CustomBoardSaved" => text("name"),
            "UserPreferenceSaved" => text("soundEnabled"),
            _ => String::new(),
        };
        Self::new(event.stream_id, &event.kind, detail)
    }

    fn told(&self) -> String {
        format!("{} `{}` in stream {}", self.kind, self.detail, self.stream)
    }
}

/// A command that was acknowledged.
#[derive(Clone, Debug, PartialEq)]
pub struct Acknowledged {
    /// What it did.
    pub mark: Mark,
    /// The position in its Consistency-Token, which covers it, if the answer has one.
    pub position: Option<i64>,
    /// The version in its ETag, if the answer has one.
    pub version: Option<i32>,
}

/// What the writers know.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Every acknowledged command, once.
    pub acknowledged: Vec<Acknowledged>,
    /// Commands whose outcome nobody knows: who, and what it would have made.
    pub open: Vec<(Uuid, &'static str)>,
    /// The users that write.
    pub players: HashSet<Uuid>,
}

/// Checks what was acknowledged against the log.
pub fn check(notes: &Notes, events: &[Recorded]) -> Vec<Finding> {
    let by_position: HashMap<i64, &Recorded> = events.iter().map(|event| (event.position, event)).collect();
    let mut in_log: HashMap<Mark, Vec<&Recorded>> = HashMap::new();
    for event in events {
        in_log.entry(Mark::of(event)).or_default().push(event);
    }
    let mut asked: HashMap<&Mark, usize> = HashMap::new();
    let mut findings = Vec::new();
    for one in &notes.acknowledged {
        let times = asked.entry(&one.mark).or_default();
        *times += 1;
        let found = in_log.get(&one.mark).map_or(&[][..], Vec::as_slice);
        if found.len() < *times {
            let what = format!("{}, acknowledged at position {:?}", one.mark.told(), one.position);
            findings.push(Finding::LostAcknowledged { what });
        } else if let Some(position) = one.position
            && let Some(detail) = misplaced(one, found, position, by_position.get(&position).copied())
        {
            findings.push(Finding::AnswerDiffers { what: one.mark.told(), detail });
        }
    }
    findings.extend(unasked(notes, &in_log, &asked));
    findings
}

/// Why an answer's position and version are not those of its event.
fn misplaced(one: &Acknowledged, found: &[&Recorded], position: i64, there: Option<&Recorded>) -> Option<String> {
    let Some(there) = there else { return Some(format!("position {position} is not in the log")) };
    let Some(event) = found.iter().find(|event| event.command_id == there.command_id) else {
        return Some(format!("position {position} holds {} of stream {}", there.kind, there.stream_id));
    };
    if event.position > position {
        return Some(format!("it stands at {}, behind its token {position}", event.position));
    }
    let version = one.version.filter(|version| *version != there.version)?;
    Some(format!("its ETag is {version}, the event at {position} has version {}", there.version))
}

/// Events of our players beyond what they asked for. The end of a game may come with a move; nobody asked for it apart.
fn unasked(notes: &Notes, in_log: &HashMap<Mark, Vec<&Recorded>>, asked: &HashMap<&Mark, usize>) -> Vec<Finding> {
    let mut open: HashMap<(Uuid, &str), usize> = HashMap::new();
    for (player, kind) in &notes.open {
        *open.entry((*player, kind)).or_default() += 1;
    }
    let mut findings = Vec::new();
    for (mark, events) in in_log {
        let Some(actor) = events.first().and_then(|e| e.actor_id).filter(|id| notes.players.contains(id)) else {
            continue;
        };
        if mark.kind == "GameEnded" {
            continue;
        }
        for _ in asked.get(mark).copied().unwrap_or(0)..events.len() {
            match open.get_mut(&(actor, mark.kind.as_str())) {
                Some(left) if *left > 0 => *left -= 1,
                Some(_) | None => findings.push(Finding::Unasked { what: mark.told() }),
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::samples::{created, game, moved, white};

    fn notes(moves: &[(i64, &str)]) -> Notes {
        let made = Acknowledged { mark: Mark::new(game(), "GameCreated", ""), position: Some(1), version: Some(1) };
        let moves = moves.iter().zip(1i64..).map(|((position, uci), number)| Acknowledged {
            mark: Mark::new(game(), "MovePlayed", format!("{number} {uci}")),
            position: Some(*position),
            version: Some(i32::try_from(number).unwrap() + 1),
        });
        Notes { acknowledged: std::iter::once(made).chain(moves).collect(), open: vec![], players: [white()].into() }
    }

    fn names(notes: &Notes, events: &[Recorded]) -> Vec<&'static str> {
        check(notes, events).iter().map(Finding::name).collect()
    }

    #[test]
    fn what_was_acknowledged_and_is_there_is_no_finding() {
        let log = [created(1), moved(2, 1, "e2e4"), moved(3, 2, "e7e5")];
        assert_eq!(check(&notes(&[(2, "e2e4"), (3, "e7e5")]), &log), []);
    }

    #[test]
    fn an_acknowledged_event_that_is_not_there_is_lost() {
        let log = [created(1), moved(2, 1, "e2e4")];
        assert_eq!(names(&notes(&[(2, "e2e4"), (3, "e7e5")]), &log), ["LostAcknowledged"]);
        assert_eq!(names(&notes(&[(2, "d2d4")]), &log), ["LostAcknowledged", "Unasked"]);
    }

    #[test]
    fn an_answer_with_another_position_or_version_differs() {
        let log = [created(1), moved(2, 1, "e2e4"), moved(3, 2, "e7e5")];
        assert_eq!(names(&notes(&[(3, "e2e4"), (3, "e7e5")]), &log), ["AnswerDiffers"]);
        let mut wrong = notes(&[(2, "e2e4"), (3, "e7e5")]);
        wrong.acknowledged[2].version = Some(9);
        assert_eq!(names(&wrong, &log), ["AnswerDiffers"]);
    }

    #[test]
    fn an_event_that_nobody_asked_for_is_told_unless_an_outcome_is_open() {
        let log = [created(1), moved(2, 1, "e2e4")];
        let mut short = notes(&[]);
        assert_eq!(names(&short, &log), ["Unasked"]);
        short.open.push((white(), "MovePlayed"));
        assert_eq!(names(&short, &log), Vec::<&str>::new());
        short.players.clear();
        assert_eq!(names(&short, &[created(1), moved(2, 1, "e2e4"), moved(3, 1, "e2e4")]), Vec::<&str>::new());
    }
}

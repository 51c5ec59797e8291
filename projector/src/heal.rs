//! Puts documents right: parked ones after a fix, and those that differ from what the log says.

use serde::{Deserialize, Serialize};
use service::telemetry::chain;
use uuid::Uuid;

use crate::document::{Body, Doc};
use crate::elastic::{How, IndexError, Outcome, Write};
use crate::fold::Poison;
use crate::projecting::Projecting;
use crate::refold::{Which, differences, refold};
use crate::worker::WorkError;

/// How many versions a deletion by hand may have taken.
const DELETIONS: usize = 3;

/// What became of the parked documents that were to be healed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Healed {
    /// Folded anew, with all their events.
    pub healed: Vec<Uuid>,
    /// Still parked, and why.
    pub parked: Vec<(Uuid, String)>,
    /// Asked for, but not parked.
    pub unknown: Vec<Uuid>,
}

/// Folds parked documents anew from the log; those that still cannot be folded stay parked, with the error of now.
/// Everything folded before is written.
pub async fn heal(at: &mut Projecting, which: Option<Vec<Uuid>>) -> Result<Healed, WorkError> {
    let mut answer = Healed::default();
    for id in which.unwrap_or_else(|| at.writer.parked.ids()) {
        let Some(position) = at.writer.parked.position(id) else {
            answer.unknown.push(id);
            continue;
        };
        match heal_one(at, Which { id, position }).await? {
            None => answer.healed.push(id),
            Some(error) => answer.parked.push((id, error)),
        }
    }
    let parked = &at.writer.parked;
    at.context.view.set_parked(parked.count(), parked.report());
    Ok(answer)
}

/// `None` when it is healed, else what is wrong with it.
async fn heal_one(at: &mut Projecting, which: Which) -> Result<Option<String>, WorkError> {
    let (id, upto) = (which.id, at.writer.done());
    let found = read(at, id).await?;
    let folded = refold(&at.context.feed, &at.context.view.view, which, &found, upto).await?;
    let (mut doc, poison) = (folded.doc, folded.poison);
    fill(at, &mut doc, upto).await;
    let error = match poison {
        Some(poison) => Some(poison),
        None => {
            let outcome = put(at, id, &doc, found.version).await?;
            outcome.map(|error| Poison { position: which.position, error, events: 1, last: upto })
        }
    };
    let note = match &error {
        Some(poison) => at.writer.parked.keep(id, poison.clone()),
        None => {
            tracing::info!(view = at.context.view.name(), document = %id, "healed a document");
            metrics::counter!("wechess_healed_total", "view" => at.context.view.name()).increment(1);
            at.writer.parked.release(id, upto)
        }
    };
    at.writer.link.bulk(&[note]).await?;
    Ok(error.map(|poison| poison.error))
}

/// Compares a document with the log, and puts it right if it differs; in what it differed. Everything folded before is
/// written, so that the document must hold all its events up to now.
pub async fn check(at: &mut Projecting, which: Which) -> Result<Vec<String>, WorkError> {
    let (id, upto) = (which.id, at.writer.done());
    // An older table lacks fields on purpose; a parked document lacks events.
    if at.generation.shared_fields.is_some() || at.writer.parked.holds(id) {
        return Ok(Vec::new());
    }
    let found = read(at, id).await?;
    let folded = refold(&at.context.feed, &at.context.view.view, which, &found, upto).await?;
    let mut must = folded.doc;
    let unknown = fill(at, &mut must, upto).await;
    if folded.poison.is_some() {
        return Ok(Vec::new());
    }
    let differs = differences(&must, &found, &unknown);
    if differs.is_empty() {
        return Ok(differs);
    }
    let view = at.context.view.name();
    metrics::counter!("wechess_audit_divergent_total", "view" => view).increment(1);
    tracing::error!(view, document = %id, position = upto, differs = differs.join(", "), "a document differs from the log");
    if let Some(error) = put(at, id, &must, found.version).await? {
        tracing::error!(view, document = %id, error, "it cannot be put right");
    }
    Ok(differs)
}

/// The document as it stands in the index.
async fn read(at: &Projecting, id: Uuid) -> Result<Doc, IndexError> {
    let link = &at.writer.link;
    let ids = [id.to_string()];
    let hit = link.patiently(|| link.shared.elastic.read(&link.index, &ids)).await?.pop();
    let found = hit.and_then(|hit| Some(Doc::from_source(id, hit.version, hit.source?)));
    Ok(found.unwrap_or(Doc::ABSENT))
}

/// Fills the joined fields; those that cannot be judged.
async fn fill(at: &mut Projecting, doc: &mut Doc, upto: i64) -> Vec<&'static str> {
    let context = &at.context;
    loop {
        match at.writer.joins.fill_one(&context.shared.elastic, &context.view.view, doc, upto).await {
            Ok(newer) => return newer,
            Err(error) => {
                // The other view's index may be made anew just now.
                context.view.set_error(Some(chain(&error)));
                tokio::time::sleep(crate::link::BACKOFF.1).await;
            }
        }
    }
}

/// Writes a document over whatever stands there, which has this version; what the index has against it.
async fn put(at: &mut Projecting, id: Uuid, doc: &Doc, there: i64) -> Result<Option<String>, IndexError> {
    let mut right = doc.clone();
    if right.body == Body::Absent {
        right.body = Body::Tombstone;
    }
    let mut write = Write { how: How::AtLeast, ..at.writer.write_of(id, &right) };
    write.version = write.version.max(there);
    let mut outcome = at.writer.link.bulk(std::slice::from_ref(&write)).await?.pop();
    for _ in 0..DELETIONS {
        // Whoever deleted it by hand left a version that cannot be read: the next one.
        if there == 0 && outcome == Some(Outcome::Conflict) {
            write.version += 1;
            outcome = at.writer.link.bulk(std::slice::from_ref(&write)).await?.pop();
        }
    }
    at.writer.forget(id);
    at.corrected = true;
    Ok(match outcome {
        Some(Outcome::Refused(error) | Outcome::Later(error)) => Some(error),
        Some(Outcome::Done | Outcome::Conflict) | None => None,
    })
}

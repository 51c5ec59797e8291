//! Whether a filled generation is as good as the one that serves. Both stand still at the same position meanwhile.

use std::collections::HashMap;

use event_schema::object::hidden;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::document::Doc;
use crate::elastic::{Hit, IndexError};
use crate::generation::{Filling, Generation};
use crate::refold::{Which, differences, refold};
use crate::worker::{Context, WorkError};
use crate::writer::Writer;

/// So many documents of each of the two are compared.
const SAMPLES: usize = 100;
/// So many documents are folded again from the log when the tables differ, so that the two cannot be compared.
const REFOLDED: usize = 25;

/// Random documents of both generations.
pub async fn samples(context: &Context, filled: &Generation, live: &Generation) -> Result<Vec<Uuid>, IndexError> {
    let mut ids = Vec::new();
    for generation in [filled, live] {
        let query = json!({
            "query": {"function_score": {"query": {"term": {hidden::LIVE: true}}, "random_score": {}}},
            "_source": false, "size": SAMPLES,
        });
        let hits = context.shared.elastic.search(&generation.index, query, None).await?;
        ids.extend(hits.iter().filter_map(|hit| hit.id.parse::<Uuid>().ok()));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Compares the two at the position that both have reached; what speaks against the filled one.
pub async fn agree(
    context: &Context,
    writer: &mut Writer,
    filling: &Filling,
    live: &Generation,
    mut ids: Vec<Uuid>,
) -> Result<Result<(), String>, WorkError> {
    let same_table = live.shared_fields.is_none();
    if same_table && !filling.asked.accept_counts {
        let (old, new) = (count(context, live).await?, count(context, &filling.generation).await?);
        if old != new {
            let told = format!(
                "generation {} has {new} documents ({} parked), generation {} which serves has {old}; \
                 `projector rebuild {} --accept-counts` swaps nonetheless",
                filling.generation.number,
                writer.parked.count(),
                live.number,
                context.view.name(),
            );
            return Ok(Err(told));
        }
    }
    if !same_table {
        ids.truncate(REFOLDED);
    }
    let (old, new) = (read(context, live, &ids).await?, read(context, &filling.generation, &ids).await?);
    for id in ids {
        let (old, new) = (old.get(&id).unwrap_or(&Doc::ABSENT), new.get(&id).unwrap_or(&Doc::ABSENT));
        if writer.parked.holds(id) || (same_table && differences(old, new, &[]).is_empty()) {
            continue;
        }
        if let Some(why) = against_the_log(context, writer, id, [new, old]).await? {
            return Ok(Err(why));
        }
        if same_table {
            tracing::warn!(view = context.view.name(), document = %id, "the generation that served was wrong here");
        }
    }
    Ok(Ok(()))
}

/// In what a document of the filled generation differs from the log; none if it is right. One that is not there is known
/// by the other generation's.
async fn against_the_log(
    context: &Context,
    writer: &mut Writer,
    id: Uuid,
    [new, old]: [&Doc; 2],
) -> Result<Option<String>, WorkError> {
    let (view, upto) = (&context.view.view, writer.done());
    let known = if new.live().is_some() { new } else { old };
    let which = Which { id, position: known.version };
    let mut must = refold(&context.feed, view, which, known, upto).await?.doc;
    let unknown = writer.joins.fill_one(&context.shared.elastic, view, &mut must, upto).await?;
    let differs = differences(&must, new, &unknown);
    Ok((!differs.is_empty()).then(|| format!("document {id} differs from the log: {}", differs.join(", "))))
}

async fn count(context: &Context, generation: &Generation) -> Result<u64, IndexError> {
    context.shared.elastic.refresh(&generation.index).await?;
    context.shared.elastic.count(&generation.index, json!({"term": {hidden::LIVE: true}})).await
}

async fn read(context: &Context, generation: &Generation, ids: &[Uuid]) -> Result<HashMap<Uuid, Doc>, IndexError> {
    let texts: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    let hits: Vec<Hit> = context.shared.elastic.read(&generation.index, &texts).await?;
    let found = ids.iter().zip(hits).filter_map(|(id, hit)| {
        let source: serde_json::Map<String, Value> = hit.source?;
        Some((*id, Doc::from_source(*id, hit.version, source)))
    });
    Ok(found.collect())
}

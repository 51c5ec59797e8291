//! Whether a filled generation is as good as the one that serves. Both stand still at the same position meanwhile.

use std::collections::{HashMap, HashSet};

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

/// Random documents of both generations, in random order.
pub async fn samples(context: &Context, filled: &Generation, live: &Generation) -> Result<Vec<Uuid>, IndexError> {
    let mut drawn = Vec::new();
    for generation in [filled, live] {
        let query = json!({
            "query": {"function_score": {"query": {"term": {hidden::LIVE: true}}, "random_score": {}}},
            "_source": false, "size": SAMPLES,
        });
        let hits = context.shared.elastic.search(&generation.index, query, None).await?;
        drawn.push(hits.iter().filter_map(|hit| hit.id.parse::<Uuid>().ok()).collect::<Vec<_>>());
    }
    Ok(in_turn(&drawn))
}

/// The ids of all lists, taken in turn, each once: however few of them are looked at, they are of all lists alike, and
/// in the order in which they were drawn.
fn in_turn(lists: &[Vec<Uuid>]) -> Vec<Uuid> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    let mut known = HashSet::new();
    let all = (0..longest).flat_map(|nth| lists.iter().filter_map(move |list| list.get(nth).copied()));
    all.filter(|id| known.insert(*id)).collect()
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
    if !filling.asked.accept_counts {
        let (old, new) = (count(context, live).await?, count(context, &filling.generation).await?);
        if !fits(same_table, live.same_fold, [old, new], writer.parked.count()) {
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

/// Whether the filled generation may have `new` documents where the one that serves has `old`. Of another table, but made
/// by the same fold, it may have more: what could not be folded before may be now; and those may lack that are parked.
fn fits(same_table: bool, same_fold: bool, [old, new]: [u64; 2], parked: usize) -> bool {
    match (same_table, same_fold) {
        (true, _) => old == new,
        (false, true) => old <= new + parked as u64,
        (false, false) => true,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_few_samples_are_of_both_generations_and_as_they_were_drawn() {
        let ids = |numbers: &[u128]| numbers.iter().map(|number| Uuid::from_u128(*number)).collect::<Vec<_>>();
        let (filled, live) = (ids(&[90, 5, 70, 1]), ids(&[80, 90, 2]));
        assert_eq!(in_turn(&[filled, live]), ids(&[90, 80, 5, 70, 2, 1]));
        assert!(in_turn(&[]).is_empty());
    }

    #[test]
    fn documents_may_only_go_with_another_fold() {
        for (same_table, same_fold, parked, may) in [
            (true, true, 1, [false, true, false]),
            (false, true, 0, [false, true, true]),
            (false, true, 1, [true, true, true]),
            (false, false, 0, [true, true, true]),
        ] {
            assert_eq!([9, 10, 11].map(|new| fits(same_table, same_fold, [10, new], parked)), may);
        }
    }
}

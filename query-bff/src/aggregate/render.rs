//! Groups to an answer: filtered, ordered, cut to a page.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};
use service::error::ApiError;

use super::dimension::Key;
use super::group::{Found, Group};
use super::plan::{After, By, MAX_GROUPS, Plan, Step};
use super::too_many_groups;

/// A page of groups.
#[derive(Debug)]
pub struct Page {
    /// What was found; its groups are in `rows`.
    pub found: Found,
    /// How many groups there are in all, as far as that is known.
    pub groups: Option<usize>,
    /// Those of the page.
    pub rows: Vec<Group>,
    /// Where the next page begins.
    pub next: Option<After>,
}

/// The page of what was found. 400 for more groups than can be ordered.
pub fn page(plan: &Plan, mut found: Found, after: Option<&After>) -> Result<Page, ApiError> {
    let mut rows = std::mem::take(&mut found.groups);
    if !plan.is_whole() {
        let more = rows.len() > plan.limit;
        rows.truncate(plan.limit);
        let next = rows.last().filter(|_| more).map(|last| After::Keys(last.combination, last.own_keys(plan)));
        let groups = (after.is_none() && next.is_none()).then_some(rows.len());
        return Ok(Page { found, groups, rows, next });
    }
    if rows.len() > MAX_GROUPS {
        return Err(too_many_groups());
    }
    rows.retain(|group| is_wanted(plan, group));
    rows.sort_by(|a, b| compare(plan, a, b));
    let groups = rows.len();
    let begin = match after {
        Some(After::Rows(rows)) => *rows,
        Some(After::Keys(..)) | None => 0,
    };
    let end = begin.saturating_add(plan.limit);
    let rows: Vec<Group> = rows.into_iter().skip(begin).take(plan.limit).collect();
    Ok(Page { found, groups: Some(groups), rows, next: (end < groups).then_some(After::Rows(end)) })
}

fn is_wanted(plan: &Plan, group: &Group) -> bool {
    plan.having.iter().all(|having| {
        let number = group.numbers.get(having.number).copied().flatten();
        number.is_some_and(|number| having.op.holds(number, having.bound))
    })
}

/// The order that was asked for, then that of the keys.
fn compare(plan: &Plan, a: &Group, b: &Group) -> Ordering {
    let steps = plan.order.iter().map(|step| by_step(*step, a, b));
    let keys = a.keys.iter().zip(&b.keys).map(|(a, b)| a.order(b));
    steps.chain(keys).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn by_step(step: Step, a: &Group, b: &Group) -> Ordering {
    let turned = |order: Ordering| if step.falling { order.reverse() } else { order };
    match step.by {
        By::Number(index) => {
            let number = |group: &Group| group.numbers.get(index).copied().flatten();
            match (number(a), number(b)) {
                (Some(a), Some(b)) => turned(a.total_cmp(&b)),
                (a, b) => a.is_none().cmp(&b.is_none()),
            }
        }
        By::Dimension(index) => match (a.keys.get(index), b.keys.get(index)) {
            (Some(a), Some(b)) if *a != Key::Missing && *b != Key::Missing => turned(a.order(b)),
            (a, b) => (a == Some(&Key::Missing)).cmp(&(b == Some(&Key::Missing))),
        },
    }
}

/// The body of the answer.
pub fn answer(plan: &Plan, found: &Found, groups: Option<usize>, rows: &[Group], cursor: Option<String>) -> Value {
    let items: Vec<Map<String, Value>> = rows.iter().map(|group| row(plan, group)).collect();
    json!({
        "status": "OK",
        "statusCode": 200,
        "documents": found.documents,
        "groups": groups,
        "pageItem": items.len(),
        "items": items,
        "totals": found.totals.as_deref().map(|numbers| metrics(plan, numbers)),
        "nextCursor": cursor,
    })
}

fn row(plan: &Plan, group: &Group) -> Map<String, Value> {
    let keys = plan.dimensions.iter().zip(&group.keys);
    let mut row: Map<String, Value> =
        keys.map(|(dimension, key)| (dimension.name.clone(), dimension.shown(key))).collect();
    row.extend(metrics(plan, &group.numbers));
    row
}

fn metrics(plan: &Plan, numbers: &[Option<f64>]) -> Map<String, Value> {
    let mut rest = numbers;
    let mut all = Map::new();
    for metric in &plan.metrics {
        let (own, others) = rest.split_at(metric.paths().len().min(rest.len()));
        all.insert(metric.name.clone(), metric.shown(own));
        rest = others;
    }
    all
}

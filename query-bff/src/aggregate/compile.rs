//! A [`Plan`] to Elasticsearch: one search, a composite aggregation for each combination of ranges, or [`nested`] groups.
//!
//! Ranges cannot be sources of a composite aggregation, so each combination of them is a filter around one.

use serde_json::{Map, Value, json};

use super::dimension::Key;
use super::nested;
use super::plan::{After, Plan};

/// The aggregation over all documents.
pub const TOTALS: &str = "t";
/// The composite aggregation in a filter.
pub const GROUPS: &str = "g";

/// The aggregation of a combination of ranges.
pub fn combination_name(index: usize) -> String {
    format!("c{index}")
}

/// The source of a dimension.
pub fn source_name(index: usize) -> String {
    format!("d{index}")
}

/// The aggregation of a metric.
pub fn metric_name(index: usize) -> String {
    format!("m{index}")
}

/// The body of the search for a page.
pub fn body(plan: &Plan, query: Value, after: Option<&After>) -> Value {
    let mut aggregations = Map::new();
    if plan.totals || plan.dimensions.is_empty() {
        aggregations.insert(TOTALS.to_owned(), within(json!({"match_all": {}}), metrics(plan)));
    }
    if nested::fits(plan, after) {
        aggregations.extend(nested::aggregations(plan, 0));
    } else if !plan.dimensions.is_empty() {
        let sources = sources(plan);
        let (first, keys) = match after {
            // Without keys of its own the combination was one group, which has been shown.
            Some(After::Keys(shown, keys)) if sources.is_empty() => (shown + 1, Some(keys)),
            Some(After::Keys(shown, keys)) => (*shown, Some(keys)),
            Some(After::Rows(_)) | None => (0, None),
        };
        for (index, combination) in plan.combinations().iter().enumerate().skip(first) {
            let groups = composite(plan, &sources, keys.filter(|_| index == first));
            aggregations.insert(combination_name(index), of_combination(plan, combination, groups));
        }
    }
    json!({"size": 0, "track_total_hits": true, "query": query, "aggs": aggregations})
}

fn within(filter: Value, inner: Map<String, Value>) -> Value {
    if inner.is_empty() { json!({"filter": filter}) } else { json!({"filter": filter, "aggs": inner}) }
}

/// What is computed of each group, by name; what Elasticsearch counts by itself is not among them.
pub fn metrics(plan: &Plan) -> Map<String, Value> {
    let computed = plan.metrics.iter().enumerate();
    computed.filter_map(|(index, metric)| Some((metric_name(index), metric.aggregation()?))).collect()
}

fn sources(plan: &Plan) -> Vec<Value> {
    let named = plan.dimensions.iter().enumerate();
    named.filter_map(|(index, dimension)| Some(json!({source_name(index): dimension.source(plan.missing)?}))).collect()
}

/// The groups by everything but ranges; none when there is nothing else.
fn composite(plan: &Plan, sources: &[Value], after: Option<&Map<String, Value>>) -> Option<Value> {
    if sources.is_empty() {
        return None;
    }
    let mut composite = json!({"size": plan.most(), "sources": sources});
    if let Some(after) = after {
        composite["after"] = json!(after);
    }
    let mut groups = json!({"composite": composite});
    let metrics = metrics(plan);
    if !metrics.is_empty() {
        groups["aggs"] = Value::Object(metrics);
    }
    Some(groups)
}

fn of_combination(plan: &Plan, combination: &[Option<Key>], groups: Option<Value>) -> Value {
    let keys = plan.dimensions.iter().zip(combination);
    let clauses: Vec<Value> = keys.filter_map(|(dimension, key)| dimension.clause(key.as_ref()?)).collect();
    match (groups, clauses.is_empty()) {
        (Some(groups), true) => groups,
        (Some(groups), false) => {
            let inner = Map::from_iter([(GROUPS.to_owned(), groups)]);
            within(json!({"bool": {"filter": clauses}}), inner)
        }
        (None, _) => within(json!({"bool": {"filter": clauses}}), metrics(plan)),
    }
}

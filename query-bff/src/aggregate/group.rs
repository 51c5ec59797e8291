//! What Elasticsearch found, as groups.

use serde_json::{Map, Value, json};

use super::compile::{GROUPS, TOTALS, combination_name, metric_name, source_name};
use super::dimension::Key;
use super::nested;
use super::plan::Plan;

/// One group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Which combination of ranges it belongs to.
    pub combination: usize,
    /// The key of each dimension.
    pub keys: Vec<Key>,
    /// The numbers of all metrics, in the order of [`Plan::paths`]; none: null.
    pub numbers: Vec<Option<f64>>,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// How many documents match, in groups or not.
    pub documents: u64,
    /// The numbers of all of them, when asked for.
    pub totals: Option<Vec<Option<f64>>>,
    /// The groups in the order of ranges, then keys.
    pub groups: Vec<Group>,
}

impl Group {
    /// Its keys beside those of ranges, as a composite aggregation takes them to go on behind it.
    pub fn own_keys(&self, plan: &Plan) -> Map<String, Value> {
        let named = self.keys.iter().zip(&plan.dimensions).enumerate();
        let own = named.filter(|(_, (_, dimension))| dimension.ranges().is_none());
        own.filter_map(|(index, (key, _))| Some((source_name(index), own_key(key)?))).collect()
    }
}

fn own_key(key: &Key) -> Option<Value> {
    match key {
        Key::Range(_) => None,
        Key::Bool(flag) => Some(json!(flag)),
        Key::Integer(number) | Key::Instant(number) => Some(json!(number)),
        Key::Double(number) => Some(json!(number)),
        Key::Text(text) => Some(json!(text)),
        Key::Missing => Some(Value::Null),
    }
}

/// Reads an answer; `None` when it is not of the form that was asked for.
pub fn found(plan: &Plan, answer: &Value) -> Option<Found> {
    let documents = answer["hits"]["total"]["value"].as_u64()?;
    let aggregations = &answer["aggregations"];
    let totals = match aggregations.get(TOTALS) {
        Some(bucket) => Some(numbers(plan, bucket)?),
        None => None,
    };
    if plan.dimensions.is_empty() {
        let numbers = totals.clone()?;
        let groups = vec![Group { combination: 0, keys: Vec::new(), numbers }];
        return Some(Found { documents, totals: totals.filter(|_| plan.totals), groups });
    }
    let groups =
        if nested::is_in(aggregations) { nested::groups(plan, aggregations)? } else { composed(plan, aggregations)? };
    Some(Found { documents, totals: totals.filter(|_| plan.totals), groups })
}

/// The groups of composite aggregations.
fn composed(plan: &Plan, aggregations: &Value) -> Option<Vec<Group>> {
    let mut groups = Vec::new();
    for (combination, ranges) in plan.combinations().iter().enumerate() {
        let Some(answer) = aggregations.get(combination_name(combination)) else { continue };
        let composite = answer.get(GROUPS).unwrap_or(answer);
        match composite.get("buckets") {
            Some(buckets) => {
                for bucket in buckets.as_array()? {
                    let keys = keys(plan, ranges, &bucket["key"])?;
                    groups.push(Group { combination, keys, numbers: numbers(plan, bucket)? });
                }
            }
            None if answer["doc_count"].as_u64()? > 0 => {
                let keys = keys(plan, ranges, &Value::Null)?;
                groups.push(Group { combination, keys, numbers: numbers(plan, answer)? });
            }
            None => {}
        }
    }
    Some(groups)
}

fn keys(plan: &Plan, ranges: &[Option<Key>], bucket: &Value) -> Option<Vec<Key>> {
    let named = plan.dimensions.iter().zip(ranges).enumerate();
    named
        .map(|(index, (dimension, range))| match range {
            // What is missing of a dimension with ranges is in no source.
            Some(key) => Some(key.clone()),
            None => dimension.key(bucket.get(source_name(index))?),
        })
        .collect()
}

/// The numbers of a bucket.
pub fn numbers(plan: &Plan, bucket: &Value) -> Option<Vec<Option<f64>>> {
    let documents = bucket["doc_count"].as_u64()?;
    let mut all = Vec::new();
    for (index, metric) in plan.metrics.iter().enumerate() {
        all.extend(metric.numbers(documents, bucket.get(metric_name(index)).unwrap_or(&Value::Null))?);
    }
    Some(all)
}

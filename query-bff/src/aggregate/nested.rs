//! The first groups of words by words: terms within terms, in the order of their keys.
//!
//! A composite aggregation goes through any number of groups page by page, but pays for each document. Where one level
//! of groups holds few words, terms within terms count the same and take two thirds of its time.

use event_schema::object::Kind;
use serde_json::{Map, Value, json};

use super::compile::{metrics, source_name};
use super::dimension::{By, Dimension, Key};
use super::group::{Group, numbers};
use super::metric::{Function, Metric};
use super::plan::{After, MAX_BUCKETS, Plan};

/// The documents without a value, beside the groups of a dimension.
fn missing_name(level: usize) -> String {
    format!("x{level}")
}

/// Whether the groups from the first on are found so: all dimensions are words, all but one of few words, and nothing
/// large is kept of each group that is not shown.
pub fn fits(plan: &Plan, after: Option<&After>) -> bool {
    if plan.dimensions.is_empty() || matches!(after, Some(After::Keys(..))) {
        return false;
    }
    let Some(words) = plan.dimensions.iter().map(words).collect::<Option<Vec<Words>>>() else { return false };
    let (mut buckets, mut open) = (1_usize, 0);
    for words in words {
        match words {
            Words::Few(few) => buckets = buckets.saturating_mul(few + 1),
            Words::Any => (buckets, open) = (buckets.saturating_mul(plan.most()), open + 1),
        }
    }
    // Each level has buckets of its own.
    buckets <= MAX_BUCKETS / 2 && (open == 0 || (open == 1 && plan.metrics.iter().all(is_small)))
}

/// What a group keeps of a metric is a few numbers.
fn is_small(metric: &Metric) -> bool {
    match metric.function {
        Function::Distinct(_) | Function::Percentiles(..) => false,
        Function::Count
        | Function::Avg(_)
        | Function::Sum(_)
        | Function::Min(_)
        | Function::Max(_)
        | Function::Ratio(_) => true,
    }
}

/// The words that a dimension groups by.
enum Words {
    /// So many, all of them known.
    Few(usize),
    /// Whatever there is.
    Any,
}

/// The words of a dimension; none of one that groups by something else.
fn words(dimension: &Dimension) -> Option<Words> {
    match (&dimension.by, dimension.column.kind) {
        (By::Interval(..) | By::Ranges(_), _) => None,
        (By::Value, Kind::Enum(words)) => Some(Words::Few(words.len())),
        (By::Value, Kind::String | Kind::Id) => Some(Words::Any),
        (By::Value, Kind::Text | Kind::Boolean | Kind::Integer | Kind::Double | Kind::Date | Kind::Json) => None,
    }
}

/// The aggregations of all dimensions from a level on; below the last one, the metrics.
pub fn aggregations(plan: &Plan, level: usize) -> Map<String, Value> {
    let Some(dimension) = plan.dimensions.get(level) else { return metrics(plan) };
    let field = dimension.column.name.as_str();
    let inner = aggregations(plan, level + 1);
    let with = |mut groups: Value| {
        if !inner.is_empty() {
            groups["aggs"] = Value::Object(inner.clone());
        }
        groups
    };
    let terms = json!({"terms": {"field": field, "size": plan.most(), "order": {"_key": "asc"}}});
    let mut both = Map::from_iter([(source_name(level), with(terms))]);
    if plan.missing {
        both.insert(missing_name(level), with(json!({"missing": {"field": field}})));
    }
    both
}

/// Whether an answer holds such groups.
pub fn is_in(aggregations: &Value) -> bool {
    aggregations.get(source_name(0)).is_some()
}

/// The groups of an answer in the order of their keys; `None` when it is not of the form that was asked for.
pub fn groups(plan: &Plan, aggregations: &Value) -> Option<Vec<Group>> {
    let mut groups = Vec::new();
    gather(plan, aggregations, &mut Vec::new(), &mut groups)?;
    Some(groups)
}

fn gather(plan: &Plan, node: &Value, keys: &mut Vec<Key>, groups: &mut Vec<Group>) -> Option<()> {
    let level = keys.len();
    let Some(dimension) = plan.dimensions.get(level) else {
        groups.push(Group { combination: 0, keys: keys.clone(), numbers: numbers(plan, node)? });
        return Some(());
    };
    for bucket in node[source_name(level)]["buckets"].as_array()? {
        keys.push(dimension.key(bucket.get("key")?)?);
        gather(plan, bucket, keys, groups)?;
        keys.pop();
    }
    if plan.missing {
        let bucket = node.get(missing_name(level))?;
        if bucket["doc_count"].as_u64()? > 0 {
            keys.push(Key::Missing);
            gather(plan, bucket, keys, groups)?;
            keys.pop();
        }
    }
    Some(())
}

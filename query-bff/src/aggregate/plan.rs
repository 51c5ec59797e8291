//! The body of a request, checked: a [`Plan`].

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::dimension::{Dimension, Key};
use super::metric::{Metric, Shape};
use super::reader::{Reading, fault, flag, list, name, object, text};
use super::{dimension_reader, metric_reader};
use crate::query::expr::{Filter, Scalar};
use crate::query::faults::{Code, did_you_mean, quoted, step};
use crate::query::value::{self, shown};
use crate::query::words::Words;
use crate::query::{budget, parse};

/// Dimensions of a request.
pub const MAX_DIMENSIONS: usize = 4;
/// Metrics of a request.
pub const MAX_METRICS: usize = 16;
/// Conditions of `having`.
const MAX_HAVING: usize = 16;
/// Steps of `orderBy`.
const MAX_ORDER: usize = 8;
/// Groups that `having` and `orderBy` look at.
pub const MAX_GROUPS: usize = 10_000;
/// Rows a page, unless the request says.
pub const LIMIT: u32 = 100;
/// Rows a page at most.
pub const MAX_LIMIT: u32 = 10_000;
/// Groups that one answer of Elasticsearch holds (its `search.max_buckets` is 65,536).
pub const MAX_BUCKETS: usize = 60_000;

/// The keys of a body.
pub const KEYS: &[&str] =
    &["filters", "q", "groupBy", "missing", "metrics", "having", "orderBy", "limit", "cursor", "totals"];

/// How `having` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
}

/// Every comparison of `having`.
pub const OPS: &[(&str, Op)] =
    &[("eq", Op::Eq), ("ne", Op::Ne), ("gt", Op::Gt), ("gte", Op::Gte), ("lt", Op::Lt), ("lte", Op::Lte)];

impl Op {
    /// Whether a number fits.
    pub fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Eq => number == bound,
            Self::Ne => number != bound,
            Self::Gt => number > bound,
            Self::Gte => number >= bound,
            Self::Lt => number < bound,
            Self::Lte => number <= bound,
        }
    }
}

/// A condition on a number of the groups; what is null fits none.
#[derive(Clone, Debug, PartialEq)]
pub struct Having {
    /// Which number: an index into [`Plan::paths`].
    pub number: usize,
    /// How it compares.
    pub op: Op,
    /// With what.
    pub bound: f64,
}

/// What groups are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A number: an index into [`Plan::paths`].
    Number(usize),
    /// A dimension.
    Dimension(usize),
}

/// One step of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// By what.
    pub by: By,
    /// Falling; null comes last both ways.
    pub falling: bool,
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum After {
    /// In the order of keys: the ranges, and the other keys as Elasticsearch has them.
    Keys(usize, Map<String, Value>),
    /// In another order: so many rows.
    Rows(usize),
}

/// A checked request.
#[derive(Debug)]
pub struct Plan {
    /// Which documents.
    pub filter: Option<Filter>,
    /// And with these words.
    pub q: Option<Words>,
    /// Grouped by this; by nothing: one row of all.
    pub dimensions: Vec<Dimension>,
    /// Whether documents without a value make groups of their own; else they are in none.
    pub missing: bool,
    /// What is computed.
    pub metrics: Vec<Metric>,
    /// Which groups are shown.
    pub having: Vec<Having>,
    /// In this order, else in that of the keys.
    pub order: Vec<Step>,
    /// Rows a page.
    pub limit: usize,
    /// Whether the metrics of all documents are wanted as well.
    pub totals: bool,
}

impl Plan {
    /// The names of all numbers of a group, in order.
    pub fn paths(&self) -> Vec<String> {
        self.metrics.iter().flat_map(Metric::paths).collect()
    }

    /// Whether all groups must be known before the first one can be shown.
    pub fn is_whole(&self) -> bool {
        !self.having.is_empty() || !self.order.is_empty()
    }

    /// How many groups are asked for at once: one more than are needed tells that there are more.
    pub fn most(&self) -> usize {
        if self.is_whole() { MAX_GROUPS + 1 } else { self.limit + 1 }
    }

    /// Every combination of ranges in order: for each dimension its key there, none where it has no ranges.
    pub fn combinations(&self) -> Vec<Vec<Option<Key>>> {
        let mut all: Vec<Vec<Option<Key>>> = vec![Vec::new()];
        for dimension in &self.dimensions {
            let keys: Vec<Option<Key>> = match dimension.ranges() {
                None => vec![None],
                Some(ranges) => {
                    let missing = self.missing.then_some(Key::Missing);
                    (0..ranges.len()).map(Key::Range).chain(missing).map(Some).collect()
                }
            };
            let longer = |known: &Vec<Option<Key>>, key: &Option<Key>| {
                known.iter().cloned().chain([key.clone()]).collect::<Vec<_>>()
            };
            all = all.iter().flat_map(|known| keys.iter().map(|key| longer(known, key)).collect::<Vec<_>>()).collect();
        }
        all
    }
}

/// Reads a body. `None` only when a fault was noted.
pub fn read(ask: &mut Reading<'_>, body: &Value) -> Option<Plan> {
    let map = object(ask, body, "", KEYS, "{\"groupBy\": [{\"field\": ...}], \"metrics\": {...}}")?;
    let view = ask.view;
    let filter = map.get("filters").and_then(|json| parse::filters(view, ask.asker, json, "/filters", ask.faults));
    let q = words(ask, map.get("q"));
    let missing = flag(ask, map.get("missing"), "/missing");
    let totals = flag(ask, map.get("totals"), "/totals");
    let dimensions = dimension_reader::dimensions(ask, map.get("groupBy"));
    let metrics = metric_reader::metrics(ask, map.get("metrics"));
    let mut plan = Plan {
        filter,
        q,
        dimensions,
        missing,
        metrics,
        having: Vec::new(),
        order: Vec::new(),
        limit: limit(ask, map.get("limit")),
        totals,
    };
    one_name_each(ask, &plan);
    plan.having = having(ask, &plan, map.get("having"));
    plan.order = order(ask, &plan, map.get("orderBy"));
    within_buckets(ask, &plan);
    Some(plan)
}

fn words(ask: &mut Reading<'_>, json: Option<&Value>) -> Option<Words> {
    let q = text(ask, json.filter(|json| !json.is_null())?, "/q", "words or beginnings of words")?.trim().to_owned();
    if q.chars().count() > budget::MAX_TEXT || q.contains('\0') {
        let told = format!("`q` is at most {} characters without U+0000", budget::MAX_TEXT);
        return fault(ask, "/q", Code::InvalidValue, told);
    }
    if q.is_empty() {
        return None;
    }
    Words::new(ask.view, ask.asker.role, &q).or_else(|| {
        let told = format!("{} has no field that `q` searches", ask.view.table.name);
        fault(ask, "/q", Code::InvalidValue, told)
    })
}

fn limit(ask: &mut Reading<'_>, json: Option<&Value>) -> usize {
    let Some(json) = json else { return LIMIT as usize };
    match json.as_u64().filter(|limit| (1..=u64::from(MAX_LIMIT)).contains(limit)) {
        Some(limit) => limit as usize,
        None => {
            let told = format!("`limit` is an integer from 1 to {MAX_LIMIT}, not {}", shown(json));
            fault(ask, "/limit", Code::InvalidValue, told).unwrap_or(LIMIT as usize)
        }
    }
}

/// Dimensions and metrics are keys of the same rows.
fn one_name_each(ask: &mut Reading<'_>, plan: &Plan) {
    let mut seen: Vec<&str> = Vec::new();
    let dimensions = plan.dimensions.iter().map(|dimension| (dimension.name.as_str(), "/groupBy"));
    for (name, at) in dimensions.chain(plan.metrics.iter().map(|metric| (metric.name.as_str(), "/metrics"))) {
        if seen.contains(&name) {
            let told =
                format!("`{name}` names two columns of the rows: give one of them another name (`name` in groupBy)");
            ask.faults.push(at, Code::InvalidShape, told);
        }
        seen.push(name);
    }
}

/// The number of that name.
fn number(ask: &mut Reading<'_>, plan: &Plan, path: &str, at: &str) -> Option<usize> {
    let paths = plan.paths();
    let found = paths.iter().position(|known| known == path);
    let metric = path.split('.').next().unwrap_or_default();
    if found.is_none() && !ask.spoilt.iter().any(|name| name == metric) {
        let hint = did_you_mean(path, paths.iter().map(String::as_str));
        let told = format!("{} is no metric of this request ({}){hint}", quoted(path), paths.join(", "));
        ask.faults.push(at, Code::InvalidValue, told);
    }
    found
}

/// `{metric: {op: number}}`.
fn having(ask: &mut Reading<'_>, plan: &Plan, json: Option<&Value>) -> Vec<Having> {
    let Some(json) = json else { return Vec::new() };
    let Some(map) = json.as_object() else {
        let told = format!("expected an object such as {{\"count\": {{\"gte\": 10}}}}, not {}", shown(json));
        ask.faults.push("/having", Code::InvalidShape, told);
        return Vec::new();
    };
    let ops: Vec<&str> = OPS.iter().map(|(name, _)| *name).collect();
    let mut all = Vec::new();
    for (path, conditions) in map {
        let at = step("/having", path);
        let number = number(ask, plan, path, &at);
        let Some(conditions) = object(ask, conditions, &at, &ops, "{\"gte\": 10}") else { continue };
        for (op, bound) in OPS.iter().filter_map(|(name, op)| Some((*op, (*name, conditions.get(*name)?)))) {
            let bound = self::bound(ask, plan, number, bound.1, &step(&at, bound.0));
            all.extend(number.zip(bound).map(|(number, bound)| Having { number, op, bound }));
        }
    }
    if all.len() > MAX_HAVING {
        ask.faults.push("/having", Code::OverBudget, format!("`having` has at most {MAX_HAVING} conditions"));
    }
    all
}

/// A number, or a date for what is a date.
fn bound(ask: &mut Reading<'_>, plan: &Plan, number: Option<usize>, json: &Value, at: &str) -> Option<f64> {
    let shapes = plan.metrics.iter().flat_map(|metric| vec![metric.shape(); metric.paths().len()]).collect::<Vec<_>>();
    if let Some(Shape::Instant(column)) = number.and_then(|number| shapes.get(number)) {
        return match value::scalar(column, json, ask.asker) {
            Ok(Scalar::Date(span)) => Some(span.first.timestamp_millis() as f64),
            Ok(_) => None,
            Err(told) => fault(ask, at, Code::InvalidValue, told),
        };
    }
    match json.as_f64() {
        Some(bound) => Some(bound),
        None => fault(ask, at, Code::InvalidValue, format!("expected a number, not {}", shown(json))),
    }
}

/// `[{"metric"|"dimension": name, "order": "asc"|"desc"}]`.
fn order(ask: &mut Reading<'_>, plan: &Plan, json: Option<&Value>) -> Vec<Step> {
    let steps = list(ask, json, "/orderBy", MAX_ORDER, "steps of an order");
    let mut all: Vec<Step> = Vec::new();
    for (index, json) in steps.iter().enumerate() {
        let at = step("/orderBy", &index.to_string());
        let like = "{\"metric\": \"count\", \"order\": \"desc\"}";
        let Some(map) = object(ask, json, &at, &["metric", "dimension", "order"], like) else { continue };
        let by = match (map.get("metric"), map.get("dimension")) {
            (Some(json), None) => {
                let at = step(&at, "metric");
                text(ask, json, &at, "the name of a metric")
                    .and_then(|path| number(ask, plan, path, &at))
                    .map(By::Number)
            }
            (None, Some(json)) => {
                let at = step(&at, "dimension");
                text(ask, json, &at, "the name of a dimension").and_then(|name| dimension(ask, plan, name, &at))
            }
            (Some(_), Some(_)) | (None, None) => {
                fault(ask, &at, Code::InvalidShape, "expected either `metric` or `dimension`")
            }
        };
        let falling = match map.get("order").map(|json| (json, json.as_str().map(str::to_ascii_lowercase))) {
            None => false,
            Some((_, Some(word))) if word == "asc" || word == "desc" => word == "desc",
            Some((json, _)) => {
                let told = format!("`order` is asc or desc, not {}", shown(json));
                fault(ask, &step(&at, "order"), Code::InvalidValue, told).unwrap_or(false)
            }
        };
        if by.is_some_and(|by| all.iter().any(|known| known.by == by)) {
            ask.faults.push(at, Code::InvalidShape, "this stands in the order already");
        }
        all.extend(by.map(|by| Step { by, falling }));
    }
    all
}

fn dimension(ask: &mut Reading<'_>, plan: &Plan, name: &str, at: &str) -> Option<By> {
    let known = || plan.dimensions.iter().map(|dimension| dimension.name.as_str());
    let found = known().position(|known| known == name).map(By::Dimension);
    if found.is_none() {
        let hint = did_you_mean(name, known());
        let listed: Vec<&str> = known().collect();
        let told = format!("{} is no dimension of this request ({}){hint}", quoted(name), listed.join(", "));
        ask.faults.push(at, Code::InvalidValue, told);
    }
    found
}

/// Each combination of ranges is asked for a whole page.
fn within_buckets(ask: &mut Reading<'_>, plan: &Plan) {
    let combinations = plan.combinations().len();
    if combinations * (plan.limit + 1) > MAX_BUCKETS.max(plan.limit + 1) && !plan.is_whole() {
        let most = MAX_BUCKETS / combinations - 1;
        let told = format!("with {combinations} combinations of ranges `limit` is at most {most}");
        ask.faults.push("/limit", Code::OverBudget, told);
    }
}

/// A name that a part gives itself, or this one.
pub(super) fn named(ask: &mut Reading<'_>, json: Option<&Value>, at: &str, or: &str) -> Option<String> {
    match json {
        None => Some(or.to_owned()),
        Some(json) => {
            let at = step(at, "name");
            let given = text(ask, json, &at, "a name")?;
            name(ask, given, &at)
        }
    }
}

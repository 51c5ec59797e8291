//! What the projector says of itself.

use std::time::{Duration, Instant};

use serde_json::Value;
use stack::error::{Context, Error, Result};
use stack::keeper::Keeper;

use crate::stats::Spread;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// A projector that does not get on for so long is stuck.
const STUCK: Duration = Duration::from_secs(120);

/// A projector that is asked over HTTP.
pub struct Projector<'a> {
    agent: ureq::Agent,
    url: String,
    keeper: &'a Keeper,
    exits: u32,
}

/// How far a view came when.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    at: Instant,
    applied: u64,
}

impl<'a> Projector<'a> {
    /// The one at this URL.
    pub fn new(url: String, keeper: &'a Keeper) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        Self {
            agent: config.timeout_global(Some(Duration::from_secs(10))).build().into(),
            url,
            keeper,
            exits: keeper.exits(),
        }
    }

    /// The details of its health; none while it does not answer.
    pub fn info(&self) -> Option<Value> {
        let mut answer = self.agent.get(format!("{}/admin/health", self.url)).call().ok()?;
        let text = answer.body_mut().read_to_string().ok()?;
        serde_json::from_str::<Value>(&text).ok().map(|mut report| report["info"].take())
    }

    /// The views that it fills, once it answers.
    pub fn views(&self) -> Result<Vec<String>> {
        let begun = Instant::now();
        loop {
            let info = self.info().unwrap_or(Value::Null);
            if let Some(views) = info["views"].as_object().filter(|views| !views.is_empty()) {
                return Ok(views.keys().cloned().collect());
            }
            if begun.elapsed() > STUCK {
                return Err(Error::new("the projector does not answer"));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The lowest position that these views have applied; none before all have their index.
    pub fn applied(&self, views: &[String]) -> Option<u64> {
        let info = self.info()?;
        views.iter().map(|view| info["views"][view]["applied"].as_u64()).min().flatten()
    }

    /// Waits until these views are at `tail`; the events a second since all had their index.
    pub fn rate(&self, views: &[String], tail: u64) -> Result<f64> {
        let (begun, mut seen) = (Instant::now(), Vec::<Seen>::new());
        loop {
            let applied = self.applied(views);
            let last = seen.last().copied();
            if let Some(applied) = applied.filter(|applied| last.is_none_or(|last| *applied > last.applied)) {
                seen.push(Seen { at: Instant::now(), applied });
            }
            if applied.is_some_and(|applied| applied >= tail) {
                return rate(&seen).context(|| format!("the projector was done with {tail} events at once"));
            }
            if last.map_or(begun, |last| last.at).elapsed() > STUCK {
                let info = self.info();
                return Err(Error::new(format!("the projector does not get on: {applied:?} of {tail}: {info:?}")));
            }
            if self.keeper.exits() > self.exits {
                return Err(Error::new(format!("the projector died: see {}", self.keeper.spec().log.display())));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The mean of a histogram in its metrics for a view, if it has seen anything.
    pub fn mean(&self, histogram: &str, view: &str) -> Option<f64> {
        let text = self.agent.get(format!("{}/metrics", self.url)).call().ok()?.body_mut().read_to_string().ok()?;
        mean(&text, histogram, view)
    }
}

fn rate(seen: &[Seen]) -> Option<f64> {
    let (first, last) = (seen.first()?, seen.last()?);
    let seconds = last.at.duration_since(first.at).as_secs_f64();
    (seconds > 0.0).then(|| (last.applied - first.applied) as f64 / seconds)
}

/// `name_sum{view="v"} 12` by `name_count{view="v"} 3`.
fn mean(metrics: &str, histogram: &str, view: &str) -> Option<f64> {
    let of = |part: &str| -> Option<f64> {
        let start = format!("{histogram}_{part}{{");
        let lines = metrics.lines().filter(|line| line.starts_with(&start) && line.contains(&format!("\"{view}\"")));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).reduce(|a, b| a + b)
    };
    of("count").filter(|count| *count > 0.0).and_then(|count| Some(of("sum")? / count))
}

/// The middle of several means, at least one document.
pub fn batch(means: impl IntoIterator<Item = f64>) -> usize {
    (Spread::of(means).median.round() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_counts_from_the_first_look() {
        let start = Instant::now();
        let seen = |ms: u64, applied| Seen { at: start + Duration::from_millis(ms), applied };
        assert_eq!(rate(&[seen(0, 0), seen(500, 3000), seen(2000, 8000)]), Some(4000.0));
        assert_eq!(rate(&[seen(0, 1000)]), None);
    }

    #[test]
    fn the_mean_of_one_view_is_read_from_the_metrics() {
        let metrics = "# TYPE b histogram\nb_sum{view=\"x\"} 30\nb_count{view=\"x\"} 3\nb_sum{view=\"y\"} 5\nb_count{view=\"y\"} 0\n";
        assert_eq!(mean(metrics, "b", "x"), Some(10.0));
        assert_eq!(mean(metrics, "b", "y"), None);
        assert_eq!(batch([9.6, 10.2, 11.0]), 10);
        assert_eq!(batch([]), 1);
    }
}

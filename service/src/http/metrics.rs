//! Metrics: one recorder per process.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the request durations' buckets, in seconds.
const BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Requests, by service, method, route and status class.
pub(super) const REQUESTS: &str = "http_requests_total";
/// Their durations.
pub(super) const DURATION: &str = "http_request_duration_seconds";

/// Starts the recorder of this process and gives its handle; later calls give the same handle. Histograms of other
/// crates get the same buckets when their name ends in `_seconds`.
pub fn metrics_init() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    static FIRST: Mutex<()> = Mutex::new(());
    let _one_at_a_time = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    HANDLE.get_or_init(install).clone()
}

fn install() -> PrometheusHandle {
    let builder = PrometheusBuilder::new();
    let builder = match builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS) {
        Ok(builder) => builder,
        Err(error) => {
            tracing::warn!(%error, "durations are kept as summaries");
            PrometheusBuilder::new()
        }
    };
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another metrics recorder was there first; /metrics stays empty");
    }
    metrics::describe_counter!(REQUESTS, "Requests answered.");
    metrics::describe_histogram!(DURATION, metrics::Unit::Seconds, "Time from a request's head to its answer's head.");
    handle
}

/// Folds what was recorded into the histograms; without it they grow until somebody asks for `/metrics`.
pub(super) async fn upkeep(handle: PrometheusHandle) {
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}

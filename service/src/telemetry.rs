//! Structured logs: one JSON object per line on stderr.

use tracing_subscriber::EnvFilter;

/// Starts the log with this filter (`info`, `info,command_api=debug`). The first call of a process wins, so tests may
/// start several services. A filter that cannot be read becomes `info`, and the log says so.
pub fn init(filter: &str) {
    let (parsed, fault) = match EnvFilter::try_new(filter) {
        Ok(parsed) => (parsed, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let first = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(parsed)
        .with_writer(std::io::stderr)
        .try_init()
        .is_ok();
    if let (true, Some(error)) = (first, fault) {
        tracing::warn!(log.filter = filter, %error, "the log filter cannot be read, using `info`");
    }
}

/// An error with all its sources, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

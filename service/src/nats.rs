//! The connection to NATS: made in the background, made again for ever.

use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Event};

use crate::config::NatsConfig;
use crate::error::BoxError;

/// The address of NATS cannot be used at all. A server that does not answer is no error.
#[derive(Debug, thiserror::Error)]
#[error("nats cannot be reached at `{url}`")]
pub struct NatsError {
    url: String,
    #[source]
    source: BoxError,
}

/// Connects as `name` (`command_api`, `projector`, `query_bff`), whose inboxes start with `_INBOX_<name>`.
///
/// Returns at once: the first connection is tried in the background, and a lost one is made again for ever. Until then
/// publishes wait in a bounded buffer and then block, so callers put a limit on the time of whatever they await here.
pub async fn connect(config: &NatsConfig, name: &'static str) -> Result<Client, NatsError> {
    let mut options = ConnectOptions::new()
        .name(name)
        .custom_inbox_prefix(format!("_INBOX_{name}"))
        .retry_on_initial_connect()
        .max_reconnects(None)
        .connection_timeout(Duration::from_secs(3))
        .request_timeout(Some(Duration::from_secs(3)))
        .ping_interval(Duration::from_secs(5))
        .reconnect_delay_callback(|attempt| Duration::from_millis((50 * attempt as u64).min(1000)))
        .event_callback(move |event| async move { tell(name, &event) });
    if let (Some(user), Some(password)) = (&config.user, &config.password) {
        options = options.user_and_password(user.clone(), password.expose().to_owned());
    }
    let servers: Vec<String> = config.url.split(',').map(|url| url.trim().to_owned()).collect();
    options.connect(servers).await.map_err(|e| NatsError { url: config.url.clone(), source: e.into() })
}

/// Whether the connection stands now.
pub fn is_connected(client: &Client) -> bool {
    client.connection_state() == State::Connected
}

fn tell(name: &str, event: &Event) {
    match event {
        Event::Connected => tracing::info!(nats.login = name, "connected to nats"),
        Event::Disconnected | Event::LameDuckMode | Event::Draining | Event::Closed | Event::SlowConsumer(_) => {
            tracing::warn!(nats.login = name, %event, "the connection to nats changed");
        }
        Event::ServerError(_) => tracing::warn!(nats.login = name, %event, "nats refused something"),
        // One for every attempt to connect; `/admin/health` says that there is no connection.
        Event::ClientError(_) => tracing::debug!(nats.login = name, %event, "nats is not reached"),
    }
}

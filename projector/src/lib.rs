//! The projector: relays the log to JetStream, and folds events into the views in Elasticsearch.

mod admin;
mod ahead;
mod audit;
mod changes;
pub mod cli;
pub mod config;
mod control;
mod document;
mod elastic;
mod feed;
mod filling;
mod flight;
mod fold;
mod generation;
mod guards;
mod heal;
mod joins;
mod keys;
mod leader;
mod link;
mod listen;
mod log;
mod maker;
mod parked;
mod pending;
mod progress;
mod projecting;
mod refold;
mod refresh;
mod relay;
mod searchable;
mod session;
mod status;
#[cfg(test)]
mod testing;
mod views;
mod watermarks;
mod wholes;
mod worker;
mod writer;

use std::net::SocketAddr;
use std::sync::Arc;

use service::BoxError;
use service::config::Env;
use service::http::Shell;
use tokio::task::JoinHandle;

pub use config::Config;
pub use maker::{Made, Maker, NotFolded};

/// Bound of what a projector keeps in memory so that it need not be read again: documents, and ranges of the log.
pub const CACHE_BYTES: u64 = link::CACHE_BYTES + feed::RANGES_BYTES;

/// A running projector. Dropping it leaves its HTTP side running, but ends its work.
pub struct Server {
    /// Where its health report and metrics are.
    pub addr: SocketAddr,
    http: service::http::Server,
    work: JoinHandle<()>,
}

impl Server {
    /// Ends all work and the HTTP side. Whatever was in flight is done again by the next one.
    pub async fn stop(mut self) {
        self.work.abort();
        // Cancelled is what it is meant to be.
        let _ = (&mut self.work).await;
        self.http.stop().await;
    }

    /// Runs until SIGTERM or SIGINT.
    pub async fn wait(self) -> std::io::Result<()> {
        let ended = self.http.wait().await;
        self.stop().await;
        ended
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.work.abort();
    }
}

/// The process: settings from the environment, until it is asked to end.
pub async fn run() -> Result<(), BoxError> {
    let config = Config::from_env(Env::from_process())?;
    service::telemetry::init(&config.common.log);
    build(config).await?.wait().await?;
    Ok(())
}

/// Starts a projector. It is up as soon as it listens; the servers that it needs may come later.
pub async fn build(config: Config) -> Result<Server, BoxError> {
    let namespace = config.common.namespace.clone();
    let status = Arc::new(status::Status::new(views::selected(config.views.as_deref())));
    let log = log::Log::new(&config.database, &namespace)?;
    let elastic = elastic::Elastic::new(&config.elasticsearch)?;
    let client = service::nats::connect(&config.common.nats, "projector").await?;
    service::http::metrics_init();
    let report = admin::Report {
        client: client.clone(),
        log: log.clone(),
        elastic: elastic.clone(),
        status: Arc::clone(&status),
    };
    let shell = Shell::new("projector", env!("CARGO_PKG_VERSION"), Vec::new(), Arc::new(report), &[]).workers(1);
    let http = service::http::serve(config.common.bind, shell, |_| {}).await?;
    let session = session::Session {
        client,
        log,
        master: config.master_key,
        shared: link::Shared::new(elastic),
        namespace: namespace.clone(),
        stream_max_bytes: config.stream_max_bytes,
        audit_per_second: config.audit_per_second,
        status: Arc::clone(&status),
    };
    let work = tokio::spawn(leader::run(config.database, namespace.schema(), status, session));
    Ok(Server { addr: http.addr, http, work })
}

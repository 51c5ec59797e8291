//! The query service: reads the views in Elasticsearch for clients. It decides nothing, writes nothing, sees no event.

pub mod aggregate;
pub mod answer;
pub mod cache;
pub mod config;
pub mod cursor;
pub mod es;
pub mod export;
pub mod facets;
pub mod freshness;
mod health;
pub mod live;
pub mod page;
mod pages;
pub mod params;
pub mod query;
pub mod reads;
mod refusal;
pub mod request;
#[cfg(test)]
mod rights;
pub mod routes;
pub mod saved_filters;
pub mod signed;
pub mod view;
pub mod watermarks;
pub mod who;

use std::sync::Arc;

use actix_web::web::Data;
use event_schema::names::Namespace;
use service::error::BoxError;
use service::http::{Server, Shell, serve};
use service::nats;
use service::sessions::Sessions;

pub use config::Config;

/// What the handlers share.
pub struct App {
    /// Keeps this system's names apart.
    pub namespace: Namespace,
    /// Who asks.
    pub sessions: Sessions,
    /// The views.
    pub elastic: es::Elastic,
    /// What was answered already.
    pub answers: cache::Answers,
    /// How far they are.
    pub freshness: Arc<freshness::Freshness>,
    /// Those who read live.
    pub live: Live,
    /// How many exports run.
    pub exports: export::places::Places,
    /// Takes the writes.
    pub command_api: who::CommandApi,
    /// Signs what clients carry for us.
    pub signer: signed::Signer,
}

/// What live reads share.
pub struct Live {
    /// What changes in each view.
    pub feeds: live::feed::Feeds,
    /// How many may read.
    pub seats: Arc<live::seats::Seats>,
}

/// Starts the service. It needs none of its servers for that: what is missing shows in `/admin/health` and in answers.
pub async fn build(config: Config) -> Result<Server, BoxError> {
    let namespace = config.common.namespace.clone();
    let client = nats::connect(&config.common.nats, "query_bff").await?;
    let command_api = who::CommandApi::new(client.clone(), namespace.clone());
    let app = Data::new(App {
        sessions: who::sessions(&command_api),
        answers: cache::Answers::new(config.answer_bytes),
        elastic: es::Elastic::new(&config.elasticsearch)?,
        freshness: freshness::Freshness::new(client.clone(), namespace.clone(), config.patience),
        live: Live {
            feeds: live::feed::Feeds::new(client.clone(), namespace.clone(), config.live_bytes),
            seats: live::seats::Seats::new(config.live_readers, config.live_of_each),
        },
        exports: export::places::Places::default(),
        command_api,
        signer: config.signer,
        namespace,
    });
    let health = Arc::new(health::BffHealth::new(app.clone(), client));
    let shell = Shell::new("query-bff", env!("CARGO_PKG_VERSION"), routes::operations(), health, &[routes::PREFIX])
        .cors_origins(&config.common.cors_origins)
        // Nobody's search keeps Elasticsearch busy, and nobody's live read keeps its seat.
        .ends_with_client()
        .files(pages::FILES);
    Ok(serve(config.common.bind, shell, move |cfg| routes::configure(cfg, &app)).await?)
}

//! What servers that run elsewhere must be able to do, and must refuse. Every check asks with the login that it is
//! about; what a check makes it removes again.

mod elasticsearch;
mod nats;
mod postgres;

use std::path::Path;

use crate::error::Result;
use crate::external::{Access, External};
use crate::status::Connections;
use crate::unit::{Server, Service};

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is so.
    Fine,
    /// It cannot be told before something else is done: what.
    Later(String),
    /// It is not so: what to do.
    Missing(String),
}

/// One thing that must be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Where.
    pub server: Server,
    /// What must be so, and for whom.
    pub what: String,
    /// Whether it is.
    pub outcome: Outcome,
}

impl Check {
    fn new(server: Server, what: impl Into<String>, outcome: Outcome) -> Self {
        Self { server, what: what.into(), outcome }
    }

    /// `remedy` is said when it is not so.
    fn that(holds: bool, server: Server, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(server, what, if holds { Outcome::Fine } else { Outcome::Missing(remedy.into()) })
    }
}

/// Checks every server that runs elsewhere. `postgres` is the folder of PostgreSQL's tools.
pub fn all(external: &External, postgres: &Path) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(database) = &external.postgres {
        checks.extend(postgres::all(database, postgres));
    }
    if let Some(messages) = &external.nats {
        checks.extend(nats::all(messages));
    }
    if let Some(search) = &external.elasticsearch {
        checks.extend(elasticsearch::all(search));
    }
    checks
}

/// How many documents a view holds, asked with the projector's login.
pub fn documents(connections: &Connections, view: &str) -> Result<u64> {
    let access = Access {
        url: connections.elasticsearch.clone(),
        login: connections.credentials.elasticsearch.projector.clone(),
    };
    elasticsearch::documents(&access, view)
}

/// Whether a server that runs elsewhere answers: the reason when it does not.
pub fn reach(external: &External, server: Server, postgres: &Path) -> Result<()> {
    match server {
        Server::Postgres => external.postgres.iter().try_for_each(|one| postgres::reach(&one.owner, postgres)),
        Server::Nats => external.nats.iter().try_for_each(|one| nats::reach(one.of(Service::Projector))),
        Server::Elasticsearch => external.elasticsearch.iter().try_for_each(|one| elasticsearch::reach(&one.projector)),
    }
}

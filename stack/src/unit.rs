//! The six processes of a stack.

use std::fmt;
use std::path::{Path, PathBuf};

/// One of the six, in the order in which they start; they stop in the reverse order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// PostgreSQL.
    Postgres,
    /// NATS with JetStream.
    Nats,
    /// Elasticsearch.
    Elasticsearch,
    /// The service that writes.
    CommandApi,
    /// The service that relays and folds.
    Projector,
    /// The service that reads.
    QueryBff,
}

impl Unit {
    /// The servers, which are not ours.
    pub const SERVERS: [Self; 3] = [Self::Postgres, Self::Nats, Self::Elasticsearch];
    /// The services, which are.
    pub const SERVICES: [Self; 3] = [Self::CommandApi, Self::Projector, Self::QueryBff];

    /// All six, in order.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        Self::SERVERS.into_iter().chain(Self::SERVICES)
    }

    /// The name in logs, files and messages; of a service also its program's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Nats => "nats",
            Self::Elasticsearch => "elasticsearch",
            Self::CommandApi => "command-api",
            Self::Projector => "projector",
            Self::QueryBff => "query-bff",
        }
    }

    /// The name in JSON.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Nats => "nats",
            Self::Elasticsearch => "elasticsearch",
            Self::CommandApi => "commandApi",
            Self::Projector => "projector",
            Self::QueryBff => "queryBff",
        }
    }

    /// What its processes are called, to find those that outlive it.
    pub const fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["postgres"],
            Self::Nats => &["nats-server"],
            Self::Elasticsearch => &["java"],
            Self::CommandApi => &["command-api"],
            Self::Projector => &["projector"],
            Self::QueryBff => &["query-bff"],
        }
    }

    /// Its working folder in a run folder.
    pub fn folder(self, run: &Path) -> PathBuf {
        run.join(self.name())
    }

    /// Its log in a run folder.
    pub fn log(self, run: &Path) -> PathBuf {
        run.join("logs").join(format!("{}.log", self.name()))
    }

    /// Where its process is noted in a run folder.
    pub fn pid_file(self, run: &Path) -> PathBuf {
        run.join("pids").join(format!("{}.json", self.name()))
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

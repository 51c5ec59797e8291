//! The six processes of a stack: three servers, which are not ours, and three services, which are.

use std::fmt;
use std::path::{Path, PathBuf};

/// A server, in the order in which they start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Server {
    /// PostgreSQL.
    Postgres,
    /// NATS with JetStream.
    Nats,
    /// Elasticsearch.
    Elasticsearch,
}

/// A service, in the order in which they start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Writes.
    CommandApi,
    /// Relays and folds.
    Projector,
    /// Reads.
    QueryBff,
}

/// One of the six. They stop in the reverse of the order in which they start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// One of the servers.
    Server(Server),
    /// One of the services.
    Service(Service),
}

impl Server {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Postgres, Self::Nats, Self::Elasticsearch];
}

impl Service {
    /// All three.
    pub const ALL: [Self; 3] = [Self::CommandApi, Self::Projector, Self::QueryBff];
}

impl From<Server> for Unit {
    fn from(server: Server) -> Self {
        Self::Server(server)
    }
}

impl From<Service> for Unit {
    fn from(service: Service) -> Self {
        Self::Service(service)
    }
}

impl Unit {
    /// All six, in order.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        Server::ALL.into_iter().map(Self::from).chain(Service::ALL.into_iter().map(Self::from))
    }

    /// The name in logs, files and messages; of a service also its program's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server(Server::Postgres) => "postgres",
            Self::Server(Server::Nats) => "nats",
            Self::Server(Server::Elasticsearch) => "elasticsearch",
            Self::Service(Service::CommandApi) => "command-api",
            Self::Service(Service::Projector) => "projector",
            Self::Service(Service::QueryBff) => "query-bff",
        }
    }

    /// The name in JSON.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Server(_) | Self::Service(Service::Projector) => self.name(),
            Self::Service(Service::CommandApi) => "commandApi",
            Self::Service(Service::QueryBff) => "queryBff",
        }
    }

    /// What the file is called that its processes run, to find those that outlive it.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Server(Server::Postgres) | Self::Service(_) => self.name(),
            Self::Server(Server::Nats) => "nats-server",
            Self::Server(Server::Elasticsearch) => "java",
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

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Unit::from(*self).fmt(f)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Unit::from(*self).fmt(f)
    }
}

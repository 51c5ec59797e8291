//! Servers that run elsewhere: used instead of our own when their URLs are in the environment, one per service and
//! server, each with its login. They are never started, stopped or emptied by us.

use std::collections::BTreeMap;
use std::net::{TcpStream, ToSocketAddrs as _};

use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Result};
use crate::status::Login;
use crate::unit::{Server, Service};
use crate::url::Url;

/// Both are the same.
const POSTGRES_SCHEMES: &[&str] = &["postgres", "postgresql"];

/// What the names of all these variables begin with.
pub const PREFIX: &str = "WECHESS_EXTERNAL_";

/// The master key of the log in a PostgreSQL that runs elsewhere; the run folder's own if it is not given.
pub const MASTER_KEY: &str = "WECHESS_EXTERNAL_MASTER_KEY";

const OWNER_DATABASE: &str = "WECHESS_EXTERNAL_OWNER_DATABASE_URL";
const COMMAND_API_DATABASE: &str = "WECHESS_EXTERNAL_COMMAND_API_DATABASE_URL";
const PROJECTOR_DATABASE: &str = "WECHESS_EXTERNAL_PROJECTOR_DATABASE_URL";
const COMMAND_API_NATS: &str = "WECHESS_EXTERNAL_COMMAND_API_NATS_URL";
const PROJECTOR_NATS: &str = "WECHESS_EXTERNAL_PROJECTOR_NATS_URL";
const QUERY_BFF_NATS: &str = "WECHESS_EXTERNAL_QUERY_BFF_NATS_URL";
const PROJECTOR_ELASTICSEARCH: &str = "WECHESS_EXTERNAL_PROJECTOR_ELASTICSEARCH_URL";
const QUERY_BFF_ELASTICSEARCH: &str = "WECHESS_EXTERNAL_QUERY_BFF_ELASTICSEARCH_URL";

/// The variables that a server needs, all or none.
pub const fn variables(server: Server) -> &'static [&'static str] {
    match server {
        Server::Postgres => &[OWNER_DATABASE, COMMAND_API_DATABASE, PROJECTOR_DATABASE],
        Server::Nats => &[COMMAND_API_NATS, PROJECTOR_NATS, QUERY_BFF_NATS],
        Server::Elasticsearch => &[PROJECTOR_ELASTICSEARCH, QUERY_BFF_ELASTICSEARCH],
    }
}

/// One service's way into a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The address, without the login.
    pub url: String,
    /// The login.
    pub login: Login,
}

/// PostgreSQL's URLs, with their logins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// The owner: migrations.
    pub owner: String,
    /// command-api.
    pub command_api: String,
    /// projector.
    pub projector: String,
    /// Wraps the keys that are in this database already.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub master_key: Option<String>,
}

impl Database {
    /// Where it is, without a login.
    pub fn place(&self) -> String {
        Url::parse(&self.owner, POSTGRES_SCHEMES, 5432).map_or_else(|_| String::new(), |url| url.bare())
    }
}

/// NATS, as each service reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Messages {
    /// command-api.
    pub command_api: Access,
    /// projector.
    pub projector: Access,
    /// query-bff.
    pub query_bff: Access,
}

impl Messages {
    /// As this service reaches it.
    pub fn of(&self, service: Service) -> &Access {
        match service {
            Service::CommandApi => &self.command_api,
            Service::Projector => &self.projector,
            Service::QueryBff => &self.query_bff,
        }
    }
}

/// Elasticsearch, as each service reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Search {
    /// projector.
    pub projector: Access,
    /// query-bff.
    pub query_bff: Access,
}

/// The servers that run elsewhere; none as a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// PostgreSQL.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub postgres: Option<Database>,
    /// NATS.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub nats: Option<Messages>,
    /// Elasticsearch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub elasticsearch: Option<Search>,
}

impl External {
    /// Those that the environment names. One error tells all that is wrong or missing.
    pub fn from_env() -> Result<Self> {
        let text = |text: std::ffi::OsString| text.into_string().ok();
        Self::from_pairs(std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))))
    }

    /// Those that these variables name.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let given = pairs.into_iter().filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty());
        let mut reader = Reader { given: given.collect(), faults: Vec::new() };
        reader.check_names();
        let external = Self {
            postgres: reader.all_of(Server::Postgres).then(|| reader.database()),
            nats: reader.all_of(Server::Nats).then(|| Messages {
                command_api: reader.access(COMMAND_API_NATS, "nats", 4222),
                projector: reader.access(PROJECTOR_NATS, "nats", 4222),
                query_bff: reader.access(QUERY_BFF_NATS, "nats", 4222),
            }),
            elasticsearch: reader.all_of(Server::Elasticsearch).then(|| Search {
                projector: reader.access(PROJECTOR_ELASTICSEARCH, "http", 9200),
                query_bff: reader.access(QUERY_BFF_ELASTICSEARCH, "http", 9200),
            }),
        };
        if reader.faults.is_empty() {
            return Ok(external);
        }
        Err(Error::new(format!("servers that run elsewhere:\n  {}", reader.faults.join("\n  "))))
    }

    /// Whether this server runs elsewhere.
    pub fn has(&self, server: Server) -> bool {
        match server {
            Server::Postgres => self.postgres.is_some(),
            Server::Nats => self.nats.is_some(),
            Server::Elasticsearch => self.elasticsearch.is_some(),
        }
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.servers().next().is_none()
    }

    /// Those that run elsewhere.
    pub fn servers(&self) -> impl Iterator<Item = Server> {
        Server::ALL.into_iter().filter(|server| self.has(*server))
    }

    /// What it takes to empty them, for one who may: we never do.
    pub fn how_to_empty(&self) -> String {
        let how = |server| match server {
            Server::Postgres => "postgres: `drop schema wechess cascade` as the owner",
            Server::Nats => "nats: `nats stream rm wechess_events` and `nats kv del wechess_watermarks`",
            Server::Elasticsearch => "elasticsearch: DELETE every index `wechess_*`",
        };
        self.servers().map(how).collect::<Vec<_>>().join("; ")
    }
}

/// Reads variables and remembers every fault.
struct Reader {
    given: BTreeMap<String, String>,
    faults: Vec<String>,
}

impl Reader {
    fn check_names(&mut self) {
        let known = |name: &str| name == MASTER_KEY || Server::ALL.iter().any(|one| variables(*one).contains(&name));
        let unknown: Vec<&String> = self.given.keys().filter(|name| !known(name)).collect();
        let faults = unknown.iter().map(|name| format!("{name} is not known: the names stand in docs/operations.md"));
        self.faults.extend(faults);
    }

    /// Whether the server runs elsewhere: all of its variables must be given then.
    fn all_of(&mut self, server: Server) -> bool {
        let (there, lacking): (Vec<&str>, Vec<&str>) =
            variables(server).iter().partition(|name| self.given.contains_key(**name));
        if let (Some(given), false) = (there.first(), lacking.is_empty()) {
            self.faults.extend(
                lacking.iter().map(|name| format!("{name} is missing ({given} is given: {server} runs elsewhere)")),
            );
        }
        !there.is_empty() && lacking.is_empty()
    }

    fn parsed(&mut self, name: &str, schemes: &[&str], port: u16) -> Option<Url> {
        let text = self.given.get(name).cloned().unwrap_or_default();
        Url::parse(&text, schemes, port).map_err(|error| self.faults.push(format!("{name} {error}"))).ok()
    }

    fn access(&mut self, name: &str, scheme: &str, port: u16) -> Access {
        let empty = || Access { url: String::new(), login: Login { user: String::new(), password: String::new() } };
        let parsed = self.parsed(name, &[scheme], port);
        parsed.map_or_else(empty, |url| Access { url: url.bare().trim_end_matches('/').to_owned(), login: url.login })
    }

    fn database(&mut self) -> Database {
        for name in variables(Server::Postgres) {
            if self.parsed(name, POSTGRES_SCHEMES, 5432).is_some_and(|url| url.rest.len() < 2) {
                self.faults.push(format!("{name} names no database: postgres://user:password@host:port/database"));
            }
        }
        let text = |name: &str| self.given.get(name).cloned().unwrap_or_default();
        Database {
            owner: text(OWNER_DATABASE),
            command_api: text(COMMAND_API_DATABASE),
            projector: text(PROJECTOR_DATABASE),
            master_key: self.given.get(MASTER_KEY).cloned(),
        }
    }
}

/// Connects to a server, within the time limit.
pub fn connect(host: &str, port: u16, limit: std::time::Duration) -> Result<TcpStream> {
    let what = || format!("cannot reach {host}:{port}");
    let mut last = None;
    for address in (host, port).to_socket_addrs().context(what)? {
        match TcpStream::connect_timeout(&address, limit) {
            Ok(stream) => {
                stream.set_read_timeout(Some(limit)).context(what)?;
                stream.set_write_timeout(Some(limit)).context(what)?;
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(Error::new(last.map_or_else(what, |error| format!("{}: {error}", what()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let pair = |line: &str| line.split_once('=').map(|(name, value)| (format!("{PREFIX}{name}"), value.to_owned()));
        text.lines().filter_map(|line| pair(line.trim())).collect()
    }

    #[test]
    fn any_of_the_servers_may_run_elsewhere() {
        assert_eq!(External::from_pairs(pairs("")).unwrap(), External::default());
        let external = External::from_pairs(pairs(
            "PROJECTOR_ELASTICSEARCH_URL=http://writer:w@search:9201
             QUERY_BFF_ELASTICSEARCH_URL=http://reader:r@search:9201/",
        ))
        .unwrap();
        assert_eq!(external.servers().collect::<Vec<_>>(), [Server::Elasticsearch]);
        let reader = external.elasticsearch.unwrap().query_bff;
        assert_eq!((reader.url.as_str(), reader.login.user.as_str()), ("http://search:9201", "reader"));
    }

    #[test]
    fn everything_that_lacks_or_is_wrong_is_one_error() {
        let error = External::from_pairs(pairs(
            "COMMAND_API_DATABASE_URL=postgres://c:hunter2@db/wechess
             PROJECTOR_NATS_URL=nats://projector:hunter2@bus
             COMMAND_API_NATS_URL=nats://command_api@bus
             QUERY_BFF_DATABASE_URL=postgres://q:hunter2@db/wechess
             PROJECTOR_ELASTICSEARCH_URL=https://w:hunter2@search
             QUERY_BFF_ELASTICSEARCH_URL=http://r:hunter2@search",
        ))
        .unwrap_err()
        .to_string();
        for part in [
            "QUERY_BFF_DATABASE_URL is not known",
            "OWNER_DATABASE_URL is missing",
            "PROJECTOR_DATABASE_URL is missing",
            "QUERY_BFF_NATS_URL is missing",
            "PROJECTOR_ELASTICSEARCH_URL is not of the form http://",
        ] {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_database_must_be_named() {
        let error = External::from_pairs(pairs(
            "OWNER_DATABASE_URL=postgres://o:p@db
             COMMAND_API_DATABASE_URL=postgres://c:p@db/wechess
             PROJECTOR_DATABASE_URL=postgres://p:p@db/wechess",
        ))
        .unwrap_err();
        assert!(error.to_string().contains("OWNER_DATABASE_URL names no database"), "{error}");
    }
}

//! What a stack says about itself, in JSON.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::external::{Access, External};
use crate::ports::Ports;
use crate::secrets::Secrets;
use crate::servers::postgres;

/// The e-mail address of the superAdmin that command-api makes at its first start.
pub const SUPER_ADMIN: &str = "superadmin@wechess.example";

/// A user name with its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

/// An e-mail address with its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuperAdmin {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
}

/// PostgreSQL's URLs, one for each role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseUrls {
    /// The superuser `postgres`, for the stack and its tests only.
    pub admin: String,
    /// The owner of database and schema: migrations.
    pub owner: String,
    /// command-api.
    pub command_api: String,
    /// projector.
    pub projector: String,
}

/// The logins of one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Logins {
    /// May do everything, for the stack and its tests only.
    pub admin: Login,
    /// command-api; it has none in Elasticsearch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub command_api: Option<Login>,
    /// projector.
    pub projector: Login,
    /// query-bff.
    pub query_bff: Login,
}

/// All that is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// PostgreSQL.
    pub database_urls: DatabaseUrls,
    /// NATS.
    pub nats: Logins,
    /// Elasticsearch.
    pub elasticsearch: Logins,
    /// Wraps data keys and signing keys.
    pub master_key: String,
    /// Signs the cursors of query-bff.
    #[serde(default)]
    pub cursor_key: String,
}

/// Everything that one needs to use three servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connections {
    /// The run folder.
    pub folder: PathBuf,
    /// PostgreSQL's URL, without a login.
    pub postgres: String,
    /// NATS's URL.
    pub nats: String,
    /// Elasticsearch's URL.
    pub elasticsearch: String,
    /// Elasticsearch's version.
    pub elasticsearch_version: String,
    /// The superAdmin.
    pub super_admin: SuperAdmin,
    /// The logins. Where a server runs elsewhere: those that were given; nobody gave us its admin's, so that of
    /// PostgreSQL is the owner's and the others are the projector's.
    pub credentials: Credentials,
    /// The servers that run elsewhere.
    #[serde(skip_serializing_if = "External::is_empty", default)]
    pub external: External,
}

/// What `cargo dev test` writes for the tests, to the file named by `WECHESS_TEST_STACK`.
pub type TestStack = Connections;

/// What `cargo dev status --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Whether all three services say that they are.
    pub ready: bool,
    /// command-api's URL.
    pub command_api: String,
    /// query-bff's URL.
    pub query_bff: String,
    /// The URL of projector's admin.
    pub projector: String,
    /// The six processes that run at this moment, by their names in JSON.
    pub pids: BTreeMap<String, u32>,
    /// The process that keeps them running.
    pub supervisor: Option<u32>,
    /// The servers.
    #[serde(flatten)]
    pub connections: Connections,
}

impl Connections {
    /// From what the run folder keeps.
    pub fn new(run: &Path, ports: &Ports, secrets: &Secrets, elasticsearch_version: &str) -> Self {
        let login = |user: &str, password: &String| Login { user: user.to_owned(), password: password.clone() };
        let url = |role, password| postgres::url(ports.postgres, role, password);
        Self {
            folder: run.to_path_buf(),
            postgres: format!("postgres://127.0.0.1:{}/{}", ports.postgres, postgres::DATABASE),
            nats: format!("nats://127.0.0.1:{}", ports.nats),
            elasticsearch: format!("http://127.0.0.1:{}", ports.elasticsearch),
            elasticsearch_version: elasticsearch_version.to_owned(),
            super_admin: SuperAdmin { email: SUPER_ADMIN.to_owned(), password: secrets.super_admin.clone() },
            credentials: Credentials {
                database_urls: DatabaseUrls {
                    admin: url("postgres", &secrets.postgres_admin),
                    owner: url("wechess_owner", &secrets.postgres_owner),
                    command_api: url("wechess_command_api", &secrets.postgres_command_api),
                    projector: url("wechess_projector", &secrets.postgres_projector),
                },
                nats: Logins {
                    admin: login("admin", &secrets.nats_admin),
                    command_api: Some(login("command_api", &secrets.nats_command_api)),
                    projector: login("projector", &secrets.nats_projector),
                    query_bff: login("query_bff", &secrets.nats_query_bff),
                },
                elasticsearch: Logins {
                    admin: login("wechess_admin", &secrets.elasticsearch_admin),
                    command_api: None,
                    projector: login("wechess_projector", &secrets.elasticsearch_projector),
                    query_bff: login("wechess_query_bff", &secrets.elasticsearch_query_bff),
                },
                master_key: secrets.master_key.clone(),
                cursor_key: secrets.cursor_key.clone(),
            },
            external: External::default(),
        }
    }

    /// The same with the servers that run elsewhere.
    pub fn with(mut self, external: &External) -> Self {
        let known = &mut self.credentials;
        let login = |access: &Access| access.login.clone();
        if let Some(database) = &external.postgres {
            let (owner, command_api, projector) =
                (database.owner.clone(), database.command_api.clone(), database.projector.clone());
            self.postgres = database.place();
            known.database_urls = DatabaseUrls { admin: owner.clone(), owner, command_api, projector };
            known.master_key = database.master_key.clone().unwrap_or_else(|| known.master_key.clone());
        }
        if let Some(messages) = &external.nats {
            self.nats.clone_from(&messages.projector.url);
            known.nats = Logins {
                admin: login(&messages.projector),
                command_api: Some(login(&messages.command_api)),
                projector: login(&messages.projector),
                query_bff: login(&messages.query_bff),
            };
        }
        if let Some(search) = &external.elasticsearch {
            self.elasticsearch.clone_from(&search.projector.url);
            known.elasticsearch = Logins {
                admin: login(&search.projector),
                command_api: None,
                projector: login(&search.projector),
                query_bff: login(&search.query_bff),
            };
        }
        self.external = external.clone();
        self
    }
}

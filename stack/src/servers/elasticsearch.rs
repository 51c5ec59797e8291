//! Elasticsearch: users of the file realm, strict about indexes that nobody made.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::Place;
use crate::error::{Context, Result};
use crate::keeper::Spec;
use crate::machine::Jdk;
use crate::unit::{Server, Unit};
use crate::{files, secrets, secrets::Secrets};

const ROLES: &str = "\
wechess_writer:
  cluster: [monitor]
  indices:
    - names: ['wechess*']
      privileges: [all]
wechess_reader:
  cluster: [monitor]
  indices:
    - names: ['wechess*']
      privileges: [read, view_index_metadata]
";

const USERS_ROLES: &str = "\
superuser:wechess_admin
wechess_writer:wechess_projector
wechess_reader:wechess_query_bff
";

/// Good for a test: the passwords are 128 random bits, so that a slow hash would protect nothing.
const HASH_COST: u32 = 4;

/// What one Elasticsearch runs with.
#[derive(Debug, Clone)]
pub struct Java<'a> {
    /// The version of Elasticsearch.
    pub version: &'a str,
    /// The JDK.
    pub jdk: &'a Jdk,
    /// The heap, in MB.
    pub heap_mb: u32,
    /// Whether a quick start matters more than speed later.
    pub brief: bool,
}

/// Writes the configuration and says how to run the server.
pub fn prepare(place: &Place<'_>, distribution: &Path, ports: (u16, u16), java: &Java<'_>) -> Result<Spec> {
    let run = place.run;
    let unit = Unit::from(Server::Elasticsearch);
    let folder = unit.folder(run);
    for inside in ["", "config", "logs", "tmp"] {
        files::make_server_folder(&folder.join(inside))?;
    }
    forget_other_version(&folder, java.version)?;
    files::make_server_folder(&folder.join("data"))?;
    configure(&folder, distribution, ports, place.secrets)?;
    // Only the quick one of Java's two compilers: on two cores the other one costs more than such a short life returns.
    let compiler = if java.brief { " -XX:TieredStopAtLevel=1" } else { "" };
    let environment = [
        ("HOME", folder.display().to_string()),
        ("ES_PATH_CONF", folder.join("config").display().to_string()),
        ("ES_TMPDIR", folder.join("tmp").display().to_string()),
        ("ES_JAVA_HOME", java.jdk.home.display().to_string()),
        ("ES_JAVA_OPTS", format!("-Xms{0}m -Xmx{0}m{compiler}", java.heap_mb)),
        ("CLI_JAVA_OPTS", "-XX:-UsePerfData -XX:TieredStopAtLevel=1".to_owned()),
    ];
    Ok(Spec {
        name: unit.name(),
        program: distribution.join("bin/elasticsearch"),
        arguments: Vec::new(),
        environment: environment.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        folder,
        log: unit.log(run),
        pid_file: unit.pid_file(run),
        unprivileged: true,
        stop_signal: Signal::TERM,
        leftover: unit.program(),
    })
}

/// An older Elasticsearch does not read a newer one's data; the views are rebuilt from the log anyway.
fn forget_other_version(folder: &Path, version: &str) -> Result<()> {
    let path = folder.join("version");
    if fs::read_to_string(&path).is_ok_and(|kept| kept != version) {
        files::remove_folder(&folder.join("data"))?;
    }
    files::write_private(&path, version.as_bytes())
}

fn configure(folder: &Path, distribution: &Path, ports: (u16, u16), secrets: &Secrets) -> Result<()> {
    let config = folder.join("config");
    for copied in ["log4j2.properties", "role_mapping.yml"] {
        files::write_for_servers(&config.join(copied), &files::read(&distribution.join("config").join(copied))?)?;
    }
    // Its log of garbage collections may grow to 2 GB.
    let jvm = files::read(&distribution.join("config/jvm.options"))?;
    let jvm: String = jvm.lines().filter(|line| !line.contains("-Xlog:gc")).map(|line| format!("{line}\n")).collect();
    files::write_for_servers(&config.join("jvm.options"), &format!("{jvm}-XX:-UsePerfData\n"))?;
    files::write_for_servers(&config.join("elasticsearch.yml"), &settings(folder, ports))?;
    files::write_for_servers(&config.join("roles.yml"), ROLES)?;
    files::write_for_servers(&config.join("users"), &users(secrets)?)?;
    files::write_for_servers(&config.join("users_roles"), USERS_ROLES)
}

/// The text of `elasticsearch.yml`. One unknown setting, and it does not start.
fn settings(folder: &Path, (http, transport): (u16, u16)) -> String {
    let folder = folder.display();
    format!(
        "cluster.name: wechess\n\
         node.name: wechess-1\n\
         discovery.type: single-node\n\
         network.host: 127.0.0.1\n\
         http.port: {http}\n\
         transport.port: {transport}\n\
         path.data: \"{folder}/data\"\n\
         path.logs: \"{folder}/logs\"\n\
         action.auto_create_index: false\n\
         cluster.routing.allocation.disk.threshold_enabled: false\n\
         cluster.max_shards_per_node: 5000\n\
         xpack.security.enabled: true\n\
         xpack.security.http.ssl.enabled: false\n\
         xpack.security.transport.ssl.enabled: false\n"
    )
}

/// The file realm's users, with hashes of our own: its tool takes 3 s for each.
fn users(secrets: &Secrets) -> Result<String> {
    let mut text = String::new();
    for (user, password) in [
        ("wechess_admin", &secrets.elasticsearch_admin),
        ("wechess_projector", &secrets.elasticsearch_projector),
        ("wechess_query_bff", &secrets.elasticsearch_query_bff),
    ] {
        let hash = bcrypt::hash_with_salt(password, HASH_COST, secrets::random()?)
            .context(|| format!("cannot hash the password of {user}"))?;
        text.push_str(&format!("{user}:{}\n", hash.format_for_version(bcrypt::Version::TwoA)));
    }
    Ok(text)
}

/// Whether the cluster answers and has what it needs.
pub fn is_ready(port: u16, password: &str) -> bool {
    use base64::Engine as _;
    let login = base64::engine::general_purpose::STANDARD.encode(format!("wechess_admin:{password}"));
    let ask = || -> Result<Value, ureq::Error> {
        let url = format!("http://127.0.0.1:{port}/_cluster/health?wait_for_status=yellow&timeout=1s");
        let agent: ureq::Agent =
            ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(3))).build().into();
        agent.get(url).header("Authorization", format!("Basic {login}")).call()?.body_mut().read_json()
    };
    ask().is_ok_and(|health| matches!(health["status"].as_str(), Some("yellow" | "green")))
}

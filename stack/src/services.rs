//! The three services: how they are built, what they are told, when they are ready.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::error::{Context, Error, Result};
use crate::external::{Access, Search};
use crate::files;
use crate::keeper::Spec;
use crate::ports::Ports;
use crate::status::{Connections, Login};
use crate::unit::{Service, Unit};

/// The port of one of the services.
pub const fn port(service: Service, ports: &Ports) -> u16 {
    match service {
        Service::CommandApi => ports.command_api,
        Service::Projector => ports.projector,
        Service::QueryBff => ports.query_bff,
    }
}

/// How to run a service. `extra` comes last and may replace a variable.
pub fn spec(
    service: Service,
    binaries: &Path,
    ports: &Ports,
    connections: &Connections,
    extra: &[(String, String)],
) -> Result<Spec> {
    let run = &connections.folder;
    let unit = Unit::from(service);
    let folder = unit.folder(run);
    files::make_folder(&folder)?;
    let mut environment = environment(service, ports, connections);
    environment.extend_from_slice(extra);
    Ok(Spec {
        name: unit.name(),
        program: binaries.join(unit.name()),
        arguments: Vec::new(),
        environment,
        folder,
        log: unit.log(run),
        pid_file: unit.pid_file(run),
        unprivileged: false,
        stop_signal: Signal::TERM,
        leftover: unit.program(),
    })
}

/// All variables of a service, each with its own logins and no others.
pub fn environment(service: Service, ports: &Ports, connections: &Connections) -> Vec<(String, String)> {
    let (credentials, elsewhere) = (&connections.credentials, &connections.external);
    let search = |of: fn(&Search) -> &Access| {
        elsewhere.elasticsearch.as_ref().map_or(&connections.elasticsearch, |search| &of(search).url).clone()
    };
    let mut variables = vec![
        ("WECHESS_BIND", format!("127.0.0.1:{}", port(service, ports))),
        ("WECHESS_LOG", log_filter()),
        ("WECHESS_DEVELOPMENT", "true".to_owned()),
        ("WECHESS_NATS_URL", elsewhere.nats.as_ref().map_or(&connections.nats, |nats| &nats.of(service).url).clone()),
    ];
    let mut nats = |login: &Login| {
        variables.push(("WECHESS_NATS_USER", login.user.clone()));
        variables.push(("WECHESS_NATS_PASSWORD", login.password.clone()));
    };
    let elasticsearch = |url: String, login: &Login| {
        [
            ("WECHESS_ELASTICSEARCH_URL", url),
            ("WECHESS_ELASTICSEARCH_USER", login.user.clone()),
            ("WECHESS_ELASTICSEARCH_PASSWORD", login.password.clone()),
        ]
    };
    match service {
        Service::CommandApi => {
            credentials.nats.command_api.iter().for_each(&mut nats);
            variables.extend([
                ("WECHESS_DATABASE_URL", credentials.database_urls.command_api.clone()),
                ("WECHESS_MASTER_KEY", credentials.master_key.clone()),
                ("WECHESS_SUPERADMIN_EMAIL", connections.super_admin.email.clone()),
                ("WECHESS_SUPERADMIN_PASSWORD", connections.super_admin.password.clone()),
                ("WECHESS_RATE_LIMITS", "loopback-off".to_owned()),
                ("WECHESS_CORS_ORIGINS", origins(ports)),
            ]);
        }
        Service::Projector => {
            nats(&credentials.nats.projector);
            variables.extend([
                ("WECHESS_DATABASE_URL", credentials.database_urls.projector.clone()),
                ("WECHESS_MASTER_KEY", credentials.master_key.clone()),
            ]);
            variables.extend(elasticsearch(search(|one| &one.projector), &credentials.elasticsearch.projector));
        }
        Service::QueryBff => {
            nats(&credentials.nats.query_bff);
            variables.extend([
                ("WECHESS_CORS_ORIGINS", origins(ports)),
                ("WECHESS_CURSOR_KEY", credentials.cursor_key.clone()),
            ]);
            variables.extend(elasticsearch(search(|one| &one.query_bff), &credentials.elasticsearch.query_bff));
        }
    }
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The pages of one service may call the other.
fn origins(ports: &Ports) -> String {
    let hosts = |port: u16| [format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}")];
    [hosts(ports.command_api), hosts(ports.query_bff)].concat().join(",")
}

fn log_filter() -> String {
    std::env::var("WECHESS_LOG").ok().filter(|filter| !filter.is_empty()).unwrap_or_else(|| "info".to_owned())
}

/// Brings the database up to date with the owner's login.
pub fn migrate(binaries: &Path, connections: &Connections) -> Result<()> {
    let mut command = Command::new(binaries.join(Unit::from(Service::CommandApi).name()));
    command
        .arg("migrate")
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("WECHESS_LOG", log_filter())
        .env("WECHESS_OWNER_DATABASE_URL", &connections.credentials.database_urls.owner)
        .stdin(Stdio::null());
    let output = command.output().context(|| format!("cannot run {:?}", command.get_program()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(Error::new(format!("command-api migrate failed:\n{}", String::from_utf8_lossy(&said).trim())))
}

/// Whether a service says that it and all that it depends on can work.
pub fn is_ready(url: &str) -> bool {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(3))).build().into();
    agent.get(format!("{url}/admin/health")).call().is_ok_and(|answer| answer.status() == 200)
}

/// The folder of the checkout that this program was built from.
pub fn workspace() -> PathBuf {
    let stack = Path::new(env!("CARGO_MANIFEST_DIR"));
    stack.parent().unwrap_or(stack).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Secrets;

    #[test]
    fn each_service_gets_its_own_logins_only() {
        let folder = std::env::temp_dir().join(format!("wechess-services-{}", std::process::id()));
        files::make_folder(&folder).unwrap();
        let secrets = Secrets::load_or_make(&folder).unwrap();
        files::remove_folder(&folder).unwrap();
        let ports = Ports { command_api: 8080, query_bff: 8081, projector: 8082, ..Ports::default() };
        let connections = Connections::new(&folder, &ports, &secrets, "9.3.2");
        let text = |service| format!("{:?}", environment(service, &ports, &connections));

        assert!(text(Service::CommandApi).contains(&secrets.postgres_command_api));
        assert!(text(Service::CommandApi).contains("127.0.0.1:8080"));
        assert!(!text(Service::CommandApi).contains("ELASTICSEARCH"));
        assert!(!text(Service::QueryBff).contains("DATABASE"));
        assert!(!text(Service::QueryBff).contains(&secrets.master_key));
        assert!(text(Service::QueryBff).contains(&secrets.cursor_key));
        assert!(!text(Service::CommandApi).contains(&secrets.cursor_key));
        assert!(!text(Service::Projector).contains("SUPERADMIN"));
        for service in Service::ALL {
            assert!(!text(service).contains(&secrets.postgres_owner), "the owner's login is for migrations only");
            assert!(!text(service).contains(&secrets.postgres_admin), "nor the superuser's: {service}");
        }
    }
}

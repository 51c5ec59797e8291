//! PostgreSQL: passwords by SCRAM, one role per service, fsync on.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::Place;
use crate::error::{Context, Error, Result};
use crate::keeper::Spec;
use crate::unit::{Server, Unit};
use crate::{files, secrets::Secrets};

/// The name of the database.
pub const DATABASE: &str = "wechess";

const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("max_connections", "300"),
    ("shared_buffers", "256MB"),
    ("max_wal_size", "2GB"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
];

/// Roles, their passwords and the database; run at every start, changes nothing the second time.
/// What a role may do inside the database is granted by the migrations.
const ROLES: &str = "\
SELECT format('CREATE ROLE %I', wanted) FROM unnest(ARRAY['wechess_owner', 'wechess_command_api', 'wechess_projector']) wanted
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) \\gexec
ALTER ROLE wechess_owner LOGIN PASSWORD :'owner';
ALTER ROLE wechess_command_api LOGIN PASSWORD :'command_api';
ALTER ROLE wechess_projector LOGIN PASSWORD :'projector';
SELECT 'CREATE DATABASE wechess OWNER wechess_owner'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'wechess') \\gexec
REVOKE ALL ON DATABASE wechess FROM PUBLIC;
GRANT CONNECT ON DATABASE wechess TO wechess_command_api, wechess_projector;
";

/// Makes the data folder if there is none, and says how to run the server.
pub fn prepare(place: &Place<'_>, distribution: &Path, port: u16) -> Result<Spec> {
    let run = place.run;
    let unit = Unit::from(Server::Postgres);
    let folder = unit.folder(run);
    files::make_server_folder(&folder)?;
    let data = folder.join("data");
    if !data.is_dir() {
        make_data(&folder, &data, distribution, place.secrets)?;
    }
    let mut arguments = vec!["-D".to_owned(), data.display().to_string(), "-p".to_owned(), port.to_string()];
    for (name, value) in SETTINGS {
        arguments.extend(["-c".to_owned(), format!("{name}={value}")]);
    }
    Ok(Spec {
        name: unit.name(),
        program: distribution.join("bin/postgres"),
        arguments,
        environment: vec![("HOME".into(), folder.display().to_string()), ("LC_ALL".into(), "C.UTF-8".into())],
        folder,
        log: unit.log(run),
        pid_file: unit.pid_file(run),
        unprivileged: true,
        // "Fast": ends sessions, does not wait for them.
        stop_signal: Signal::INT,
        leftover: unit.program(),
    })
}

/// initdb into a folder that gets its name when it is complete.
fn make_data(folder: &Path, data: &Path, distribution: &Path, secrets: &Secrets) -> Result<()> {
    let new = folder.join("data.new");
    files::remove_folder(&new)?;
    let password = folder.join("password");
    files::write_for_servers(&password, &secrets.postgres_admin)?;
    let mut command = Command::new(distribution.join("bin/initdb"));
    command
        .args(["-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8"])
        .args(["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8"])
        .arg("-D")
        .arg(&new)
        .arg(format!("--pwfile={}", password.display()))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", folder)
        .current_dir(folder)
        .stdin(Stdio::null());
    files::drop_root(&mut command);
    let output = command.output().context(|| "cannot run initdb".into())?;
    fs::remove_file(&password).context(|| format!("cannot remove {}", password.display()))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        return Err(Error::new(format!("initdb failed: {}", String::from_utf8_lossy(&said).trim())));
    }
    fs::rename(&new, data).context(|| format!("cannot move {} into place", data.display()))
}

/// Speaks to a running server as its superuser.
#[derive(Debug, Clone)]
pub struct Psql {
    program: PathBuf,
    port: u16,
    password: String,
}

impl Psql {
    /// For the server on `port`.
    pub fn new(distribution: &Path, port: u16, secrets: &Secrets) -> Self {
        Self { program: distribution.join("bin/psql"), port, password: secrets.postgres_admin.clone() }
    }

    /// Whether it answers.
    pub fn is_ready(&self) -> bool {
        self.run(&[], "SELECT 1;").is_ok()
    }

    /// Makes roles and database.
    pub fn make_roles(&self, secrets: &Secrets) -> Result<()> {
        let passwords = [
            ("owner", &secrets.postgres_owner),
            ("command_api", &secrets.postgres_command_api),
            ("projector", &secrets.postgres_projector),
        ];
        self.run(&passwords, ROLES)
    }

    /// Runs a script; the passwords go in through the script, never through the arguments, which anyone can see.
    fn run(&self, passwords: &[(&str, &String)], script: &str) -> Result<()> {
        let mut command = Command::new(&self.program);
        command
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "postgres"])
            .args(["-d", "postgres", "-p", &self.port.to_string(), "-f", "-"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("PGPASSWORD", &self.password)
            .env("PGCONNECT_TIMEOUT", "5")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context(|| "cannot run psql".into())?;
        let sets: String = passwords.iter().map(|(name, value)| format!("\\set {name} '{value}'\n")).collect();
        if let Some(mut stdin) = child.stdin.take() {
            // When psql has given up already, its own words say more than a broken pipe.
            let _ = stdin.write_all(format!("{sets}{script}").as_bytes());
        }
        let output = child.wait_with_output().context(|| "cannot wait for psql".into())?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error::new(format!("psql: {}", String::from_utf8_lossy(&output.stderr).trim())))
    }
}

/// The URL of the database for one role.
pub fn url(port: u16, role: &str, password: &str) -> String {
    format!("postgres://{role}:{password}@127.0.0.1:{port}/{DATABASE}")
}

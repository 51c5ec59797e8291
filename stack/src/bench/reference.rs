//! What PostgreSQL itself does on this machine at this moment: `pgbench`, one row an INSERT, prepared.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Context, Error, Result};

/// The database of the reference; made and dropped by it.
const DATABASE: &str = "wechess_bench";

/// A table with the columns and the three indexes of events, without what the append function adds.
const TABLE: &str = "\
create table reference (
    position bigint generated always as identity primary key, stream_id uuid not null, version bigint not null,
    category text not null, type text not null, schema smallint not null, command_id uuid not null,
    ordinal smallint not null, correlation_id uuid not null, causation_id uuid, actor_id uuid,
    data text not null, meta text, recorded_at timestamptz not null default clock_timestamp(),
    unique (stream_id, version));
create unique index on reference (command_id) where ordinal = 0;";

/// PostgreSQL's own tools, as its superuser.
#[derive(Debug)]
pub struct Tools {
    programs: PathBuf,
    port: String,
    password: String,
}

impl Tools {
    /// The tools in the distribution's folder, for the server with this URL of the superuser.
    pub fn new(distribution: &Path, url: &str) -> Result<Self> {
        let bad = || "the superuser's URL is not postgres://postgres:password@host:port/database".to_owned();
        let (login, place) = url.rsplit_once('@').context(bad)?;
        let password = login.rsplit_once(':').context(bad)?.1.to_owned();
        let port = place.split('/').next().and_then(|host| host.rsplit_once(':')).context(bad)?.1.to_owned();
        Ok(Self { programs: distribution.join("bin"), port, password })
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(self.programs.join(program));
        command
            .args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port])
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("PGPASSWORD", &self.password)
            .stdin(Stdio::null());
        let output = command.output().context(|| format!("cannot run {program}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Error::new(format!("{program} failed: {said}")));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What a query answers, as text.
    pub fn ask(&self, database: &str, sql: &str) -> Result<String> {
        let text = self.run("psql", &["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql])?;
        Ok(text.trim().to_owned())
    }

    /// INSERTs a second of rows with `bytes` of data, by so many clients.
    pub fn inserts(&self, bytes: u64, clients: usize, seconds: u64, folder: &Path) -> Result<f64> {
        self.ask("postgres", &format!("drop database if exists {DATABASE} with (force)"))?;
        self.ask("postgres", &format!("create database {DATABASE}"))?;
        self.ask(DATABASE, TABLE)?;
        let script = folder.join("reference.sql");
        // Ids that grow with time, as ours do: random ones would make the reference slower.
        let insert = format!(
            "insert into reference (stream_id, version, category, type, schema, command_id, ordinal, correlation_id, \
             actor_id, data) values (uuidv7(), 1, 'chessGame', 'MovePlayed', 1, uuidv7(), 0, uuidv7(), uuidv7(), \
             repeat('x', {bytes}));\n"
        );
        std::fs::write(&script, insert).context(|| format!("cannot write {}", script.display()))?;
        let (clients, seconds, file) = (clients.to_string(), seconds.to_string(), script.display().to_string());
        let options = ["-n", "-M", "prepared", "-j", "2", "-c", &clients, "-T", &seconds, "-f", &file, DATABASE];
        let said = self.run("pgbench", &options)?;
        self.ask("postgres", &format!("drop database {DATABASE} with (force)"))?;
        rate(&said).context(|| format!("pgbench said no rate:\n{said}"))
    }
}

/// `tps = 1234.5 (without initial connection time)`.
fn rate(said: &str) -> Option<f64> {
    said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_and_the_password_stays_out_of_arguments() {
        assert_eq!(rate("x\ntps = 1234.5 (without initial connection time)\n"), Some(1234.5));
        assert_eq!(rate("nothing"), None);
        let tools = Tools::new(Path::new("/d"), "postgres://postgres:secret@127.0.0.1:5/wechess").unwrap();
        assert_eq!((tools.port.as_str(), tools.password.as_str()), ("5", "secret"));
        assert!(Tools::new(Path::new("/d"), "nonsense").is_err());
    }
}

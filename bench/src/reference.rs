//! What PostgreSQL itself does on this machine at this moment: `pgbench`, one row an INSERT, prepared.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use stack::error::{Context, Error, Result};

/// The database of the reference; made and dropped by it.
const DATABASE: &str = "wechess_bench";

/// A table with the columns and the three indexes of events, without what the append function adds.
const TABLE: &str = "\
create table reference (
    position bigint generated always as identity primary key, stream_id uuid not null, version int not null,
    category text not null, type text not null, schema smallint not null, command_id uuid not null,
    ordinal smallint not null, correlation_id uuid not null, causation_id uuid, actor_id uuid,
    data text not null, meta text, recorded_at timestamptz not null default clock_timestamp());
create unique index on reference (stream_id, version);
create unique index on reference (command_id) where ordinal = 0;";

/// What the server is told and what stands beside every figure.
const SETTINGS: &str = "select string_agg(format('%s %s', name, current_setting(name)), ', ' order by name) \
    from pg_settings where name in ('fsync', 'full_page_writes', 'max_connections', 'max_wal_size', 'shared_buffers', \
    'server_version', 'synchronous_commit', 'wal_sync_method')";

/// Seconds that a run of `pgbench` may be made longer.
const LONGEST: u64 = 60;

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
        self.feed(program, arguments, "")
    }

    /// Runs one of the programs with this input, which may hold what arguments must not show.
    fn feed(&self, program: &str, arguments: &[&str], input: &str) -> Result<String> {
        let mut command = Command::new(self.programs.join(program));
        command
            .args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port])
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("PGPASSWORD", &self.password)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context(|| format!("cannot run {program}"))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that has given up already says more than a broken pipe.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().context(|| format!("cannot wait for {program}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Error::new(format!("{program} failed: {said}")));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Makes logins of the superuser cheap: 256 clients of `pgbench` would spend seconds on them.
    fn hasten_logins(&self) -> Result<()> {
        let script =
            "\\getenv password PGPASSWORD\nset scram_iterations = 1;\nalter role postgres password :'password';\n";
        self.feed("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-f", "-"], script).map(drop)
    }

    /// What a query answers, as text.
    pub fn ask(&self, database: &str, sql: &str) -> Result<String> {
        let text = self.run("psql", &["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql])?;
        Ok(text.trim().to_owned())
    }

    /// The settings that matter.
    pub fn settings(&self) -> Result<String> {
        self.ask("postgres", SETTINGS)
    }
}

/// The reference for rows of one size; its table is dropped with it.
#[derive(Debug)]
pub struct Inserts<'a> {
    tools: &'a Tools,
    script: PathBuf,
}

impl<'a> Inserts<'a> {
    /// Makes an empty table, and a script that inserts the same event as ours: its stream is one of 20,000 at random,
    /// as ours is, and its ids grow with time, as ours do.
    pub fn new(tools: &'a Tools, folder: &Path, data: usize, meta: usize) -> Result<Self> {
        tools.hasten_logins()?;
        tools.ask("postgres", &format!("drop database if exists {DATABASE} with (force)"))?;
        tools.ask("postgres", &format!("create database {DATABASE}"))?;
        tools.ask(DATABASE, TABLE)?;
        let script = folder.join("reference.sql");
        let stream = "('019e0000-0000-7000-8000-' || lpad(:stream::text, 12, '0'))::uuid";
        let insert = format!(
            "\\set stream random(1, 20000)\n\\set version random(1, 2000000000)\n\
             insert into reference (stream_id, version, category, type, schema, command_id, ordinal, correlation_id, \
             actor_id, data, meta) values ({stream}, :version, 'chessGame', 'MovePlayed', 1, uuidv7(), 0, uuidv7(), \
             '019e0000-0000-7000-8000-000000000000', '{}', '{}');\n",
            "x".repeat(data),
            "m".repeat(meta)
        );
        std::fs::write(&script, insert).context(|| format!("cannot write {}", script.display()))?;
        Ok(Self { tools, script })
    }

    /// INSERTs a second by so many clients, after a second of warming up. Time that goes into connecting is added.
    pub fn rate(&self, clients: usize, seconds: u64) -> Result<f64> {
        self.tools.ask("postgres", "checkpoint")?;
        let begun = Instant::now();
        self.pgbench(clients, 1)?;
        let mut whole = seconds + begun.elapsed().as_secs();
        loop {
            let said = self.pgbench(clients, whole)?;
            match rate(&said) {
                Some(rate) => return Ok(rate),
                // On a busy machine they may not even be connected by then.
                None if whole < LONGEST => whole *= 2,
                None => return Err(Error::new(format!("pgbench said no rate:\n{said}"))),
            }
        }
    }

    fn pgbench(&self, clients: usize, seconds: u64) -> Result<String> {
        let threads = clients.min(2).to_string();
        let (clients, seconds, file) = (clients.to_string(), seconds.to_string(), self.script.display().to_string());
        let options = ["-n", "-M", "prepared", "-j", &threads, "-c", &clients, "-T", &seconds, "-f", &file, DATABASE];
        self.tools.run("pgbench", &options)
    }
}

impl Drop for Inserts<'_> {
    fn drop(&mut self) {
        // What stays is removed with the server.
        let _ = self.tools.ask("postgres", &format!("drop database {DATABASE} with (force)"));
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

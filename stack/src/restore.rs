//! Restoring a backup: the log before steps aside, the dump takes its place, gets a new id and the erasures that it does
//! not know of, and only then the log before is dropped. Whatever fails before that, the log before is put back.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::backup::{self, Erasure, SCHEMA, Secrets};
use crate::database::{Database, run};
use crate::error::{Context, Error, Result};
use crate::screen::Screen;
use crate::servers::Servers;
use crate::status::Connections;
use crate::unit::{Service, Unit};
use crate::{files, services};

/// Where the log before waits.
const ASIDE: &str = "wechess_replaced";

/// What shall be restored, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The dump.
    pub dump: PathBuf,
    /// Whether a log with events may be replaced.
    pub replace: bool,
    /// Lists of erasures, as `command-api erasures` prints them.
    pub erasures: Vec<PathBuf>,
    /// What opens the dump.
    pub secrets: Secrets,
}

/// What `command-api restored` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// The log's new id.
    pub log_id: String,
    /// Its last position.
    pub tail: u64,
    /// Erasures that the backup did not know of.
    pub erased: u64,
    /// State rows that hold less than the backup had.
    pub redacted: u64,
}

impl Plan {
    /// The plan kept in a file.
    pub fn load(path: &Path) -> Result<Self> {
        serde_json::from_str(&files::read(path)?).context(|| format!("cannot understand {}", path.display()))
    }

    /// Keeps it in a file that only its owner reads.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string(self).context(|| "cannot print the plan".into())?;
        files::write_private(path, text.as_bytes())
    }
}

/// How many events the log holds that would be replaced; none when there is no log.
pub fn events(database: &Database) -> Result<u64> {
    if database.ask(&format!("select to_regclass('{SCHEMA}.log') is not null"))? != "t" {
        return Ok(0);
    }
    let tail = database.ask(&format!("select tail from {SCHEMA}.log"))?;
    tail.parse().context(|| format!("the log's tail is `{tail}`"))
}

/// An error when the log holds events and nobody said that they may go.
pub fn may_replace(events: u64, replace: bool) -> Result<()> {
    if events == 0 || replace {
        return Ok(());
    }
    Err(Error::new(format!(
        "the log there holds {events} events: make a backup of it (`cargo dev backup`), then restore with --replace"
    )))
}

/// Restores on servers whose services do not run.
pub fn apply(plan: &Plan, servers: &mut Servers, binaries: &Path, screen: &Screen) -> Result<Done> {
    let connections = servers.connections();
    let database = Database::new(servers.postgres_tools(), &connections.credentials.database_urls.owner)?;
    let fixed = connections.external.postgres.as_ref().and_then(|one| one.master_key.as_ref());
    if fixed.is_some_and(|key| *key != plan.secrets.master_key) {
        return Err(Error::new(format!(
            "{} is not the master key of this backup: give that, and restore again",
            crate::external::MASTER_KEY
        )));
    }
    let task = screen.task("restore", "looking at the log that is there");
    settle(&database)?;
    may_replace(events(&database)?, plan.replace)?;
    let list = servers.run().join("erasures.jsonl");
    let recorded = recorded(plan, &database)?;
    files::write_private(&list, recorded.as_bytes())?;
    step_aside(&database)?;
    task.doing("reading the backup into the database");
    let done = fill(plan, &database, &connections, binaries, &list).inspect_err(|_| {
        if let Err(error) = put_back(&database) {
            screen.say(&format!("! the log before is still in the schema {ASIDE}: {error}"));
        }
    })?;
    let admin = plan.secrets.super_admin.as_ref().map(|admin| admin.password.clone());
    servers.adopt(plan.secrets.master_key.clone(), admin)?;
    database.ask(&format!("drop schema if exists {ASIDE} cascade"))?;
    // It names nobody any more who is not named in the database as well, and is not needed.
    let _ = std::fs::remove_file(&list);
    task.done(&format!("{} events, the log is now {}", done.tail, done.log_id));
    Ok(done)
}

/// After a restore that was killed, the log before is where it was.
pub fn settle(database: &Database) -> Result<()> {
    if !database.has_schema(ASIDE)? {
        return Ok(());
    }
    if !database.has_schema(SCHEMA)? {
        return put_back(database);
    }
    Err(Error::new(format!(
        "a restore was interrupted when its backup was in: the log before is still there as {ASIDE}. As the owner either \
         keep what was restored (`drop schema {ASIDE} cascade`) or go back (`drop schema {SCHEMA} cascade; \
         alter schema {ASIDE} rename to {SCHEMA}`), then try again"
    )))
}

fn step_aside(database: &Database) -> Result<()> {
    if database.has_schema(SCHEMA)? {
        database.ask(&format!("alter schema {SCHEMA} rename to {ASIDE}"))?;
    }
    Ok(())
}

fn put_back(database: &Database) -> Result<()> {
    database.ask(&format!("drop schema if exists {SCHEMA} cascade"))?;
    if database.has_schema(ASIDE)? {
        database.ask(&format!("alter schema {ASIDE} rename to {SCHEMA}"))?;
    }
    Ok(())
}

/// Every erasure that anybody recorded, one a line: of the log that is replaced, of the backups beside this one, of the
/// lists that were given.
fn recorded(plan: &Plan, database: &Database) -> Result<String> {
    let mut lines = String::new();
    if database.ask(&format!("select to_regclass('{SCHEMA}.data_keys') is not null"))? == "t" {
        let of_the_log_before = format!(
            "select json_build_object('keyId', key_id, 'destroyedAt', to_char(destroyed_at at time zone 'utc', \
             'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))::text from {SCHEMA}.data_keys where destroyed_at is not null"
        );
        lines.push_str(&database.ask(&of_the_log_before)?);
        lines.push('\n');
    }
    for one in backup::recorded_nearby(&plan.dump)? {
        lines.push_str(&serde_json::to_string(&one).context(|| "cannot print an erasure".into())?);
        lines.push('\n');
    }
    for list in &plan.erasures {
        for line in files::read(list)?.lines().filter(|line| !line.trim().is_empty()) {
            let one: Erasure = serde_json::from_str(line)
                .context(|| format!("{} holds `{line}`, which is no line of `command-api erasures`", list.display()))?;
            lines.push_str(&serde_json::to_string(&one).context(|| "cannot print an erasure".into())?);
            lines.push('\n');
        }
    }
    Ok(lines)
}

/// The dump, brought to this program's version, with a new id and all erasures.
fn fill(plan: &Plan, database: &Database, connections: &Connections, binaries: &Path, list: &Path) -> Result<Done> {
    let mut command = database.command("pg_restore");
    command.args(["--single-transaction", "--no-owner", "--no-privileges"]).arg(&plan.dump);
    run(&mut command)?;
    services::migrate(binaries, connections)?;
    let mut command = Command::new(binaries.join(Unit::from(Service::CommandApi).name()));
    command
        .args(["restored", "--erasures"])
        .arg(list)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("WECHESS_OWNER_DATABASE_URL", &connections.credentials.database_urls.owner)
        .env("WECHESS_MASTER_KEY", &plan.secrets.master_key)
        .stdin(Stdio::null());
    let said = run(&mut command)?.stdout;
    serde_json::from_slice(&said).context(|| "cannot understand `command-api restored`".into())
}

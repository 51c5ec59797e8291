//! Backups: a dump of the log's schema, beside it a file that tells what is in it, and another with what opens it.
//!
//! The facts are read back out of the dump itself, so they are what will be restored, and the dump is known to be readable.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::{Deserialize, Serialize};

use crate::database::{Database, run, tool};
use crate::error::{Context, Error, Result};
use crate::files;
use crate::status::{Connections, SuperAdmin};

/// The schema of the log.
pub const SCHEMA: &str = "wechess";

/// Where a run folder keeps its backups; `cargo dev up --fresh` leaves them.
pub const FOLDER: &str = "backups";

/// A destroyed data key, as `command-api erasures` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Erasure {
    /// The key.
    pub key_id: String,
    /// When it was destroyed.
    pub destroyed_at: String,
}

/// What is in a dump: `<dump>.json`. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The log's id when it was taken.
    pub log_id: String,
    /// The log's last position.
    pub tail: u64,
    /// How many events there are.
    pub events: u64,
    /// The size of the dump.
    pub bytes: u64,
    /// The keys that had been destroyed.
    pub erasures: Vec<Erasure>,
}

/// What opens a dump: `<dump>.secrets.json`, to be kept apart from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secrets {
    /// Wraps data keys and signing keys.
    pub master_key: String,
    /// Who can log in as superAdmin.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub super_admin: Option<SuperAdmin>,
}

/// A file beside a dump.
pub fn beside(dump: &Path, what: &str) -> PathBuf {
    PathBuf::from(format!("{}.{what}", dump.display()))
}

impl Facts {
    /// Those beside a dump, if there are any.
    pub fn load(dump: &Path) -> Result<Option<Self>> {
        load(&beside(dump, "json"))
    }
}

impl Secrets {
    /// Those beside a dump, if they are there.
    pub fn load(dump: &Path) -> Result<Option<Self>> {
        load(&beside(dump, "secrets.json"))
    }

    /// A master key in a file of its own, in base64, or secrets as [`write`] leaves them.
    pub fn read(path: &Path) -> Result<Self> {
        let text = files::read(path)?;
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(&text).context(|| format!("cannot understand {}", path.display()));
        }
        Ok(Self { master_key: text.trim().to_owned(), super_admin: None })
    }
}

fn load<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    if !path.is_file() {
        return Ok(None);
    }
    let read = serde_json::from_str(&files::read(path)?);
    read.map(Some).context(|| format!("cannot understand {}", path.display()))
}

fn save<T: Serialize>(path: &Path, what: &T) -> Result<()> {
    let text = serde_json::to_string_pretty(what).context(|| format!("cannot print {}", path.display()))?;
    files::write_private(path, text.as_bytes())
}

/// Where the next backup goes if nobody says.
pub fn default_file(database: &Database, run_folder: &Path) -> Result<PathBuf> {
    let now = database.ask("select to_char(now() at time zone 'utc', 'YYYYMMDD\"T\"HH24MISS\"Z\"')")?;
    Ok(run_folder.join(FOLDER).join(format!("{SCHEMA}-{now}.dump")))
}

/// Dumps the log's schema in one consistent snapshot, while everything goes on, and writes down what it is.
/// The file gets its name when it has been read back.
pub fn write(database: &Database, connections: &Connections, dump: &Path) -> Result<Facts> {
    if dump.exists() {
        return Err(Error::new(format!("{} is there already: a backup is never overwritten", dump.display())));
    }
    if let Some(folder) = dump.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        files::make_folder(folder)?;
    }
    let new = beside(dump, "new");
    // The tool keeps the mode of a file that is there.
    files::write_private(&new, &[])?;
    let mut command = database.command("pg_dump");
    command.args(["--format=custom", "--no-owner", "--no-privileges", "--schema", SCHEMA, "--file"]).arg(&new);
    let written = run(&mut command).and_then(|_| facts(database.distribution(), &new)).inspect_err(|_| {
        // What it would have been nobody may take for a backup.
        let _ = std::fs::remove_file(&new);
    });
    let facts = written?;
    save(&beside(dump, "json"), &facts)?;
    let secrets = Secrets {
        master_key: connections.credentials.master_key.clone(),
        super_admin: Some(connections.super_admin.clone()),
    };
    save(&beside(dump, "secrets.json"), &secrets)?;
    std::fs::rename(&new, dump).context(|| format!("cannot move {} into place", new.display()))?;
    Ok(facts)
}

/// What a dump holds, by its own word; an error when it cannot be read to its end, or is not whole.
pub fn facts(distribution: &Path, dump: &Path) -> Result<Facts> {
    let log = rows(distribution, dump, "log")?.pop().context(|| format!("{} holds no log", dump.display()))?;
    let of = |row: &HashMap<String, String>, name: &str| row.get(name).cloned().unwrap_or_default();
    let tail: u64 = of(&log, "tail").parse().context(|| format!("{} holds no tail", dump.display()))?;
    let mut events = 0;
    read(distribution, dump, "events", |_, _| events += 1)?;
    if events != tail {
        return Err(Error::new(format!("{} holds {events} events of {tail}: it is not whole", dump.display())));
    }
    let erasures = rows(distribution, dump, "data_keys")?
        .iter()
        .filter(|row| of(row, "destroyed_at") != "\\N")
        .map(|row| Erasure { key_id: of(row, "key_id"), destroyed_at: instant(&of(row, "destroyed_at")) })
        .collect();
    let bytes = dump.metadata().context(|| format!("cannot read {}", dump.display()))?.len();
    Ok(Facts { log_id: of(&log, "id"), tail, events, bytes, erasures })
}

/// `2026-01-02 03:04:05.6+00`, PostgreSQL's form in UTC, as others write it.
fn instant(text: &str) -> String {
    let utc = text.strip_suffix("+00").map_or_else(|| text.to_owned(), |text| format!("{text}Z"));
    utc.replacen(' ', "T", 1)
}

/// The rows of a table in a dump, by column.
fn rows(distribution: &Path, dump: &Path, table: &str) -> Result<Vec<HashMap<String, String>>> {
    let mut rows = Vec::new();
    read(distribution, dump, table, |columns, line| {
        rows.push(columns.iter().cloned().zip(line.split('\t').map(str::to_owned)).collect());
    })?;
    Ok(rows)
}

/// Reads a table out of a dump, a row a line, as COPY writes them.
fn read(distribution: &Path, dump: &Path, table: &str, mut each: impl FnMut(&[String], &str)) -> Result<()> {
    let what = || format!("cannot read {}", dump.display());
    let mut command = tool(distribution, "pg_restore");
    command.args(["--data-only", "--schema", SCHEMA, "--table", table, "--file", "-"]).arg(dump);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context(what)?;
    let mut columns: Option<Vec<String>> = None;
    for line in child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()) {
        let line = line.context(what)?;
        match &columns {
            None => columns = copied(&line, table),
            Some(_) if line == "\\." => columns = Some(Vec::new()),
            Some(names) if !names.is_empty() => each(names, &line),
            Some(_) => {}
        }
    }
    let output = child.wait_with_output().context(what)?;
    if !output.status.success() || columns.is_none() {
        return Err(Error::new(format!("{}: {}", what(), String::from_utf8_lossy(&output.stderr).trim())));
    }
    Ok(())
}

/// The columns in `COPY wechess.log (one, id) FROM stdin;`.
fn copied(line: &str, table: &str) -> Option<Vec<String>> {
    let names = line.strip_prefix(&format!("COPY {SCHEMA}.{table} ("))?.strip_suffix(") FROM stdin;")?;
    Some(names.split(", ").map(|name| name.trim_matches('"').to_owned()).collect())
}

/// The recorded erasures beside all backups in the folder of this one: an older backup does not know of those that came
/// after it. An error when one of the backups has a record that cannot be read: who was erased would come back.
pub fn recorded_nearby(dump: &Path) -> Result<Vec<Erasure>> {
    let folder = dump.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).context(|| format!("cannot read {}", folder.display()))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".json").filter(|name| !name.ends_with(".secrets")) else { continue };
        let other = folder.join(name);
        match Facts::load(&other) {
            Ok(facts) => all.extend(facts.into_iter().flat_map(|facts| facts.erasures)),
            Err(error) if other.is_file() => {
                return Err(Error::new(format!(
                    "{error}: it records which accounts had been erased when {name} was taken, and they would come back; \
                     put the right file there, or move both out of {} and give what was erased with --erasures",
                    folder.display()
                )));
            }
            // A file of somebody else's tells of no erasures.
            Err(_) => {}
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_instants_are_read_as_the_tools_write_them() {
        let columns = copied("COPY wechess.log (one, id, tail) FROM stdin;", "log").unwrap();
        assert_eq!(columns, ["one", "id", "tail"]);
        assert_eq!(copied("COPY wechess.logs (one) FROM stdin;", "log"), None);
        assert_eq!(instant("2026-01-02 03:04:05.678901+00"), "2026-01-02T03:04:05.678901Z");
    }

    #[test]
    fn erasures_of_all_backups_in_the_folder_count() {
        let folder = std::env::temp_dir().join(format!("wechess-nearby-{}", std::process::id()));
        files::make_folder(&folder).unwrap();
        let facts = |key: &str| Facts {
            log_id: "l".into(),
            tail: 1,
            events: 1,
            bytes: 1,
            erasures: vec![Erasure { key_id: key.into(), destroyed_at: "2026-01-02T03:04:05Z".into() }],
        };
        for (name, key) in [("a.dump", "user:1"), ("b.dump", "user:2")] {
            save(&beside(&folder.join(name), "json"), &facts(key)).unwrap();
        }
        files::write_private(&folder.join("other.json"), b"[]").unwrap();
        files::write_private(&folder.join("b.dump"), b"PGDMP").unwrap();
        let record = beside(&folder.join("b.dump"), "json");
        let good = files::read(&record).unwrap();
        files::write_private(&record, &good.as_bytes()[..good.len() / 2]).unwrap();
        let told = recorded_nearby(&folder.join("a.dump")).unwrap_err().to_string();
        assert!(told.contains("b.dump.json") && told.contains("--erasures"), "{told}");
        files::write_private(&record, good.as_bytes()).unwrap();
        let secrets = Secrets { master_key: "k".into(), super_admin: None };
        save(&beside(&folder.join("a.dump"), "secrets.json"), &secrets).unwrap();
        let mut keys: Vec<String> =
            recorded_nearby(&folder.join("a.dump")).unwrap().into_iter().map(|one| one.key_id).collect();
        keys.sort();
        assert_eq!(keys, ["user:1", "user:2"]);
        assert_eq!(Secrets::load(&folder.join("a.dump")).unwrap(), Some(secrets));
        files::write_private(&folder.join("plain.key"), b" abc=\n").unwrap();
        assert_eq!(Secrets::read(&folder.join("plain.key")).unwrap().master_key, "abc=");
        files::remove_folder(&folder).unwrap();
    }
}

//! Ports: free ones, and the same ones again after a restart.

use std::collections::HashSet;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Result};
use crate::folders::Folders;
use crate::{files, secrets};

/// Below the kernel's range for outgoing connections: there, a client that retries a dead server could take the
/// server's own port away from it.
const CHOICE: std::ops::Range<u16> = 18_000..30_000;

/// The ports of one stack; 0 = not chosen yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ports {
    /// PostgreSQL.
    pub postgres: u16,
    /// NATS clients.
    pub nats: u16,
    /// Elasticsearch over HTTP.
    pub elasticsearch: u16,
    /// Elasticsearch between nodes; nobody uses it, but it wants one.
    pub elasticsearch_transport: u16,
    /// command-api.
    pub command_api: u16,
    /// query-bff.
    pub query_bff: u16,
    /// projector's admin.
    pub projector: u16,
}

impl Ports {
    /// The ports kept in `run`; all 0 if there are none.
    pub fn load(run: &Path) -> Self {
        fs::read_to_string(run.join("ports.json"))
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default()
    }

    /// An error, naming the flag, when a service's port is in use or given twice.
    pub fn check(self) -> Result<()> {
        let mut seen = HashSet::new();
        for (flag, port) in self.wanted() {
            if port != 0 && !is_free(port) {
                return Err(Error::new(format!(
                    "port {port} is in use: choose another with {flag} (0 = any free port)"
                )));
            }
            if port != 0 && !seen.insert(port) {
                return Err(Error::new(format!("port {port} is given twice: choose another with {flag}")));
            }
        }
        Ok(())
    }

    /// The services' ports, each with the flag that changes it.
    fn wanted(self) -> [(&'static str, u16); 3] {
        [
            ("--command-api-port", self.command_api),
            ("--query-bff-port", self.query_bff),
            ("--projector-port", self.projector),
        ]
    }

    /// Settles every port of a stack that does not run, and keeps the choice in `run`.
    ///
    /// `wanted` holds the services' ports: a number is taken as it is (an error, naming the flag, when it is in use),
    /// 0 means the kept or any free one.
    pub fn settle(folders: &Folders, run: &Path, wanted: Ports) -> Result<Self> {
        let _one_at_a_time = lock(folders)?;
        let mut taken = taken_elsewhere(folders, run);
        let mut ports = Self::load(run);
        wanted.check()?;
        taken.extend(wanted.wanted().map(|(_, port)| port));
        for (wanted, kept) in [
            (wanted.command_api, &mut ports.command_api),
            (wanted.query_bff, &mut ports.query_bff),
            (wanted.projector, &mut ports.projector),
        ] {
            *kept = if wanted == 0 { free(*kept, &taken)? } else { wanted };
            taken.insert(*kept);
        }
        for kept in [&mut ports.postgres, &mut ports.nats, &mut ports.elasticsearch, &mut ports.elasticsearch_transport]
        {
            *kept = free(*kept, &taken)?;
            taken.insert(*kept);
        }
        let text = serde_json::to_string(&ports).context(|| "cannot print the ports".into())?;
        files::write_private(&run.join("ports.json"), text.as_bytes())?;
        Ok(ports)
    }
}

/// Whether a server could listen on `port` now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// `kept` if it is still free, else any free port that no other stack keeps.
fn free(kept: u16, taken: &HashSet<u16>) -> Result<u16> {
    let fine = |port: u16| !taken.contains(&port) && is_free(port);
    if kept != 0 && fine(kept) {
        return Ok(kept);
    }
    for _ in 0..1000 {
        let random = u16::from_ne_bytes(secrets::random()?);
        let port = CHOICE.start + random % (CHOICE.end - CHOICE.start);
        if fine(port) {
            return Ok(port);
        }
    }
    Err(Error::new(format!("no free port between {} and {}", CHOICE.start, CHOICE.end)))
}

/// The ports that other run folders keep, running or not.
fn taken_elsewhere(folders: &Folders, run: &Path) -> HashSet<u16> {
    let runs = fs::read_dir(folders.runs()).into_iter().flatten().flatten();
    runs.filter(|entry| entry.path() != run)
        .flat_map(|entry| {
            let ports = Ports::load(&entry.path());
            [ports.postgres, ports.nats, ports.elasticsearch, ports.elasticsearch_transport].into_iter().chain([
                ports.command_api,
                ports.query_bff,
                ports.projector,
            ])
        })
        .filter(|port| CHOICE.contains(port))
        .collect()
}

/// Held while ports are chosen, so that two stacks do not choose the same.
fn lock(folders: &Folders) -> Result<File> {
    let path = folders.root().join("ports.lock");
    let file = File::create(&path).context(|| format!("cannot make {}", path.display()))?;
    file.lock().context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_kept_and_a_busy_one_names_its_flag() {
        let root = std::env::temp_dir().join(format!("wechess-ports-{}", std::process::id()));
        let folders = Folders::choose(Some(&root)).unwrap();
        let (run, other) = (folders.run("a").unwrap(), folders.run("b").unwrap());
        files::make_folder(&run).unwrap();
        files::make_folder(&other).unwrap();

        let first = Ports::settle(&folders, &run, Ports::default()).unwrap();
        assert_eq!(Ports::settle(&folders, &run, Ports::default()).unwrap(), first);
        let second = Ports::settle(&folders, &other, Ports::default()).unwrap();
        assert_ne!(first.postgres, second.postgres);

        let busy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = busy.local_addr().unwrap().port();
        let error = Ports::settle(&folders, &run, Ports { query_bff: port, ..Ports::default() }).unwrap_err();
        assert!(error.to_string().contains("--query-bff-port"), "{error}");
        files::remove_folder(&root).unwrap();
    }
}

//! Processes, named so that a number that the kernel gave away again is never mistaken for the old process.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};

use crate::error::{Context, Result};
use crate::files;

/// A process: its number and when it started, in clock ticks since the machine did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// The number.
    pub pid: u32,
    /// Field 22 of `/proc/<pid>/stat`.
    pub started: u64,
}

/// What we read of a process in `/proc/<pid>/stat`.
struct Stat {
    state: char,
    parent: u32,
    started: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name of the program stands in parentheses and may hold spaces and parentheses itself.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let started = fields.nth(17)?.parse().ok()?;
        Some(Self { state, parent, started })
    }
}

impl ProcessId {
    /// The process that has this number now; a dead one that nobody waited for is none.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = Stat::read(pid)?;
        (!matches!(stat.state, 'Z' | 'X')).then_some(Self { pid, started: stat.started })
    }

    /// This very process.
    pub fn own() -> Result<Self> {
        Self::of(std::process::id()).context(|| "cannot read /proc/self/stat: is /proc mounted?".into())
    }

    /// Whether it still runs.
    pub fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends a signal, if it still runs.
    pub fn signal(self, signal: Signal) {
        if let (true, Some(pid)) = (self.is_alive(), raw(self.pid)) {
            // It may have ended since: that is what was wanted.
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits until it is gone; `false` when it is still there after `limit`.
    pub fn wait_gone(self, limit: Duration) -> bool {
        let start = Instant::now();
        while self.is_alive() {
            if start.elapsed() > limit {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    /// The child that runs the program called `name` (Elasticsearch is the child of its launcher).
    pub fn child_called(self, name: &str) -> Option<Self> {
        all()
            .find(|&pid| Stat::read(pid).is_some_and(|stat| stat.parent == self.pid) && is_called(pid, name))
            .and_then(Self::of)
    }

    /// Keeps the process in a file, for whoever must find it again.
    pub fn save(self, path: &Path) -> Result<()> {
        let text = serde_json::to_string(&self).context(|| "cannot print a process".into())?;
        files::write_private(path, text.as_bytes())
    }

    /// The process kept in a file, if it still runs.
    pub fn load(path: &Path) -> Option<Self> {
        let kept: Self = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
        kept.is_alive().then_some(kept)
    }
}

/// Kills every process of a group at once.
pub fn kill_group(leader: u32) {
    if let Some(pid) = raw(leader) {
        // Nobody left in it: that is what was wanted.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// Kills the processes that run the file `program` inside `folder`: what a server left behind that was killed
/// (PostgreSQL's backends have sessions of their own, so its process group does not hold them).
/// Returns how many there were.
pub fn kill_strays(folder: &Path, program: &str) -> usize {
    let own = std::process::id();
    // The kernel knows folders by their real names.
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let inside = |pid: u32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&folder));
    let strays: Vec<ProcessId> =
        all().filter(|&pid| pid != own && inside(pid) && is_called(pid, program)).filter_map(ProcessId::of).collect();
    for stray in &strays {
        stray.signal(Signal::KILL);
    }
    for stray in &strays {
        stray.wait_gone(Duration::from_secs(10));
    }
    strays.len()
}

fn raw(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn all() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Whether the file that `pid` runs has this name (also when it was replaced since: `name (deleted)`).
fn is_called(pid: u32, name: &str) -> bool {
    let file: Option<PathBuf> = fs::read_link(format!("/proc/{pid}/exe")).ok();
    let called = file.as_deref().and_then(Path::file_name).and_then(|file| file.to_str());
    called.is_some_and(|file| file.trim_end_matches(" (deleted)") == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_name_with_parentheses_does_not_confuse() {
        let line = "12 (a) (b) R 7 12 12 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 1 0 98765 1 1";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.state, stat.parent, stat.started), ('R', 7, 98765));
    }

    #[test]
    fn another_start_time_is_another_process() {
        let own = ProcessId::own().unwrap();
        assert!(own.is_alive());
        assert!(!ProcessId { started: own.started + 1, ..own }.is_alive());
    }

    #[test]
    fn strays_are_found_by_folder_and_name() {
        let folder = std::env::temp_dir().join(format!("wechess-strays-{}", std::process::id()));
        files::make_folder(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        let mut child = Command::new("sleep").arg("60").current_dir(&folder).spawn().unwrap();
        let id = ProcessId::of(child.id()).unwrap();
        let exe = fs::read_link(format!("/proc/{}/exe", id.pid)).unwrap();
        let name = exe.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(kill_strays(&folder, "postgres"), 0);
        assert_eq!(kill_strays(&folder, &name), 1);
        assert!(!id.is_alive(), "a dead child that nobody waited for counts as gone");
        child.wait().unwrap();
        files::remove_folder(&folder).unwrap();
    }
}

//! Files and folders with an owner and a mode, written so that a reader never sees half of one.

use std::fs::{self, File, Permissions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Result};

/// The user and group that servers run as when the stack is started by root (nobody, nogroup).
const NOBODY: u32 = 65534;

/// Whether this process may become another user.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Makes `command` run as nobody when we are root: PostgreSQL and Elasticsearch refuse uid 0.
/// The standard library empties the supplementary groups along with it.
pub fn drop_root(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
}

/// Gives `path` to the user that the servers run as.
pub fn give_to_servers(path: &Path) -> Result<()> {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY))
            .context(|| format!("cannot give {} to uid {NOBODY}", path.display()))?;
    }
    Ok(())
}

/// Sets the mode of `path`, whatever the umask says.
pub fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .context(|| format!("cannot set mode {mode:o} on {}", path.display()))
}

/// Makes a folder with its parents; those that are made can be entered by everyone, whatever the umask says.
pub fn make_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_folder(parent)?;
    }
    match fs::create_dir(path) {
        Ok(()) => set_mode(path, 0o755),
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(error).context(|| format!("cannot make the folder {}", path.display())),
    }
}

/// Makes a folder that belongs to the servers' user and that nobody else reads.
pub fn make_server_folder(path: &Path) -> Result<()> {
    make_folder(path)?;
    set_mode(path, 0o700)?;
    give_to_servers(path)
}

/// Writes a file that only its owner reads, in one step (a new file, then a rename).
pub fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let new = PathBuf::from(format!("{}.{}.new", path.display(), std::process::id()));
    let write = || {
        fs::write(&new, [])?;
        fs::set_permissions(&new, Permissions::from_mode(0o600))?;
        fs::write(&new, content)?;
        fs::rename(&new, path)
    };
    write().context(|| format!("cannot write {}", path.display()))
}

/// Writes a private file that the servers' user owns.
pub fn write_for_servers(path: &Path, content: &str) -> Result<()> {
    write_private(path, content.as_bytes())?;
    give_to_servers(path)
}

/// Reads a whole text file.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).context(|| format!("cannot read {}", path.display()))
}

/// Removes a folder and all that is in it; nothing there is fine.
pub fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context(|| format!("cannot remove {}", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes what is in a folder, but for the entry called `kept`.
pub fn empty_folder(path: &Path, kept: &str) -> Result<()> {
    let what = || format!("cannot empty {}", path.display());
    for entry in fs::read_dir(path).context(what)? {
        let entry = entry.context(what)?;
        if entry.file_name() == kept {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_folder(&entry.path())?;
        } else {
            fs::remove_file(entry.path()).context(what)?;
        }
    }
    Ok(())
}

/// The last `lines` lines of a log, indented, for an error message.
pub fn tail(path: &Path, lines: usize) -> String {
    const MOST: u64 = 64 * 1024;
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(MOST)))?;
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        Ok(content)
    };
    let Ok(content) = read() else { return String::new() };
    let text = String::from_utf8_lossy(&content);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].iter().map(|line| format!("    {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_files_are_private_and_tails_are_short() {
        let folder = std::env::temp_dir().join(format!("wechess-files-{}", std::process::id()));
        make_folder(&folder).unwrap();
        let path = folder.join("secret");
        write_private(&path, b"one\ntwo\nthree\n").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(tail(&path, 2), "    two\n    three\n");
        make_folder(&folder.join("kept")).unwrap();
        make_folder(&folder.join("gone/deep")).unwrap();
        empty_folder(&folder, "kept").unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        assert!(folder.join("kept").is_dir());
        remove_folder(&folder).unwrap();
        remove_folder(&folder).unwrap();
        assert_eq!(tail(&path, 2), "");
    }
}

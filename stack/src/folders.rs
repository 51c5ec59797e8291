//! Where the stack keeps what it fetched and what it runs.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::{Context, Error, Result};
use crate::files;

/// `dist/` (fetched once, shared by every checkout) and `run/<name>/` (one running stack each).
#[derive(Debug, Clone)]
pub struct Folders {
    root: PathBuf,
}

impl Folders {
    /// The folder given, else `WECHESS_STACK_DIR`, else `/var/cache/wechess` for root and `~/.cache/wechess` for others.
    pub fn choose(given: Option<&Path>) -> Result<Self> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = match given.map(Path::to_path_buf).or_else(|| variable("WECHESS_STACK_DIR")) {
            Some(root) => root,
            None if files::is_root() => PathBuf::from("/var/cache/wechess"),
            None => variable("HOME")
                .context(|| "HOME is not set: say with WECHESS_STACK_DIR where the stack may keep its files".into())?
                .join(".cache/wechess"),
        };
        let root = std::path::absolute(&root).context(|| format!("cannot resolve {}", root.display()))?;
        Ok(Self { root })
    }

    /// Makes the folder, and sees to it that the servers' user can reach it.
    pub fn prepare(&self) -> Result<()> {
        files::make_folder(&self.root)?;
        if !files::is_root() {
            return Ok(());
        }
        let open = |path: &Path| path.metadata().is_ok_and(|found| found.permissions().mode() & 0o001 != 0);
        if !open(&self.root) {
            files::set_mode(&self.root, 0o755)?;
        }
        match self.root.ancestors().find(|path| !open(path)) {
            Some(closed) => Err(Error::new(format!(
                "{} cannot be entered by the unprivileged user that the servers run as when root starts them: \
                 chmod o+x it, or choose another folder with WECHESS_STACK_DIR (now {})",
                closed.display(),
                self.root.display()
            ))),
            None => Ok(()),
        }
    }

    /// The folder of everything.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What was fetched.
    pub fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// All run folders.
    pub fn runs(&self) -> PathBuf {
        self.root.join("run")
    }

    /// The data, logs, ports and pid files of the stack called `name`.
    pub fn run(&self, name: &str) -> Result<PathBuf> {
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(fine) {
            return Err(Error::new(format!("`{name}` is no name of a stack: use letters, digits, - and _")));
        }
        Ok(self.runs().join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_the_folder() {
        let folders = Folders::choose(Some(Path::new("/somewhere"))).unwrap();
        assert_eq!(folders.run("dev").unwrap(), Path::new("/somewhere/run/dev"));
        assert!(folders.run("../dev").is_err());
        assert!(folders.run("").is_err());
    }
}

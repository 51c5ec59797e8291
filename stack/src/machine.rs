//! What this machine has: package clients and JDKs; and how it gets what it lacks.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Context, Error, Result};
use crate::files;
use crate::screen::Screen;

/// The lines of Elasticsearch that the product supports, newest first, each with the JDK that it needs at least.
pub const ELASTICSEARCH: [(&str, u32); 2] = [("9.3.2", 21), ("8.19.16", 17)];

/// A Java installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jdk {
    /// Its folder, as in `JAVA_HOME`.
    pub home: PathBuf,
    /// 17, 21, 25, ...
    pub version: u32,
}

/// What a fresh machine may lack, and the Debian package that brings it.
const PACKAGES: [(Lacking, &str); 3] =
    [(Lacking::Pip, "python3-pip"), (Lacking::Maven, "maven"), (Lacking::Jdk, "openjdk-17-jre-headless")];

/// A thing that is needed and not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// Python's package client.
    Pip,
    /// Java's package client.
    Maven,
    /// A JDK of 17 or newer.
    Jdk,
}

/// Where a program is on the path.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Whether a command can be run and likes it.
fn works(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// How pip is called here.
pub fn pip() -> Option<Vec<&'static str>> {
    [vec!["pip3"], vec!["python3", "-m", "pip"], vec!["pip"]]
        .into_iter()
        .find(|call| works(call[0], &[&call[1..], &["--version"]].concat()))
}

/// Every JDK that we know where to look for, newest first.
pub fn jdks() -> Vec<Jdk> {
    let named = ["ES_JAVA_HOME", "JAVA_HOME"].into_iter().filter_map(|name| env::var_os(name).map(PathBuf::from));
    let installed = fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten().map(|entry| entry.path());
    let on_path = on_path("java")
        .and_then(|java| java.canonicalize().ok())
        .and_then(|java| java.ancestors().nth(2).map(Path::to_path_buf));
    let mut found: Vec<Jdk> = Vec::new();
    for home in named.chain(installed).chain(on_path) {
        let Ok(home) = home.canonicalize() else { continue };
        if found.iter().any(|jdk| jdk.home == home) || !home.join("bin/java").is_file() {
            continue;
        }
        if let Some(version) = version_of(&home) {
            found.push(Jdk { home, version });
        }
    }
    found.sort_by_key(|jdk| std::cmp::Reverse(jdk.version));
    found
}

/// From the file `release`, or by asking.
fn version_of(home: &Path) -> Option<u32> {
    let release = fs::read_to_string(home.join("release")).unwrap_or_default();
    let stated = release.lines().find_map(|line| line.strip_prefix("JAVA_VERSION="));
    if let Some(version) = stated.and_then(major) {
        return Some(version);
    }
    let said = Command::new(home.join("bin/java")).arg("-version").stdin(Stdio::null()).output().ok()?;
    major(String::from_utf8_lossy(&said.stderr).split('"').nth(1)?)
}

/// 17 of `"17.0.15"`.
fn major(version: &str) -> Option<u32> {
    version.trim_matches('"').split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The Elasticsearch to run, and the JDK to run it with: the version asked for, or the newest that a JDK allows.
pub fn elasticsearch_and_jdk(asked: Option<&str>) -> Result<(&'static str, Jdk)> {
    choose(asked, &jdks())
}

fn choose(asked: Option<&str>, jdks: &[Jdk]) -> Result<(&'static str, Jdk)> {
    let known = || ELASTICSEARCH.map(|(version, _)| version).join(", ");
    if let Some(asked) = asked.filter(|asked| !ELASTICSEARCH.iter().any(|(version, _)| version == asked)) {
        return Err(Error::new(format!("Elasticsearch `{asked}` is not known here: choose one of {}", known())));
    }
    let candidates = ELASTICSEARCH.into_iter().filter(|(version, _)| asked.is_none_or(|asked| asked == *version));
    for (version, least) in candidates {
        if let Some(jdk) = jdks.iter().find(|jdk| jdk.version >= least) {
            return Ok((version, jdk.clone()));
        }
    }
    let have: Vec<String> = jdks.iter().map(|jdk| jdk.version.to_string()).collect();
    let have = if have.is_empty() { "none".to_owned() } else { have.join(", ") };
    let need = ELASTICSEARCH.map(|(version, least)| format!("{version} needs {least}")).join(", ");
    Err(Error::new(format!(
        "no JDK for Elasticsearch (found: {have}; {need}): install one, or name it with ES_JAVA_HOME"
    )))
}

/// What this machine lacks to fetch and run the servers.
pub fn lacking() -> Vec<Lacking> {
    let mut lacking = Vec::new();
    if pip().is_none() {
        lacking.push(Lacking::Pip);
    }
    if on_path("mvn").is_none() {
        lacking.push(Lacking::Maven);
    }
    if choose(None, &jdks()).is_err() {
        lacking.push(Lacking::Jdk);
    }
    lacking
}

/// The Debian packages that bring what is lacking.
pub fn packages(lacking: &[Lacking]) -> Vec<&'static str> {
    PACKAGES.into_iter().filter(|(thing, _)| lacking.contains(thing)).map(|(_, package)| package).collect()
}

/// Installs what is lacking where we may (root, apt-get), else says in one sentence what to install.
pub fn install(lacking: &[Lacking], screen: &Screen) -> Result<()> {
    if lacking.is_empty() {
        return Ok(());
    }
    let packages = packages(lacking);
    let wanted = packages.join(" ");
    if !files::is_root() || on_path("apt-get").is_none() {
        return Err(Error::new(format!(
            "install pip, Maven and a JDK of 17 or newer first (on Debian: apt-get install {wanted})"
        )));
    }
    let task = screen.task("machine", &format!("installing {wanted}"));
    apt_get(&["update", "-qq"])?;
    apt_get(&[&["install", "-y", "-qq", "--no-install-recommends"], packages.as_slice()].concat())?;
    task.done(&format!("installed {wanted}"));
    Ok(())
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    let output = command.output().context(|| "cannot run apt-get".into())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(format!("apt-get {} failed: {}", arguments.join(" "), said.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jdk(version: u32) -> Jdk {
        Jdk { home: format!("/jvm/{version}").into(), version }
    }

    #[test]
    fn the_newest_jdk_decides_unless_a_version_is_asked_for() {
        assert_eq!(choose(None, &[jdk(25), jdk(17)]).unwrap(), ("9.3.2", jdk(25)));
        assert_eq!(choose(None, &[jdk(17)]).unwrap(), ("8.19.16", jdk(17)));
        assert_eq!(choose(Some("8.19.16"), &[jdk(25), jdk(17)]).unwrap().0, "8.19.16");
        assert!(choose(Some("9.3.2"), &[jdk(17)]).unwrap_err().to_string().contains("9.3.2 needs 21"));
        assert!(choose(None, &[jdk(11)]).is_err());
        assert!(choose(Some("7.0.0"), &[jdk(25)]).unwrap_err().to_string().contains("9.3.2, 8.19.16"));
    }

    #[test]
    fn versions_are_read_in_both_spellings() {
        assert_eq!(major("\"17.0.15\""), Some(17));
        assert_eq!(major("25"), Some(25));
        assert_eq!(major("x"), None);
    }
}

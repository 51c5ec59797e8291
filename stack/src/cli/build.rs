//! Building with cargo, with its progress on the screen.

use std::env;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde::Deserialize;
use stack::error::{Context, Error, Result};
use stack::screen::{Screen, Task};
use stack::services;

/// One thing that cargo made: a line of `--message-format=json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Artifact {
    /// The manifest of its package.
    pub manifest_path: PathBuf,
    /// What it was made from.
    pub target: Target,
    /// How.
    pub profile: Profile,
    /// The program, if it is one.
    pub executable: Option<PathBuf>,
}

/// What an artifact was made from.
#[derive(Debug, Clone, Deserialize)]
pub struct Target {
    /// `lib`, `bin`, `test`, ...
    pub kind: Vec<String>,
    /// Its name.
    pub name: String,
}

/// How an artifact was made.
#[derive(Debug, Clone, Deserialize)]
pub struct Profile {
    /// Whether it is a program of tests.
    pub test: bool,
}

/// What builds the services.
const SERVICES: [&str; 7] = ["build", "--workspace", "--bins", "--exclude", "stack", "--exclude", "bench"];

/// Builds the three services; the folder that they are in. Not this program: it runs.
/// By way of the whole workspace, so that dependencies get the features that they have in the tests and are built once.
pub fn binaries(release: bool, screen: &Screen) -> Result<PathBuf> {
    let mut arguments = SERVICES.to_vec();
    arguments.extend(["--exclude", "chaos"]);
    if release {
        arguments.push("--release");
    }
    folder(&cargo(&arguments, "build", screen)?)
}

/// Builds the three services and the loss oracle, for tests; the folder that they are in.
pub fn with_oracle(screen: &Screen) -> Result<PathBuf> {
    folder(&cargo(&SERVICES, "build", screen)?)
}

/// Builds the services and the program that measures them, with optimisation; the folder that they are in.
pub fn measured(screen: &Screen) -> Result<PathBuf> {
    let arguments = ["build", "--workspace", "--exclude", "stack", "--exclude", "chaos", "--bins", "--release"];
    folder(&cargo(&arguments, "build", screen)?)
}

fn folder(made: &[Artifact]) -> Result<PathBuf> {
    made.iter()
        .filter_map(|artifact| artifact.executable.as_deref().and_then(Path::parent))
        .next_back()
        .map(Path::to_path_buf)
        .context(|| "cargo built no program".into())
}

/// Builds all tests without running them.
pub fn tests(screen: &Screen) -> Result<Vec<Artifact>> {
    let mut made = cargo(&["test", "--workspace", "--no-run"], "tests", screen)?;
    made.retain(|artifact| artifact.profile.test && artifact.executable.is_some());
    Ok(made)
}

/// Runs cargo in the workspace and returns what it made.
fn cargo(arguments: &[&str], name: &str, screen: &Screen) -> Result<Vec<Artifact>> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(arguments)
        .arg("--message-format=json-render-diagnostics")
        .current_dir(services::workspace())
        .env_remove("RUSTC_BOOTSTRAP")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // `cargo run` tells us about this package; another build must not take that for its own.
    for (variable, _) in env::vars_os() {
        let name = variable.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&variable);
        }
    }
    let task = screen.task(name, &format!("cargo {}", arguments.join(" ")));
    let mut child = command.spawn().context(|| "cannot run cargo".into())?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (made, said) = thread::scope(|scope| {
        let said = scope.spawn(|| show(stderr, &task));
        let made = artifacts(stdout);
        (made, said.join().unwrap_or_default())
    });
    let status = child.wait().context(|| "cannot wait for cargo".into())?;
    if !status.success() {
        drop(task);
        return Err(Error::new(format!("cargo {} failed:\n{said}", arguments.join(" "))));
    }
    if said.contains("warning:") {
        screen.say(&said);
    }
    task.done("built");
    Ok(made)
}

fn artifacts(stdout: Option<impl Read>) -> Vec<Artifact> {
    let lines = stdout.into_iter().flat_map(|out| BufReader::new(out).lines()).map_while(Result::ok);
    lines.filter(|line| line.contains("\"reason\":\"compiler-artifact\"")).filter_map(|line| parse(&line)).collect()
}

fn parse(line: &str) -> Option<Artifact> {
    serde_json::from_str(line).ok()
}

/// Shows the newest line; returns those that are no mere progress.
fn show(stderr: Option<impl Read>, task: &Task) -> String {
    const PROGRESS: [&str; 8] =
        ["Compiling", "Finished", "Executable", "Downloading", "Downloaded", "Updating", "Blocking", "Locking"];
    let mut said = String::new();
    let lines = stderr.into_iter().flat_map(|err| BufReader::new(err).lines()).map_while(Result::ok);
    for line in lines {
        if line.starts_with("  ") && PROGRESS.iter().any(|word| line.trim_start().starts_with(word)) {
            task.doing(line.trim());
        } else {
            said.push_str(&line);
            said.push('\n');
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_cargo_is_understood() {
        let line = r#"{"reason":"compiler-artifact","package_id":"x","manifest_path":"/w/stack/Cargo.toml","target":{"kind":["lib"],"crate_types":["lib"],"name":"stack","src_path":"x","edition":"2024","doc":true,"doctest":true,"test":true},"profile":{"opt_level":"0","debuginfo":2,"debug_assertions":true,"overflow_checks":true,"test":true},"features":[],"filenames":["/t/stack-1"],"executable":"/t/stack-1","fresh":true}"#;
        let made = artifacts(Some(line.as_bytes()));
        assert_eq!(made[0].target.name, "stack");
        assert!(made[0].profile.test);
        assert_eq!(made[0].executable.as_deref(), Some(Path::new("/t/stack-1")));
    }
}

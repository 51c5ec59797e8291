//! Python programs that tests run: in virtual environments of their own, made once from pinned requirements and kept in
//! the stack's folder.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use stack::services::workspace;

/// The environment that holds what a file of the repository (`docs/analysis-requirements.txt`) pins; made on first use.
/// Needs `python3` with its module `venv` and a package index: the test fails with what is missing.
///
/// Safe when several processes want it at once: one makes it, the others wait.
pub fn environment(requirements: &str) -> PathBuf {
    let file = workspace().join(requirements);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut hasher = DefaultHasher::new();
    (version(), &text).hash(&mut hasher);
    let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or("python").to_owned();
    let folder = home().join(format!("{name}-{:016x}", hasher.finish()));
    fs::create_dir_all(home()).unwrap_or_else(|error| panic!("{}: {error}", home().display()));
    let lock = File::create(folder.with_extension("lock")).expect("the stack's folder can be written");
    lock.lock().expect("a file can be locked");
    let done = folder.join("complete");
    if !done.exists() {
        // What was left half made goes.
        drop(fs::remove_dir_all(&folder));
        well(Command::new("python3").args(["-m", "venv"]).arg(&folder), "python3 -m venv (on Debian: python3-venv)");
        let pip = folder.join("bin/pip");
        well(Command::new(pip).args(["install", "--quiet", "--requirement"]).arg(&file), "pip install");
        File::create(&done).expect("the stack's folder can be written");
    }
    folder
}

/// Runs a program of an environment in a folder, where it leaves what it leaves; what it said, well or not.
pub fn run(environment: &Path, folder: &Path, program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(environment.join("bin").join(program));
    command.current_dir(folder).args(arguments).envs(variables.iter().copied()).stdin(Stdio::null());
    command.output().unwrap_or_else(|error| panic!("{program} of {}: {error}", environment.display()))
}

fn home() -> PathBuf {
    PathBuf::from(std::env::var("WECHESS_STACK_DIR").expect("WECHESS_STACK_DIR is set by `cargo dev test`"))
        .join("python")
}

fn version() -> String {
    let out = Command::new("python3").arg("--version").output();
    let out = out.unwrap_or_else(|error| panic!("this test needs python3 (on Debian: python3, python3-venv): {error}"));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn well(command: &mut Command, what: &str) {
    let out = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{what}: {error}"));
    let said = || format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{what}: {}", said());
}

//! `cargo dev doctor`: what this machine has and lacks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use stack::checks::{self, Check, Outcome};
use stack::dist::{self, Distribution, NATS, POSTGRES};
use stack::error::Result;
use stack::external::External;
use stack::folders::Folders;
use stack::machine::{self, Lacking};
use stack::screen::Screen;
use stack::unit::Server;
use stack::{files, ports};

/// Arguments of `cargo dev doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Folder of the stack's files [default: $WECHESS_STACK_DIR, else ~/.cache/wechess, for root /var/cache/wechess].
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// How bad a finding is.
enum Grade {
    Fine,
    Note,
    Lacks,
}

/// One line of the report.
struct Finding {
    grade: Grade,
    what: &'static str,
    found: String,
}

/// What the whole needs at least: three servers, three services, a compiler.
const MEMORY_GB: u64 = 4;

/// Builds, servers and data.
const DISK_GB: u64 = 10;

/// Prints the findings; `false` when something is lacking that `cargo dev up` will not bring itself.
pub fn run(args: &DoctorArgs) -> Result<bool> {
    let folders = Folders::choose(args.dir.as_deref())?;
    let external = External::from_env()?;
    let search_is_ours = !external.has(Server::Elasticsearch);
    let findings = [platform(), cores(), memory(), disk(&folders), account(&folders)]
        .into_iter()
        .chain([tool("cargo"), tool("rustc"), pip()])
        .chain(search_is_ours.then(maven))
        .chain(search_is_ours.then(jdk))
        .chain(distributions(&folders, &external))
        .chain([8080, 8081, 8082].map(port));
    let mut healthy = true;
    for finding in findings {
        let sign = match finding.grade {
            Grade::Fine => "✓",
            Grade::Note => "·",
            Grade::Lacks => "✗",
        };
        healthy &= !matches!(finding.grade, Grade::Lacks);
        println!("{sign} {:14} {}", finding.what, finding.found);
    }
    if !external.is_empty() {
        healthy &= servers_elsewhere(&external, &folders)?;
    }
    println!("\n{}", if healthy { "nothing stands in the way of `cargo dev up`" } else { "mend what has a ✗ first" });
    Ok(healthy)
}

/// One line for each thing that servers that run elsewhere must allow or refuse.
fn servers_elsewhere(external: &External, folders: &Folders) -> Result<bool> {
    let tools = POSTGRES.ensure(folders, &Screen::new())?;
    println!("\nservers that run elsewhere:");
    let mut healthy = true;
    for Check { server, what, outcome } in checks::all(external, &tools) {
        let (sign, verdict) = match outcome {
            Outcome::Fine => ("✓", "ok".to_owned()),
            Outcome::Later(why) => ("·", format!("not known: {why}")),
            Outcome::Missing(remedy) => {
                healthy = false;
                ("✗", format!("MISSING: {remedy}"))
            }
        };
        println!("{sign} {:14} {what}: {verdict}", server.to_string());
    }
    if external.has(Server::Postgres) {
        println!("✓ {:14} query-bff has no login there: ok", "postgres");
    }
    Ok(healthy)
}

fn finding(grade: Grade, what: &'static str, found: impl Into<String>) -> Finding {
    Finding { grade, what, found: found.into() }
}

fn check(fine: bool, what: &'static str, found: impl Into<String>) -> Finding {
    finding(if fine { Grade::Fine } else { Grade::Lacks }, what, found)
}

fn platform() -> Finding {
    let fine = cfg!(all(target_os = "linux", target_arch = "x86_64"));
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    check(
        fine,
        "platform",
        format!("{os} {arch}{}", if fine { "" } else { ": the servers are fetched for linux x86_64" }),
    )
}

fn cores() -> Finding {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    finding(Grade::Fine, "cores", cores.to_string())
}

fn memory() -> Finding {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix("kB")?.trim().parse().ok());
    let gigabytes = kilobytes.unwrap_or(0u64) / (1 << 20);
    let grade = if gigabytes >= MEMORY_GB { Grade::Fine } else { Grade::Note };
    finding(grade, "memory", format!("{gigabytes} GB available ({MEMORY_GB} GB is comfortable)"))
}

fn disk(folders: &Folders) -> Finding {
    let there = folders.root().ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    let free = rustix::fs::statvfs(there).map_or(0, |found| (found.f_bavail * found.f_frsize) >> 30);
    let grade = if free >= DISK_GB { Grade::Fine } else { Grade::Note };
    finding(grade, "disk", format!("{free} GB free in {} ({DISK_GB} GB is comfortable)", there.display()))
}

fn account(folders: &Folders) -> Finding {
    let who = if files::is_root() { "root: the servers run as uid 65534" } else { "no root: the servers run as you" };
    let (fine, trouble) = match folders.prepare() {
        Ok(()) => (true, String::new()),
        Err(error) => (false, format!(" ({error})")),
    };
    check(fine, "account", format!("{who}; files in {}{trouble}", folders.root().display()))
}

/// The first line of what a program says of its version.
fn version(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.lines().next().unwrap_or_default().to_owned())
}

fn tool(program: &'static str) -> Finding {
    let found = version(program, &["--version"]);
    check(found.is_some(), program, found.unwrap_or_else(|| "not found: install it with rustup".to_owned()))
}

fn pip() -> Finding {
    let call = machine::pip().unwrap_or_default();
    let found = call.first().and_then(|program| version(program, &[&call[1..], &["--version"]].concat()));
    found.map_or_else(|| lacks("pip", Lacking::Pip), |found| finding(Grade::Fine, "pip", found))
}

fn maven() -> Finding {
    match machine::on_path("mvn") {
        Some(path) => finding(Grade::Fine, "maven", path.display().to_string()),
        None => lacks("maven", Lacking::Maven),
    }
}

fn jdk() -> Finding {
    let Ok((version, chosen)) = machine::elasticsearch_and_jdk(None) else { return lacks("jdk", Lacking::Jdk) };
    let all: Vec<String> = machine::jdks().iter().map(|jdk| jdk.version.to_string()).collect();
    let home = chosen.home.display();
    finding(
        Grade::Fine,
        "jdk",
        format!("{} of {}: Elasticsearch {version} runs with {home}", chosen.version, all.join(", ")),
    )
}

/// `cargo dev up` installs it by itself where it may.
fn lacks(what: &'static str, lacking: Lacking) -> Finding {
    let packages = machine::packages(&[lacking]).join(" ");
    if files::is_root() && machine::on_path("apt-get").is_some() {
        return finding(Grade::Note, what, format!("not found: `cargo dev up` will apt-get install {packages}"));
    }
    finding(Grade::Lacks, what, format!("not found: install it (on Debian: apt-get install {packages})"))
}

fn distributions(folders: &Folders, external: &External) -> Vec<Finding> {
    let search = machine::elasticsearch_and_jdk(None).and_then(|(version, _)| dist::elasticsearch(version)).ok();
    // PostgreSQL's tools are used wherever the server runs.
    [
        ("postgres", Some(POSTGRES), true),
        ("nats", Some(NATS), !external.has(Server::Nats)),
        ("elasticsearch", search, !external.has(Server::Elasticsearch)),
    ]
    .into_iter()
    .filter(|(_, _, wanted)| *wanted)
    .filter_map(|(what, distribution, _)| Some(fetched(what, &distribution?, folders)))
    .collect()
}

fn fetched(what: &'static str, distribution: &Distribution, folders: &Folders) -> Finding {
    if distribution.is_there(folders) {
        return finding(Grade::Fine, what, format!("{} is here", distribution.title()));
    }
    finding(Grade::Note, what, format!("{} will be fetched by `cargo dev up`", distribution.title()))
}

fn port(port: u16) -> Finding {
    if ports::is_free(port) {
        return finding(Grade::Fine, "port", format!("{port} is free"));
    }
    finding(
        Grade::Note,
        "port",
        format!("{port} is in use: by `cargo dev up` itself, or choose another with its flags"),
    )
}

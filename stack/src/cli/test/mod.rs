//! `cargo dev test`: builds the tests, gives them servers of their own, runs them, tells the truth.

mod plan;
mod runner;

use std::env;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use stack::error::{Context, Error, Result};
use stack::external::External;
use stack::files;
use stack::folders::Folders;
use stack::screen::Screen;
use stack::servers::{Options, Servers};
use stack::services;
use stack::stop::Stop;

use self::plan::{Pass, Selection};
use self::runner::{Outcome, Runner};
use super::{build, down};

/// Arguments of `cargo dev test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Only tests whose path contains one of these words.
    filter: Vec<String>,
    /// Also the long ones: module `long`, or marked `#[ignore]`.
    #[arg(long)]
    long: bool,
    /// Version of Elasticsearch [default: the newest that a JDK here allows].
    #[arg(long)]
    elasticsearch: Option<String>,
    /// Folder of the stack's files [default: $WECHESS_STACK_DIR, else ~/.cache/wechess, for root /var/cache/wechess].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Keep the servers' data and logs even when all is green.
    #[arg(long)]
    keep: bool,
}

/// A program of tests that says nothing for so long hangs.
const SILENCE: Duration = Duration::from_secs(300);

/// The same with `--long`.
const LONG_SILENCE: Duration = Duration::from_secs(1800);

/// What the tests need, built and started.
struct Ready {
    binaries: PathBuf,
    programs: Vec<build::Artifact>,
    servers: Servers,
}

/// Runs the tests; `true` when all are green.
pub fn run(args: &TestArgs) -> Result<bool> {
    let start = Instant::now();
    let (screen, stop) = (Screen::new(), Stop::on_signals()?);
    let folders = Folders::choose(args.dir.as_deref())?;
    folders.prepare()?;
    remove_abandoned(&folders, &screen);
    let name = format!("test-{}", std::process::id());
    let run = folders.run(&name)?;
    let external = External::from_env()?;
    if !external.is_empty() {
        let which = external.servers().map(|server| server.to_string()).collect::<Vec<_>>().join(", ");
        screen.say(&format!(
            "! stories run on servers that run elsewhere ({which}), in namespaces of their own; those that kill or \
             stop servers start their own"
        ));
    }
    let options = Options {
        elasticsearch: args.elasticsearch.clone(),
        external,
        brief: true,
        screen: screen.clone(),
        stop: stop.clone(),
        ..Options::new(folders.clone())
    };
    let result = prepare(&run, &options).and_then(|ready| {
        let outcome = run_all(args, &folders, &ready, &stop);
        ready.servers.stop(&screen);
        outcome
    });
    let red = result.as_ref().is_ok_and(|outcome| !outcome.green);
    if let Ok(outcome) = &result {
        outcome.report(start.elapsed());
    }
    if !(red || args.keep) {
        for run in runs_of(&folders, &name) {
            down::stop(&run, &screen)?;
            files::remove_folder(&run)?;
        }
    } else {
        screen.say(&format!("the servers' data and logs are kept until the next `cargo dev test`: {}", run.display()));
    }
    result.map(|outcome| outcome.green)
}

/// Builds while the servers start.
fn prepare(run: &Path, options: &Options) -> Result<Ready> {
    let screen = &options.screen;
    thread::scope(|scope| {
        let servers = scope.spawn(|| Servers::start(run, options));
        let built = build::with_oracle(screen).and_then(|binaries| Ok((binaries, build::tests(screen)?)));
        let servers = servers.join().unwrap_or_else(|_| Err(Error::new("the thread that starts the servers panicked")));
        let (binaries, programs) = built?;
        Ok(Ready { binaries, programs, servers: servers? })
    })
}

fn run_all(args: &TestArgs, folders: &Folders, ready: &Ready, stop: &Stop) -> Result<Outcome> {
    let connections = ready.servers.connections();
    let facts = connections.folder.join("test-stack.json");
    let text = serde_json::to_string(&connections).context(|| "cannot print the connections".into())?;
    files::write_private(&facts, text.as_bytes())?;
    let path = |path: &Path| path.display().to_string();
    let mut environment = vec![
        ("WECHESS_TEST_STACK".to_owned(), path(&facts)),
        ("WECHESS_DEV_BIN".to_owned(), path(&ready.binaries.join("dev"))),
        ("WECHESS_BIN_DIR".to_owned(), path(&ready.binaries)),
        ("WECHESS_STACK_DIR".to_owned(), path(folders.root())),
        ("INSTA_WORKSPACE_ROOT".to_owned(), path(&services::workspace())),
    ];
    if env::var_os("CI").is_some() {
        environment.push(("INSTA_UPDATE".to_owned(), "no".to_owned()));
    }
    let silence = if args.long { LONG_SILENCE } else { SILENCE };
    let runner = Runner { environment, silence, stop: stop.clone(), long: args.long };
    let passes = plan::passes(&ready.programs, &Selection { filter: &args.filter, long: args.long }, &runner)?;
    if passes.iter().all(|pass| pass.tests.is_empty()) {
        let words = args.filter.join("`, `");
        let long = if args.long { "" } else { " (long ones need --long)" };
        return Err(Error::new(format!("no test has `{words}` in its path{long}")));
    }
    let mut outcome = Outcome::new();
    for pass in passes.iter().filter(|pass| !pass.tests.is_empty()) {
        outcome.add(run_pass(&runner, pass)?);
        if stop.is_wanted() {
            return Err(Error::new("interrupted"));
        }
    }
    Ok(outcome)
}

fn run_pass(runner: &Runner, pass: &Pass) -> Result<Outcome> {
    println!("\n── {} ({} tests)", pass.title, pass.tests.len());
    runner.run(pass)
}

/// The run folders of one `cargo dev test`: its own and those of the stacks that its tests made.
fn runs_of(folders: &Folders, name: &str) -> Vec<PathBuf> {
    let own = |entry: &str| entry.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    let entries = std::fs::read_dir(folders.runs()).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_str().is_some_and(own)).map(|entry| entry.path()).collect()
}

/// Removes what earlier runs kept, or left behind when they were killed.
fn remove_abandoned(folders: &Folders, screen: &Screen) {
    for entry in std::fs::read_dir(folders.runs()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.strip_prefix("test-")?.split('-').next()) else { continue };
        if Path::new("/proc").join(pid).exists() {
            continue;
        }
        let removed = down::stop(&entry.path(), screen).and_then(|_| files::remove_folder(&entry.path()));
        if let Err(error) = removed {
            screen.say(&format!("! {error}"));
        }
    }
}

//! `cargo dev up`: from a bare machine to a running system.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use rustix::process::Signal;
use stack::error::{Context, Error, Result};
use stack::external::External;
use stack::ports::Ports;
use stack::process::ProcessId;
use stack::restore::{self, Plan};
use stack::screen::{Screen, Task};
use stack::servers::{self, Distributions};
use stack::status::Status;
use stack::stop::Stop;
use stack::system::{self, System};
use stack::{backup, files};

use super::status::{describe, try_it};
use super::{Programs, Which, build, down};

/// Arguments of `cargo dev up`.
#[derive(Debug, Clone, Args)]
pub struct UpArgs {
    #[command(flatten)]
    which: Which,
    /// Return when everything is ready; a supervisor of its own stays.
    #[arg(long)]
    detach: bool,
    /// Start empty; what runs is stopped first.
    #[arg(long)]
    fresh: bool,
    /// Port of command-api, 0 = any free port.
    #[arg(long, default_value_t = 8080)]
    command_api_port: u16,
    /// Port of query-bff, 0 = any free port.
    #[arg(long, default_value_t = 8081)]
    query_bff_port: u16,
    /// Port of projector's admin, 0 = any free port.
    #[arg(long, default_value_t = 8082)]
    projector_port: u16,
    #[command(flatten)]
    programs: Programs,
    /// Be the supervisor of `--detach`.
    #[arg(long, hide = true, requires = "bin_dir")]
    supervisor: bool,
    /// Restore a backup first: the plan that `cargo dev restore` wrote.
    #[arg(long, hide = true, requires = "supervisor")]
    restore: Option<PathBuf>,
}

/// How `cargo dev restore` starts a stack.
#[derive(Debug)]
pub struct Restoring<'a> {
    /// Which stack.
    pub which: &'a Which,
    /// The plan.
    pub plan: PathBuf,
    /// The services' ports.
    pub ports: Ports,
    /// What is started.
    pub programs: &'a Programs,
}

/// Starts a stack that does not run, with a backup in it.
pub fn restoring(from: Restoring<'_>) -> Result<bool> {
    run(&UpArgs {
        which: from.which.clone(),
        detach: true,
        fresh: false,
        command_api_port: from.ports.command_api,
        query_bff_port: from.ports.query_bff,
        projector_port: from.ports.projector,
        programs: from.programs.clone(),
        supervisor: false,
        restore: Some(from.plan),
    })
}

/// Starts the stack, or says that it runs.
pub fn run(args: &UpArgs) -> Result<bool> {
    if args.supervisor {
        return supervise(args);
    }
    let screen = Screen::new();
    let run = args.which.run()?;
    let external = External::from_env()?;
    args.which.folders()?.prepare()?;
    files::make_folder(&run)?;
    if args.fresh {
        refuse_to_empty(&external)?;
        down::stop(&run, &screen)?;
        files::empty_folder(&run, backup::FOLDER)?;
    } else if let Some(status) = running(&run, &screen)? {
        println!("`{}` runs already", args.which.name);
        print!("{}", describe(&status));
        return Ok(true);
    }
    if let Some(_lock) = servers::lock(&run)? {
        // They would hold the ports that are checked next.
        servers::kill_leftovers(&run);
    }
    args.ports().check()?;
    let mut options = args.options(screen.clone(), external)?;
    thread::scope(|scope| {
        let built = scope.spawn(|| match &args.programs.bin_dir {
            Some(folder) => std::path::absolute(folder).context(|| format!("cannot resolve {}", folder.display())),
            None => build::binaries(args.programs.release, &screen),
        });
        Distributions::ensure(&options.servers)?;
        options.binaries = built.join().unwrap_or_else(|_| Err(Error::new("the thread that builds panicked")))?;
        Ok(())
    })?;
    if args.detach { detach(args, &run, &options) } else { foreground(&run, options) }
}

/// `--fresh` empties what is ours, and nothing that somebody else runs.
fn refuse_to_empty(external: &External) -> Result<()> {
    if external.is_empty() {
        return Ok(());
    }
    let how = external.how_to_empty();
    Err(Error::new(format!(
        "--fresh does not empty servers that run elsewhere: empty them yourself ({how}), then run it without --fresh"
    )))
}

/// The status of what runs in `run`, awaited if it is only starting; `None` when nothing does.
fn running(run: &Path, screen: &Screen) -> Result<Option<Status>> {
    let start = Instant::now();
    let mut task = None;
    while servers::lock(run)?.is_none() {
        if let Some(status) = system::status(run) {
            return Ok(Some(status));
        }
        if start.elapsed() > servers::START_LIMIT * 2 {
            return Err(Error::new(format!(
                "a stack in {} is starting or stopping and does not get ready",
                run.display()
            )));
        }
        task.get_or_insert_with(|| screen.task("up", "another `cargo dev up` is at work: waiting for it"));
        thread::sleep(Duration::from_millis(100));
    }
    Ok(None)
}

impl UpArgs {
    fn ports(&self) -> Ports {
        Ports {
            command_api: self.command_api_port,
            query_bff: self.query_bff_port,
            projector: self.projector_port,
            ..Ports::default()
        }
    }

    fn options(&self, screen: Screen, external: External) -> Result<system::Options> {
        let servers = servers::Options {
            elasticsearch: self.programs.elasticsearch.clone(),
            brief: self.programs.brief,
            external,
            wanted: self.ports(),
            screen,
            ..servers::Options::new(self.which.folders()?)
        };
        Ok(system::Options {
            servers,
            binaries: self.programs.bin_dir.clone().unwrap_or_default(),
            environment: Vec::new(),
        })
    }
}

/// Keeps the system running until Ctrl-C.
fn foreground(run: &Path, mut options: system::Options) -> Result<bool> {
    let stop = Stop::on_signals()?;
    options.servers.stop = stop.clone();
    let screen = options.servers.screen.clone();
    let system = System::start(run, &options)?;
    let status = system.status()?;
    println!("{}{}Ctrl-C stops everything.", describe(&status), try_it(&status));
    let task = screen.task("weChess", "ready");
    while !stop.is_wanted() {
        task.doing(line(&system));
        wait(&stop, Duration::from_secs(1));
    }
    drop(task);
    system.stop(&screen);
    Ok(true)
}

/// The one line that says how it goes.
fn line(system: &System) -> String {
    let Ok(status) = system.status() else { return "unknown".to_owned() };
    let state = if status.ready { "ready" } else { "not ready" };
    let (running, restarts) = (status.pids.len(), system.restarts());
    let all = 6 - system.servers().external().servers().count();
    format!("{state} · {running} of {all} processes · {restarts} restarts · {} · Ctrl-C stops", status.command_api)
}

fn wait(stop: &Stop, limit: Duration) {
    let start = Instant::now();
    while !stop.is_wanted() && start.elapsed() < limit {
        thread::sleep(Duration::from_millis(50));
    }
}

/// The path of this program. A build that replaced the file in the meantime leaves the new one at the same path.
fn this_program() -> Result<PathBuf> {
    let own = std::env::current_exe().context(|| "cannot find this program".into())?;
    let path = own.to_string_lossy();
    Ok(path.strip_suffix(" (deleted)").map_or_else(|| own.clone(), PathBuf::from))
}

/// Starts a supervisor in a session of its own and returns when it is ready.
fn detach(args: &UpArgs, run: &Path, options: &system::Options) -> Result<bool> {
    let screen = &options.servers.screen;
    files::make_folder(&run.join("logs"))?;
    let log = run.join("logs/supervisor.log");
    let file = File::create(&log).context(|| format!("cannot write {}", log.display()))?;
    let both = file.try_clone().context(|| format!("cannot write {}", log.display()))?;
    let own = this_program()?;
    // Nobody may wait for the end of a pipe that a daemon inherited and holds open.
    const CLOSE_ALL: &str = r#"for fd in /proc/self/fd/*; do
        fd=${fd##*/}; [ "$fd" -gt 2 ] && eval "exec $fd>&-"
    done; exec "$@""#;
    let mut command = Command::new("bash");
    command
        .args(["-c", CLOSE_ALL, "bash"])
        .arg(own)
        .args(["up", "--supervisor", "--name", &args.which.name, "--bin-dir"])
        .arg(&options.binaries)
        .arg("--dir")
        .arg(options.servers.folders.root())
        .args(["--command-api-port", &args.command_api_port.to_string()])
        .args(["--query-bff-port", &args.query_bff_port.to_string()])
        .args(["--projector-port", &args.projector_port.to_string()])
        .current_dir(run)
        .stdin(Stdio::null())
        .stdout(both)
        .stderr(file);
    if args.programs.brief {
        command.arg("--brief");
    }
    if let Some(plan) = &args.restore {
        command.arg("--restore").arg(plan);
    }
    if let Some(version) = &args.programs.elasticsearch {
        command.args(["--elasticsearch", version]);
    }
    let stop = Stop::on_signals()?;
    let child = command.spawn().context(|| "cannot start the supervisor".into())?;
    let task = screen.task("up", "starting");
    let status = await_supervisor(child, run, &log, &task, &stop)?;
    task.done("everything is ready");
    println!("{}{}Stop it with `cargo dev down`.", describe(&status), try_it(&status));
    Ok(true)
}

fn await_supervisor(mut child: Child, run: &Path, log: &Path, task: &Task, stop: &Stop) -> Result<Status> {
    let id = ProcessId::of(child.id());
    let mut shown = 0;
    loop {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        for line in lines.iter().skip(shown) {
            if line.starts_with('✓') { task.screen().say(line) } else { task.doing(line.trim()) }
        }
        shown = lines.len();
        if let Some(status) = system::status(run).filter(|status| status.supervisor == Some(child.id())) {
            return Ok(status);
        }
        if child.try_wait().context(|| "cannot wait for the supervisor".into())?.is_some() {
            let from = text.find("error: ").unwrap_or_default();
            return Err(Error::new(text[from..].trim().trim_start_matches("error: ").to_owned()));
        }
        if stop.is_wanted() {
            id.inspect(|id| id.signal(Signal::TERM));
            child.wait().context(|| "cannot wait for the supervisor".into())?;
            return Err(Error::new("interrupted: everything that had started is stopped again"));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// The supervisor of `--detach`.
fn supervise(args: &UpArgs) -> Result<bool> {
    rustix::process::setsid().context(|| "cannot make a session".into())?;
    let stop = Stop::on_signals()?;
    let screen = Screen::new();
    let mut options = args.options(screen.clone(), External::from_env()?)?;
    options.servers.stop = stop.clone();
    let run = args.which.run()?;
    let system = match &args.restore {
        None => System::start(&run, &options)?,
        Some(plan) => {
            let plan = Plan::load(plan)?;
            System::start_with(&run, &options, |servers| {
                restore::apply(&plan, servers, &options.binaries, &screen).map(drop)
            })?
        }
    };
    while !stop.is_wanted() {
        wait(&stop, Duration::from_secs(60));
    }
    system.stop(&screen);
    Ok(true)
}

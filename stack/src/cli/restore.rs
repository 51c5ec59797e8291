//! `cargo dev restore`: a backup takes the place of a stack's log; everything behind it is made again.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;
use stack::backup::{Secrets, beside, facts};
use stack::checks;
use stack::database::Database;
use stack::dist::POSTGRES;
use stack::error::{Context, Error, Result};
use stack::files;
use stack::ports::Ports;
use stack::restore::{self, Plan};
use stack::screen::Screen;
use stack::status::Status;
use stack::system;

use super::up::{self, Restoring};
use super::{Programs, Which, down};

/// Arguments of `cargo dev restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    which: Which,
    /// The dump that `cargo dev backup` wrote.
    file: PathBuf,
    /// Replace a log that holds events.
    #[arg(long)]
    replace: bool,
    /// More recorded erasures, as `command-api erasures` prints them.
    #[arg(long, value_name = "LIST")]
    erasures: Vec<PathBuf>,
    /// The master key, or the secrets that `cargo dev backup` wrote [default: FILE.secrets.json].
    #[arg(long, value_name = "KEY")]
    master_key_file: Option<PathBuf>,
    /// Port of command-api [default: as before, else 8080], 0 = any free port.
    #[arg(long)]
    command_api_port: Option<u16>,
    /// Port of query-bff [default: as before, else 8081], 0 = any free port.
    #[arg(long)]
    query_bff_port: Option<u16>,
    /// Port of projector's admin [default: as before, else 8082], 0 = any free port.
    #[arg(long)]
    projector_port: Option<u16>,
    #[command(flatten)]
    programs: Programs,
}

/// A view of ten million events takes its time; one that does not move does not get there.
const STANDSTILL: Duration = Duration::from_secs(120);

/// Restores, waits until the views are made again, and says what there is.
pub fn run(args: &RestoreArgs) -> Result<bool> {
    let (screen, run, folders) = (Screen::new(), args.which.run()?, args.which.folders()?);
    folders.prepare()?;
    let tools = POSTGRES.ensure(&folders, &screen)?;
    let plan = plan(args)?;
    let task = screen.task("backup", "reading it to its end");
    let facts = facts(&tools, &plan.dump)?;
    task.done(&format!("{} holds {} events of the log {}", plan.dump.display(), facts.events, facts.log_id));
    if let Some(status) = system::status(&run) {
        let database = Database::new(&tools, &status.connections.credentials.database_urls.owner)?;
        // Before anything is stopped.
        restore::may_replace(restore::events(&database)?, plan.replace)?;
    }
    files::make_folder(&run)?;
    down::stop(&run, &screen)?;
    let path = run.join("restore.json");
    plan.save(&path)?;
    let kept = Ports::load(&run);
    let port = |given: Option<u16>, kept: u16, first| given.unwrap_or(if kept == 0 { first } else { kept });
    let ports = Ports {
        command_api: port(args.command_api_port, kept.command_api, 8080),
        query_bff: port(args.query_bff_port, kept.query_bff, 8081),
        projector: port(args.projector_port, kept.projector, 8082),
        ..Ports::default()
    };
    let started = up::restoring(Restoring { which: &args.which, plan: path.clone(), ports, programs: &args.programs });
    // It holds the master key.
    let _ = std::fs::remove_file(&path);
    started.context(|| {
        let name = &args.which.name;
        format!("nothing was restored; `cargo dev up --detach --name {name}` starts what was there before")
    })?;
    let status = system::status(&run).context(|| "the stack is gone again".into())?;
    let tail = restore::events(&Database::new(&tools, &status.connections.credentials.database_urls.owner)?)?;
    let counts = await_views(&status, tail, &screen)?;
    println!("{tail} events; in the views:");
    for (view, count) in counts {
        println!("  {view:24} {count}");
    }
    Ok(true)
}

fn plan(args: &RestoreArgs) -> Result<Plan> {
    let absolute = |path: &Path| std::path::absolute(path).context(|| format!("cannot resolve {}", path.display()));
    let dump = absolute(&args.file)?;
    if !dump.is_file() {
        return Err(Error::new(format!("there is no {}", dump.display())));
    }
    let secrets = match &args.master_key_file {
        Some(file) => Secrets::read(file)?,
        None => Secrets::load(&dump)?.context(|| {
            let expected = beside(&dump, "secrets.json");
            format!("{} is not there: say with --master-key-file where the master key is", expected.display())
        })?,
    };
    let erasures = args.erasures.iter().map(|list| absolute(list)).collect::<Result<_>>()?;
    Ok(Plan { dump, replace: args.replace, erasures, secrets })
}

/// Waits until every view has the whole log, and counts its documents.
fn await_views(status: &Status, tail: u64, screen: &Screen) -> Result<Vec<(String, u64)>> {
    let task = screen.task("views", "making them again");
    let (mut least, mut moved) = (None, Instant::now());
    let views = loop {
        let views = reached(&status.projector);
        let now = views.iter().map(|(_, at)| *at).min();
        if now.is_some_and(|now| now >= tail) {
            break views;
        }
        if now != least {
            (least, moved) = (now, Instant::now());
        }
        if moved.elapsed() > STANDSTILL {
            return Err(Error::new(format!(
                "the views stand still at {} of {tail}: see {}/admin/health",
                least.unwrap_or_default(),
                status.projector
            )));
        }
        task.doing(format!("{} of {tail}", least.unwrap_or_default()));
        std::thread::sleep(Duration::from_millis(200));
    };
    task.done(&format!("{} views have all {tail} events", views.len()));
    views
        .into_iter()
        .map(|(view, _)| checks::documents(&status.connections, &view).map(|count| (view, count)))
        .collect()
}

/// How far every view is.
fn reached(projector: &str) -> Vec<(String, u64)> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(5)))
        .http_status_as_error(false)
        .build()
        .into();
    let report: Value = agent
        .get(format!("{projector}/admin/health"))
        .call()
        .ok()
        .and_then(|mut answer| answer.body_mut().read_json().ok())
        .unwrap_or_default();
    let views = report["info"]["views"].as_object().into_iter().flatten();
    views.map(|(name, view)| (name.clone(), view["searchable"].as_u64().unwrap_or_default())).collect()
}

//! The loss oracle: real processes, real kill -9, and at the end every acknowledged command, the log, the event stream and
//! every document compared. `cargo dev chaos` builds the services and runs this.

mod check;
mod chess;
mod client;
mod faults;
mod finding;
mod hall;
mod oracle;
mod plan;
mod proxy;
mod random;
mod rig;
mod schedule;
mod servers;
mod storm;
mod writers;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use schedule::Guard;
use stack::error::{Context, Error, Result};
use stack::files;
use stack::folders::Folders;
use stack::stop::Stop;

/// Kills, cuts, deletes and delays while games are played, and then looks for anything lost.
#[derive(Debug, Parser)]
#[command(name = "chaos", bin_name = "cargo dev chaos")]
struct Args {
    /// How long faults strike.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1440))]
    minutes: u64,
    /// Repeats the plan of faults of another run.
    #[arg(long)]
    seed: Option<u64>,
    /// Runs the schedule of a guard with the guard taken out, in place of random faults: it must find the loss.
    #[arg(long, value_name = "GUARD", conflicts_with = "schedule")]
    without: Option<Guard>,
    /// The same schedule with the guard in place: it must find nothing.
    #[arg(long, value_name = "GUARD")]
    schedule: Option<Guard>,
    /// Name of the run folder, which is emptied first.
    #[arg(long, default_value = "chaos")]
    name: String,
    /// Folder of the stack's files [default: $WECHESS_STACK_DIR, else ~/.cache/wechess, for root /var/cache/wechess].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Version of Elasticsearch [default: the newest that a JDK here allows].
    #[arg(long)]
    elasticsearch: Option<String>,
    /// Folder with the services' programs [default: that of this program].
    #[arg(long)]
    bin_dir: Option<PathBuf>,
}

/// 0: nothing was found. 1: something was; of a guard that is taken out, what it must be. 2: it could not run, or found
/// other things than it must.
fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<bool> {
    let options = args.options()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context(|| "no runtime".into())?.block_on(async {
        let stop = options.stop.clone();
        // Whatever is going on is dropped, and with it the system.
        tokio::select! {
            clean = tried(args, &options) => cleaned(&options, clean?),
            () = wanted(&stop) => Err(Error::new("interrupted")),
        }
    })
}

/// A run without findings leaves nothing behind; data and logs of another one are kept until the next.
fn cleaned(options: &rig::Options, clean: bool) -> Result<bool> {
    let run = Folders::choose(options.dir.as_deref())?.run(&options.name)?;
    if clean {
        files::remove_folder(&run)?;
    } else {
        println!("data and logs are kept until the next run: {}", run.display());
    }
    Ok(clean)
}

async fn wanted(stop: &Stop) {
    while !stop.is_wanted() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn tried(args: &Args, options: &rig::Options) -> Result<bool> {
    if let Some(guard) = args.without.or(args.schedule) {
        return scripted(options, guard, args.without.is_some()).await;
    }
    let seed = args.seed.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0 % 1_000_000);
    println!("seed {seed}");
    let report = storm::run(options, seed, Duration::from_secs(args.minutes * 60)).await?;
    println!("{}", report.text());
    Ok(report.verdict.findings.is_empty())
}

async fn scripted(options: &rig::Options, guard: Guard, without: bool) -> Result<bool> {
    println!("the schedule of {}, with it {}", guard.name(), if without { "taken out" } else { "in place" });
    let verdict = schedule::run(options, guard, without).await?;
    println!("{}", storm::findings(&verdict));
    if without {
        let caused = verdict.findings.iter().any(|finding| finding.name() == guard.finding());
        let (name, must) = (guard.name(), guard.finding());
        println!("without {name} it must find {must}: {}", if caused { "found" } else { "NOT found" });
        if !caused && !verdict.findings.is_empty() {
            return Err(Error::new(format!(
                "without {name} it found something else than {must}: the schedule is broken"
            )));
        }
    }
    Ok(verdict.findings.is_empty())
}

impl Args {
    fn options(&self) -> Result<rig::Options> {
        let own = std::env::current_exe().context(|| "cannot find this program".into())?;
        let binaries = self.bin_dir.clone().or_else(|| own.parent().map(PathBuf::from));
        let binaries = binaries.context(|| "cannot find the services' programs: give --bin-dir".into())?;
        Ok(rig::Options {
            name: self.name.clone(),
            dir: self.dir.clone(),
            binaries: std::path::absolute(&binaries).context(|| format!("cannot resolve {}", binaries.display()))?,
            elasticsearch: self.elasticsearch.clone(),
            // Nobody shall put right, unseen, what the oracle is looking for.
            environment: vec![("WECHESS_AUDIT_PER_SECOND".to_owned(), "0".to_owned())],
            stop: Stop::on_signals()?,
        })
    }
}

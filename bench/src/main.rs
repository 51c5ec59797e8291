//! Measures: figures of this machine beside references that were taken in the same run. `cargo dev bench` builds this
//! program with optimisation and runs it.

mod append;
mod cpu;
mod elastic;
mod fill;
mod growth;
mod health;
mod machine;
mod memory;
mod moves;
mod own;
mod projector;
mod query;
mod rebuild;
mod reference;
mod report;
mod stats;
mod visible;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use stack::bench::{BenchArgs, What};
use stack::error::{Context, Result};
use stack::folders::Folders;
use stack::screen::Screen;
use stack::stop::Stop;

use machine::Ticks;
use report::Report;

/// `wechess-bench`: the arguments of `cargo dev bench`.
#[derive(Debug, Parser)]
#[command(name = "wechess-bench", version)]
struct Cli {
    #[command(flatten)]
    args: BenchArgs,
}

/// What every measurement needs.
pub struct Bench {
    /// What was asked for.
    pub args: BenchArgs,
    /// Where the servers' files are.
    pub folders: Folders,
    /// Where the services' programs are.
    pub binaries: PathBuf,
    /// The terminal.
    pub screen: Screen,
    /// The wish to stop.
    pub stop: Stop,
}

impl Bench {
    /// How long one measurement takes.
    pub fn seconds(&self, usual: u64) -> u64 {
        self.args.seconds.unwrap_or(if self.args.brief { 1 } else { usual })
    }

    /// How often ours and the reference take turns.
    pub fn rounds(&self) -> usize {
        self.args.rounds.map_or(if self.args.brief { 1 } else { 5 }, usize::from)
    }
}

/// One measurement.
type Measure = fn(&Bench) -> Result<Report>;

/// Every measurement, in the order of `all`.
const MEASUREMENTS: &[(What, Measure)] = &[
    (What::Append, append::run),
    (What::Moves, moves::run),
    (What::Visible, visible::run),
    (What::Projector, projector::run),
    (What::Rebuild, rebuild::run),
    (What::Query, query::run),
    (What::Memory, memory::run),
    (What::Growth, growth::run),
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and prints; a missed target is no failure.
fn run() -> Result<()> {
    let Cli { args } = Cli::parse();
    let program = std::env::current_exe().context(|| "cannot find this program".into())?;
    let beside = program.parent().context(|| "this program is in no folder".into())?.to_path_buf();
    let bench = Bench {
        folders: Folders::choose(args.dir.as_deref())?,
        binaries: beside,
        screen: Screen::new(),
        stop: Stop::on_signals()?,
        args,
    };
    bench.folders.prepare()?;
    println!("{}, load {:.1}\n", machine::told(), machine::load());
    if machine::load() > 1.0 {
        bench.screen.say(&format!(
            "! the machine is busy (load {:.1}): the figures will say more of what else runs than of us",
            machine::load()
        ));
    }
    let mut whole = Report::default();
    for (what, measure) in MEASUREMENTS {
        if bench.args.what == *what || bench.args.what == What::All {
            let before = Ticks::now();
            let mut report = measure(&bench)?;
            let stolen = Ticks::now().stolen_since(before);
            if stolen >= 1.0 {
                report.note(format!("meanwhile the host of this virtual machine took {stolen:.0} % of its processors"));
            }
            println!("{report}");
            whole.add(report);
            if let Some(path) = &bench.args.json {
                whole.write(path)?;
            }
        }
    }
    Ok(())
}

//! The command line.

mod backup;
mod bench;
mod build;
mod chaos;
mod doctor;
mod down;
mod play;
mod restore;
mod servers;
mod status;
mod test;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use stack::error::Result;
use stack::folders::Folders;

/// weChess on this machine: servers, services, tests.
#[derive(Debug, Parser)]
#[command(name = "cargo dev", bin_name = "cargo dev", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything: fetch, build, migrate, wait until all are ready.
    Up(up::UpArgs),
    /// Start the three servers only, print how to reach them, and stay until Ctrl-C.
    Servers(servers::ServersArgs),
    /// Stop everything.
    Down(Which),
    /// Say what runs, and where.
    Status(status::StatusArgs),
    /// Run the tests on servers of their own.
    Test(test::TestArgs),
    /// Play the games of a PGN file, then compare what the query service says with the file.
    Play(play::PlayArgs),
    /// Write the log of a running stack into a file.
    Backup(backup::BackupArgs),
    /// Put a backup in the place of a stack's log, and start it.
    Restore(restore::RestoreArgs),
    /// Measure this machine.
    Bench(stack::bench::BenchArgs),
    /// Kill, cut and delete while games are played, and look for anything lost.
    Chaos(chaos::ChaosArgs),
    /// Say what this machine has and lacks.
    Doctor(doctor::DoctorArgs),
}

/// Which stack is meant.
#[derive(Debug, Clone, Args)]
struct Which {
    /// Name of the stack; several may run side by side.
    #[arg(long, default_value = "dev")]
    name: String,
    /// Folder of the stack's files [default: $WECHESS_STACK_DIR, else ~/.cache/wechess, for root /var/cache/wechess].
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// What is started, and how fast it must be.
#[derive(Debug, Clone, Args)]
struct Programs {
    /// Build the services with optimisation.
    #[arg(long)]
    release: bool,
    /// Version of Elasticsearch [default: the newest that a JDK here allows].
    #[arg(long)]
    elasticsearch: Option<String>,
    /// Elasticsearch shall start quickly rather than run fast: for tests.
    #[arg(long)]
    brief: bool,
    /// Take the services' programs from this folder instead of building them.
    #[arg(long)]
    bin_dir: Option<PathBuf>,
}

impl Which {
    fn folders(&self) -> Result<Folders> {
        Folders::choose(self.dir.as_deref())
    }

    fn run(&self) -> Result<PathBuf> {
        self.folders()?.run(&self.name)
    }
}

/// Does what the command line says.
pub fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Up(args) => up::run(&args),
        Command::Servers(args) => servers::run(&args),
        Command::Down(which) => down::run(&which),
        Command::Status(args) => status::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Play(args) => play::run(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Restore(args) => restore::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Chaos(args) => match chaos::run(&args) {
            Ok(code) => return code,
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::from(2);
            }
        },
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

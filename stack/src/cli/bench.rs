//! `cargo dev bench`: figures of this machine.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use stack::bench::{self, moves::Load};
use stack::error::{Context, Result};
use stack::folders::Folders;
use stack::screen::Screen;
use stack::system;

use super::build;

/// Arguments of `cargo dev bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Legal chess moves by HTTP (target T2).
    Moves(MovesArgs),
}

#[derive(Debug, Args)]
struct MovesArgs {
    /// Measure this running stack [default: servers of its own, with the projector and Elasticsearch stopped].
    #[arg(long)]
    name: Option<String>,
    /// Folder of the stacks' files [default: as for `cargo dev up`].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// How long the run at full speed takes.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Games made beforehand [default: 120 for each second].
    #[arg(long)]
    games: Option<u32>,
    /// Connections that play.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
    /// Write the figures to this file as well.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Take command-api from this folder instead of building it with optimisation.
    #[arg(long)]
    bin_dir: Option<PathBuf>,
}

/// Measures and prints; a missed target is no failure of the command.
pub fn run(args: &BenchArgs) -> Result<bool> {
    let What::Moves(args) = &args.what;
    let screen = Screen::new();
    let folders = Folders::choose(args.dir.as_deref())?;
    let games = args.games.map_or(args.seconds * 120, u64::from).max(args.connections.into());
    let load = Load { connections: args.connections.into(), games: games as usize, seconds: args.seconds };
    let report = match &args.name {
        Some(name) => {
            let status = system::status(&folders.run(name)?).context(|| format!("`{name}` does not run"))?;
            bench::moves_on(&status, &folders, &load, &screen)?
        }
        None => {
            let binaries = match &args.bin_dir {
                Some(folder) => {
                    std::path::absolute(folder).context(|| format!("cannot resolve {}", folder.display()))?
                }
                None => build::binaries(true, &screen)?,
            };
            bench::moves_alone(&folders, &binaries, &load, &screen)?
        }
    };
    print!("{}", report.table());
    if let Some(path) = &args.json {
        report.write(path)?;
    }
    Ok(true)
}

//! `cargo dev chaos`: builds the services and the loss oracle, and hands over to the oracle.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use clap::Args;
use stack::error::{Context, Result};
use stack::screen::Screen;

use super::build;

/// Arguments of `cargo dev chaos`: those of the oracle, `cargo dev chaos --help` lists them.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct ChaosArgs {
    /// What the oracle is told.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Runs the oracle; its exit code: 0 nothing found, 1 something lost, 2 it could not run.
pub fn run(args: &ChaosArgs) -> Result<ExitCode> {
    let binaries = build::with_oracle(&Screen::new())?;
    let mut oracle = Command::new(binaries.join("chaos"));
    oracle.arg("--bin-dir").arg(&binaries).args(&args.arguments);
    let status = oracle.status().context(|| format!("cannot run {:?}", oracle.get_program()))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::from(2), ExitCode::from))
}

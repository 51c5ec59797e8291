//! `cargo dev`: the whole system on this machine, its tests, and what it needs.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}

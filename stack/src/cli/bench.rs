//! `cargo dev bench`: figures of this machine.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use stack::bench::BenchArgs;
use stack::error::{Context, Error, Result};
use stack::screen::Screen;

use super::build;

/// Builds with optimisation and becomes the program that measures, which reads the same arguments.
pub fn run(args: &BenchArgs) -> Result<bool> {
    let binaries = match &args.bin_dir {
        Some(folder) => std::path::absolute(folder).context(|| format!("cannot resolve {}", folder.display()))?,
        None => build::measured(&Screen::new())?,
    };
    let program = binaries.join("wechess-bench");
    // What follows the word `bench`.
    let words = std::env::args_os().skip_while(|word| word != "bench").skip(1);
    let error = Command::new(&program).args(words).exec();
    Err(Error::new(format!("cannot run {}: {error}", program.display())))
}

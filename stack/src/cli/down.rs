//! `cargo dev down`: stops everything, and what a stack that died left behind.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use stack::error::{Error, Result};
use stack::process::ProcessId;
use stack::screen::Screen;
use stack::servers::{kill_leftovers, lock, supervisor_file};

use super::Which;

/// Six processes may take this long to end in order.
const LIMIT: Duration = Duration::from_secs(120);

/// Stops the stack.
pub fn run(which: &Which) -> Result<bool> {
    let screen = Screen::new();
    let run = which.run()?;
    if !run.is_dir() || !stop(&run, &screen)? {
        screen.say(&format!("`{}` does not run", which.name));
    }
    Ok(true)
}

/// Stops what runs in `run`; `false` when nothing did.
pub fn stop(run: &Path, screen: &Screen) -> Result<bool> {
    let free = lock(run)?;
    if free.is_some() {
        let left = kill_leftovers(run);
        if left > 0 {
            screen.say(&format!("! killed {left} process(es) that a stack left behind when it died"));
        }
        return Ok(left > 0);
    }
    let Some(supervisor) = ProcessId::load(&supervisor_file(run)) else {
        return Err(Error::new(format!("{} is in use by a process that is not known: try again", run.display())));
    };
    let task = screen.task("down", &format!("stopping (supervisor {})", supervisor.pid));
    supervisor.signal(Signal::TERM);
    if !supervisor.wait_gone(LIMIT) {
        screen.say("! it does not stop in order: killing it");
        supervisor.signal(Signal::KILL);
        supervisor.wait_gone(LIMIT);
        kill_leftovers(run);
    }
    task.done("stopped");
    Ok(true)
}

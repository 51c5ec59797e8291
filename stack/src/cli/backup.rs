//! `cargo dev backup`: the log of a running stack, in a file.

use std::path::PathBuf;

use clap::Args;
use stack::backup::{self, beside};
use stack::database::Database;
use stack::dist::POSTGRES;
use stack::error::{Context, Result};
use stack::screen::Screen;
use stack::system;

use super::Which;

/// Arguments of `cargo dev backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    #[command(flatten)]
    which: Which,
    /// The file [default: backups/wechess-<time>.dump in the stack's run folder].
    file: Option<PathBuf>,
}

/// Writes it while everything goes on, and says what is in it.
pub fn run(args: &BackupArgs) -> Result<bool> {
    let (screen, name, run) = (Screen::new(), &args.which.name, args.which.run()?);
    let status = system::status(&run)
        .context(|| format!("`{name}` does not run: start it with `cargo dev up --detach --name {name}`"))?;
    let connections = &status.connections;
    let tools = POSTGRES.ensure(&args.which.folders()?, &screen)?;
    let database = Database::new(&tools, &connections.credentials.database_urls.owner)?;
    let file = match &args.file {
        Some(file) => std::path::absolute(file).context(|| format!("cannot resolve {}", file.display()))?,
        None => backup::default_file(&database, &run)?,
    };
    let task = screen.task("backup", "dumping, and reading it back");
    let facts = backup::write(&database, connections, &file)?;
    task.done("written and read back");
    println!(
        "{file}\n  {events} events, tail {tail}, log {log}, {erased} erased, {bytes} bytes\n\
         {secrets}\n  the master key, without which neither personal data nor signing keys open, and the superAdmin's \
         password:\n  keep it apart from the dump: who has both reads everything\n\
         Restore it with `cargo dev restore {file}`",
        file = file.display(),
        events = facts.events,
        tail = facts.tail,
        log = facts.log_id,
        erased = facts.erasures.len(),
        bytes = facts.bytes,
        secrets = beside(&file, "secrets.json").display(),
    );
    Ok(true)
}

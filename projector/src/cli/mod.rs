//! The command line: without a verb the service itself, else a request to the projector that leads.
//!
//! The settings come from the same environment; of them only NATS and the namespace are used here.

mod ask;
mod print;
mod watch;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use service::BoxError;
use service::config::Env;
use uuid::Uuid;

use crate::control::{Drop, Heal, Of, Rebuild, verb};
use crate::generation::Asked;
use ask::Line;

/// Relays the event log and folds it into the views. Without a command it does so until it is told to end; the commands
/// ask the projector that does.
#[derive(Parser)]
#[command(name = "projector", version)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Make views anew from the log while they serve; the new generation takes over when it has caught up and agrees.
    Rebuild(RebuildArgs),
    /// List the generations of the views: state, checkpoint, documents, size.
    Generations(ViewArgs),
    /// Delete a generation that does not serve.
    DropGeneration {
        /// The view.
        view: String,
        /// The generation's number.
        generation: u32,
    },
    /// List the documents that are parked because of an event that could not be folded.
    Parked(ViewArgs),
    /// Fold parked documents anew, after a fix.
    Heal(HealArgs),
}

#[derive(Args)]
struct RebuildArgs {
    /// The view, or `all`.
    view: String,
    /// Say what would be done: events, documents, time.
    #[arg(long)]
    dry_run: bool,
    /// Go back (or on) to this generation of the view instead of making a new one; it catches up first.
    #[arg(long, value_name = "GENERATION")]
    to: Option<u32>,
    /// Swap although the two generations do not have equally many documents.
    #[arg(long)]
    accept_counts: bool,
    /// Do not wait until it is done.
    #[arg(long)]
    detach: bool,
    /// Print one JSON document in the end.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct ViewArgs {
    /// The view [default: all of them].
    view: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct HealArgs {
    /// The parked documents.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<Uuid>,
    /// All parked documents.
    #[arg(long)]
    all: bool,
    /// Of this view only [default: all views].
    #[arg(long)]
    view: Option<String>,
}

/// Does what the arguments say.
pub async fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        None => crate::run().await.map(|()| true),
        Some(verb) => ask(verb).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("projector: {error}");
            ExitCode::FAILURE
        }
    }
}

fn of(view: Option<String>) -> Of {
    Of { view: view.filter(|name| !name.eq_ignore_ascii_case("all")) }
}

/// Asks the projector that leads; whether all went well.
async fn ask(what: Verb) -> Result<bool, BoxError> {
    let line = Line::open(Env::from_process()).await?;
    match what {
        Verb::Rebuild(args) => rebuild(&line, args).await,
        Verb::Generations(args) => {
            let listed = line.ask(verb::GENERATIONS, &of(args.view)).await?;
            print::generations(listed, args.json)
        }
        Verb::DropGeneration { view, generation } => {
            line.ask::<serde_json::Value>(verb::DROP, &Drop { view: view.clone(), generation }).await?;
            println!("dropped generation {generation} of {view}");
            Ok(true)
        }
        Verb::Parked(args) => print::parked(line.ask(verb::PARKED, &of(args.view)).await?, args.json),
        Verb::Heal(args) => {
            let ids = (!args.all).then_some(args.ids);
            print::healed(line.ask(verb::HEAL, &Heal { of: of(args.view), ids }).await?)
        }
    }
}

async fn rebuild(line: &Line, args: RebuildArgs) -> Result<bool, BoxError> {
    let asked = Asked { to: args.to, accept_counts: args.accept_counts };
    let rebuild = Rebuild { of: of(Some(args.view)), asked };
    if args.dry_run {
        return print::plans(line.ask(verb::PLAN, &rebuild).await?, args.json);
    }
    let started = line.ask(verb::REBUILD, &rebuild).await?;
    watch::until_done(line, started, args.detach, args.json).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
        let heal = |args: &[&str]| Cli::try_parse_from([&["projector", "heal"], args].concat()).is_ok();
        assert!(heal(&["--all"]) && heal(&["00000000-0000-0000-0000-000000000001"]));
        assert!(!heal(&[]) && !heal(&["--all", "00000000-0000-0000-0000-000000000001"]) && !heal(&["x"]));
    }
}

//! `cargo dev servers`: only the servers, for services that are run by hand.

use std::thread;
use std::time::Duration;

use clap::Args;
use stack::error::{Context, Result};
use stack::screen::Screen;
use stack::servers::{Options, Servers};
use stack::stop::Stop;

use super::Which;

/// Arguments of `cargo dev servers`.
#[derive(Debug, Args)]
pub struct ServersArgs {
    #[command(flatten)]
    which: Which,
    /// Version of Elasticsearch [default: the newest that a JDK here allows].
    #[arg(long)]
    elasticsearch: Option<String>,
}

/// Starts them, prints the connections as JSON on stdout, keeps them running until Ctrl-C.
pub fn run(args: &ServersArgs) -> Result<bool> {
    let stop = Stop::on_signals()?;
    let screen = Screen::new();
    let options = Options {
        elasticsearch: args.elasticsearch.clone(),
        screen: screen.clone(),
        stop: stop.clone(),
        ..Options::new(args.which.folders()?)
    };
    let servers = Servers::start(&args.which.run()?, &options)?;
    println!("{}", serde_json::to_string(&servers.connections()).context(|| "cannot print the connections".into())?);
    while !stop.is_wanted() {
        thread::sleep(Duration::from_millis(100));
    }
    servers.stop(&screen);
    Ok(true)
}

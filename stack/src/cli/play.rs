//! `cargo dev play`: real games on a running stack.

use std::path::PathBuf;

use clap::Args;
use stack::error::{Context, Result};
use stack::play::{self, Options, Report, compare};
use stack::screen::Screen;
use stack::system;

use super::Which;

/// Arguments of `cargo dev play`.
#[derive(Debug, Args)]
pub struct PlayArgs {
    #[command(flatten)]
    which: Which,
    /// The games [default: the sample in data/].
    file: Option<PathBuf>,
    /// Moves a second, or `max`.
    #[arg(long, default_value = "max", value_parser = speed)]
    speed: Speed,
    /// How many games are played at once.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    games_at_once: u16,
}

/// Moves a second; none = as fast as it goes.
#[derive(Debug, Clone, Copy)]
struct Speed(Option<f64>);

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed(None));
    }
    let wanted = text.parse::<f64>().ok().filter(|wanted| wanted.is_finite() && *wanted > 0.0);
    wanted.map(|wanted| Speed(Some(wanted))).ok_or_else(|| "a number of moves a second above 0, or max".to_owned())
}

/// Plays, prints what came of it; false when anything differs.
pub fn run(args: &PlayArgs) -> Result<bool> {
    let name = &args.which.name;
    let status = system::status(&args.which.run()?)
        .context(|| format!("`{name}` does not run: start it with `cargo dev up --detach --name {name}`"))?;
    let options = Options {
        file: args.file.clone(),
        speed: args.speed.0,
        games_at_once: args.games_at_once.into(),
        screen: Screen::new(),
    };
    let report = play::run(&status, &options)?;
    print!("{}", text(&report));
    Ok(report.is_equal())
}

fn text(report: &Report) -> String {
    let mut lines: Vec<String> = report.notes.clone();
    lines.push(report.done.clone());
    let times: Vec<String> =
        report.times.iter().map(|(name, time)| format!("{name} {:.1} s", time.as_secs_f64())).collect();
    lines.push(format!("{}; {:.0} moves/s", times.join(", "), report.rate));
    let (requests, retries) = report.requests;
    lines.push(format!("{requests} requests, {retries} of them tries again"));
    if !report.faults.is_empty() {
        lines.push(format!("{} games could not be played as the file says:", report.faults.len()));
        lines.extend(report.faults.iter().take(10).map(|fault| format!("  {fault}")));
    }
    lines.push(String::new());
    let verdict = if report.is_equal() { "Every line is equal." } else { "The query service differs from the file." };
    format!("{}\n{}{verdict}\n", lines.join("\n"), compare::print(&report.lines))
}

//! What `cargo dev bench` can be told. It builds everything with optimisation and hands its arguments to the program
//! that measures (`wechess-bench`), which reads them the same way.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// T1: events through the appender, without HTTP.
    Append,
    /// T2: legal chess moves by HTTP.
    Moves,
    /// T3: from the acknowledgement to the views.
    Visible,
    /// T4: events folded and written.
    Projector,
    /// T5: views filled anew while they are read.
    Rebuild,
    /// T6, T6b, T9: lists, counts, aggregations and exports of the query service, and who asks.
    Query,
    /// T8: the append when the log is long.
    Growth,
    /// T7: memory and start.
    Memory,
    /// All of them, one after the other.
    All,
}

/// Arguments of `cargo dev bench`.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// What to measure.
    #[arg(value_enum)]
    pub what: What,
    /// Write the figures to this file as well.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// A smoke test of a few seconds for each case: small, and no figure to be shown.
    #[arg(long)]
    pub brief: bool,
    /// How long one measurement takes [default: 5; moves: 20].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: Option<u64>,
    /// How often ours and the reference are measured in turn [default: 5].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub rounds: Option<u16>,
    /// append: how many write at once.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 32, 256, 1000])]
    pub writers: Vec<usize>,
    /// append, growth: threads of the runtime [default: one for each core, as command-api has].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub threads: Option<u16>,
    /// projector, rebuild, growth: how many events the log holds [default: 200000, 1000000, 10000000].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1000..=100_000_000))]
    pub events: Option<u64>,
    /// moves: connections that play.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub connections: u16,
    /// moves, query: games made beforehand [default: 120 for each second; 1000000].
    #[arg(long)]
    pub games: Option<u32>,
    /// Folder of the servers' files [default: as for `cargo dev up`].
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Take the programs from this folder instead of building them with optimisation.
    #[arg(long)]
    pub bin_dir: Option<PathBuf>,
}

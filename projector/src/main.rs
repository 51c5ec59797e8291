//! The projector process, and its command line.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    projector::cli::main().await
}

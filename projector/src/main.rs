//! The projector process.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match projector::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("projector: {error}");
            ExitCode::FAILURE
        }
    }
}

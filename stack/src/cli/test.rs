//! placeholder
use clap::Args;
use stack::error::Result;
/// x
#[derive(Debug, Args)]
pub struct TestArgs {}
/// x
pub fn run(_: &TestArgs) -> Result<bool> {
    Ok(true)
}

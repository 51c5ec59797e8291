//! placeholder
use clap::Args;
use stack::error::Result;
/// x
#[derive(Debug, Args)]
pub struct DoctorArgs {}
/// x
pub fn run(_: &DoctorArgs) -> Result<bool> {
    Ok(true)
}

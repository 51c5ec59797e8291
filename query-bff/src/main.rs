//! The process of the query service.

use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let Ok(config) = query_bff::Config::from_env().inspect_err(|fault| eprintln!("query-bff: {fault}")) else {
        std::process::exit(1);
    };
    service::telemetry::init(&config.common.log);
    let server = query_bff::build(config).await?;
    tracing::info!(addr = %server.addr, "query-bff listens");
    Ok(server.wait().await?)
}

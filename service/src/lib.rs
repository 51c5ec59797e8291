//! What the processes do alike: configuration, telemetry, errors, the NATS connection, tokens and sessions, sealing of
//! personal data, health, the HTTP shell and the documents printed from the table of routes.

pub mod config;
pub mod document;
pub mod error;
pub mod health;
pub mod http;
pub mod nats;
pub mod seal;
pub mod sessions;
pub mod telemetry;
pub mod token;

pub use error::{ApiError, BoxError, Fault, SourceError};

/// Every process allocates from threads that come and go in bursts (bulks, password hashes, folds of long logs), and is
/// measured by what stays resident: the allocator of the C library kept 240 MiB where this one keeps 65
/// (`command-api`, docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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

//! The oracle: pure functions over what was acknowledged, the log, the event stream and the documents.

pub mod acknowledged;
pub mod expect;
pub mod games;
pub mod log;
#[cfg(test)]
pub mod samples;
pub mod stream;
pub mod views;

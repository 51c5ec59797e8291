//! The event store: aggregates and commands, the one appender, the state rows, timers. Nothing here knows of chess or
//! HTTP.

pub mod aggregate;
pub mod alarm;
pub mod appender;
pub mod batch;
pub mod effect;
pub mod gates;
pub mod history;
pub mod item;
pub mod joint;
pub mod keys;
mod lane;
pub mod log;
pub mod migrate;
pub mod request;
pub mod restore;
pub mod state;
mod step;
pub mod store;
pub mod timers;

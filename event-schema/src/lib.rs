//! What two or more processes must agree on: object tables, value types, events, ids, names, view tables. No I/O.

pub mod auth;
mod choices;
pub mod envelope;
pub mod event;
pub mod gameplay;
pub mod ids;
pub mod names;
pub mod object;
pub mod openings;
pub mod personal;
pub mod position;
pub mod record;
pub mod saved_filter;
pub mod stored;
pub mod views;
pub mod wire;

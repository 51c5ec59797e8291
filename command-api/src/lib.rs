//! The only writer of the event log: commands in, events out.

pub mod gameplay;

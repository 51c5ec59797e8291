//! The HTTP edge: one table of routes, three generic handlers, one envelope.

pub mod body;
pub mod call;
pub mod envelope;
pub mod error;
pub mod limits;
pub mod listing;
pub mod predicate;
pub mod query;
pub mod read;
pub mod record;
pub mod rows;
pub mod write;

//! The typed query: client JSON is parsed into [`expr::Filter`] and compiled; none of it reaches Elasticsearch.
//!
//! Facets, aggregates, exports and cursors compile the same [`expr::Filter`]; they get modules of their own here.

pub mod budget;
pub mod compile;
pub mod dates;
pub mod expr;
pub mod faults;
pub mod fields;
pub mod lucene;
pub mod matches;
pub mod operators;
pub mod parse;
pub mod unique;
pub mod value;
pub mod words;

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod tests;

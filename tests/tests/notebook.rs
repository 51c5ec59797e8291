//! The worked notebook of the documents.

mod long;

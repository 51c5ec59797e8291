//! Accounts.

pub mod user;

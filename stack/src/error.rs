//! One error for everything that this crate does: a sentence for the person at the terminal.

use std::fmt;

/// A sentence (lowercase fragment) that names the thing, the value and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

/// What everything in this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Makes an error from its sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// Puts what was being done in front of what went wrong.
pub trait Context<T> {
    /// `what` reads like "cannot read /x/y".
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for Result<T, E> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Error(format!("{}: {error}", what())))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.ok_or_else(|| Error(what()))
    }
}

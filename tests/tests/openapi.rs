//! The generated documents against the running services.

mod long;

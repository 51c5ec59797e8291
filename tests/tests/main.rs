//! Stories over HTTP on real servers, one module per domain. `cargo dev test` runs them.

mod accounts;

//! Stories over HTTP on real servers, one module per domain. `cargo dev test` runs them.

mod accounts;
mod auditing;
mod bad_input;
mod draws;
mod elsewhere;
mod faults;
mod games;
mod group_commit;
mod healing;
mod idempotency;
mod log;
mod moves;
mod overload;
mod privileges;
mod races;
mod rebuild;
mod restore;
mod routes;
mod sessions;
mod timers;
mod tokens;
mod views_faults;
mod views_freshness;
mod views_reading;

//! Development and tests on real servers: fetches, starts and keeps PostgreSQL, NATS and Elasticsearch, and the three
//! services on top of them. The binary `dev` (`cargo dev`) is its command line.
//!
//! It stands alone, so that it is up in seconds: of the other crates it depends on none but `chess-pgn`, which itself
//! depends on nothing.

pub mod backup;
pub mod bench;
pub mod checks;
pub mod database;
pub mod dist;
pub mod error;
pub mod external;
pub mod files;
pub mod folders;
pub mod keeper;
pub mod machine;
pub mod play;
pub mod ports;
pub mod process;
pub mod restore;
pub mod screen;
pub mod secrets;
pub mod servers;
pub mod services;
pub mod status;
pub mod stop;
pub mod system;
pub mod unit;
pub mod url;

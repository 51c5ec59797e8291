//! The settings of this service.

use std::time::Duration;

use service::config::{Common, ConfigError, Elasticsearch, Env};

use crate::signed::Signer;

/// Everything that the query service needs to know. It has no PostgreSQL login, by design.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every service has.
    pub common: Common,
    /// The reader's login.
    pub elasticsearch: Elasticsearch,
    /// `WECHESS_CURSOR_KEY`: signs cursors and other tokens that clients carry; the same in every process.
    pub signer: Signer,
    /// `WECHESS_READ_WAIT_MS`: how long a read waits for its Consistency-Token; default 300.
    pub patience: Duration,
    /// `WECHESS_ANSWER_CACHE_MIB`: how much memory kept answers may take, here in bytes; default 64 MiB, 0 keeps none.
    pub answer_bytes: u64,
    /// `WECHESS_LIVE_READERS`: how many live reads this process has open at most; default 10000.
    pub live_readers: usize,
    /// `WECHESS_LIVE_PER_USER`: how many of them one user may have; default 16.
    pub live_of_each: usize,
    /// `WECHESS_LIVE_KEPT_KIB`: how much of what changed in a view is kept for live readers who are behind, here in
    /// bytes; default 8 MiB. Who is further behind is cut.
    pub live_bytes: usize,
}

/// How long a read waits for its token unless configured, in milliseconds.
const PATIENCE_MS: u64 = 300;
/// How much memory kept answers take unless configured, in MiB.
const ANSWERS_MIB: u64 = 64;
/// How many live reads there may be unless configured, in all and of one user.
const LIVE: (usize, usize) = (10_000, 16);
/// How much is kept for those who are behind unless configured, in KiB.
const LIVE_KIB: usize = 8 << 10;

impl Config {
    /// Reads them all, or says everything that is wrong.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let common = Common::read(&mut env);
        let elasticsearch = Elasticsearch::read(&mut env);
        let patience = env.parse("WECHESS_READ_WAIT_MS", Some(PATIENCE_MS)).unwrap_or(PATIENCE_MS);
        let signer = env.parse_secret("WECHESS_CURSOR_KEY");
        let answers = env.parse("WECHESS_ANSWER_CACHE_MIB", Some(ANSWERS_MIB)).unwrap_or(ANSWERS_MIB);
        let live_readers = env.parse("WECHESS_LIVE_READERS", Some(LIVE.0)).unwrap_or(LIVE.0);
        let live_of_each = env.parse("WECHESS_LIVE_PER_USER", Some(LIVE.1)).unwrap_or(LIVE.1);
        let live_kib = env.parse("WECHESS_LIVE_KEPT_KIB", Some(LIVE_KIB)).unwrap_or(LIVE_KIB);
        env.finish()?;
        let signer = signer.ok_or_else(|| ConfigError { faults: vec!["WECHESS_CURSOR_KEY is missing".into()] })?;
        let (patience, answer_bytes) = (Duration::from_millis(patience.min(10_000)), answers.saturating_mul(1 << 20));
        let live_bytes = live_kib.saturating_mul(1 << 10);
        Ok(Self { common, elasticsearch, signer, patience, answer_bytes, live_readers, live_of_each, live_bytes })
    }

    /// From the variables of this process.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(Env::from_process())
    }
}

//! Everything that can be set, from the environment.

use std::time::Duration;

use event_schema::names::Namespace;
use service::config::{Common, ConfigError, Env, Secret};
use service::seal::MasterKey;

use crate::es::appender::Limits;

/// Bytes of state rows that the cache of hot streams may hold, when the environment does not say.
pub const STATE_CACHE_BYTES: u64 = 16 << 20;

/// The settings of a running command API.
#[derive(Clone)]
pub struct Config {
    /// What every service has.
    pub common: Common,
    /// `WECHESS_DATABASE_URL`: the service's own login.
    pub database: tokio_postgres::Config,
    /// `WECHESS_MASTER_KEY`: wraps data keys and signing keys.
    pub master: MasterKey,
    /// `WECHESS_SUPERADMIN_EMAIL` and `_PASSWORD`: made at the first start.
    pub super_admin: Option<(String, Secret)>,
    /// `WECHESS_RATE_LIMITS`: `on`, or `loopback-off` for development.
    pub rate_limits: RateLimits,
    /// `WECHESS_OPEN_GAME_SECONDS`: how long an open game waits for its second player (default 7 days).
    pub open_game: Duration,
    /// `WECHESS_PAUSED_GAME_SECONDS`: how long a saved public game waits to be resumed (default 30 days).
    pub paused_game: Duration,
    /// Queue and batches of the appender.
    pub limits: Limits,
    /// `WECHESS_STATE_CACHE_BYTES`: the cache of hot streams ([`STATE_CACHE_BYTES`] by default).
    pub cache_bytes: u64,
    /// `WECHESS_DATABASE_POOL`: connections for reads (default 8).
    pub pool: usize,
}

/// Whether clients of this machine are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimits {
    /// Everybody is.
    On,
    /// All but loopback addresses are.
    LoopbackOff,
}

impl std::str::FromStr for RateLimits {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "on" => Ok(Self::On),
            "loopback-off" => Ok(Self::LoopbackOff),
            other => Err(format!("`{other}` is neither `on` nor `loopback-off`")),
        }
    }
}

impl Config {
    /// Reads them; every fault at once.
    pub fn from_env(mut env: Env) -> Result<Self, ConfigError> {
        let common = Common::read(&mut env);
        let database = env.parse_secret("WECHESS_DATABASE_URL");
        let master = env.parse_secret("WECHESS_MASTER_KEY");
        let email = env.optional("WECHESS_SUPERADMIN_EMAIL");
        let password = env.secret("WECHESS_SUPERADMIN_PASSWORD");
        if email.is_some() != password.is_some() {
            env.fault("WECHESS_SUPERADMIN_EMAIL and WECHESS_SUPERADMIN_PASSWORD go together".into());
        }
        let rate_limits = env.parse("WECHESS_RATE_LIMITS", Some(RateLimits::On));
        let open_game = env.parse("WECHESS_OPEN_GAME_SECONDS", Some(7 * 24 * 3600u64));
        let paused_game = env.parse("WECHESS_PAUSED_GAME_SECONDS", Some(30 * 24 * 3600u64));
        let cache_bytes = env.parse("WECHESS_STATE_CACHE_BYTES", Some(STATE_CACHE_BYTES));
        let pool = env.parse("WECHESS_DATABASE_POOL", Some(8usize));
        env.finish()?;
        // Everything that `finish` let pass is there; the stand-ins are never used.
        Ok(Self {
            common,
            database: database.unwrap_or_default(),
            master: master.ok_or_else(no_master_key)?,
            super_admin: email.zip(password),
            rate_limits: rate_limits.unwrap_or(RateLimits::On),
            open_game: Duration::from_secs(open_game.unwrap_or_default()),
            paused_game: Duration::from_secs(paused_game.unwrap_or_default()),
            limits: Limits::default(),
            cache_bytes: cache_bytes.unwrap_or_default(),
            pool: pool.unwrap_or(1),
        })
    }
}

/// What `command-api migrate` and `command-api erasures` need.
pub struct MigrateConfig {
    /// `WECHESS_OWNER_DATABASE_URL`: the owner's login.
    pub owner: tokio_postgres::Config,
    /// `WECHESS_NAMESPACE`.
    pub namespace: Namespace,
}

impl MigrateConfig {
    /// Reads them; every fault at once.
    pub fn from_env(mut env: Env) -> Result<Self, ConfigError> {
        let read = Self::read(&mut env);
        env.finish()?;
        Ok(read)
    }

    fn read(env: &mut Env) -> Self {
        let owner = env.parse_secret("WECHESS_OWNER_DATABASE_URL").unwrap_or_default();
        let namespace = env.parse("WECHESS_NAMESPACE", Some(Namespace::default())).unwrap_or_default();
        Self { owner, namespace }
    }
}

/// What `command-api restored` needs.
pub struct RestoredConfig {
    /// Where the log is.
    pub log: MigrateConfig,
    /// `WECHESS_MASTER_KEY`: that of the log which the backup was made of.
    pub master: MasterKey,
}

impl RestoredConfig {
    /// Reads them; every fault at once.
    pub fn from_env(mut env: Env) -> Result<Self, ConfigError> {
        let (log, master) = (MigrateConfig::read(&mut env), env.parse_secret("WECHESS_MASTER_KEY"));
        env.finish()?;
        Ok(Self { log, master: master.ok_or_else(no_master_key)? })
    }
}

fn no_master_key() -> ConfigError {
    ConfigError { faults: vec!["WECHESS_MASTER_KEY is missing".into()] }
}

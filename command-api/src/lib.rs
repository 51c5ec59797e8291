//! The only writer of the event log: commands in, events out.

pub mod app;
pub mod asks;
pub mod auth;
pub mod config;
pub mod es;
pub mod gameplay;
pub mod health;
pub mod http;
pub mod offline;
pub mod routes;
pub mod saved_filters;

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::web::Data;
use event_schema::names::Namespace;
use service::http::Shell;
use service::sessions::{Announcer, Channel, Sessions};
use service::token::Verifier;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use app::{App, Timers};
use auth::keys::{PublicKeys, Signer};
use auth::password::Passwords;
use auth::register::ensure_super_admin;
use auth::session::SessionRows;
use config::Config;
use es::keys::Keys;
use es::log::Log;
use es::store::Store;
use es::{appender, migrate, timers};
use health::CommandHealth;

/// Any failure of the start; the chain tells what.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// A running command API.
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    http: service::http::Server,
    log: Log,
    timers: timers::Running,
    background: Vec<JoinHandle<()>>,
    appender: appender::Running,
}

/// Opens the log, makes what is missing (signing key, superAdmin), and serves.
pub async fn build(config: Config) -> Result<Server, StartError> {
    let namespace = config.common.namespace.clone();
    let pool = es::log::pool(&config.database, &namespace, config.pool)?;
    let log = Log::open(pool, &namespace, migrate::newest()).await?;
    let nats = service::nats::connect(&config.common.nats, "command_api").await?;
    let (appender, running) = appender::start(&config.database, &namespace, config.limits);
    let poke = tokio::spawn(poke(nats.clone(), namespace.clone(), appender.tail()));
    let keys = Arc::new(Keys::new(log.clone(), config.master.clone()));
    let store = Arc::new(Store::new(log.clone(), keys, appender, config.cache_bytes));
    let signer = Signer::open(&log, &config.master).await?;
    let public_keys = PublicKeys::new(log.clone(), &signer.key_id);
    let session_rows = SessionRows::new(log.clone());
    let channel = Channel::follow(nats.clone(), namespace.clone());
    let verifier = Verifier::new(Arc::new(public_keys.clone()));
    let app = Arc::new(App {
        store: Arc::clone(&store),
        sessions: Arc::new(Sessions::new(Arc::new(session_rows.clone()), verifier, channel)),
        session_rows,
        announcer: Announcer::start(nats.clone(), namespace.clone()),
        signer,
        public_keys,
        passwords: Passwords::new()?,
        imports: Arc::new(Semaphore::new(gameplay::import::AT_ONCE)),
        limits: http::limits::Limits::new(config.rate_limits),
        open_game: config.open_game,
        paused_game: config.paused_game,
        development: config.common.development,
    });
    if let Some((email, password)) = &config.super_admin {
        ensure_super_admin(&app, email, password.expose()).await?;
    }
    gameplay::board_theme::ensure_presets(&app).await?;
    let mut background = asks::start(&nats, &namespace, &app);
    background.push(poke);
    background.push(http::limits::forget_idle(&app));
    let timers = Timers { store: Arc::clone(&store) };
    let timers = timers::start(log.clone(), store.alarm(), Arc::new(timers));
    let operations = http::listing::operations(&routes::ROWS);
    let health = Arc::new(CommandHealth { store, nats });
    let shell = Shell::new("command-api", http::envelope::VERSION, operations, health, routes::PREFIXES)
        .cors_origins(&config.common.cors_origins);
    let data = Data::from(app);
    let http = service::http::serve(config.common.bind, shell, move |cfg| {
        cfg.app_data(data.clone());
        http::rows::configure(cfg, &routes::ROWS);
    })
    .await?;
    Ok(Server { addr: http.addr, http, log, timers, background, appender: running })
}

impl Server {
    /// Serves until SIGTERM or SIGINT, then stops gracefully. An error when the log is replaced meanwhile: what is cached
    /// here is of the log before, so the process must begin again.
    pub async fn wait(self) -> Result<(), StartError> {
        tokio::select! {
            ended = self.http.wait() => ended?,
            () = self.log.replaced() => {
                self.http.stop().await;
                self.finish().await;
                return Err("the log was replaced by another one under this process: it must be started again".into());
            }
        }
        self.finish().await;
        Ok(())
    }

    /// Finishes the requests in flight, commits what was accepted, stops.
    pub async fn stop(self) {
        self.http.stop().await;
        self.finish().await;
    }

    async fn finish(self) {
        self.timers.stop().await;
        for task in self.background {
            task.abort();
            // Aborted or ended: either way it holds nothing any more.
            let _ = task.await;
        }
        self.appender.finished().await;
    }
}

/// Tells the relay after each commit; never awaited by a command, dropped when NATS is not there.
async fn poke(nats: async_nats::Client, namespace: Namespace, mut tail: tokio::sync::watch::Receiver<i64>) {
    while tail.changed().await.is_ok() {
        let position = *tail.borrow_and_update();
        if service::nats::is_connected(&nats)
            && let Err(error) = nats.publish(namespace.poke_subject(), position.to_string().into()).await
        {
            tracing::debug!(%error, "the relay was not poked");
        }
    }
}

/// The program: `command-api` serves; with a word it does something else instead ([`offline`]).
pub async fn run(arguments: &[String]) -> Result<(), StartError> {
    let env = service::config::Env::from_process();
    match arguments {
        [] => {
            let config = Config::from_env(env)?;
            service::telemetry::init(&config.common.log);
            let server = build(config).await?;
            tracing::info!(addr = %server.addr, "command-api serves");
            server.wait().await
        }
        [word, more @ ..] => offline::run(word, more, env).await,
    }
}

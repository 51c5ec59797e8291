//! The server: starts on a tokio runtime, ends gracefully.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};
use tokio::sync::watch;

use super::{Shell, common, errors, log, metrics};

/// How long the requests in flight have when the server ends.
const GRACE_SECONDS: u64 = 10;

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr} (WECHESS_BIND)")]
pub struct ServeError {
    addr: SocketAddr,
    #[source]
    source: io::Error,
}

/// Tells that the server ends: answers that have no end of their own must end now. In the app data of every server.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Returns when the server is asked to end; never for one that was dropped, which goes on.
    pub async fn begun(&mut self) {
        if self.0.wait_for(|stopping| *stopping).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// A running HTTP server. Dropping it leaves it running.
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    handle: ServerHandle,
    stopping: watch::Sender<bool>,
    ended: watch::Receiver<bool>,
}

impl Server {
    /// Takes no more requests, finishes those in flight (10 s at most), and returns when all is done.
    pub async fn stop(&self) {
        self.stopping.send_replace(true);
        self.handle.stop(true).await;
        self.has_ended().await;
    }

    /// Serves until SIGTERM or SIGINT, then [`Server::stop`]s. Returns as well when somebody else stops it.
    pub async fn wait(&self) -> io::Result<()> {
        tokio::select! {
            signal = terminated() => signal?,
            () = self.has_ended() => return Ok(()),
        }
        tracing::info!(addr = %self.addr, "asked to end, finishing what was accepted");
        self.stop().await;
        Ok(())
    }

    async fn has_ended(&self) {
        // An error means that the task that serves is gone: it has ended as well.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }
}

/// Waits for SIGTERM or SIGINT.
pub async fn terminated() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}

/// Serves the shell and the service's own `routes` on `bind` (port 0 takes any free port; the server says which).
/// Must be called within a tokio runtime; several servers may run in one process. Handles no signals by itself.
pub async fn serve<F>(bind: SocketAddr, shell: Shell, routes: F) -> Result<Server, ServeError>
where
    F: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let fault = |source| ServeError { addr: bind, source };
    let listener = TcpListener::bind(bind).map_err(fault)?;
    let addr = listener.local_addr().map_err(fault)?;
    let recorder = metrics::metrics_init();
    let (workers, ends_with_client) = (shell.inner.workers, shell.inner.ends_with_client);
    let (stopping, begun) = watch::channel(false);
    let server = HttpServer::new(move || {
        let shell = shell.clone();
        let own = routes.clone();
        let stopping = Stopping(begun.clone());
        App::new()
            .wrap(actix_web::middleware::from_fn(errors::in_the_contracts_form))
            .wrap(actix_web::middleware::Compress::default())
            .wrap(common::cors(&shell.inner.cors_origins))
            .wrap(common::security_headers())
            .wrap(actix_web::middleware::from_fn(log::each_request))
            .app_data(actix_web::web::Data::new(shell.clone()))
            .app_data(actix_web::web::Data::new(stopping))
            .configure(|cfg| errors::extractors(cfg, shell.inner.body_limit))
            .configure(|cfg| common::routes(cfg, &shell))
            .configure(own)
            .default_service(actix_web::web::to(errors::no_such_route))
    })
    .workers(workers)
    .h1_allow_half_closed(!ends_with_client)
    .disable_signals()
    .shutdown_timeout(GRACE_SECONDS)
    .keep_alive(Duration::from_secs(75))
    .client_request_timeout(Duration::from_secs(10))
    .listen(listener)
    .map_err(fault)?
    .run();
    let handle = server.handle();
    let (tell, ended) = watch::channel(false);
    tokio::spawn(async move {
        let upkeep = tokio::spawn(metrics::upkeep(recorder));
        if let Err(error) = server.await {
            tracing::error!(%error, %addr, "the HTTP server failed");
        }
        upkeep.abort();
        // Nobody may be waiting any more.
        let _ = tell.send(true);
    });
    Ok(Server { addr, handle, stopping, ended })
}

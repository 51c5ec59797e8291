//! A TCP proxy between a service and its server, which can fall silent and cut connections.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the proxy does with what it gets.
#[derive(Clone, Copy, Debug, Default)]
struct Mode {
    /// Requests are passed on, answers are kept.
    silent: bool,
    /// How often everything was cut.
    cuts: u64,
}

/// A running proxy; it takes no more connections when it is dropped.
pub struct Proxy {
    /// Where it listens.
    pub addr: SocketAddr,
    mode: watch::Sender<Mode>,
    listening: JoinHandle<()>,
}

impl Proxy {
    /// A proxy in front of this `host:port`.
    pub async fn before(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (mode, changes) = watch::channel(Mode::default());
        let addr = listener.local_addr().expect("it is bound");
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, server.clone(), changes.clone()));
            }
        });
        Self { addr, mode, listening }
    }

    /// From now on the server hears everything and nobody hears the server.
    pub fn silence(&self) {
        self.mode.send_modify(|mode| mode.silent = true);
    }

    /// Cuts every connection with the answers that were kept; new ones are served as if nothing had been.
    pub fn cut(&self) {
        self.mode.send_modify(|mode| *mode = Mode { silent: false, cuts: mode.cuts + 1 });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn serve(client: TcpStream, server: String, mut mode: watch::Receiver<Mode>) {
    let born = mode.borrow().cuts;
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pass(from_client, to_server, None) => {}
        () = pass(from_server, to_client, Some((mode.clone(), born))) => {}
        _ = mode.wait_for(|now| now.cuts != born) => {}
    }
}

/// Passes bytes on until one side ends; with a mode only while it is not silent, and nothing after a cut.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut mode: Option<(watch::Receiver<Mode>, u64)>) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        if let Some((mode, born)) = &mut mode
            && mode.wait_for(|now| !now.silent || now.cuts != *born).await.is_ok_and(|now| now.cuts != *born)
        {
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

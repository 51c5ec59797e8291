//! A TCP proxy of ours: it loses answers, holds bytes back, and cuts connections.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stack::error::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::random::Random;

/// How long an answer may follow when the client has gone.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// What does not pass now. It is kept, and passes later, also when the other side has gone meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// What clients send.
    pub requests: bool,
    /// What servers send.
    pub answers: bool,
    /// Holding begins, on each connection, with bytes that hold this text; none: at once.
    pub from: Option<&'static str>,
}

/// How often a connection is cut, in a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Losses {
    /// When the server has answered: the answer is lost.
    pub answers: u64,
    /// When the request has been passed on: whether it is carried out is open.
    pub requests: u64,
}

/// A running proxy; dropping it cuts everything.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    targets: Vec<SocketAddr>,
    turn: AtomicUsize,
    held: watch::Sender<Held>,
    cuts: watch::Sender<u64>,
    losses: Losses,
    random: Mutex<Random>,
    lost_answers: AtomicU64,
    lost_requests: AtomicU64,
    kept: Mutex<Vec<u8>>,
    late: AtomicU64,
    closed: AtomicBool,
}

#[derive(Clone, Copy)]
enum Way {
    ToServer,
    ToClient,
}

impl Proxy {
    /// A proxy in front of these servers, which take connections in turn.
    pub fn start(targets: Vec<SocketAddr>, losses: Losses, random: Random) -> Result<Self> {
        let bound = || {
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        };
        let listener = bound().context(|| "a proxy cannot listen".into())?;
        let address = listener.local_addr().context(|| "a proxy has no address".into())?;
        let shared = Arc::new(Shared {
            targets,
            turn: AtomicUsize::new(0),
            held: watch::Sender::new(Held::default()),
            cuts: watch::Sender::new(0),
            losses,
            random: Mutex::new(random),
            lost_answers: AtomicU64::new(0),
            lost_requests: AtomicU64::new(0),
            kept: Mutex::default(),
            late: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, accepting })
    }

    /// Holds bytes back, or lets go of them.
    pub fn hold(&self, held: Held) {
        self.shared.held.send_replace(held);
    }

    /// Whether this text is among the bytes that were held back so far.
    pub fn has_kept(&self, text: &str) -> bool {
        has(&self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner), text)
    }

    /// On how many connections the server has answered requests that had been held.
    pub fn late_answers(&self) -> u64 {
        self.shared.late.load(Ordering::Relaxed)
    }

    /// Cuts every connection that stands; what is held is lost.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Cuts every connection and takes no new ones, until it is opened again.
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.cut();
    }

    /// Takes connections again, and holds nothing back any more.
    pub fn open(&self) {
        self.hold(Held::default());
        self.shared.closed.store(false, Ordering::SeqCst);
    }

    /// How many answers and how many requests were lost by chance.
    pub fn lost(&self) -> (u64, u64) {
        (self.shared.lost_answers.load(Ordering::Relaxed), self.shared.lost_requests.load(Ordering::Relaxed))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(carry(client, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(client: TcpStream, shared: Arc<Shared>) {
    let mut cuts = shared.cuts.subscribe();
    if shared.closed.load(Ordering::SeqCst) {
        return;
    }
    let turn = shared.turn.fetch_add(1, Ordering::Relaxed);
    let Some(target) = shared.targets.get(turn % shared.targets.len().max(1)) else { return };
    let Ok(server) = TcpStream::connect(target).await else { return };
    // Small writes matter more than full packets; a socket without the option works as well.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let released = AtomicBool::new(false);
    let requests = async {
        let whole = shared.pump(from_client, to_server, Way::ToServer, &released).await;
        if let Some(to_server) = whole {
            tokio::time::sleep(AFTERWARDS).await;
            drop(to_server);
        }
    };
    tokio::select! {
        biased; // What is held when it is cut is lost, also if holding ends at the same time.
        _ = cuts.changed() => {}
        () = requests => {}
        _ = shared.pump(from_server, to_client, Way::ToClient, &released) => {}
    }
}

impl Shared {
    /// Passes bytes on until their source ends; then gives the open sink back. None: the connection is to be cut.
    /// `released` says that requests of this connection have been held and let go.
    async fn pump(
        &self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        way: Way,
        released: &AtomicBool,
    ) -> Option<OwnedWriteHalf> {
        let mut changes = self.held.subscribe();
        let (mut kept, mut chunk, mut ended) = (Vec::new(), vec![0; 64 * 1024], false);
        loop {
            let held = *changes.borrow_and_update();
            if !way.is_held(held) && !kept.is_empty() {
                released.store(matches!(way, Way::ToServer), Ordering::Relaxed);
                to.write_all(&kept).await.ok()?;
                kept.clear();
            }
            if ended && kept.is_empty() {
                return Some(to);
            }
            let count = tokio::select! {
                read = from.read(&mut chunk), if !ended => read.unwrap_or(0),
                changed = changes.changed() => {
                    changed.ok()?;
                    continue;
                }
            };
            let bytes = &chunk[..count];
            ended = count == 0;
            if ended {
                continue;
            }
            if matches!(way, Way::ToClient) && released.swap(false, Ordering::Relaxed) {
                self.late.fetch_add(1, Ordering::Relaxed);
            }
            if way.is_held(held) && (!kept.is_empty() || held.from.is_none_or(|text| has(bytes, text))) {
                kept.extend_from_slice(bytes);
                self.kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
                continue;
            }
            let lost = self.loses(way);
            if lost && matches!(way, Way::ToClient) {
                return None;
            }
            if to.write_all(bytes).await.is_err() || lost {
                return None;
            }
        }
    }

    fn loses(&self, way: Way) -> bool {
        let (chance, count) = match way {
            Way::ToServer => (self.losses.requests, &self.lost_requests),
            Way::ToClient => (self.losses.answers, &self.lost_answers),
        };
        let lost = chance > 0 && self.random.lock().unwrap_or_else(PoisonError::into_inner).chance(chance);
        if lost {
            count.fetch_add(1, Ordering::Relaxed);
        }
        lost
    }
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

impl Way {
    const fn is_held(self, held: Held) -> bool {
        match self {
            Self::ToServer => held.requests,
            Self::ToClient => held.answers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers each request with itself.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        address
    }

    async fn ask(stream: &mut TcpStream) -> std::io::Result<usize> {
        stream.write_all(b"x").await?;
        stream.read(&mut [0; 8]).await
    }

    #[tokio::test]
    async fn what_is_held_passes_later_and_what_is_cut_is_lost() {
        let proxy = Proxy::start(vec![echo().await], Losses::default(), Random::new(1)).unwrap();
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(ask(&mut stream).await.unwrap(), 1);
        proxy.hold(Held { answers: true, ..Held::default() });
        stream.write_all(b"abc").await.unwrap();
        let mut buffer = [0; 8];
        assert!(tokio::time::timeout(Duration::from_millis(100), stream.read(&mut buffer)).await.is_err());
        assert!(proxy.has_kept("abc") && !proxy.has_kept("x"));
        proxy.hold(Held::default());
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 3);
        proxy.cut();
        assert_eq!(ask(&mut stream).await.unwrap_or(0), 0);
        proxy.close();
        let mut refused = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(ask(&mut refused).await.unwrap_or(0), 0);
        proxy.open();
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(ask(&mut stream).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn holding_may_begin_with_a_text_and_a_late_answer_is_counted_after_the_client_has_gone() {
        let proxy = Proxy::start(vec![echo().await], Losses::default(), Random::new(1)).unwrap();
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        proxy.hold(Held { requests: true, answers: false, from: Some("yx") });
        assert_eq!(ask(&mut stream).await.unwrap(), 1, "`x` passes");
        stream.write_all(b"yxz").await.unwrap();
        while !proxy.has_kept("yxz") {
            tokio::task::yield_now().await;
        }
        drop(stream);
        assert_eq!(proxy.late_answers(), 0);
        proxy.hold(Held::default());
        while proxy.late_answers() == 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn an_answer_is_lost_by_chance_after_the_server_gave_it() {
        let losses = Losses { answers: 1000, requests: 0 };
        let proxy = Proxy::start(vec![echo().await], losses, Random::new(1)).unwrap();
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(ask(&mut stream).await.unwrap_or(0), 0);
        assert_eq!(proxy.lost(), (1, 0));
    }
}

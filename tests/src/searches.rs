//! An HTTP proxy before Elasticsearch that counts searches and reads by id, and on a bad day does to them what such days
//! do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::refusing::{head, pass, read};
use crate::servers::stack;
use crate::{App, System};

/// What becomes of searches and reads by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    /// They are passed on.
    Well,
    /// They wait for another day.
    Slow,
    /// Half of the answer comes, then the connection ends.
    Cut,
    /// The answer says that a shard failed; one by id comes from one shard and is passed on.
    Partial,
    /// The answer says that the time was over; one by id is passed on.
    TimedOut,
    /// 429.
    Busy,
    /// The connection ends without an answer.
    Down,
}

/// The proxy.
pub struct Searches {
    /// Where it listens.
    pub addr: SocketAddr,
    day: watch::Sender<Day>,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    asked: AtomicU64,
    left: AtomicU64,
    spared: AtomicU64,
}

impl Searches {
    /// A query service of this system that asks Elasticsearch through a proxy; the returned app reads there.
    pub async fn behind(system: &System) -> (Self, App, service::http::Server) {
        let proxy = Self::before(&stack().elasticsearch).await;
        let url = format!("http://{}", proxy.addr);
        let (app, server) = system.query_bff_with(&[("WECHESS_ELASTICSEARCH_URL", &url)]).await;
        (proxy, app, server)
    }

    /// A proxy before this URL, on a good day.
    pub async fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        let (day, days) = watch::channel(Day::Well);
        let counts = Arc::new(Counts::default());
        let (server, http, counted) = (server.to_owned(), reqwest::Client::new(), Arc::clone(&counts));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, http, counts, days) = (server.clone(), http.clone(), Arc::clone(&counted), days.clone());
                tokio::spawn(async move { serve(&http, &server, &counts, days, client).await });
            }
        });
        Self { addr, day, counts, task }
    }

    /// Another day begins.
    pub fn set(&self, day: Day) {
        self.day.send_replace(day);
    }

    /// The next so many are passed on, whatever day it is.
    pub fn spare(&self, searches: u64) {
        self.counts.spared.store(searches, Ordering::SeqCst);
    }

    /// How many searches came.
    pub fn asked(&self) -> u64 {
        self.counts.asked.load(Ordering::SeqCst)
    }

    /// Of how many the client went away on a slow day.
    pub fn left(&self) -> u64 {
        self.counts.left.load(Ordering::SeqCst)
    }
}

impl Drop for Searches {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request of a connection, which is closed afterwards.
async fn serve(
    http: &reqwest::Client,
    server: &str,
    counts: &Counts,
    mut days: watch::Receiver<Day>,
    client: TcpStream,
) -> Option<()> {
    let mut client = BufReader::new(client);
    let asked = read(&mut client).await?;
    let by_id = asked.path.contains("/_doc/");
    if !by_id && !asked.path.contains("/_search") {
        let (status, body) = pass(http, server, asked).await?;
        client.write_all(head(status, body.len()).as_bytes()).await.ok()?;
        return client.write_all(&body).await.ok();
    }
    counts.asked.fetch_add(1, Ordering::SeqCst);
    let spared = counts.spared.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    let another = async {
        if spared {
            return Day::Well;
        }
        days.wait_for(|day| *day != Day::Slow).await.map(|day| *day).unwrap_or(Day::Down)
    };
    let mut more = [0];
    let day = tokio::select! {
        day = another => day,
        _ = client.read(&mut more) => {
            counts.left.fetch_add(1, Ordering::SeqCst);
            return None;
        }
    };
    let (status, body) = match day {
        Day::Down => return None,
        Day::Busy => (429, br#"{"error":{"reason":"the queue is full"},"status":429}"#.to_vec()),
        Day::Well | Day::Slow | Day::Cut => pass(http, server, asked).await?,
        Day::Partial | Day::TimedOut if by_id => pass(http, server, asked).await?,
        Day::Partial => changed(pass(http, server, asked).await?, "\"failed\":0", "\"failed\":1"),
        Day::TimedOut => changed(pass(http, server, asked).await?, "\"timed_out\":false", "\"timed_out\":true"),
    };
    client.write_all(head(status, body.len()).as_bytes()).await.ok()?;
    let whole = if day == Day::Cut { body.len() / 2 } else { body.len() };
    client.write_all(&body[..whole]).await.ok()
}

fn changed((status, body): (u16, Vec<u8>), before: &str, after: &str) -> (u16, Vec<u8>) {
    let text = String::from_utf8(body).expect("JSON is UTF-8");
    assert!(text.contains(before), "{text}");
    (status, text.replace(before, after).into_bytes())
}

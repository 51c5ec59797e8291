//! What live reads that hear nothing cost in memory.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use stack::error::{Context, Error, Result};
use stack::play::crowd::each;

/// Readers that are let in at the same time.
const AT_ONCE: usize = 16;
/// A reader that gets no list by then never will.
const LIMIT: Duration = Duration::from_secs(30);

/// Opens so many live reads of games; each has its list. They end when they are dropped.
pub fn open(url: &str, token: &str, readers: usize) -> Result<Vec<TcpStream>> {
    let places: Vec<usize> = (0..readers).collect();
    each(AT_ONCE, &places, |_| one(url, token))
}

fn one(url: &str, token: &str) -> Result<TcpStream> {
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let failed = || "a live read cannot be opened".to_owned();
    let mut stream = TcpStream::connect(host).context(failed)?;
    stream.set_read_timeout(Some(LIMIT)).context(failed)?;
    let request = format!(
        "GET /bff-api/chessGame/live?limit=1 HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).context(failed)?;
    let (mut read, mut chunk) = (Vec::new(), [0; 4096]);
    let has = |read: &[u8], what: &[u8]| read.windows(what.len()).any(|window| window == what);
    while !has(&read, b"event: snapshot") {
        let count = stream.read(&mut chunk).context(failed)?;
        read.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if count == 0 || (has(&read, b"\r\n\r\n") && !read.starts_with(b"HTTP/1.1 200")) {
            return Err(Error::new(format!("a live read was refused: {}", String::from_utf8_lossy(&read))));
        }
    }
    Ok(stream)
}

/// The largest figure of some seconds in which nothing happens.
pub fn watch(figure: impl Fn() -> f64, limit: Duration) -> f64 {
    let (begun, mut most) = (Instant::now(), 0.0_f64);
    while begun.elapsed() < limit {
        most = most.max(figure());
        thread::sleep(Duration::from_millis(200));
    }
    most
}

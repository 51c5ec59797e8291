//! One keep-alive HTTP/1.1 connection for a load generator: a request in one write, an answer with a length, nothing
//! else, so that the generator takes as little as possible of the machine that it measures.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use stack::error::{Context, Error, Result};

/// An answer that takes longer is an error.
const LIMIT: Duration = Duration::from_secs(30);
/// The longest head of an answer.
const LONGEST_HEAD: usize = 16 * 1024;
/// The longest body of an answer.
const LONGEST_BODY: usize = 1 << 20;

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    head: &'a [u8],
    /// Its body.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(std::str::from_utf8(self.head).ok()?, name)
    }

    /// The body as text, for messages.
    pub fn told(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(self.body))
    }
}

/// A connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    host: String,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Wire {
    /// Connects to `http://host:port`.
    pub fn open(url: &str) -> Result<Self> {
        let host = url.strip_prefix("http://").context(|| format!("`{url}` does not begin with http://"))?;
        let host = host.trim_end_matches('/').to_owned();
        let open = || -> std::io::Result<TcpStream> {
            let stream = TcpStream::connect(&host)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(LIMIT))?;
            Ok(stream)
        };
        let stream = open().context(|| format!("cannot connect to {url}"))?;
        Ok(Self { stream, host, request: Vec::new(), answer: Vec::new() })
    }

    /// Sends a request with JSON, if any, and these headers (each `Name: value`).
    pub fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer<'_>> {
        let failed = || "cannot write a request".to_owned();
        self.request.clear();
        write!(self.request, "{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.host).context(failed)?;
        for (name, value) in headers {
            write!(self.request, "{name}: {value}\r\n").context(failed)?;
        }
        if !body.is_empty() {
            write!(self.request, "Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())
                .context(failed)?;
        }
        write!(self.request, "\r\n{body}").context(failed)?;
        self.stream.write_all(&self.request).context(|| format!("cannot send to {}", self.host))?;
        self.receive()
    }

    fn receive(&mut self) -> Result<Answer<'_>> {
        self.answer.clear();
        let head = loop {
            if let Some(end) = find(&self.answer, b"\r\n\r\n") {
                break end + 4;
            }
            if self.answer.len() > LONGEST_HEAD {
                return Err(Error::new(format!("{} answered with an endless head", self.host)));
            }
            self.more()?;
        };
        let (status, length) = parse(self.answer.get(..head).unwrap_or_default())
            .context(|| format!("{} answered without status or Content-Length", self.host))?;
        let length = match length {
            Some(length) => length,
            None => self.chunks(head)?,
        };
        if length > LONGEST_BODY {
            return Err(Error::new(format!("{} answered with {length} bytes", self.host)));
        }
        while self.answer.len() < head + length {
            self.more()?;
        }
        let (head, body) = self.answer.split_at(head);
        Ok(Answer { status, head, body: body.get(..length).unwrap_or_default() })
    }

    /// Reads a body that comes in chunks and joins them; its length.
    fn chunks(&mut self, head: usize) -> Result<usize> {
        let (mut at, mut end) = (head, head);
        loop {
            let line = loop {
                if let Some(length) = self.answer.get(at..).and_then(|rest| find(rest, b"\r\n")) {
                    break at..at + length;
                }
                self.more()?;
            };
            let size = self.answer.get(line.clone()).and_then(|text| std::str::from_utf8(text).ok());
            let size = size.and_then(|text| usize::from_str_radix(text.trim(), 16).ok());
            let size = size.context(|| format!("{} sent a chunk without a length", self.host))?;
            let from = line.end + 2;
            if end - head + size > LONGEST_BODY {
                return Err(Error::new(format!("{} answered with more than {LONGEST_BODY} bytes", self.host)));
            }
            while self.answer.len() < from + size + 2 {
                self.more()?;
            }
            self.answer.copy_within(from..from + size, end);
            (at, end) = (from + size + 2, end + size);
            if size == 0 {
                return Ok(end - head);
            }
        }
    }

    fn more(&mut self) -> Result<()> {
        let mut chunk = [0; 4096];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(Error::new(format!("{} closed the connection", self.host))),
                Ok(count) => {
                    self.answer.extend_from_slice(chunk.get(..count).unwrap_or_default());
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context(|| format!("cannot read from {}", self.host)),
            }
        }
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// Status and length from the head of an answer; no length when it comes in chunks.
fn parse(head: &[u8]) -> Option<(u16, Option<usize>)> {
    let head = std::str::from_utf8(head).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    if header(head, "transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return Some((status, None));
    }
    Some((status, Some(header(head, "content-length")?.parse().ok()?)))
}

fn header<'a>(head: &'a str, wanted: &str) -> Option<&'a str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(wanted).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn an_answer_in_pieces_is_put_together_and_the_connection_kept() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 4096];
            for _ in 0..2 {
                let count = stream.read(&mut asked).unwrap();
                assert!(asked[..count].ends_with(b"\r\n\r\n{}"));
                for piece in [
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r",
                    "\nabc\r\nA\r\n01234567",
                    "89\r\n0\r\n\r\n",
                ] {
                    stream.write_all(piece.as_bytes()).unwrap();
                    stream.flush().unwrap();
                }
                let count = stream.read(&mut asked).unwrap();
                assert!(asked[..count].ends_with(b"\r\n\r\n{}"));
                for piece in ["HTTP/1.1 201 Created\r\ncontent-len", "gth: 5\r\n\r", "\nab", "cde"] {
                    stream.write_all(piece.as_bytes()).unwrap();
                    stream.flush().unwrap();
                }
            }
        });
        let mut wire = Wire::open(&url).unwrap();
        for _ in 0..2 {
            let answer = wire.ask("POST", "/x", &[("A", "b")], "{}").unwrap();
            assert_eq!((answer.status, answer.body), (200, b"abc0123456789".as_slice()));
            let answer = wire.ask("POST", "/x", &[("A", "b")], "{}").unwrap();
            assert_eq!(
                (answer.status, answer.body, answer.header("CONTENT-LENGTH")),
                (201, b"abcde".as_slice(), Some("5"))
            );
        }
        server.join().unwrap();
        assert!(wire.ask("GET", "/x", &[], "").is_err());
    }

    #[test]
    fn heads_without_a_length_are_refused() {
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"), Some((200, Some(7))));
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Some((200, None)));
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\n\r\n"), None);
        assert_eq!(parse(b"\xff"), None);
    }
}

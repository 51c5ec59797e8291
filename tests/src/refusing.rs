//! An HTTP proxy before Elasticsearch that refuses bulks as a busy one does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to bulks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// They are passed on.
    Well = 0,
    /// They are answered with 429.
    Refusing = 1,
    /// The first half of each is passed on, the other half answered with 429, item by item.
    Choosy = 2,
}

/// The proxy.
pub struct Refusing {
    /// Where it listens.
    pub addr: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    server: String,
    http: reqwest::Client,
    mood: AtomicU8,
    refused: AtomicU64,
}

impl Refusing {
    /// A proxy before this URL, in a good mood.
    pub async fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        let http = reqwest::Client::new();
        let state = State { server: server.to_owned(), http, mood: AtomicU8::new(0), refused: AtomicU64::new(0) };
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                tokio::spawn(async move { serve(&state, client).await });
            }
        });
        Self { addr, state, task }
    }

    /// Changes its mood.
    pub fn set(&self, mood: Mood) {
        self.state.mood.store(mood as u8, Ordering::SeqCst);
    }

    /// How many bulks it has refused, at least in part.
    pub fn refused(&self) -> u64 {
        self.state.refused.load(Ordering::SeqCst)
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A request as it came.
pub(crate) struct Asked {
    pub(crate) method: reqwest::Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// One request of a connection, which is closed afterwards.
async fn serve(state: &State, client: TcpStream) -> Option<()> {
    let mut client = BufReader::new(client);
    let asked = read(&mut client).await?;
    let mood = state.mood.load(Ordering::SeqCst);
    let (status, body) = if asked.path.contains("/_bulk") && mood != Mood::Well as u8 {
        state.refused.fetch_add(1, Ordering::SeqCst);
        if mood == Mood::Refusing as u8 {
            (429, too_many().to_string().into_bytes())
        } else {
            half(state, asked).await?
        }
    } else {
        pass(&state.http, &state.server, asked).await?
    };
    client.write_all(head(status, body.len()).as_bytes()).await.ok()?;
    client.write_all(&body).await.ok()?;
    client.flush().await.ok()
}

/// The head of an answer.
pub(crate) fn head(status: u16, length: usize) -> String {
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nX-Elastic-Product: Elasticsearch\r\n\
         Connection: close\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// Reads a request.
pub(crate) async fn read(client: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    client.read_line(&mut line).await.ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.parse().ok()?, words.next()?.to_owned());
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        client.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" | "content-type" | "accept" => headers.push((name, value.trim().to_owned())),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body).await.ok()?;
    Some(Asked { method, path, headers, body })
}

/// Passes a request on; what came back.
pub(crate) async fn pass(http: &reqwest::Client, server: &str, asked: Asked) -> Option<(u16, Vec<u8>)> {
    let mut request = http.request(asked.method, format!("{server}{}", asked.path)).body(asked.body);
    for (name, value) in asked.headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.ok()?;
    Some((answer.status().as_u16(), answer.bytes().await.ok()?.to_vec()))
}

/// Passes on the first half of a bulk of documents, and refuses the others one by one.
async fn half(state: &State, asked: Asked) -> Option<(u16, Vec<u8>)> {
    let lines: Vec<&[u8]> = asked.body.split_inclusive(|byte| *byte == b'\n').collect();
    let documents = lines.len() / 2;
    let taken = documents / 2;
    let mut items = Vec::new();
    if taken > 0 {
        let body = lines[..taken * 2].concat();
        let (method, path, headers) = (asked.method.clone(), asked.path.clone(), asked.headers.clone());
        let (status, answer) = pass(&state.http, &state.server, Asked { method, path, headers, body }).await?;
        if status != 200 {
            return Some((status, answer));
        }
        items = serde_json::from_slice::<Value>(&answer).ok()?["items"].as_array()?.clone();
    }
    let refused = json!({"index": {"status": 429, "error": too_many()["error"]}});
    items.extend(std::iter::repeat_n(refused, documents - taken));
    Some((200, json!({"errors": true, "items": items}).to_string().into_bytes()))
}

fn too_many() -> Value {
    json!({"error": {"type": "es_rejected_execution_exception", "reason": "the queue is full"}, "status": 429})
}

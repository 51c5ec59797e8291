use std::net::SocketAddr;

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::document::JSON;
use crate::error::ApiError;
use crate::health::{Check, State};

struct Fixed(State);

impl Health for Fixed {
    fn checks(&self) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(async { vec![Check { name: "nats", required: true, state: self.0, detail: "x".into() }] })
    }
}

fn operation(method: &str, path: &str, name: &'static str) -> Operation {
    Operation {
        method: method.into(),
        path: path.into(),
        prefix: "/gameplay-api",
        name,
        summary: String::new(),
        permission: "public".into(),
        parameters: vec![],
        body: None,
        texts: &[],
        answer: json!({}),
        media: vec![JSON],
        status: 200,
        errors: vec![],
        others: &[],
    }
}

fn own(cfg: &mut ServiceConfig) {
    async fn echo(body: web::Json<Value>) -> web::Json<Value> {
        body
    }
    async fn bytes(body: web::Bytes) -> String {
        body.len().to_string()
    }
    async fn fails(id: RequestId) -> Result<HttpResponse, ApiError> {
        Err(ApiError::internal(format!("secret of {}", id.0)))
    }
    cfg.route("/gameplay-api/echo", web::post().to(echo))
        .route("/gameplay-api/bytes", web::post().to(bytes))
        .route("/gameplay-api/fails", web::get().to(fails))
        .service(web::resource("/gameplay-api/strict").route(web::get().to(HttpResponse::Ok)));
}

async fn running(state: State) -> Server {
    let operations = vec![operation("POST", "/echo", "echo"), operation("GET", "/fails", "fails")];
    let shell = Shell::new("test-api", "1", operations, std::sync::Arc::new(Fixed(state)), &["/gameplay-api"])
        .cors_origins(&["http://page.test".to_owned()]);
    serve(SocketAddr::from(([127, 0, 0, 1], 0)), shell, own).await.unwrap()
}

/// Status, head and body of a request over a connection of its own.
async fn ask(server: &Server, method: &str, path: &str, headers: &str, body: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), head.to_ascii_lowercase(), body.to_owned())
}

async fn get(server: &Server, path: &str) -> (u16, String, String) {
    ask(server, "GET", path, "", "").await
}

#[tokio::test]
async fn the_common_routes_stand_at_the_root_and_under_the_prefix() {
    let server = running(State::Up).await;
    for prefix in ["", "/gameplay-api"] {
        for (path, content) in [
            ("/health", "application/json"),
            ("/admin/health", "application/json"),
            ("/metrics", "text/plain"),
            ("/favicon.ico", "image/svg+xml"),
            ("/openapi.json", "application/json"),
            ("/swagger/", "text/html"),
            ("/swagger/swagger-ui.css", "text/css"),
            ("/getPostmanCollection", "application/json"),
            ("/face.js", "text/javascript"),
            ("/", "text/html"),
        ] {
            let (status, head, body) = get(&server, &format!("{prefix}{path}")).await;
            assert_eq!(status, 200, "{prefix}{path}");
            assert!(head.contains(&format!("content-type: {content}")), "{prefix}{path} {head}");
            assert!(!body.is_empty());
        }
    }
    let initializer = get(&server, "/gameplay-api/swagger/swagger-initializer.js").await.2;
    assert!(initializer.contains("/gameplay-api/openapi.json"), "{initializer}");
    assert_eq!(get(&server, "/swagger").await.0, 307);
    let metrics = get(&server, "/metrics").await.2;
    assert!(
        metrics.contains(r#"http_requests_total{service="test-api",method="GET",route="/health",status="2xx"}"#),
        "{metrics}"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_required_dependency_that_is_down_makes_it_unready() {
    let server = running(State::Down).await;
    let (status, _, body) = get(&server, "/admin/health").await;
    assert_eq!(status, 503);
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["checks"][0]["state"], "down");
    assert_eq!(get(&server, "/health").await.0, 200);
    server.stop().await;
}

#[tokio::test]
async fn every_refusal_has_the_contracts_body() {
    let server = running(State::Up).await;
    let json = "content-type: application/json\r\n";
    let large = format!("\"{}\"", "x".repeat(BODY_LIMIT));
    let long = format!("/health?requestId={}", "x".repeat(URI_LIMIT - "/health?requestId=".len() + 1));
    for (method, path, headers, body, status, code) in [
        ("GET", "/nowhere", "", "", 404, "errMsg_routeNotFound"),
        ("GET", "/gameplay-api/echo", "", "", 405, "errMsg_methodNotAllowed"),
        ("DELETE", "/health", "", "", 405, "errMsg_methodNotAllowed"),
        ("POST", "/gameplay-api/strict", "", "", 405, "errMsg_methodNotAllowed"),
        ("POST", "/gameplay-api/echo", json, "{", 400, "errMsg_invalidJson"),
        ("POST", "/gameplay-api/echo", "", "{}", 415, "errMsg_unsupportedMediaType"),
        ("POST", "/gameplay-api/echo", json, &large, 413, "errMsg_bodyTooLarge"),
        ("POST", "/gameplay-api/bytes", "", &large, 413, "errMsg_bodyTooLarge"),
        ("GET", "/gameplay-api/fails?requestId=abc", "", "", 500, "errMsg_internalError"),
        ("GET", "/swagger/none.js", "", "", 404, "errMsg_routeNotFound"),
        ("GET", &long, "", "", 414, "errMsg_uriTooLong"),
    ] {
        let (given, head, text) = ask(&server, method, path, headers, body).await;
        let told: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{method} {path}: {given} {text}"));
        assert_eq!((given, told["message"].as_str().unwrap()), (status, code), "{method} {path}");
        assert_eq!((&told["result"], told["status"].as_u64()), (&json!("ERR"), Some(status.into())));
        assert!(!text.contains("secret") && head.contains("x-content-type-options: nosniff"));
        assert_eq!(path.contains("requestId=abc"), head.contains("x-request-id: abc"));
    }
    assert_eq!(get(&server, &long[..URI_LIMIT]).await.0, 200);
    let document: Value = serde_json::from_str(&get(&server, "/openapi.json").await.2).unwrap();
    for operation in document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values())
    {
        assert!(operation["responses"]["414"].is_object(), "{operation}");
    }
    assert!(ask(&server, "GET", "/gameplay-api/echo", "", "").await.1.contains("allow: post"));
    assert_eq!(ask(&server, "POST", "/gameplay-api/echo", json, "{\"a\":1}").await.2, "{\"a\":1}");
    server.stop().await;
}

#[tokio::test]
async fn browsers_of_named_origins_may_call_and_answers_are_compressed_on_demand() {
    let server = running(State::Up).await;
    let named = ask(&server, "GET", "/health", "origin: http://page.test\r\n", "").await;
    assert!(named.1.contains("access-control-allow-origin: http://page.test"));
    let other = ask(&server, "GET", "/health", "origin: http://other.test\r\n", "").await;
    assert!(other.0 == 200 && !other.1.contains("access-control-allow-origin"));
    let small = ask(&server, "GET", "/openapi.json", "accept-encoding: gzip\r\n", "").await;
    assert!(small.1.contains("content-encoding: gzip"));
    server.stop().await;
}

#[tokio::test]
async fn a_stopped_server_is_gone_and_its_port_is_free() {
    let (first, second) = (running(State::Up).await, running(State::Up).await);
    assert_ne!(first.addr, second.addr);
    tokio::join!(first.stop(), async { second.wait().await.unwrap() }, second.stop());
    assert!(TcpStream::connect(first.addr).await.is_err());
    let shell = Shell::new("x", "1", vec![], std::sync::Arc::new(Fixed(State::Up)), &[]);
    let again = serve(first.addr, shell.clone(), |_| {}).await.unwrap();
    let refused = serve(again.addr, shell, |_| {}).await.err().unwrap();
    assert!(refused.to_string().starts_with("cannot listen on 127.0.0.1:"));
    again.stop().await;
}

/// Says at its end whether what it stands in came to its end.
struct Ended(tokio::sync::mpsc::UnboundedSender<bool>, bool);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.send(self.1);
    }
}

#[tokio::test]
async fn an_answer_ends_with_its_client_only_where_that_is_wanted() {
    for wanted in [true, false] {
        let (ended, mut told) = tokio::sync::mpsc::unbounded_channel();
        let (begun, gate) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
        let shared = (begun.clone(), gate.clone());
        let own = move |cfg: &mut ServiceConfig| {
            let (ended, (begun, gate)) = (ended.clone(), shared.clone());
            let work = move || {
                let (ended, begun, gate) = (Ended(ended.clone(), false), begun.clone(), gate.clone());
                async move {
                    let mut ended = ended;
                    begun.notify_one();
                    gate.notified().await;
                    ended.1 = true;
                    HttpResponse::Ok().finish()
                }
            };
            cfg.route("/work", web::get().to(work));
        };
        let shell = Shell::new("test-api", "1", Vec::new(), Arc::new(Fixed(State::Up)), &[]);
        let shell = if wanted { shell.ends_with_client() } else { shell };
        let server = serve(SocketAddr::from(([127, 0, 0, 1], 0)), shell, own).await.unwrap();
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(b"GET /work HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        begun.notified().await;
        drop(stream);
        if !wanted {
            gate.notify_one();
        }
        assert_eq!(told.recv().await, Some(!wanted), "it came to its end");
        server.stop().await;
    }
}

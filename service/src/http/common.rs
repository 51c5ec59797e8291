//! The routes that all services have, and the headers of every answer.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ContentType, LOCATION};
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{Data, Path, ServiceConfig, get};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::{File, Shell, metrics};
use crate::document::{self, JSON, Operation, Other};
use crate::error::ApiError;
use crate::health::{self, Check, State};

/// How long the dependencies have to answer `/admin/health`.
const HEALTH_TIME: Duration = Duration::from_secs(3);

/// What pages of ours may load: only what stands beside them.
const PAGE_POLICY: &str =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/// What a page of a service's own may load: the same, and nothing that stands within it.
const FILE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                           connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A common route as the documents show it.
struct Common {
    path: &'static str,
    name: &'static str,
    about: &'static str,
    media: &'static str,
    answer: fn() -> Value,
    others: &'static [Other],
}

/// One that answers with JSON, whatever is asked.
const fn json_at(path: &'static str, name: &'static str, about: &'static str, answer: fn() -> Value) -> Common {
    Common { path, name, about, media: JSON, answer, others: &[] }
}

/// All of them.
const COMMON: &[Common] = &[
    json_at("/health", "health", "Whether the process lives.", health::life_schema),
    Common {
        others: &[Other { status: 503, about: "Not ready; the same report.", body: Some(health::report_schema) }],
        ..json_at(
            "/admin/health",
            "adminHealth",
            "Whether the service is ready, with each of its dependencies; 503 when it is not.",
            health::report_schema,
        )
    },
    Common {
        media: "text/plain",
        ..json_at(
            "/metrics",
            "metrics",
            "Counters and durations in Prometheus' text format.",
            || json!({"type": "string"}),
        )
    },
    json_at("/openapi.json", "openapi", "This API as OpenAPI 3.1.", || json!({"type": "object"})),
    json_at(
        "/getPostmanCollection",
        "getPostmanCollection",
        "This API as a Postman collection.",
        || json!({"type": "object"}),
    ),
];

/// The rows of the common routes.
pub(super) fn operations() -> impl Iterator<Item = Operation> {
    COMMON.iter().map(|common| Operation {
        method: "GET".to_owned(),
        path: common.path.to_owned(),
        prefix: "",
        name: common.name,
        summary: common.about.to_owned(),
        permission: "public".to_owned(),
        parameters: Vec::new(),
        body: None,
        texts: &[],
        answer: (common.answer)(),
        media: vec![common.media],
        status: 200,
        errors: Vec::new(),
        others: common.others,
    })
}

/// Every common route at the root and under each prefix.
pub(super) fn routes(cfg: &mut ServiceConfig, shell: &Shell) {
    for prefix in std::iter::once("").chain(shell.inner.prefixes.iter().copied()) {
        let at = |path: &str| format!("{prefix}{path}");
        let pages = Arc::new(Pages::new(shell, prefix));
        let page = |pick: fn(&Pages) -> HttpResponse| {
            let pages = pages.clone();
            get().to(move || std::future::ready(pick(&pages)))
        };
        for file in shell.inner.files {
            cfg.route(&at(file.path), get().to(move || std::future::ready(own_file(file))));
        }
        let explained = if shell.inner.files.iter().any(|file| file.path == "/") { "/routes" } else { "/" };
        cfg.route(&at("/health"), get().to(alive))
            .route(&at("/admin/health"), get().to(ready))
            .route(&at("/metrics"), get().to(prometheus))
            .route(&at("/favicon.ico"), get().to(icon))
            .route(&at("/openapi.json"), page(|pages| json_text(&pages.openapi)))
            .route(&at("/face.css"), get().to(style))
            .route(&at("/face.js"), get().to(script))
            .route(&at(explained), page(|pages| html(&pages.face)))
            .route(&at("/swagger"), page(|pages| moved(&pages.swagger)));
        let (postman, swagger) = (pages.clone(), pages.clone());
        cfg.route(
            &at("/getPostmanCollection"),
            get().to(move |req: HttpRequest| {
                let base = format!("{}://{}", req.connection_info().scheme(), req.connection_info().host());
                std::future::ready(HttpResponse::Ok().json(postman.postman(&base)))
            }),
        );
        cfg.route(
            &at("/swagger/{file:.*}"),
            get().to(move |file: Path<String>| std::future::ready(swagger_file(&file, &swagger.document))),
        );
        if !prefix.is_empty() {
            cfg.route(prefix, page(|pages| moved(&pages.root)));
        }
    }
}

/// The documents of one prefix, printed once. The root shows all operations, and so does a prefix that has none of its
/// own.
struct Pages {
    name: String,
    version: String,
    operations: Vec<Operation>,
    openapi: String,
    face: String,
    document: String,
    swagger: String,
    root: String,
}

impl Pages {
    fn new(shell: &Shell, prefix: &'static str) -> Self {
        let (name, version) = (shell.inner.name.clone(), shell.inner.version.clone());
        let all = prefix.is_empty() || shell.inner.operations.iter().all(|o| o.prefix != prefix);
        let below =
            |o: &Operation| o.prefix.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let chosen = |o: &&Operation| all || below(o);
        let operations: Vec<Operation> = shell.inner.operations.iter().filter(chosen).cloned().collect();
        Self {
            openapi: document::openapi(&name, &version, &operations).to_string(),
            face: document::face(&name, &version, &operations),
            document: format!("{prefix}/openapi.json"),
            swagger: format!("{prefix}/swagger/"),
            root: format!("{prefix}/"),
            name,
            version,
            operations,
        }
    }

    fn postman(&self, base: &str) -> serde_json::Value {
        document::postman(&self.name, &self.version, base, &self.operations)
    }
}

async fn alive(shell: Data<Shell>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "up", "name": shell.inner.name, "version": shell.inner.version}))
}

async fn ready(shell: Data<Shell>) -> HttpResponse {
    let inner = &shell.inner;
    let checks = tokio::time::timeout(HEALTH_TIME, inner.health.checks()).await.unwrap_or_else(|_| {
        let detail = format!("no answer within {} s", HEALTH_TIME.as_secs());
        vec![Check { name: "checks", required: true, state: State::Down, detail }]
    });
    let report = health::report(&inner.name, &inner.version, &checks, inner.health.info());
    let status = StatusCode::from_u16(report.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    HttpResponse::build(status).json(report.body)
}

async fn prometheus() -> HttpResponse {
    let handle = metrics::metrics_init();
    handle.run_upkeep();
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(handle.render())
}

async fn icon() -> HttpResponse {
    HttpResponse::Ok().content_type("image/svg+xml").body(document::ICON)
}

async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(document::STYLE)
}

async fn script() -> HttpResponse {
    HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(document::SCRIPT)
}

fn own_file(file: &File) -> HttpResponse {
    HttpResponse::Ok().content_type(file.kind).insert_header((CONTENT_SECURITY_POLICY, FILE_POLICY)).body(file.body)
}

fn html(page: &str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .body(page.to_owned())
}

fn json_text(text: &str) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(text.to_owned())
}

fn moved(to: &str) -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, to)).finish()
}

fn swagger_file(path: &str, document: &str) -> HttpResponse {
    let config = utoipa_swagger_ui::Config::from(document.to_owned());
    match utoipa_swagger_ui::serve(path, Arc::new(config)) {
        Ok(Some(file)) => {
            let mut response = HttpResponse::Ok();
            if file.gzpipped {
                response.insert_header((CONTENT_ENCODING, "gzip"));
            }
            response.content_type(file.content_type).insert_header((CONTENT_SECURITY_POLICY, PAGE_POLICY));
            match file.bytes {
                Cow::Borrowed(bytes) => response.body(bytes),
                Cow::Owned(bytes) => response.body(bytes),
            }
        }
        Ok(None) => {
            let told = format!("the page has no file `{path}`");
            HttpResponse::from_error(ApiError::new(404, "errMsg_routeNotFound", told))
        }
        Err(error) => HttpResponse::from_error(ApiError::internal(error.to_string())),
    }
}

/// Headers that every answer has.
pub(super) fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("X-Frame-Options", "DENY"))
        .add(("Referrer-Policy", "no-referrer"))
        .add(("Cross-Origin-Opener-Policy", "same-origin"))
        .add(("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"))
        .add(("Cache-Control", "no-store"))
}

/// CORS for these origins; without any, browsers of other origins may not call.
pub(super) fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "POST", "PUT", "PATCH", "DELETE"])
        .allow_any_header()
        .expose_headers(["Consistency-Token", "ETag", "Idempotency-Replayed", "Retry-After", "Stale", "Watermark"])
        .expose_headers(["x-request-id", "X-Total-Count", "X-Export-Token", crate::token::TOKEN_NAME])
        .block_on_origin_mismatch(false)
        .max_age(3600);
    if origins.iter().any(|origin| origin == "*") {
        return cors.send_wildcard().allow_any_origin();
    }
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin)).supports_credentials()
}

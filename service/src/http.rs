//! The HTTP side that all services share: the shell around a service's own routes, and the server.

mod common;
mod errors;
mod log;
mod metrics;
mod server;

use std::sync::Arc;

use actix_web::dev::ResourceDef;

use crate::document::Operation;
use crate::health::Health;

pub use log::RequestId;
pub use metrics::metrics_init;
pub use server::{ServeError, Server, Stopping, serve, terminated};

/// The limit of a request's body unless the shell says otherwise.
pub const BODY_LIMIT: usize = 128 * 1024;

/// The longest path and query of a request, in bytes. The layer below refuses what is longer than 65,534 before anything
/// of ours is asked, without a body: so it is told here.
pub const URI_LIMIT: usize = 60 * 1024;

/// What every route may be refused with before its handler runs.
const ERRORS: &[u16] = &[414];

/// What every service serves around its own routes: `/health`, `/admin/health`, `/metrics`, `/favicon.ico`,
/// `/openapi.json`, `/swagger`, `/getPostmanCollection`, `/`, all of them also under each documented prefix; JSON
/// answers for unknown routes, wrong methods and unreadable bodies; the request log, metrics, compression, CORS,
/// security headers and the body limit.
#[derive(Clone)]
pub struct Shell {
    inner: Arc<Inner>,
}

/// A file that a service serves as it is, at the root and under each prefix.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Where: `/` is the page that a browser opens first, in place of the one that explains the API, which is then at
    /// `/routes`.
    pub path: &'static str,
    /// Its content type.
    pub kind: &'static str,
    /// What it holds. A page may load what stands beside it, and nothing else: no other host, nothing within itself.
    pub body: &'static str,
}

#[derive(Clone)]
struct Inner {
    name: String,
    version: String,
    operations: Vec<Operation>,
    routes: Vec<(ResourceDef, String)>,
    health: Arc<dyn Health>,
    prefixes: Vec<&'static str>,
    cors_origins: Vec<String>,
    body_limit: usize,
    workers: usize,
    files: &'static [File],
    ends_with_client: bool,
}

impl Shell {
    /// A shell with no CORS origins and the usual limits. Operations are the service's own routes: what the documents
    /// show, and what tells a wrong method (405) from an unknown route (404).
    pub fn new(
        name: impl Into<String>,
        version: impl Into<String>,
        operations: Vec<Operation>,
        health: Arc<dyn Health>,
        prefixes: &[&'static str],
    ) -> Self {
        let mut operations = operations;
        let known: Vec<String> = operations.iter().map(Operation::full_path).collect();
        operations.extend(common::operations().filter(|o| !known.contains(&o.path)));
        operations.iter_mut().for_each(|operation| operation.errors.extend(ERRORS));
        let route = |path: String, o: &Operation| (ResourceDef::new(path), o.method.to_ascii_uppercase());
        let mut routes: Vec<_> = operations.iter().map(|o| route(format!("{}{}", o.prefix, o.path), o)).collect();
        for prefix in prefixes {
            routes.extend(common::operations().map(|o| route(format!("{prefix}{}", o.path), &o)));
        }
        let inner = Inner {
            name: name.into(),
            version: version.into(),
            operations,
            routes,
            health,
            prefixes: prefixes.to_vec(),
            cors_origins: Vec::new(),
            body_limit: BODY_LIMIT,
            workers: 2,
            files: &[],
            ends_with_client: false,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Browsers of these origins may call; `*` means all, without cookies.
    pub fn cors_origins(self, origins: &[String]) -> Self {
        self.change(|inner| inner.cors_origins = origins.to_vec())
    }

    /// The limit of a request's body, in bytes.
    pub fn body_limit(self, bytes: usize) -> Self {
        self.change(|inner| inner.body_limit = bytes)
    }

    /// How many threads serve.
    pub fn workers(self, threads: usize) -> Self {
        self.change(|inner| inner.workers = threads.max(1))
    }

    /// Files of the service itself.
    pub fn files(self, files: &'static [File]) -> Self {
        self.change(|inner| inner.files = files)
    }

    /// What is being answered ends when its client closes the connection, or its own side of it. For services that only
    /// read: without this a request goes on to its end, and its client's absence is noticed when the answer is written.
    pub fn ends_with_client(self) -> Self {
        self.change(|inner| inner.ends_with_client = true)
    }

    fn change(self, edit: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.inner);
        edit(&mut inner);
        Self { inner: Arc::new(inner) }
    }
}

#[cfg(test)]
mod tests;

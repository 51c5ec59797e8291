//! The table of routes: one row says everything about a route. Actix, the documents and the tests walk it.

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{Bytes, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use event_schema::object::Object;
use event_schema::stored::DataObject;
use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value};
use service::ApiError;
use service::document::Other;

use super::body::Param;
use super::call::{Call, admin};
use super::limits::{self, By, Limit};
use super::query::Filter;
use super::read::{self, Readable};
use super::write::{self, Write};
use crate::app::App;

/// What a route does: gives method, success status and the envelope's `action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// One object.
    Get,
    /// Objects, in pages.
    List,
    /// Makes an object.
    Create,
    /// Changes an object.
    Update,
    /// Deletes an object.
    Delete,
    /// Something else: no envelope.
    Raw,
}

impl Action {
    /// The envelope's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Raw => "raw",
        }
    }

    /// The status of success.
    pub fn status(self) -> u16 {
        match self {
            Self::Create => 201,
            Self::Get | Self::List | Self::Update | Self::Delete | Self::Raw => 200,
        }
    }
}

/// Who may call a route at all. What he may do to which object is decided by the object's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, without a token; a valid one is used.
    Public,
    /// Who is logged in, guests included.
    LoggedIn,
    /// Admins; everybody else is refused before his body is read.
    Admins,
}

/// What a route answers with.
#[derive(Clone, Copy)]
pub enum Answer {
    /// The envelope around this object (or objects).
    Object(&'static Object),
    /// Something else: its JSON Schema.
    Schema(fn() -> Value),
    /// Text of this media type.
    Text(&'static str),
}

/// The code behind a route.
pub type Handler = fn(Call) -> LocalBoxFuture<'static, Result<HttpResponse, ApiError>>;

/// One route.
#[derive(Clone, Copy)]
pub struct Row {
    /// The API's name in the contract; unique.
    pub name: &'static str,
    /// The services' documented roots that serve it; empty = the root.
    pub prefixes: &'static [&'static str],
    /// The HTTP method.
    pub method: &'static str,
    /// The path behind the prefix.
    pub path: &'static str,
    /// What it does.
    pub action: Action,
    /// The status of success.
    pub status: u16,
    /// Who may call it.
    pub access: Access,
    /// Who may, in the contract's words.
    pub who: &'static str,
    /// One sentence for the documents.
    pub about: &'static str,
    /// Filters in the query string.
    pub filters: &'static [Filter],
    /// Further query parameters.
    pub extra: &'static [&'static str],
    /// How often one address may call it.
    pub limit: Option<Limit>,
    /// Fields of the body.
    pub body: &'static [Param],
    /// The largest body in bytes.
    pub body_limit: usize,
    /// The field that a body of plain text or PGN stands for; none: bodies are JSON.
    pub text: Option<&'static str>,
    /// What it answers with.
    pub answer: Answer,
    /// Which fields of the object it shows; empty = all.
    pub only: &'static [&'static str],
    /// JSON Schemas of what it shows of the object besides its fields.
    pub more: fn() -> Map<String, Value>,
    /// Statuses of refusal besides those that follow from all else.
    pub errors: &'static [u16],
    /// What it may answer besides success and refusals in the usual form.
    pub others: &'static [Other],
    /// The code.
    pub handler: Handler,
}

impl Row {
    /// The envelope's `dataName`.
    pub fn data_name(&self) -> &'static str {
        match (self.answer, self.action) {
            (Answer::Object(object), Action::List) => object.plural,
            (Answer::Object(object), Action::Get | Action::Create | Action::Update | Action::Delete | Action::Raw) => {
                object.name
            }
            (Answer::Schema(_) | Answer::Text(_), _) => "",
        }
    }
}

/// Collects the rows of one service.
pub struct Routes {
    prefixes: &'static [&'static str],
    rows: Vec<Row>,
}

impl Routes {
    /// Rows under these prefixes.
    pub fn new(prefixes: &'static [&'static str]) -> Self {
        Self { prefixes, rows: Vec::new() }
    }

    /// The collected rows.
    pub fn into_rows(self) -> Vec<Row> {
        self.rows
    }

    fn row(
        &self,
        name: &'static str,
        method: &'static str,
        path: &'static str,
        action: Action,
        handler: Handler,
    ) -> Row {
        Row {
            name,
            prefixes: self.prefixes,
            method,
            path,
            action,
            status: action.status(),
            access: Access::LoggedIn,
            who: "",
            about: "",
            filters: &[],
            extra: &[],
            limit: None,
            body: &[],
            body_limit: service::http::BODY_LIMIT,
            text: None,
            answer: Answer::Schema(|| Value::Null),
            only: &[],
            more: Map::new,
            errors: &[],
            others: &[],
            handler,
        }
    }

    fn write<C: Write>(
        &mut self,
        name: &'static str,
        method: &'static str,
        path: &'static str,
        action: Action,
        who: &'static str,
    ) -> &mut Row {
        let row = Row {
            who,
            about: C::ABOUT,
            access: C::ACCESS,
            body: C::BODY,
            answer: Answer::Object(C::SHOWS),
            ..self.row(name, method, path, action, |call| Box::pin(write::handle::<C>(call)))
        };
        self.push(row)
    }

    fn push(&mut self, row: Row) -> &mut Row {
        self.rows.push(row);
        let last = self.rows.len() - 1;
        &mut self.rows[last]
    }

    /// POST, 201.
    pub fn create<C: Write>(&mut self, name: &'static str, path: &'static str, who: &'static str) -> &mut Row {
        self.write::<C>(name, "POST", path, Action::Create, who)
    }

    /// PATCH, 200.
    pub fn update<C: Write>(&mut self, name: &'static str, path: &'static str, who: &'static str) -> &mut Row {
        self.write::<C>(name, "PATCH", path, Action::Update, who)
    }

    /// DELETE, 200.
    pub fn delete<C: Write>(&mut self, name: &'static str, path: &'static str, who: &'static str) -> &mut Row {
        self.write::<C>(name, "DELETE", path, Action::Delete, who)
    }

    /// GET of one object by the id in the path.
    pub fn get<A: Readable>(&mut self, name: &'static str, path: &'static str, who: &'static str) -> &mut Row {
        let row = Row {
            who,
            about: "Reads one object from its state row.",
            answer: Answer::Object(<A::Object as DataObject>::TABLE),
            ..self.row(name, "GET", path, Action::Get, |call| Box::pin(read::get::<A>(call)))
        };
        self.push(row)
    }

    /// GET of objects, in pages.
    pub fn list<A: Readable>(
        &mut self,
        name: &'static str,
        path: &'static str,
        who: &'static str,
        filters: &'static [Filter],
    ) -> &mut Row {
        let row = Row {
            who,
            about: "Lists objects from their state rows, newest first.",
            filters,
            answer: Answer::Object(<A::Object as DataObject>::TABLE),
            ..self.row(name, "GET", path, Action::List, |call| Box::pin(read::list::<A>(call)))
        };
        self.push(row)
    }

    /// A route with an answer of its own: the visible exception.
    pub fn raw(
        &mut self,
        name: &'static str,
        method: &'static str,
        path: &'static str,
        answer: Answer,
        handler: Handler,
    ) -> &mut Row {
        let row = Row { answer, ..self.row(name, method, path, Action::Raw, handler) };
        self.push(row)
    }

    /// Like [`Routes::raw`], but in the envelope of `object`.
    pub fn special(
        &mut self,
        name: &'static str,
        method: &'static str,
        path: &'static str,
        action: Action,
        object: &'static Object,
        handler: Handler,
    ) -> &mut Row {
        let row = Row { answer: Answer::Object(object), ..self.row(name, method, path, action, handler) };
        self.push(row)
    }
}

/// Registers the rows. All methods of one path share a resource, so that a wrong method is a 405 and not a 404.
pub fn configure(cfg: &mut ServiceConfig, rows: &'static [Row]) {
    let mut paths: Vec<String> = Vec::new();
    for path in rows.iter().flat_map(full_paths) {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    // Those without a parameter first: they are compared, where the others cost a regular expression each.
    paths.sort_by_key(|path| path.contains('{'));
    for path in paths {
        let here = rows.iter().filter(|row| full_paths(row).any(|p| p == path));
        let resource = here.fold(actix_web::web::resource(&path), |resource, row| {
            let method = Method::from_bytes(row.method.as_bytes()).unwrap_or(Method::GET);
            resource.route(
                actix_web::web::method(method)
                    .to(move |app: Data<App>, req: HttpRequest, payload: Payload| serve(row, app, req, payload)),
            )
        });
        let allowed = rows.iter().filter(|row| full_paths(row).any(|p| p == path)).map(|row| row.method);
        let allowed = allowed.collect::<Vec<_>>().join(", ");
        cfg.service(resource.default_service(actix_web::web::to(move |req: HttpRequest| {
            let refusal = not_allowed(&req, &allowed);
            std::future::ready(refusal)
        })));
    }
}

/// 405 with the methods that the path takes.
fn not_allowed(req: &HttpRequest, allowed: &str) -> HttpResponse {
    let told = format!("`{}` does not take {}, only {allowed}", req.path(), req.method());
    let mut response = ApiError::new(405, "errMsg_methodNotAllowed", told).error_response();
    if let Ok(value) = HeaderValue::from_str(allowed) {
        response.headers_mut().insert(ALLOW, value);
    }
    response
}

/// The row's paths with their prefixes.
pub fn full_paths(row: &Row) -> impl Iterator<Item = String> + use<> {
    let path = row.path;
    row.prefixes.iter().map(move |prefix| format!("{prefix}{path}"))
}

async fn serve(
    row: &'static Row,
    app: Data<App>,
    req: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    if row.access == Access::Admins {
        admin(&app, &req).await?;
    }
    let limit = row.body_limit;
    let bytes = match payload.to_bytes_limited(limit).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => {
            return Err(ApiError::new(400, "errMsg_badBody", format!("the body cannot be read: {error}")));
        }
        Err(_) => {
            let told = format!("the body is larger than {limit} bytes");
            return Err(ApiError::new(413, "errMsg_bodyTooLarge", told));
        }
    };
    let peer = req.peer_addr().map(|addr| addr.ip());
    let by_address = row.limit.filter(|limit| limit.by == By::Address);
    let mut allowed = by_address.map(|limit| app.limits.check(limit, peer, &address_key(peer))).transpose()?;
    let call = Call::open(row, app, req, body_of(row, bytes)).await?;
    if let Some(limit) = row.limit.filter(|limit| limit.by == By::User) {
        allowed = Some(call.app.limits.check(limit, peer, &call.caller()?.user_id.to_string())?);
    }
    let mut response = (row.handler)(call).await?;
    if let Some(allowed) = allowed {
        limits::show(&mut response, allowed);
    }
    Ok(response)
}

/// Clients without a known address share one place.
fn address_key(peer: Option<std::net::IpAddr>) -> String {
    peer.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string())
}

/// The raw body; routes that take none ignore it.
fn body_of(row: &Row, bytes: Bytes) -> Bytes {
    if row.body.is_empty() { Bytes::new() } else { bytes }
}

//! The one table of routes: from it come the actix routes, `/swagger`, `/getPostmanCollection` and `/`.

mod shapes;

use actix_web::guard::{GuardContext, fn_guard};
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError, Route};
use serde_json::{Value, json};
use service::document::{JSON, Operation, Other, Parameter, Place};
use service::error::ApiError;

use crate::params::{COMMON, Param, TOKEN};
use crate::view::{self, VIEWS};
use crate::{App, aggregate, export, live, reads, saved_filters};
use shapes::{
    aggregate_answer, aggregate_body, count_answer, count_body, export_answer, export_body, list_answer, list_body,
    live_answer, record_answer, save_body, saved_answer, schema_answer,
};

/// The documented root; the routes answer at `/` as well.
pub const PREFIX: &str = "/bff-api";

/// Who may use the routes.
const PERMISSION: &str = "every logged-in user, for what he may read";

/// A header that a route reads.
struct Header {
    name: &'static str,
    about: &'static str,
}

const CONSISTENCY: Header =
    Header { name: "Consistency-Token", about: "wait (300 ms at most) for what the command that answered this did" };
const PREFER: Header = Header { name: "Prefer", about: "strict: rather 503 than an answer that is stale" };
const IF_NONE_MATCH: Header = Header { name: "If-None-Match", about: "the ETag of an answer that the client has" };
const LAST_EVENT: Header = Header {
    name: "Last-Event-ID",
    about: "go on behind the event with this id, if the same is read and what came since is still kept",
};
const IDEMPOTENCY: Header = Header { name: "Idempotency-Key", about: "a retry with the same key does nothing twice" };

/// One route.
struct Row {
    method: &'static str,
    path: &'static str,
    name: &'static str,
    summary: &'static str,
    query: &'static [&'static Param],
    headers: &'static [&'static Header],
    body: Option<fn() -> Value>,
    answer: fn() -> Value,
    media: fn() -> Vec<&'static str>,
    status: u16,
    errors: &'static [u16],
    others: &'static [Other],
    handler: fn() -> Route,
}

/// A row without a body that reads.
const fn read(
    path: &'static str,
    name: &'static str,
    summary: &'static str,
    query: &'static [&'static Param],
    answer: fn() -> Value,
    handler: fn() -> Route,
) -> Row {
    Row {
        method: "GET",
        path,
        name,
        summary,
        query,
        headers: &[&CONSISTENCY, &PREFER],
        body: None,
        answer,
        media: || vec![JSON],
        status: 200,
        errors: READ,
        others: &[],
        handler,
    }
}

impl Row {
    const fn post(mut self, body: fn() -> Value) -> Self {
        self.method = "POST";
        self.body = Some(body);
        self.errors = BODY;
        self
    }

    /// Kept and tagged: who has the answer is not sent it again.
    const fn tagged(mut self) -> Self {
        self.headers = &[&CONSISTENCY, &PREFER, &IF_NONE_MATCH];
        self.others = UNCHANGED;
        self
    }

    const fn exports(mut self) -> Self {
        self.errors = if self.body.is_some() { EXPORT_BODY } else { EXPORT };
        self.media = export::media;
        self
    }

    const fn writes(mut self, status: u16) -> Self {
        self.headers = &[&IDEMPOTENCY];
        self.status = status;
        self.errors = WRITE;
        self
    }

    const fn streams(mut self) -> Self {
        self.headers = &[&LAST_EVENT];
        self.errors = LIVE;
        self.media = || vec![live::MEDIA];
        self
    }

    const fn delete(mut self) -> Self {
        self.method = "DELETE";
        self.headers = &[];
        self.errors = DELETE;
        self
    }
}

const READ: &[u16] = &[400, 401, 403, 404, 503];
const LIVE: &[u16] = &[400, 401, 403, 404, 429, 503];
const BODY: &[u16] = &[400, 401, 403, 404, 413, 415, 503];

/// 409: others write at the same moment; 422: an `Idempotency-Key` used before with another body.
const WRITE: &[u16] = &[400, 401, 403, 404, 409, 413, 415, 422, 503];
const DELETE: &[u16] = &[400, 401, 403, 404, 409, 503];

/// 410: the point in time is over; 429 and 503: too many run.
const EXPORT: &[u16] = &[400, 401, 403, 404, 406, 410, 429, 503];
const EXPORT_BODY: &[u16] = &[400, 401, 403, 404, 406, 410, 413, 415, 429, 503];

const UNCHANGED: &[Other] =
    &[Other { status: 304, about: "`If-None-Match` names the answer as it still is.", body: None }];

const FILTERS: &str = "/{index}/filters";
/// "Get all" of the contract's aggregated views, and of every other.
const ALL: &str = "/{index}";

const ROWS: &[Row] = &[
    read(ALL, "getIndex", "All of a view that the caller may see, a page at a time.", reads::ALL, list_answer, || {
        web::get().to(reads::all)
    })
    .tagged(),
    read("/{index}/list", "listIndex", "A page of a view.", reads::LIST, list_answer, || web::get().to(reads::list))
        .tagged(),
    read("/{index}/list", "listIndexByFilters", "A filtered page of a view.", reads::LIST, list_answer, || {
        web::post().to(reads::list_body)
    })
    .post(list_body),
    read("/{index}/count", "countIndex", "How many there are, exactly.", reads::COUNT, count_answer, || {
        web::get().to(reads::count)
    })
    .tagged(),
    read(
        "/{index}/count",
        "countIndexByFilters",
        "How many fit the filters, exactly.",
        reads::COUNT,
        count_answer,
        || web::post().to(reads::count_body),
    )
    .post(count_body),
    read(
        "/{index}/aggregate",
        "aggregateIndex",
        "Groups of documents and what is computed of each.",
        aggregate::PARAMS,
        aggregate_answer,
        || web::post().to(aggregate::aggregate),
    )
    .post(aggregate_body),
    read(
        "/{index}/export",
        "exportIndex",
        "All that fits, as a stream of NDJSON, CSV or Parquet.",
        export::PARAMS,
        export_answer,
        || web::get().to(export::export),
    )
    .exports(),
    read(
        "/{index}/export",
        "exportIndexByFilters",
        "All that fits the filters, as a stream of NDJSON, CSV or Parquet.",
        export::PARAMS,
        export_answer,
        || web::post().to(export::export_body),
    )
    .post(export_body)
    .exports(),
    read(
        "/{index}/schema",
        "getIndexSchema",
        "Fields, operators, what can be sorted.",
        reads::SCHEMA,
        schema_answer,
        || web::get().to(reads::schema),
    ),
    read(
        "/{index}/live",
        "readIndexLive",
        "A list as server-sent events: as it is, then as it changes.",
        live::LIVE,
        live_answer,
        || web::get().to(live::live),
    )
    .streams(),
    read(
        FILTERS,
        "listSavedFilters",
        "Saved filters of a view: the caller's, and those shared with his role.",
        saved_filters::LIST,
        list_answer,
        || web::get().to(saved_filters::list),
    ),
    read(FILTERS, "saveFilter", "Saves a filter under a name.", saved_filters::WRITE, saved_answer, || {
        web::post().to(saved_filters::save)
    })
    .post(save_body)
    .writes(201),
    read(
        "/{index}/filters/{filterId}",
        "deleteSavedFilter",
        "Deletes a saved filter of the caller.",
        saved_filters::WRITE,
        saved_answer,
        || web::delete().to(saved_filters::delete),
    )
    .delete(),
    read(
        "/{index}/{id}",
        "getIndexRecord",
        "One record, as new as its last event.",
        reads::RECORD,
        record_answer,
        || web::get().to(reads::record),
    ),
];

/// Registers every row under the prefix and at the root. One resource per path, so a wrong method is a 405.
pub fn configure(cfg: &mut ServiceConfig, app: &Data<App>) {
    cfg.app_data(app.clone());
    for prefix in [PREFIX, ""] {
        let mut done: Vec<&str> = Vec::new();
        for row in ROWS {
            if done.contains(&row.path) {
                continue;
            }
            done.push(row.path);
            let rows: Vec<&Row> = ROWS.iter().filter(|other| other.path == row.path).collect();
            let allowed = rows.iter().map(|row| row.method).collect::<Vec<_>>().join(", ");
            let resource = web::resource(format!("{prefix}{}", row.path));
            // Any other word at this place is no route.
            let resource = if row.path == ALL { resource.guard(fn_guard(ends_in_a_view)) } else { resource };
            let resource = rows.iter().fold(resource, |resource, row| resource.route((row.handler)()));
            cfg.service(
                resource
                    .default_service(web::to(move |req: HttpRequest| std::future::ready(not_allowed(&req, &allowed)))),
            );
        }
    }
}

fn ends_in_a_view(context: &GuardContext<'_>) -> bool {
    context.head().uri.path().rsplit('/').next().is_some_and(|name| view::by_name(name).is_some())
}

fn not_allowed(req: &HttpRequest, allowed: &str) -> HttpResponse {
    let told = format!("`{}` does not take {}, only {allowed}", req.path(), req.method());
    let mut response = ApiError::new(405, "errMsg_methodNotAllowed", told).error_response();
    if let Ok(value) = HeaderValue::from_str(allowed) {
        response.headers_mut().insert(ALLOW, value);
    }
    response
}

/// The rows as the documents show them.
pub fn operations() -> Vec<Operation> {
    ROWS.iter().map(operation).collect()
}

fn operation(row: &Row) -> Operation {
    Operation {
        method: row.method.to_owned(),
        path: row.path.to_owned(),
        prefix: PREFIX,
        name: row.name,
        summary: row.summary.to_owned(),
        permission: PERMISSION.to_owned(),
        parameters: parameters(row),
        body: row.body.map(|body| body()),
        texts: &[],
        answer: (row.answer)(),
        media: (row.media)(),
        status: row.status,
        errors: row.errors.to_vec(),
        others: row.others,
    }
}

fn parameters(row: &Row) -> Vec<Parameter> {
    let views: Vec<&str> = VIEWS.iter().map(|view| view.table.name).collect();
    let path = |name: &str, schema: Value, about: &str| Parameter {
        name: name.to_owned(),
        place: Place::Path,
        required: true,
        schema,
        description: about.to_owned(),
    };
    let mut all = vec![path("index", json!({"type": "string", "enum": views}), "the view, in any case")];
    for name in ["id", "filterId"].into_iter().filter(|name| row.path.contains(&format!("{{{name}}}"))) {
        all.push(path(name, json!({"type": "string", "format": "uuid"}), "its id"));
    }
    let query = row.query.iter().copied().chain(COMMON).filter(|param| param.name != TOKEN.name);
    all.extend(query.map(|param| Parameter {
        name: param.name.to_owned(),
        place: Place::Query,
        required: false,
        schema: param.schema(),
        description: param.about.to_owned(),
    }));
    all.extend(row.headers.iter().map(|header| Parameter {
        name: header.name.to_owned(),
        place: Place::Header,
        required: false,
        schema: json!({"type": "string"}),
        description: header.about.to_owned(),
    }));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_the_nine_routes_of_an_index_and_get_all() {
        let table: Vec<String> = ROWS.iter().map(|row| format!("{} {} {}", row.method, row.path, row.name)).collect();
        insta::assert_json_snapshot!("routes", table);
        let mut names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 9 + 2 + 3);
    }

    #[test]
    fn fixed_paths_stand_before_the_record() {
        assert_eq!(ROWS.iter().position(|row| row.path == "/{index}/{id}"), Some(ROWS.len() - 1));
    }

    #[test]
    fn every_path_parameter_is_documented() {
        for operation in operations() {
            let documented = operation.parameters.iter().filter(|p| p.place == Place::Path).count();
            assert_eq!(operation.path.matches('{').count(), documented, "{}", operation.name);
        }
    }
}

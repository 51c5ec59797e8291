//! The envelope around business answers (contract 1.2), in the contract's order.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use event_schema::position::LogPosition;
use serde_json::{Map, Value, json};
use service::document::closed;

use super::call::Call;
use super::rows::Row;

/// The version that answers name.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Says which position of the log covers the answer: a read that carries it waits for that.
pub fn covered(call: &Call, position: i64, response: &mut HttpResponse) {
    let token = LogPosition { log: call.app.store.log.id, position }.to_string();
    if let Ok(token) = HeaderValue::from_str(&token) {
        response.headers_mut().insert(HeaderName::from_static("consistency-token"), token);
    }
}

/// The envelope up to and with the data.
fn envelope(call: &Call, data: Value, rows: usize) -> Map<String, Value> {
    let caller = call.maybe_caller();
    let Value::Object(mut out) = json!({
        "status": "OK",
        "statusCode": call.row.status,
        "elapsedMs": call.started.elapsed().as_millis() as u64,
        "ssoTime": call.sso_ms as u64,
        "source": "db",
        "cacheKey": Value::Null,
        "userId": caller.map(|c| c.user_id),
        "sessionId": caller.map(|c| c.session_id),
        "requestId": call.request_id,
        "dataName": call.row.data_name(),
        "method": call.row.method,
        "action": call.row.action.as_str(),
        "appVersion": VERSION,
        "rowCount": rows,
    }) else {
        return Map::new();
    };
    out.insert(call.row.data_name().to_owned(), data);
    out
}

/// The JSON Schemas of what an answer of this row holds, with its data of that one.
pub fn properties(row: &Row, data: Value) -> Value {
    let (whole, text) = (|| json!({"type": "integer", "minimum": 0}), || json!({"type": "string"}));
    let id = || json!({"type": ["string", "null"], "format": "uuid"});
    json!({
        "status": {"const": "OK"}, "statusCode": {"const": row.status}, "elapsedMs": whole(), "ssoTime": whole(),
        "source": {"const": "db"}, "cacheKey": {"type": "null"}, "userId": id(), "sessionId": id(),
        "requestId": text(), "dataName": {"const": row.data_name()}, "method": {"const": row.method},
        "action": {"const": row.action.as_str()}, "appVersion": text(), "rowCount": whole(), row.data_name(): data,
    })
}

/// The same of a page.
pub fn list_properties(row: &Row, data: Value) -> Value {
    let whole = || json!({"type": "integer", "minimum": 0});
    let place = json!({"pageNumber": whole(), "pageRowCount": whole(), "totalRowCount": whole(), "pageCount": whole()});
    let none = || json!({"type": "array", "maxItems": 0});
    let mut all = properties(row, data);
    all["paging"] = closed(place);
    all["filters"] = none();
    all["uiPermissions"] = none();
    all
}

fn status(call: &Call) -> StatusCode {
    StatusCode::from_u16(call.row.status).unwrap_or(StatusCode::OK)
}

/// The answer with one object.
pub fn one(call: &Call, object: Map<String, Value>) -> HttpResponse {
    HttpResponse::build(status(call)).json(envelope(call, Value::Object(object), 1))
}

/// The place of a page in its list.
#[derive(Clone, Copy, Debug)]
pub struct Paging {
    /// From 1.
    pub number: i64,
    /// Rows a page.
    pub rows: i64,
    /// Rows in all.
    pub total: i64,
}

impl Paging {
    /// How many there are; without pages all rows are one.
    fn pages(self) -> i64 {
        match (self.number, self.rows) {
            (0, _) => self.total.min(1),
            (_, 1..) => (self.total + self.rows - 1) / self.rows,
            (_, _) => 0,
        }
    }
}

/// The answer with a page of objects.
pub fn many(call: &Call, objects: Vec<Value>, paging: Paging) -> HttpResponse {
    let rows = objects.len();
    let mut out = envelope(call, Value::Array(objects), rows);
    let place = json!({
        "pageNumber": paging.number,
        "pageRowCount": paging.rows,
        "totalRowCount": paging.total,
        "pageCount": paging.pages(),
    });
    out.insert("paging".into(), place);
    out.insert("filters".into(), json!([]));
    out.insert("uiPermissions".into(), json!([]));
    HttpResponse::build(status(call)).json(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rows_at_once_are_one_page() {
        let pages = |number, total| Paging { number, rows: 25, total }.pages();
        assert_eq!([pages(1, 0), pages(1, 25), pages(2, 26), pages(0, 26), pages(0, 0)], [0, 1, 2, 1, 0]);
    }
}

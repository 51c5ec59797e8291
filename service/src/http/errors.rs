//! Whatever goes wrong before a handler of ours runs is told in the contract's form, too.

use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::{JsonPayloadError, PayloadError};
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::{Data, FormConfig, JsonConfig, PathConfig, PayloadConfig, QueryConfig, ServiceConfig};
use actix_web::{Error, HttpRequest, HttpResponse};

use super::{Shell, URI_LIMIT};
use crate::error::ApiError;

/// The body limit, and errors of extractors in the contract's form.
pub(super) fn extractors(cfg: &mut ServiceConfig, limit: usize) {
    cfg.app_data(PayloadConfig::new(limit))
        .app_data(JsonConfig::default().limit(limit).error_handler(move |error, _| json_error(&error, limit).into()))
        .app_data(FormConfig::default().limit(limit))
        .app_data(PathConfig::default().error_handler(|error, _| bad("errMsg_invalidPath", &error)))
        .app_data(QueryConfig::default().error_handler(|error, _| bad("errMsg_invalidQuery", &error)));
}

fn bad(code: &'static str, error: &dyn std::error::Error) -> Error {
    ApiError::new(400, code, error.to_string()).into()
}

fn json_error(error: &JsonPayloadError, limit: usize) -> ApiError {
    use JsonPayloadError::{ContentType, Overflow, OverflowKnownLength, Payload};
    if matches!(error, OverflowKnownLength { .. } | Overflow { .. } | Payload(PayloadError::Overflow)) {
        return ApiError::too_large(limit);
    }
    if matches!(error, ContentType) {
        return ApiError::not_json();
    }
    ApiError::new(400, "errMsg_invalidJson", format!("the body is not valid JSON: {error}"))
}

/// 405 with `Allow` for a route that has other methods, else 404.
pub(super) async fn no_such_route(req: HttpRequest, shell: Data<Shell>) -> HttpResponse {
    let mut methods: Vec<&str> = shell
        .inner
        .routes
        .iter()
        .filter(|(pattern, _)| pattern.is_match(req.path()))
        .map(|(_, method)| method.as_str())
        .collect();
    methods.sort_unstable();
    methods.dedup();
    if methods.is_empty() || methods.contains(&req.method().as_str()) {
        let told = format!("there is no route `{} {}`; `/` lists all", req.method(), req.path());
        return HttpResponse::from_error(ApiError::new(404, "errMsg_routeNotFound", told));
    }
    let allowed = methods.join(", ");
    let told = format!("`{}` does not take {}, only {allowed}", req.path(), req.method());
    let mut response = HttpResponse::from_error(ApiError::new(405, "errMsg_methodNotAllowed", told));
    if let Ok(value) = HeaderValue::from_str(&allowed) {
        response.headers_mut().insert(ALLOW, value);
    }
    response
}

/// Rewrites errors that are not ours. An error answer that has a body of its own is left alone.
pub(super) async fn in_the_contracts_form<B: MessageBody>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let limit = req.app_data::<Data<Shell>>().map_or(super::BODY_LIMIT, |shell| shell.inner.body_limit);
    let asked = req.uri().path_and_query().map_or(0, |asked| asked.as_str().len());
    if asked > URI_LIMIT {
        return Ok(req.into_response(HttpResponse::from_error(uri_too_long(asked))).map_into_right_body());
    }
    let answer = next.call(req).await?;
    let status = answer.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return Ok(answer.map_into_left_body());
    }
    let ours = answer.response().error().is_some_and(|error| error.as_error::<ApiError>().is_some());
    let foreign = answer.response().error().is_some() || answer.response().body().size() == BodySize::Sized(0);
    if ours || !foreign {
        return Ok(answer.map_into_left_body());
    }
    let error = told(status, answer.response().error(), limit);
    let (req, _) = answer.into_parts();
    Ok(ServiceResponse::new(req, HttpResponse::from_error(error)).map_into_right_body())
}

fn uri_too_long(length: usize) -> ApiError {
    let told = format!(
        "path and query are {length} bytes, at most {URI_LIMIT} are read; where a route takes its parameters in the \
         body of a POST as well, send them there"
    );
    ApiError::new(414, "errMsg_uriTooLong", told)
}

fn told(status: StatusCode, error: Option<&Error>, limit: usize) -> ApiError {
    let sentence = error.map(ToString::to_string).filter(|text| !text.is_empty());
    match status.as_u16() {
        413 => ApiError::too_large(limit),
        415 => ApiError::not_json(),
        404 => ApiError::new(404, "errMsg_routeNotFound", "there is no such route; `/` lists all"),
        405 => ApiError::new(405, "errMsg_methodNotAllowed", "this route does not take this method"),
        500.. => match sentence {
            Some(text) => ApiError::internal(text),
            None => ApiError::internal("a response without a body"),
        },
        other => ApiError::new(other, "errMsg_badRequest", sentence.unwrap_or_else(|| "the request is refused".into())),
    }
}

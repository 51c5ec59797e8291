//! Which status a refusal has at the edge.

use service::ApiError;

use crate::es::aggregate::{Refused, Rejection};
use crate::es::history::ReadError;
use crate::es::item::{AppendError, MAX_EVENT_BYTES};
use crate::es::store::Failure;

/// What a rule's refusal is over HTTP.
pub fn of_rejection(rejection: &Rejection) -> ApiError {
    let status = match rejection.kind {
        Refused::NotFound => 404,
        Refused::Forbidden => 403,
        Refused::Conflict => 409,
        Refused::Invalid => 400,
    };
    let error = ApiError::new(status, rejection.code, rejection.detail.clone());
    match rejection.pointer {
        Some(pointer) => error.fault(pointer, rejection.code, rejection.detail.clone()),
        None => error,
    }
}

/// What a command that was not carried out is over HTTP.
pub fn of_failure(failure: Failure) -> ApiError {
    match failure {
        Failure::Rejected(rejection) => of_rejection(&rejection),
        Failure::KeyReused => ApiError::new(
            422,
            "errMsg_IdempotencyKeyReused",
            "this Idempotency-Key was used before with another body; use a new key",
        ),
        Failure::Contended => ApiError::new(
            409,
            "errMsg_Contended",
            "the object changed too often in the meantime; read it and try again",
        ),
        Failure::Crowded(error) => ApiError::unavailable(
            "too many commands for this object are waiting; nothing was changed, try again",
            error,
        ),
        Failure::Append(error) => of_append(error),
        Failure::Read(error) => of_read(error),
    }
}

fn of_append(error: AppendError) -> ApiError {
    match error {
        AppendError::Full => {
            ApiError::unavailable("too many commands are waiting; nothing was changed, try again", error)
        }
        AppendError::Unknown => ApiError::unavailable(
            "the database did not answer in time; the outcome is unknown: retry with the same Idempotency-Key",
            error,
        ),
        AppendError::TooLarge(bytes) => ApiError::new(
            413,
            "errMsg_EventTooLarge",
            format!("this would be an event of {bytes} bytes; at most {MAX_EVENT_BYTES} are possible"),
        ),
        AppendError::Stopped => ApiError::unavailable("the service is stopping; nothing was changed, try again", error),
        AppendError::Unwritable(_) => {
            ApiError::unavailable("the database takes no writes; nothing was changed, try again", error)
        }
        AppendError::Refused(_) | AppendError::NoEvent => ApiError::internal(error),
    }
}

/// What a read that failed is over HTTP.
pub fn of_read(error: ReadError) -> ApiError {
    match error {
        ReadError::Database(_) | ReadError::Pool(_) => {
            ApiError::unavailable("the database does not answer; nothing was changed, try again", error)
        }
        ReadError::Newer { .. } | ReadError::Json(_) | ReadError::Decode(_) => {
            metrics::counter!("wechess_unreadable_streams_total").increment(1);
            let told = "this object was written by a newer version of this service, which this one cannot read; \
                        nothing was changed, try again when it is up to date";
            ApiError::new(503, "errMsg_writtenByNewerVersion", told).because(error).retry_after(60)
        }
        ReadError::Seal(_) => ApiError::internal(error),
    }
}

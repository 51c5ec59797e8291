//! What the client is told when Elasticsearch refuses a search of ours.

use service::error::ApiError;

use crate::es::EsError;
use crate::query::faults::Code;

/// The answer to a search that failed. `with_regexp`: a regular expression of the client stands in it; only
/// Elasticsearch knows its syntax of them and what they cost, all else was checked before.
pub fn of_search(error: EsError, with_regexp: bool) -> ApiError {
    match error {
        EsError::Refused { status: 400, reason } if with_regexp => {
            let told = format!("a regular expression in the filters is not accepted: {reason}");
            ApiError::new(400, Code::InvalidValue.as_str(), told.clone()).fault("", Code::InvalidValue.as_str(), told)
        }
        EsError::Down(_)
        | EsError::NoIndex(_)
        | EsError::Partial(_)
        | EsError::Refused { .. }
        | EsError::Unreadable(_) => error.into_api(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_expression_is_the_clients_fault() {
        let refused = || EsError::Refused { status: 400, reason: "no such thing".to_owned() };
        assert_eq!(of_search(refused(), true).status(), 400);
        assert_eq!(of_search(refused(), false).status(), 503);
        assert_eq!(of_search(EsError::Partial("late"), true).status(), 503);
    }
}

//! Searches whose answers are read elsewhere.

use elasticsearch::http::Method;
use serde_json::Value;

use super::{Elastic, EsError, SEARCH_TIME, Search, refusal};

/// Why there is no answer.
#[derive(Debug)]
pub enum Refusal {
    /// More buckets than Elasticsearch gives at once.
    TooManyBuckets,
    /// As any search.
    Other(EsError),
}

impl Elastic {
    /// Runs a search for its aggregations. A partial result is an error.
    pub async fn aggregations(&self, search: &Search) -> Result<Value, Refusal> {
        let path = format!("/{}/_search", search.index);
        let query = [("allow_partial_search_results", "false"), ("timeout", SEARCH_TIME)];
        let sent = self.send(Method::Post, &path, &query, Some(search.body.clone()), None).await;
        let (status, bytes) = sent.map_err(Refusal::Other)?;
        if status != 200 {
            // Depending on where it happens the status is 400 or 503, and the type stands at another depth.
            let text = String::from_utf8_lossy(&bytes);
            let too_many = text.contains("\"too_many_buckets_exception\"");
            return Err(if too_many {
                Refusal::TooManyBuckets
            } else {
                Refusal::Other(refusal(status, &bytes, &search.index))
            });
        }
        let unreadable = |error: serde_json::Error| Refusal::Other(EsError::Unreadable(error.into()));
        let answer: Value = serde_json::from_slice(&bytes).map_err(unreadable)?;
        whole(&answer).map_err(Refusal::Other)?;
        Ok(answer)
    }
}

/// A part of an answer is no answer.
fn whole(answer: &Value) -> Result<(), EsError> {
    if answer["timed_out"] != Value::Bool(false) {
        return Err(EsError::Partial("timed out"));
    }
    if answer["_shards"]["failed"].as_u64() != Some(0) {
        return Err(EsError::Partial("a shard failed"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_part_of_an_answer_is_none() {
        let answer = |late: bool, failed: u64| json!({"timed_out": late, "_shards": {"failed": failed}});
        assert!(whole(&answer(false, 0)).is_ok());
        assert!(matches!(whole(&answer(true, 0)), Err(EsError::Partial("timed out"))));
        assert!(matches!(whole(&answer(false, 1)), Err(EsError::Partial("a shard failed"))));
        assert!(matches!(whole(&json!({})), Err(EsError::Partial(_))));
    }
}

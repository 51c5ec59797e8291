//! Searches whose answers are read elsewhere.

use serde_json::Value;

use super::{Elastic, EsError, Search, refusal, whole};

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
        let sent = self.send_search(&format!("/{}/_search", search.index), search.body.clone()).await;
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
        is_whole(&answer).map_err(Refusal::Other)?;
        Ok(answer)
    }
}

/// As [`whole`]; what an answer does not say is no good sign.
fn is_whole(answer: &Value) -> Result<(), EsError> {
    whole(answer["timed_out"] != Value::Bool(false), answer["_shards"]["failed"].as_u64().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_part_of_an_answer_is_none() {
        let answer = |late: bool, failed: u64| json!({"timed_out": late, "_shards": {"failed": failed}});
        assert!(is_whole(&answer(false, 0)).is_ok());
        assert!(matches!(is_whole(&answer(true, 0)), Err(EsError::Partial("timed out"))));
        assert!(matches!(is_whole(&answer(false, 1)), Err(EsError::Partial("a shard failed"))));
        assert!(matches!(is_whole(&json!({})), Err(EsError::Partial(_))));
    }
}

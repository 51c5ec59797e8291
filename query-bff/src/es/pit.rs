//! Points in time: a view as it was at one moment, read in pages in the order of the index.

use bytes::Bytes;
use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use service::error::ApiError;

use super::document::Document;
use super::{Elastic, EsError, Shards, Total, refusal, whole};

/// How long a point in time lives after it was last read.
pub const KEEP_ALIVE: &str = "10m";

/// Why a page is not there.
#[derive(Debug, thiserror::Error)]
pub enum PitError {
    /// The point in time is over: its time has passed, it was closed, or its index is gone.
    #[error("the point in time is over")]
    Over,
    /// As any search.
    #[error(transparent)]
    Other(#[from] EsError),
}

impl PitError {
    /// What the client is told: 410 for what is over.
    pub fn into_api(self) -> ApiError {
        match self {
            Self::Over => {
                let told = "this export can no longer be resumed: its point in time is over (10 minutes after it was \
                            last read, or its index was made anew); begin again without `resume`";
                ApiError::new(410, "errMsg_exportIsOver", told)
            }
            Self::Other(error) => error.into_api(),
        }
    }
}

/// A page as it came; [`Page::read`] looks into it.
#[derive(Clone, Debug)]
pub struct Answer(Bytes);

/// A page of a point in time.
#[derive(Debug, Deserialize)]
pub struct Page<'a> {
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    #[serde(borrow)]
    hits: Hits<'a>,
}

#[derive(Debug, Deserialize)]
struct Hits<'a> {
    total: Option<Total>,
    #[serde(borrow)]
    hits: Vec<Hit<'a>>,
}

#[derive(Debug, Deserialize)]
struct Hit<'a> {
    #[serde(rename = "_source", borrow, default)]
    source: Document<'a>,
    sort: Vec<Value>,
}

impl Answer {
    /// The page. A part of one is an error.
    pub fn read(&self) -> Result<Page<'_>, EsError> {
        let page: Page<'_> = serde_json::from_slice(&self.0).map_err(|e| EsError::Unreadable(e.into()))?;
        whole(page.timed_out, page.shards.failed)?;
        Ok(page)
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

impl<'a> Page<'a> {
    /// How many there are in all, if that was asked for.
    pub fn total(&self) -> Option<u64> {
        self.hits.total.as_ref().map(|total| total.value)
    }

    /// The documents of the page.
    pub fn documents(&self) -> impl Iterator<Item = &Document<'a>> {
        self.hits.hits.iter().map(|hit| &hit.source)
    }

    /// How many documents.
    pub fn rows(&self) -> usize {
        self.hits.hits.len()
    }

    /// Where the next page begins; none after an empty one.
    pub fn end(&self) -> Option<Vec<Value>> {
        self.hits.hits.last().map(|hit| hit.sort.clone())
    }
}

/// What a page shall hold.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The point in time.
    pub pit: &'a str,
    /// Which documents.
    pub query: &'a Value,
    /// How many at most.
    pub size: usize,
    /// Behind this place.
    pub after: Option<&'a [Value]>,
    /// Whether they are counted.
    pub counted: bool,
    /// Whether their fields are wanted.
    pub fields: bool,
}

impl Elastic {
    /// Opens a point in time of the index behind an alias.
    pub async fn open_pit(&self, index: &str) -> Result<String, EsError> {
        let path = format!("/{index}/_pit");
        let (status, bytes) = self.send(Method::Post, &path, &[("keep_alive", KEEP_ALIVE)], None, None).await?;
        if status != 200 {
            return Err(refusal(status, &bytes, index));
        }
        let answer: Value = serde_json::from_slice(&bytes).map_err(|e| EsError::Unreadable(e.into()))?;
        let id = answer["id"].as_str().map(str::to_owned);
        id.ok_or_else(|| EsError::Unreadable("a point in time without an id".into()))
    }

    /// Closes a point in time. One that cannot be closed ends by itself.
    pub async fn close_pit(&self, id: &str) {
        let body = json!({"id": id}).to_string();
        match self.send(Method::Delete, "/_pit", &[], Some(body.into()), None).await {
            Ok((200 | 404, _)) => {}
            Ok((status, _)) => tracing::warn!(status, "a point in time was not closed; it ends by itself"),
            Err(error) => tracing::warn!(%error, "a point in time was not closed; it ends by itself"),
        }
    }

    /// A page of a point in time, in the order of the index, which is the same each time.
    pub async fn pit_page(&self, wanted: &Wanted<'_>) -> Result<Answer, PitError> {
        let mut body = json!({
            "pit": {"id": wanted.pit, "keep_alive": KEEP_ALIVE},
            "size": wanted.size,
            "track_total_hits": wanted.counted,
            "query": wanted.query,
            "sort": [{"_shard_doc": "asc"}],
        });
        if let Some(after) = wanted.after {
            body["search_after"] = json!(after);
        }
        if !wanted.fields {
            body["_source"] = json!(false);
        }
        let (status, bytes) = self.send_search("/_search", body.to_string().into()).await?;
        match status {
            200 => Ok(Answer(bytes)),
            // Neither the context nor the index of a point in time comes back.
            404 => Err(PitError::Over),
            _ => Err(refusal(status, &bytes, "a point in time").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn a_page_is_read_in_place_and_a_part_of_one_is_none() {
        let text = r#"{"timed_out":false,"_shards":{"failed":0},"hits":{"total":{"value":7},"hits":[
            {"_source":{"a":1.50,"b":"x\ny","c":null},"sort":[3]},{"sort":[4]}]}}"#;
        let answer = Answer(text.into());
        let page = answer.read().unwrap();
        assert_eq!((page.total(), page.rows(), page.end()), (Some(7), 2, Some(vec![json!(4)])));
        let first = page.documents().next().unwrap();
        let mut at = 0;
        let raw = |name: &str, at: &mut usize| first.value(name, at).map(RawValue::get);
        assert_eq!(raw("a", &mut at), Some("1.50"), "numbers stay as they are written");
        assert_eq!(raw("c", &mut at), Some("null"));
        assert_eq!(raw("b", &mut at), Some(r#""x\ny""#));
        assert_eq!(raw("d", &mut at), None);
        let late = Answer(text.replace("\"timed_out\":false", "\"timed_out\":true").into());
        assert!(matches!(late.read(), Err(EsError::Partial(_))));
    }
}

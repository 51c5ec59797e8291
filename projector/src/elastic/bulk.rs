//! Writing whole documents: one request for many, the outcome of each.

use std::io::Write as _;

use bytes::Bytes;
use elasticsearch::http::Method;
use serde::Deserialize;

use crate::guards::Guard;

use super::{Elastic, Fault, IndexError, parse, refused};

/// What is wrong with a document itself. Any other refusal (a closed index, a full queue) may pass.
const DOCUMENT_FAULTS: &[&str] = &[
    "strict_dynamic_mapping_exception",
    "document_parsing_exception",
    "mapper_parsing_exception",
    "illegal_argument_exception",
];

/// Over what a write may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Older versions only.
    Newer,
    /// Older versions and its own: puts right what stands there.
    AtLeast,
    /// The same, and what is written is that there is nothing.
    Delete,
}

/// One document to write.
#[derive(Clone, Debug)]
pub struct Write {
    /// Its id in the index: a UUID, or a word and a UUID of ours.
    pub id: String,
    /// Its external version.
    pub version: i64,
    /// The whole document.
    pub source: Bytes,
    /// Over what it goes.
    pub how: How,
}

impl Write {
    /// A write over older versions.
    pub fn newer(id: String, version: i64, source: Bytes) -> Self {
        Self { id, version, source, how: How::Newer }
    }

    /// The two lines of the request's body.
    fn print(&self, body: &mut Vec<u8>) {
        let (verb, kind) = match self.how {
            How::Newer => ("index", "external"),
            How::AtLeast => ("index", "external_gte"),
            How::Delete => ("delete", "external_gte"),
        };
        let versioned = if Guard::ExternalVersion.holds() {
            format!(",\"version\":{},\"version_type\":\"{kind}\"", self.version)
        } else {
            String::new()
        };
        // Writing into memory cannot fail.
        let _ = writeln!(body, "{{\"{verb}\":{{\"_id\":\"{}\"{versioned}}}}}", self.id);
        if self.how != How::Delete {
            body.extend_from_slice(&self.source);
            body.push(b'\n');
        }
    }
}

/// What became of one write.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Written.
    Done,
    /// The index has this version or a newer one.
    Conflict,
    /// The document itself is refused, for ever.
    Refused(String),
    /// Not now.
    Later(String),
}

#[derive(Deserialize)]
struct BulkAnswer {
    errors: bool,
    #[serde(default)]
    items: Vec<BulkItem>,
}

#[derive(Deserialize)]
struct BulkItem {
    #[serde(alias = "delete")]
    index: BulkState,
}

#[derive(Deserialize)]
struct BulkState {
    status: u16,
    #[serde(default)]
    error: Option<Fault>,
}

impl Elastic {
    /// Writes documents with external versions; the outcomes in the same order. An error says nothing of any.
    pub async fn bulk(&self, index: &str, writes: &[&Write]) -> Result<Vec<Outcome>, IndexError> {
        let path = format!("/{index}/_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason");
        let mut body = Vec::with_capacity(writes.iter().map(|w| w.source.len() + 128).sum());
        writes.iter().for_each(|write| write.print(&mut body));
        let (status, answer) = self.send(Method::Post, &path, Some(body.into())).await?;
        if !(200..=299).contains(&status) {
            return Err(if status == 404 {
                IndexError::Lost(format!("{index} is gone"))
            } else {
                refused(&path, status, &answer)
            });
        }
        let answer: BulkAnswer = parse(&path, &answer)?;
        if answer.items.len() != writes.len() {
            return Err(IndexError::Partial(path));
        }
        if !answer.errors {
            return Ok(vec![Outcome::Done; writes.len()]);
        }
        answer.items.into_iter().map(|item| outcome(index, item.index)).collect()
    }
}

fn outcome(index: &str, state: BulkState) -> Result<Outcome, IndexError> {
    let (kind, reason) = match state.error {
        Some(fault) => (fault.kind, fault.reason.unwrap_or_default()),
        // What was to be deleted is not there.
        None if state.status == 404 => return Ok(Outcome::Done),
        None => (String::new(), String::new()),
    };
    match state.status {
        200..=299 => Ok(Outcome::Done),
        409 => Ok(Outcome::Conflict),
        400 if DOCUMENT_FAULTS.contains(&kind.as_str()) => {
            Ok(Outcome::Refused(format!("{kind}: {reason}").chars().take(500).collect()))
        }
        404 => Err(IndexError::Lost(format!("{index} is gone"))),
        status => Ok(Outcome::Later(format!("{status} {kind}: {reason}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_fault_of_the_document_itself_is_for_ever() {
        let answer = |status: u16, kind: &str| {
            let state = json!({"status": status, "error": {"type": kind, "reason": "r"}});
            outcome("x", serde_json::from_value(state).unwrap())
        };
        assert_eq!(answer(201, "").unwrap(), Outcome::Done);
        assert_eq!(answer(409, "version_conflict_engine_exception").unwrap(), Outcome::Conflict);
        assert!(matches!(answer(400, "strict_dynamic_mapping_exception").unwrap(), Outcome::Refused(_)));
        for (status, kind) in [(400, "index_closed_exception"), (429, "es_rejected_execution_exception"), (503, "x")] {
            assert!(matches!(answer(status, kind).unwrap(), Outcome::Later(_)), "{status} {kind}");
        }
        assert!(matches!(answer(404, "index_not_found_exception"), Err(IndexError::Lost(_))));
        assert_eq!(outcome("x", BulkState { status: 404, error: None }).unwrap(), Outcome::Done);
    }

    #[test]
    fn a_write_says_over_what_it_goes() {
        let print = |how| {
            let mut body = Vec::new();
            Write { id: "a".into(), version: 7, source: Bytes::from_static(b"{}"), how }.print(&mut body);
            String::from_utf8(body).unwrap()
        };
        assert_eq!(print(How::Newer), "{\"index\":{\"_id\":\"a\",\"version\":7,\"version_type\":\"external\"}}\n{}\n");
        assert!(print(How::AtLeast).contains("external_gte"));
        let deleted = print(How::Delete);
        assert!(deleted.starts_with("{\"delete\"") && deleted.lines().count() == 1);
    }
}

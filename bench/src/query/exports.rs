//! Exports, beside a client of Elasticsearch that reads the same documents page by page from a point in time.

use std::io::Read;
use std::time::Instant;

use event_schema::names::Namespace;
use event_schema::object::instant;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use stack::error::{Context, Error, Result};
use ureq::http::{Method, Request};

use super::asker::Asker;
use super::games::{self, FIRST, GAMES, SPAN};
use crate::Bench;
use crate::elastic::Elastic;
use crate::report::{Report, Row};

/// The share of the games that is exported: the newest ones. A quarter of a million.
const SHARE: i64 = 4;
/// Bytes of a page, and its rows: as the query service reads them.
const PAGE_BYTES: usize = 2 << 20;
const FIRST_PAGE: usize = 500;
const PAGE: (usize, usize) = (20, 5_000);
/// The last bytes of an answer.
const TAIL: usize = 64;

/// A format, and what a whole answer ends with.
const FORMATS: [(&str, &str); 3] = [("ndjson", "_end"), ("csv", "\r\n"), ("parquet", "PAR1")];

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    pit_id: &'a str,
    #[serde(borrow)]
    hits: Hits<'a>,
}

#[derive(Deserialize)]
struct Hits<'a> {
    #[serde(borrow)]
    hits: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Hit {
    sort: Value,
}

/// Exports the same rows in each format; `reader` has the query service's login.
pub fn measure(bench: &Bench, asker: &Asker, reader: &Elastic, report: &mut Report) -> Result<()> {
    let since = instant(games::instant(FIRST + SPAN - SPAN / SHARE));
    let clauses = json!([{"range": {"startedAt": {"gte": since}}}]);
    let query = asker.query(&clauses);
    let filters = json!({"startedAt": {"gte": since}});
    let mut pairs = FORMATS.map(|_| Vec::new());
    let mut rows = 0;
    for _ in 0..bench.rounds().min(3) {
        let task = bench.screen.task("reference", "pages from a point in time");
        let (read, seconds) = pages(reader, &query)?;
        let reference = read as f64 / seconds;
        task.done(&format!("{reference:.0} rows/s"));
        for ((format, end), pairs) in FORMATS.iter().zip(&mut pairs) {
            let task = bench.screen.task("export", format);
            let (exported, seconds) = export(asker, format, end, &filters)?;
            task.done(&format!("{:.0} rows/s", exported as f64 / seconds));
            if exported != read {
                return Err(Error::new(format!("{exported} rows were exported to {format}, and there are {read}")));
            }
            pairs.push((exported as f64 / seconds, reference));
        }
        rows = read;
    }
    let case = |format: &str| format!("export of {rows} rows of {GAMES} to {format}");
    report.rows.extend(
        FORMATS.iter().zip(&pairs).map(|((format, _), pairs)| Row::paired("T6", case(format), pairs, "rows/s")),
    );
    report.note(
        "T6 exports: all fields of each row, read to their end and counted; the reference reads the same documents from \
         a point in time with the query service's login, pages of about 2 MiB as the query service's, one after the \
         other, and parses of them where the next begins",
    );
    Ok(())
}

/// Rows and seconds of an export.
fn export(asker: &Asker, format: &str, end: &str, filters: &Value) -> Result<(u64, f64)> {
    let failed = || format!("the export to {format}");
    let asked = asker.ours(format!("/bff-api/{GAMES}/export?format={format}"), filters);
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{}{}", asked.url.trim_end_matches('/'), asked.path))
        .header("Authorization", &asked.authorization)
        .header("Content-Type", "application/json")
        .body(asked.body)
        .context(failed)?;
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let begun = Instant::now();
    let mut answer = agent.run(request).context(failed)?;
    if answer.status() != 200 {
        let told = answer.body_mut().read_to_string().unwrap_or_default();
        return Err(Error::new(format!("the export to {format}: {} {told}", answer.status())));
    }
    let total = answer.headers().get("x-total-count").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let total = total.context(|| "an export without X-Total-Count".into())?;
    let (lines, tail) = drain(answer.body_mut().as_reader()).context(failed)?;
    // The line of the names, or that of the end.
    let counted = format == "parquet" || lines == total + 1;
    if !counted || !String::from_utf8_lossy(&tail).contains(end) {
        return Err(Error::new(format!("the export to {format} is not whole: {lines} lines for {total} rows")));
    }
    Ok((total, begun.elapsed().as_secs_f64()))
}

/// Reads to the end; how many lines there were, and the last bytes.
fn drain(mut reader: impl Read) -> std::io::Result<(u64, Vec<u8>)> {
    let (mut buffer, mut lines, mut tail) = (vec![0; 1 << 16], 0, Vec::new());
    loop {
        let count = reader.read(&mut buffer)?;
        let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else { return Ok((lines, tail)) };
        lines += read.iter().filter(|byte| **byte == b'\n').count() as u64;
        tail.extend_from_slice(read.get(read.len().saturating_sub(TAIL)..).unwrap_or_default());
        tail.drain(..tail.len().saturating_sub(TAIL));
    }
}

/// Rows and seconds of reading all documents of a query from a point in time.
fn pages(reader: &Elastic, query: &Value) -> Result<(u64, f64)> {
    let begun = Instant::now();
    let index = Namespace::default().index(GAMES);
    let opened = reader.ask(Method::POST, &format!("/{index}/_pit?keep_alive=10m"), None)?;
    let mut pit = opened["id"].as_str().context(|| "a point in time without an id".into())?.to_owned();
    let (mut rows, mut size, mut after) = (0, FIRST_PAGE, None::<Value>);
    loop {
        let mut body = json!({"pit": {"id": pit, "keep_alive": "10m"}, "size": size, "track_total_hits": false,
            "query": query, "sort": [{"_shard_doc": "asc"}]});
        if let Some(after) = &after {
            body["search_after"] = after.clone();
        }
        let text = reader.search("/_search?allow_partial_search_results=false&timeout=4s", &body)?;
        let page: Page<'_> = serde_json::from_str(&text).context(|| "a page that cannot be read".into())?;
        let Some(last) = page.hits.hits.last() else { break };
        let hit: Hit = serde_json::from_str(last.get()).context(|| "a hit that cannot be read".into())?;
        let count = page.hits.hits.len();
        rows += count as u64;
        let whole = count == size;
        size = (count * PAGE_BYTES / text.len().max(1)).clamp(PAGE.0, PAGE.1);
        (pit, after) = (page.pit_id.to_owned(), Some(hit.sort));
        if !whole {
            break;
        }
    }
    reader.ask(Method::DELETE, "/_pit", Some(&json!({"id": pit})))?;
    Ok((rows, begun.elapsed().as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_end() {
        let text = "x\n".repeat(50_000) + "{\"_end\"}\n";
        let (lines, tail) = drain(text.as_bytes()).unwrap();
        assert_eq!((lines, tail.len()), (50_001, TAIL));
        assert!(tail.ends_with(b"{\"_end\"}\n"));
        assert_eq!(drain(&b""[..]).unwrap(), (0, Vec::new()));
    }
}

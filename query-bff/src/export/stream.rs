//! The rows of an export on their way: one task fetches, writes and hands over, the answer takes when it can.

use std::fmt;
use std::time::Duration;

use actix_web::web::Data;
use bytes::Bytes;
use futures_util::Stream;
use serde_json::Value;
use service::error::BoxError;
use tokio::sync::mpsc;

use super::format::Format;
use super::parquet::Parquet;
use super::places::Place;
use super::{Begun, Plan, text};
use crate::App;
use crate::es::pit::{Answer, PitError, Wanted};
use crate::view::{Column, View};

/// Rows of the first page, before it is known how large they are.
pub const FIRST_PAGE: usize = 500;
/// Rows of a page.
const PAGE: std::ops::RangeInclusive<usize> = 20..=5_000;
/// Bytes that a page shall have.
const PAGE_BYTES: usize = 2 << 20;
/// Rows of a page of which only the places are wanted.
const SKIPPED: usize = 10_000;
/// A reader that takes nothing for so long is cut.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why an export was cut: the answer ends in the middle, so that nobody takes it for whole.
#[derive(Debug)]
pub struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the export was cut")
    }
}

impl std::error::Error for Cut {}

/// How rows are written.
enum Writer {
    Ndjson,
    Csv,
    Parquet(Box<Parquet>),
}

/// The rows of a page, written.
struct Written {
    bytes: Vec<u8>,
    /// Where the page ends.
    end: Option<Vec<Value>>,
    rows: usize,
}

struct Export {
    app: Data<App>,
    view: &'static View,
    columns: Vec<&'static Column>,
    format: Format,
    query: Value,
    writer: Writer,
    place: Place,
    pit: String,
    total: u64,
    done: u64,
}

/// Begins to send; the rows come out of the stream.
pub fn start(
    app: Data<App>,
    view: &'static View,
    plan: &Plan,
    place: Place,
    begun: Begun,
) -> Result<impl Stream<Item = Result<Bytes, Cut>> + use<>, BoxError> {
    let writer = match plan.format {
        Format::Ndjson => Writer::Ndjson,
        Format::Csv => Writer::Csv,
        Format::Parquet => Writer::Parquet(Box::new(Parquet::new(view.table.name, &plan.columns)?)),
    };
    let export = Export {
        app,
        view,
        columns: plan.columns.clone(),
        format: plan.format,
        query: plan.query.clone(),
        writer,
        place,
        pit: begun.ticket.pit,
        total: begun.ticket.total,
        done: begun.done,
    };
    let (sender, mut parts) = mpsc::channel(1);
    tokio::spawn(export.run(begun.first, sender));
    Ok(futures_util::stream::poll_fn(move |context| parts.poll_recv(context)))
}

/// The place behind so many rows of a point in time.
pub async fn place_behind(app: &App, pit: &str, query: &Value, rows: u64) -> Result<Option<Vec<Value>>, PitError> {
    let (mut left, mut place) = (rows, None::<Vec<Value>>);
    while left > 0 {
        let size = usize::try_from(left).unwrap_or(SKIPPED).min(SKIPPED);
        let wanted = Wanted { pit, query, size, after: place.as_deref(), counted: false, fields: false };
        let answer = app.elastic.pit_page(&wanted).await?;
        let page = answer.read()?;
        match page.end() {
            Some(end) => place = Some(end),
            None => break,
        }
        left = left.saturating_sub(page.rows() as u64);
    }
    Ok(place)
}

/// Rows of the next page, so that it has about the wanted size.
fn next_size(rows: usize, bytes: usize) -> usize {
    (rows.saturating_mul(PAGE_BYTES) / bytes.max(1)).clamp(*PAGE.start(), *PAGE.end())
}

impl Export {
    async fn run(mut self, first: Answer, parts: mpsc::Sender<Result<Bytes, Cut>>) {
        let sent = self.send_all(first, &parts).await;
        let outcome = if sent.is_ok() { "whole" } else { "cut" };
        // What was handed over may yet be lost on its way: the reader may come back for the rest.
        let over = match &sent {
            Err(error) if matches!(error.downcast_ref(), Some(PitError::Over)) => {
                self.place.forget(&self.pit);
                None
            }
            Ok(()) | Err(_) if self.format.row().resumable => self.place.leave(&self.pit),
            Ok(()) | Err(_) => Some(self.pit.clone()),
        };
        if let Some(over) = over {
            self.app.elastic.close_pit(&over).await;
        }
        if let Err(error) = sent {
            tracing::info!(view = self.view.table.name, done = self.done, total = self.total, %error, "an export was cut");
            // He may be gone: then nobody hears it.
            let _ = tokio::time::timeout(PATIENCE, parts.send(Err(Cut))).await;
        }
        let format = self.format.row().name;
        metrics::counter!("wechess_exports_total", "format" => format, "outcome" => outcome).increment(1);
    }

    async fn send_all(&mut self, first: Answer, parts: &mpsc::Sender<Result<Bytes, Cut>>) -> Result<(), BoxError> {
        let (mut answer, mut size) = (first, FIRST_PAGE);
        let mut head = self.head();
        loop {
            let Written { bytes, end, rows } = self.write(&answer, std::mem::take(&mut head))?;
            self.done += rows as u64;
            let rest = end.filter(|_| rows == size);
            size = next_size(rows, answer.size());
            let Some(place) = rest else {
                let last = self.end(bytes)?;
                return hand_over(parts, last).await;
            };
            drop(answer);
            let wanted =
                Wanted { pit: &self.pit, query: &self.query, size, after: Some(&place), counted: false, fields: true };
            // While the reader takes one page the next one is on its way.
            let (next, sent) = tokio::join!(self.app.elastic.pit_page(&wanted), hand_over(parts, bytes));
            sent?;
            answer = next?;
        }
    }

    /// What stands before the first row.
    fn head(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if matches!(self.writer, Writer::Csv) && self.done == 0 {
            text::csv_header(&self.columns, &mut out);
        }
        out
    }

    /// Writes the rows of a page.
    fn write(&mut self, answer: &Answer, mut out: Vec<u8>) -> Result<Written, BoxError> {
        let page = answer.read()?;
        out.reserve(answer.size());
        for document in page.documents() {
            match &mut self.writer {
                Writer::Ndjson => text::ndjson(&self.columns, document, &mut out),
                Writer::Csv => text::csv(&self.columns, document, &mut out),
                Writer::Parquet(file) => file.push(&self.columns, document)?,
            }
        }
        if let Writer::Parquet(file) = &mut self.writer {
            out = file.ready()?;
        }
        metrics::counter!("wechess_export_rows_total", "format" => self.format.row().name)
            .increment(page.rows() as u64);
        Ok(Written { bytes: out, end: page.end(), rows: page.rows() })
    }

    /// The last part.
    fn end(&mut self, mut out: Vec<u8>) -> Result<Vec<u8>, BoxError> {
        if self.done != self.total {
            return Err(format!("{} rows came of {}", self.done, self.total).into());
        }
        match std::mem::replace(&mut self.writer, Writer::Csv) {
            Writer::Ndjson => text::ndjson_end(self.done, &mut out),
            Writer::Csv => {}
            Writer::Parquet(file) => out.extend(file.finish()?),
        }
        Ok(out)
    }
}

/// Hands a part over as soon as there is room for it.
async fn hand_over(parts: &mpsc::Sender<Result<Bytes, Cut>>, part: Vec<u8>) -> Result<(), BoxError> {
    if part.is_empty() {
        return if parts.is_closed() { Err("the reader went away".into()) } else { Ok(()) };
    }
    match tokio::time::timeout(PATIENCE, parts.send(Ok(part.into()))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err("the reader went away".into()),
        Err(_) => Err("the reader takes nothing".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_about_the_same_size() {
        assert_eq!(next_size(500, 500 * 700), 2_995);
        assert_eq!(next_size(500, 500 * 100), 5_000, "not too many");
        assert_eq!(next_size(500, 500 << 20), 20, "not too few");
        assert_eq!(next_size(0, 0), 20);
    }
}

//! What a client carries to resume an export.

use chrono::{DateTime, Utc};
use event_schema::position::LogPosition;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::format::Format;
use super::{RESUME, SKIP};
use crate::App;
use crate::query::faults::Code;
use crate::request::Ask;
use crate::view::Column;

/// The word that keeps these tokens apart from others.
pub const KIND: &str = "export";

/// An export as it began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// Of the request and who asks.
    pub digest: String,
    /// Its point in time.
    pub pit: String,
    /// What `now` means in its filters.
    pub now: DateTime<Utc>,
    /// How many rows it has.
    pub total: u64,
    watermark: Option<String>,
}

impl Ticket {
    /// An export that begins now; its rows are not counted yet.
    pub fn new(digest: &str, pit: String, now: DateTime<Utc>, watermark: Option<LogPosition>) -> Self {
        let watermark = watermark.map(|mark| mark.to_string());
        Self { digest: digest.to_owned(), pit, now, total: 0, watermark }
    }

    /// What it is complete up to.
    pub fn watermark(&self) -> Option<LogPosition> {
        self.watermark.as_deref()?.parse().ok()
    }
}

/// What a token may be used with: the same reader, the same view, the same documents in the same form.
pub fn digest(app: &App, ask: &Ask, query: &Value, columns: &[&Column], format: Option<Format>) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let what = json!([query, names, format.map(|format| format.row().name)]);
    let question = json!([ask.view.table.name, ask.caller.user_id, what]).to_string();
    app.signer.digest(KIND, question.as_bytes())
}

/// The export that goes on, and how many rows have come. Faults when there is none.
pub fn resumed(app: &App, ask: &mut Ask) -> Option<(Ticket, u64)> {
    let skip = ask.params.get(SKIP.name).and_then(|text| text.parse::<u64>().ok());
    let Some(token) = ask.params.get(RESUME.name) else {
        if skip.is_some() {
            let told = "`skip` stands beside `resume` only";
            ask.faults.push("/skip", Code::InvalidParameter, told);
        }
        return None;
    };
    let skip = skip.unwrap_or(0);
    let opened =
        app.signer.open::<Ticket>(KIND, token).map_err(|refused| format!("`resume` cannot be used: {refused}"));
    let within = opened.and_then(|ticket| {
        let told = format!("this export has {} rows, fewer than the {skip} to skip", ticket.total);
        if skip <= ticket.total { Ok((ticket, skip)) } else { Err(told) }
    });
    within.map_err(|told| ask.faults.push("/resume", Code::InvalidParameter, told)).ok()
}

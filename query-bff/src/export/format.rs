//! The formats of exports, and which one a request wants.

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT;

use crate::query::faults::quoted;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object a line, and a last line with the count.
    Ndjson,
    /// RFC 4180.
    Csv,
    /// Apache Parquet.
    Parquet,
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// Which.
    pub format: Format,
    /// The word of the parameter, and the ending of the file's name.
    pub name: &'static str,
    /// The content type of the answer.
    pub kind: &'static str,
    /// What `Accept` may call it.
    pub accepted: &'static [&'static str],
    /// Whether the rest of a cut one is worth anything.
    pub resumable: bool,
}

/// Every format; the first is the one of who wants none in particular.
pub const FORMATS: &[Row] = &[
    Row {
        format: Format::Ndjson,
        name: "ndjson",
        kind: "application/x-ndjson",
        accepted: &["application/x-ndjson", "application/ndjson", "application/jsonl"],
        resumable: true,
    },
    Row {
        format: Format::Csv,
        name: "csv",
        kind: "text/csv; charset=utf-8; header=present",
        accepted: &["text/csv"],
        resumable: true,
    },
    Row {
        format: Format::Parquet,
        name: "parquet",
        kind: "application/vnd.apache.parquet",
        accepted: &["application/vnd.apache.parquet", "application/x-parquet"],
        resumable: false,
    },
];

impl Row {
    /// The content type without its parameters.
    pub fn media(&self) -> &'static str {
        self.kind.split(';').next().unwrap_or(self.kind)
    }
}

impl Format {
    /// Its row.
    pub fn row(self) -> &'static Row {
        match self {
            Self::Ndjson => &FORMATS[0],
            Self::Csv => &FORMATS[1],
            Self::Parquet => &FORMATS[2],
        }
    }
}

/// The format of a word, or what is wrong with it.
pub fn of_word(word: &str) -> Result<Format, String> {
    let found = FORMATS.iter().find(|row| row.name.eq_ignore_ascii_case(word));
    found.map(|row| row.format).ok_or_else(|| {
        let names: Vec<&str> = FORMATS.iter().map(|row| row.name).collect();
        format!("{} is no format ({})", quoted(word), names.join(", "))
    })
}

/// The format that `Accept` likes best, as far as it stands in our table; `None` when none of ours is accepted.
pub fn of_request(req: &HttpRequest) -> Option<Format> {
    let texts: Vec<&str> = req.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok()).collect();
    let mut wanted: Vec<(f32, Format)> = Vec::new();
    let parts: Vec<&str> =
        texts.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|p| !p.is_empty()).collect();
    if parts.is_empty() {
        return Some(FORMATS[0].format);
    }
    for part in parts {
        let mut words = part.split(';').map(str::trim);
        let kind = words.next().unwrap_or_default().to_ascii_lowercase();
        let weight = words.find_map(|word| word.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
        let any = ["*/*", "application/*"].contains(&kind.as_str()).then_some(FORMATS[0].format);
        let named = FORMATS.iter().find(|row| row.accepted.contains(&kind.as_str())).map(|row| row.format);
        wanted.extend(named.or(any).filter(|_| weight > 0.0).map(|format| (weight, format)));
    }
    // Of equal ones the first.
    wanted.into_iter().rev().max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, format)| format)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(text: &str) -> Option<Format> {
        of_request(&actix_web::test::TestRequest::get().insert_header(("Accept", text)).to_http_request())
    }

    #[test]
    fn accept_and_words_name_the_formats() {
        for row in FORMATS {
            assert_eq!(row.format.row().name, row.name);
            assert_eq!(of_word(&row.name.to_uppercase()), Ok(row.format));
            assert_eq!(accepted(row.accepted[0]), Some(row.format));
        }
        assert_eq!(of_word("xls"), Err("`xls` is no format (ndjson, csv, parquet)".to_owned()));
        assert_eq!(accepted("*/*"), Some(Format::Ndjson));
        assert_eq!(accepted("text/html, text/csv;q=0.9, */*;q=0.1"), Some(Format::Csv));
        assert_eq!(accepted("text/html"), None);
        assert_eq!(accepted("text/csv;q=0"), None);
        assert_eq!(of_request(&actix_web::test::TestRequest::get().to_http_request()), Some(Format::Ndjson));
    }
}

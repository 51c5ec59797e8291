//! Rows as text: NDJSON and CSV.

use serde_json::value::RawValue;

use crate::es::document::Document;
use crate::view::Column;

/// One document as a JSON object on a line of its own.
pub fn ndjson(columns: &[&Column], document: &Document<'_>, out: &mut Vec<u8>) {
    let mut at = 0;
    for (index, column) in columns.iter().enumerate() {
        // Names of columns are words: nothing in them is escaped.
        out.extend_from_slice(if index == 0 { b"{\"" } else { b",\"" });
        out.extend_from_slice(column.name.as_bytes());
        out.extend_from_slice(b"\":");
        out.extend_from_slice(document.value(&column.name, &mut at).map_or("null", RawValue::get).as_bytes());
    }
    out.extend_from_slice(if columns.is_empty() { b"{}\n" } else { b"}\n" });
}

/// The last line of NDJSON: without it something is missing.
pub fn ndjson_end(count: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{{\"_end\":{{\"count\":{count}}}}}\n").as_bytes());
}

/// The first line of CSV: the names of the columns.
pub fn csv_header(columns: &[&Column], out: &mut Vec<u8>) {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    out.extend_from_slice(names.join(",").as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// One document as a line of CSV (RFC 4180): null is an empty field, an empty text two quotes, JSON its text.
pub fn csv(columns: &[&Column], document: &Document<'_>, out: &mut Vec<u8>) {
    let mut at = 0;
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        if let Some(value) = document.value(&column.name, &mut at) {
            csv_value(value.get(), out);
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn csv_value(raw: &str, out: &mut Vec<u8>) {
    match raw.as_bytes().first() {
        Some(b'"') => {
            let text: String = serde_json::from_str(raw).unwrap_or_default();
            csv_text(&text, out);
        }
        Some(b'{' | b'[') => quoted(raw, out),
        Some(b'n') | None => {}
        // Numbers and flags: they stay what they are, also with a sign.
        Some(_) => out.extend_from_slice(raw.as_bytes()),
    }
}

/// What a text begins with that a spreadsheet takes for a formula, or for a way to one (OWASP, "CSV Injection").
const FORMULA: &[char] = &['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A text. What a spreadsheet would run gets a `'` in front, which makes it text there.
fn csv_text(text: &str, out: &mut Vec<u8>) {
    if text.starts_with(FORMULA) {
        quoted(&format!("'{text}"), out);
    } else if text.is_empty() || text.contains(['"', ',', ';', '\r', '\n', '\t']) || text.trim() != text {
        quoted(text, out);
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

fn quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv_of(json: &str) -> String {
        let mut out = Vec::new();
        csv_value(json, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_quoted_where_they_must_be() {
        for (json, csv) in [
            ("null", ""),
            (r#""""#, r#""""#),
            (r#""plain text""#, "plain text"),
            (r#""a,b""#, r#""a,b""#),
            (r#""say \"hi\"""#, r#""say ""hi""""#),
            (r#""two\nlines""#, "\"two\nlines\""),
            (r#"" led""#, r#"" led""#),
            ("-1.50", "-1.50"),
            ("true", "true"),
            (r#"{"a":1}"#, r#""{""a"":1}""#),
            ("[1,2]", r#""[1,2]""#),
            (r#""2025-05-01T00:00:00.000Z""#, "2025-05-01T00:00:00.000Z"),
        ] {
            assert_eq!(csv_of(json), csv, "{json}");
        }
    }

    #[test]
    fn formulas_are_text() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            let shown = csv_of(&serde_json::to_string(text).unwrap());
            assert_eq!(shown, format!("\"'{text}\""), "{text}");
        }
        assert_eq!(csv_of(r#""=HYPERLINK(\"http://x\")""#), r#""'=HYPERLINK(""http://x"")""#);
        assert_eq!(csv_of(r#""a=1""#), "a=1");
    }
}

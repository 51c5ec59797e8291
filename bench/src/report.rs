//! What a measurement leaves behind: rows for people and for programs.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use stack::error::{Context, Result};

use crate::stats::Spread;

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The target's number.
    pub id: &'static str,
    /// What was measured, and how.
    pub case: String,
    /// Our figure.
    pub ours: f64,
    /// The reference's.
    pub reference: Option<f64>,
    /// Of both.
    pub unit: &'static str,
    /// Ours to the reference's: the median of the pairs where there are several rounds.
    pub ratio: Option<f64>,
    /// The least and the greatest ratio of the rounds.
    pub spread: Option<[f64; 2]>,
    /// What is wanted; empty when it is only reported.
    pub goal: String,
    /// Whether it is so; none when it is only reported.
    pub met: Option<bool>,
}

impl Row {
    /// A figure of ours alone.
    pub fn new(id: &'static str, case: impl Into<String>, ours: f64, unit: &'static str) -> Self {
        let (case, goal) = (case.into(), String::new());
        Self { id, case, ours: short(ours), reference: None, unit, ratio: None, spread: None, goal, met: None }
    }

    /// Medians of rounds, (ours, reference) each.
    pub fn paired(id: &'static str, case: impl Into<String>, rounds: &[(f64, f64)], unit: &'static str) -> Self {
        let ratio = Spread::of(rounds.iter().map(|(ours, reference)| ours / reference.max(f64::MIN_POSITIVE)));
        Self {
            reference: Some(short(Spread::of(rounds.iter().map(|round| round.1)).median)),
            ratio: Some(cents(ratio.median)),
            spread: (rounds.len() > 1).then(|| [cents(ratio.least), cents(ratio.most)]),
            ..Self::new(id, case, Spread::of(rounds.iter().map(|round| round.0)).median, unit)
        }
    }

    /// With what is wanted, and whether it is so.
    pub fn wants(self, goal: impl Into<String>, met: bool) -> Self {
        Self { goal: goal.into(), met: Some(met), ..self }
    }

    /// With a ratio that is wanted at least.
    pub fn at_least(self, goal: f64) -> Self {
        let met = self.ratio.is_some_and(|ratio| ratio >= goal);
        self.wants(format!("ratio >= {goal}"), met)
    }
}

/// What a run leaves behind.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The figures.
    pub rows: Vec<Row>,
    /// How they came about.
    pub notes: Vec<String>,
}

impl Report {
    /// Takes in another.
    pub fn add(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.notes.extend(other.notes);
    }

    /// A line for people.
    pub fn note(&mut self, line: impl Into<String>) {
        self.notes.push(line.into());
    }

    /// Writes the figures as JSON.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.rows).context(|| "cannot print the figures".into())?;
        std::fs::write(path, text + "\n").context(|| format!("cannot write {}", path.display()))
    }
}

/// A table in the form of Markdown, then the notes.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["", "case", "ours", "reference", "ratio (rounds)", "goal"].map(str::to_owned);
        let lines: Vec<[String; 6]> = std::iter::once(head).chain(self.rows.iter().map(cells)).collect();
        let widths: [usize; 6] =
            std::array::from_fn(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0));
        for (number, line) in lines.iter().enumerate() {
            for (cell, width) in line.iter().zip(widths) {
                write!(f, "| {cell:width$} ")?;
            }
            writeln!(f, "|")?;
            if number == 0 {
                writeln!(f, "{}|", widths.map(|width| format!("|{}", "-".repeat(width + 2))).concat())?;
            }
        }
        writeln!(f)?;
        self.notes.iter().try_for_each(|note| writeln!(f, "- {note}"))
    }
}

fn cells(row: &Row) -> [String; 6] {
    let met = match row.met {
        Some(true) => format!("{}: met", row.goal),
        Some(false) => format!("{}: MISSED", row.goal),
        None => "reported".to_owned(),
    };
    let spread = row.spread.map_or_else(String::new, |[least, most]| format!(" ({least}-{most})"));
    [
        row.id.to_owned(),
        row.case.clone(),
        format!("{} {}", row.ours, row.unit),
        row.reference.map_or_else(String::new, |reference| reference.to_string()),
        row.ratio.map_or_else(String::new, |ratio| format!("{ratio}{spread}")),
        met,
    ]
}

fn cents(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

/// Large figures without a fraction, small ones with two digits of it.
fn short(figure: f64) -> f64 {
    if figure.abs() >= 100.0 { figure.round() } else { cents(figure) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row::paired("T1", "x", &[(1000.4, 500.0), (900.0, 300.0), (1200.0, 1000.0)], "1/s").at_least(1.5)
    }

    #[test]
    fn the_ratio_is_the_median_of_the_pairs_and_not_the_ratio_of_the_medians() {
        let row = row();
        assert_eq!((row.ours, row.reference, row.ratio), (1000.0, Some(500.0), Some(2.0)));
        assert_eq!((row.spread, row.met), (Some([1.2, 3.0]), Some(true)));
        assert_eq!(row.at_least(2.01).met, Some(false));
        assert_eq!(Row::paired("T1", "x", &[(1.0, 2.0)], "1/s").spread, None, "one round has no spread");
    }

    #[test]
    fn the_file_is_an_array_of_rows_with_the_promised_keys() {
        let path = std::env::temp_dir().join(format!("wechess-bench-{}.json", std::process::id()));
        let report = Report { rows: vec![row(), Row::new("T7", "y", 12.345, "MiB")], notes: vec![] };
        report.write(&path).unwrap();
        let read: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        std::fs::remove_file(&path).unwrap();
        for row in read.as_array().unwrap() {
            for key in ["id", "case", "ours", "reference", "unit", "ratio", "goal", "met"] {
                assert!(row.get(key).is_some(), "no `{key}` in {row}");
            }
        }
        assert_eq!((&read[0]["met"], &read[1]["met"]), (&true.into(), &serde_json::Value::Null));
        assert_eq!(read[1]["ours"], 12.35);
    }

    #[test]
    fn the_table_has_a_line_for_each_row_and_says_what_is_missed() {
        let report = Report { rows: vec![row().at_least(9.0)], notes: vec!["how".into()] };
        let text = report.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines[2].contains("ratio >= 9: MISSED") && lines[2].contains("2 (1.2-3)"), "{text}");
        assert_eq!((lines[0].len(), lines[1].len()), (lines[2].len(), lines[2].len()), "{text}");
        assert_eq!(lines[4], "- how");
    }
}

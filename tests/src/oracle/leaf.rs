//! What one field is asked for, read from the grammar and worked out over the values of documents. Nothing of the
//! product's parser or of its evaluation is used, so that their faults are seen.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use event_schema::object::{IGNORE_ABOVE, Kind};
use query_bff::query::value::Asker;
use query_bff::view::Column;
use serde_json::{Value, json};

use super::{Item, Key, key};

/// Milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1_000;

/// One operator on one field.
pub struct Leaf {
    column: &'static Column,
    operator: String,
    operand: Value,
    asker: Asker,
}

/// The first and the last that an operand means.
type Span = (Key, Key);

/// Everything that a condition on a field says, ANDed.
pub fn leaves(column: &'static Column, condition: &Value, asker: Asker) -> Vec<Leaf> {
    let leaf = |operator: &str, operand: &Value| Leaf {
        column,
        operator: operator.to_owned(),
        operand: operand.clone(),
        asker,
    };
    match condition {
        Value::Null => vec![leaf("missing", &json!(true))],
        Value::Array(_) => vec![leaf("in", condition)],
        Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![leaf("eq", condition)],
        Value::Object(said) => match said.get("operator").and_then(Value::as_str) {
            Some(operator) => vec![leaf(operator, said.get("value").unwrap_or(&json!(true)))],
            None => said.iter().map(|(operator, operand)| leaf(operator, operand)).collect(),
        },
    }
}

impl Leaf {
    /// Whether a document has it.
    pub fn holds(&self, item: &Item) -> bool {
        let mut values = Vec::new();
        known(self.column, &item[&self.column.name], &mut values);
        let keys: Vec<Key> = values.iter().filter_map(|value| key(self.column, value)).collect();
        let any = |test: &dyn Fn(&Key) -> bool| keys.iter().any(test);
        let within = |(first, last): &Span, key: &Key| first <= key && key <= last;
        let is_one = |operands: &[Value]| {
            let spans: Vec<Span> = operands.iter().map(|operand| self.span(operand)).collect();
            any(&|key| spans.iter().any(|span| within(span, key)))
        };
        let like = |exact: bool, patterns: &[Vec<Part>]| {
            let texts = values.iter().filter_map(|value| value.as_str());
            let mut texts = texts.map(|text| text.chars().collect::<Vec<char>>());
            texts.any(|text| patterns.iter().any(|pattern| fits(pattern, &text, exact)))
        };
        let operand = &self.operand;
        let flag = *operand != json!(false);
        match (self.operator.as_str(), operand) {
            ("exists", _) | ("ne" | "noteq", Value::Null) => values.is_empty() != flag,
            ("missing", _) | ("eq", Value::Null) => values.is_empty() == flag,
            ("in" | "eq", Value::Array(all)) => is_one(all),
            ("nin" | "ne" | "noteq", Value::Array(all)) => !is_one(all),
            ("eq" | "has", one) => is_one(std::slice::from_ref(one)),
            ("ne" | "noteq", one) => !is_one(std::slice::from_ref(one)),
            ("gt", one) => any(&|key| *key > self.span(one).1),
            ("gte", one) => any(&|key| *key >= self.span(one).0),
            ("lt", one) => any(&|key| *key < self.span(one).0),
            ("lte", one) => any(&|key| *key <= self.span(one).1),
            ("between" | "range", Value::Array(ends)) => {
                let least = (!ends[0].is_null()).then(|| self.span(&ends[0]).0);
                let most = (!ends[1].is_null()).then(|| self.span(&ends[1]).1);
                any(&|key| {
                    least.as_ref().is_none_or(|least| key >= least) && most.as_ref().is_none_or(|most| key <= most)
                })
            }
            ("prefix", text) => like(false, &cases(text).map(|text| [letters(&text), vec![Part::Many]].concat())),
            ("contains", text) => {
                like(false, &cases(text).map(|text| [vec![Part::Many], letters(&text), vec![Part::Many]].concat()))
            }
            ("wildcard", text) => like(false, &cases(text).map(|text| wildcard(&text))),
            ("regexp", text) => like(true, &[regexp(text.as_str().expect("a regular expression"))]),
            (operator, operand) => panic!("the oracle knows no `{operator}` of {operand}"),
        }
    }

    /// What an operand means to the field.
    fn span(&self, operand: &Value) -> Span {
        let text = operand.as_str().unwrap_or_default();
        let only = |key: Key| (key.clone(), key);
        match self.column.kind {
            Kind::Id if text == "$me" => only(Key::Text(self.asker.me.to_string())),
            Kind::Id => only(Key::Text(text.to_lowercase())),
            Kind::Enum(words) => {
                let word = words.iter().find(|word| word.to_lowercase() == text.to_lowercase());
                only(Key::Text((*word.expect("a word of the field")).to_owned()))
            }
            Kind::Date => self.date(text),
            Kind::String | Kind::Text | Kind::Boolean | Kind::Integer | Kind::Double | Kind::Json => {
                only(key(self.column, operand).unwrap_or_else(|| panic!("{operand} of `{}`", self.column.name)))
            }
        }
    }

    /// A day, the day that was so many days ago, or an instant.
    fn date(&self, text: &str) -> Span {
        let ago = text.strip_prefix("now-").and_then(|rest| rest.strip_suffix("d/d"));
        let day = match ago {
            Some(days) => self.asker.now.date_naive().checked_sub_days(Days::new(days.parse().expect("a number"))),
            None => text.parse::<NaiveDate>().ok(),
        };
        let (first, length) = match day {
            Some(day) => (day.and_time(NaiveTime::MIN).and_utc(), DAY),
            None => (text.parse::<DateTime<Utc>>().unwrap_or_else(|_| panic!("the oracle knows no date `{text}`")), 1),
        };
        let first = first.timestamp_millis();
        (Key::Number(first), Key::Number(first + length - 1))
    }
}

/// The values that an index knows of a field: those of lists one by one, without what is null or too long.
fn known<'a>(column: &Column, value: &'a Value, out: &mut Vec<&'a Value>) {
    let short = matches!(column.kind, Kind::String | Kind::Text);
    match value {
        Value::Null | Value::Object(_) => {}
        Value::Array(all) => all.iter().for_each(|one| known(column, one, out)),
        Value::String(text) if short && text.encode_utf16().count() > IGNORE_ABOVE => {}
        Value::String(_) | Value::Bool(_) | Value::Number(_) => out.push(value),
    }
}

/// A part of a pattern.
#[derive(Clone, Copy)]
enum Part {
    Many,
    One,
    Letter(char),
}

/// The case of ASCII letters never counts; other letters are looked for as they were written, in lower and in upper case.
fn cases(text: &Value) -> [String; 3] {
    let text = text.as_str().expect("a pattern");
    [text.to_owned(), text.to_lowercase(), text.to_uppercase()]
}

fn letters(text: &str) -> Vec<Part> {
    text.chars().map(Part::Letter).collect()
}

/// `*` and `?`, literal behind a backslash.
fn wildcard(text: &str) -> Vec<Part> {
    let (mut parts, mut literal) = (Vec::new(), false);
    for c in text.chars() {
        match c {
            '\\' if !literal => {
                literal = true;
                continue;
            }
            '*' if !literal => parts.push(Part::Many),
            '?' if !literal => parts.push(Part::One),
            c => parts.push(Part::Letter(c)),
        }
        literal = false;
    }
    assert!(!literal, "nobody asks for {text}");
    parts
}

/// Letters, digits, points, and `.*` in the end: all that is asked for.
fn regexp(text: &str) -> Vec<Part> {
    let head = text.strip_suffix(".*").unwrap_or_else(|| panic!("nobody asks for {text}"));
    let part = |c| if c == '.' { Part::One } else { Part::Letter(c) };
    assert!(head.chars().all(|c| c == '.' || c.is_ascii_alphanumeric()), "nobody asks for {text}");
    head.chars().map(part).chain([Part::Many]).collect()
}

fn fits(pattern: &[Part], text: &[char], exact: bool) -> bool {
    let same = |one: char, other: char| one == other || !exact && one.eq_ignore_ascii_case(&other);
    match (pattern.split_first(), text.split_first()) {
        (None, _) => text.is_empty(),
        (Some((Part::Many, rest)), _) => (0..=text.len()).any(|from| fits(rest, &text[from..], exact)),
        (Some((Part::One, rest)), Some((_, behind))) => fits(rest, behind, exact),
        (Some((Part::Letter(wanted), rest)), Some((c, behind))) => same(*wanted, *c) && fits(rest, behind, exact),
        (Some((Part::One | Part::Letter(_), _)), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use event_schema::auth::user::Role;
    use event_schema::ids::UserId;
    use query_bff::view::by_name;

    use super::*;

    #[track_caller]
    fn is(field: &str, value: Value, condition: Value, expected: bool) {
        let column = by_name("chessGameListView").unwrap().column_for(Role::User, field).unwrap();
        let now = "2025-11-22T10:00:00Z".parse().unwrap();
        let asker = Asker { role: Role::User, me: UserId(uuid::Uuid::from_u128(7)), now };
        let item: Item = [(field.to_owned(), value.clone())].into_iter().collect();
        let holds = leaves(column, &condition, asker).iter().all(|leaf| leaf.holds(&item));
        assert_eq!(holds, expected, "{field}: {condition} of {value}");
    }

    #[test]
    fn the_grammar_is_read_without_the_parser() {
        for (condition, expected) in [
            (json!("B20"), true),
            (json!("b20"), false),
            (json!(["A00", "B20"]), true),
            (json!(null), false),
            (json!({"ne": "B20"}), false),
            (json!({"nin": ["A00"], "exists": true}), true),
            (json!({"operator": "noteq", "value": "A00"}), true),
            (json!({"operator": "missing"}), false),
            (json!({"prefix": "b2"}), true),
            (json!({"contains": "?"}), false),
            (json!({"wildcard": "?2*"}), true),
            (json!({"regexp": "b2.*"}), false),
            (json!({"regexp": "B2.*"}), true),
        ] {
            is("eco", json!("B20"), condition, expected);
        }
        for (condition, expected) in
            [(json!(null), true), (json!({"ne": "B20"}), true), (json!({"prefix": "B"}), false)]
        {
            is("eco", Value::Null, condition, expected);
        }
        is("plies", json!(4), json!({"gt": 3, "lte": 4}), true);
        is("plies", json!(4), json!({"between": [null, 3]}), false);
        is("status", json!("active"), json!("ACTIVE"), true);
        is("isActive", json!(true), json!({"nin": [false]}), true);
        is("playerWhiteId", json!(uuid::Uuid::from_u128(7)), json!("$me"), true);
        is("createdAt", json!("2025-11-20T23:59:59.999Z"), json!("2025-11-20"), true);
        is("createdAt", json!("2025-11-20T23:59:59.999Z"), json!({"gt": "now-2d/d"}), false);
        is("createdAt", json!("2025-11-21T00:00:00.000Z"), json!({"gt": "now-2d/d"}), true);
        is("opening", json!("Жук"), json!({"contains": "жук"}), false);
        is("opening", json!("ÄPFEL"), json!({"contains": "äp"}), true);
    }
}

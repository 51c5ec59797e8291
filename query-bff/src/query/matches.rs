//! [`Filter`] on a document in memory: the second back end of the typed predicate. It means what the compiled query
//! means to Elasticsearch, text searches apart, which are only approximated (words are runs of letters and digits).

use std::cmp::Ordering;

use chrono::DateTime;
use event_schema::object::{IGNORE_ABOVE, Kind};
use regex::Regex;
use serde_json::{Map, Value};

use super::compile::{cases, containing};
use super::expr::{Cond, Filter, Scalar};
use super::lucene;
use crate::view::Column;

/// Whether a document (its fields by name, as its view's index holds them) fits a filter. A regular expression that
/// Elasticsearch would refuse fits nothing; [`Matcher`] tells.
pub fn matches(filter: &Filter, document: &Map<String, Value>) -> bool {
    Matcher::new(filter.clone()).is_ok_and(|matcher| matcher.matches(document))
}

/// A filter ready for many documents.
#[derive(Debug)]
pub struct Matcher {
    filter: Filter,
    regexps: Vec<(String, Regex)>,
}

impl Matcher {
    /// Compiles its regular expressions; a sentence for the client if one of them is none.
    pub fn new(filter: Filter) -> Result<Self, String> {
        let mut regexps = Vec::new();
        compile_all(&filter, &mut regexps)?;
        Ok(Self { filter, regexps })
    }

    /// Whether a document fits.
    pub fn matches(&self, document: &Map<String, Value>) -> bool {
        self.fits(&self.filter, document)
    }

    fn fits(&self, filter: &Filter, document: &Map<String, Value>) -> bool {
        match filter {
            Filter::And(all) => all.iter().all(|inner| self.fits(inner, document)),
            Filter::Or(any) => any.iter().any(|inner| self.fits(inner, document)),
            Filter::Not(inner) => !self.fits(inner, document),
            Filter::Is(column, cond) => self.holds(column, cond, document.get(&column.name)),
        }
    }

    fn holds(&self, column: &Column, cond: &Cond, value: Option<&Value>) -> bool {
        let any = |test: &dyn Fn(&Value) -> bool| value.is_some_and(|value| any_of(column, value, test));
        let text = |test: &dyn Fn(&str) -> bool| any(&|value| value.as_str().is_some_and(test));
        match cond {
            Cond::Eq(wanted) => any(&|value| equal(value, wanted)),
            Cond::Ne(wanted) => !any(&|value| equal(value, wanted)),
            Cond::In(list) => any(&|value| list.iter().any(|wanted| equal(value, wanted))),
            Cond::Nin(list) => !any(&|value| list.iter().any(|wanted| equal(value, wanted))),
            Cond::Gt(least) => any(&|value| order(value, least, End::Last) == Some(Ordering::Greater)),
            Cond::Gte(least) => any(&|value| order(value, least, End::First).is_some_and(Ordering::is_ge)),
            Cond::Lt(most) => any(&|value| order(value, most, End::First) == Some(Ordering::Less)),
            Cond::Lte(most) => any(&|value| order(value, most, End::Last).is_some_and(Ordering::is_le)),
            Cond::Between(least, most) => any(&|value| {
                let above = |least| order(value, least, End::First).is_some_and(Ordering::is_ge);
                let below = |most| order(value, most, End::Last).is_some_and(Ordering::is_le);
                least.as_ref().is_none_or(above) && most.as_ref().is_none_or(below)
            }),
            Cond::Exists(wanted) => any(&|_| true) == *wanted,
            Cond::Prefix(start) => {
                let starts = cases(start);
                text(&|text| starts.iter().any(|start| begins(text, start)))
            }
            Cond::Contains(part) => like(&containing(part), text),
            Cond::Wildcard(pattern) => like(pattern, text),
            Cond::Regexp(pattern) => {
                let compiled = self.regexps.iter().find(|(known, _)| known == pattern);
                text(&|text| compiled.is_some_and(|(_, regexp)| regexp.is_match(text)))
            }
            Cond::Match(asked) => said(value, &|said| words(asked).iter().any(|word| said.contains(word))),
            Cond::MatchPhrase(asked) => said(value, &|said| phrase(said, &words(asked), false)),
            Cond::MatchPhrasePrefix(asked) => said(value, &|said| phrase(said, &words(asked), true)),
        }
    }
}

fn compile_all(filter: &Filter, regexps: &mut Vec<(String, Regex)>) -> Result<(), String> {
    match filter {
        Filter::And(all) | Filter::Or(all) => all.iter().try_for_each(|inner| compile_all(inner, regexps)),
        Filter::Not(inner) => compile_all(inner, regexps),
        Filter::Is(column, cond) => {
            if let Cond::Regexp(pattern) = cond
                && regexps.iter().all(|(known, _)| known != pattern)
            {
                let told = |why| format!("the regular expression on `{}` is not accepted: {why}", column.name);
                regexps.push((pattern.clone(), lucene::regexp(pattern).map_err(told)?));
            }
            Ok(())
        }
    }
}

/// Whether one of the values of a field that an index knows passes: those of a list one by one, without nulls, and
/// without text that is too long to be kept as a keyword.
fn any_of(column: &Column, value: &Value, test: &dyn Fn(&Value) -> bool) -> bool {
    match value {
        Value::Null | Value::Object(_) => false,
        Value::Array(list) => list.iter().any(|value| any_of(column, value, test)),
        Value::Bool(_) | Value::Number(_) => test(value),
        Value::String(text) => match column.kind {
            Kind::String | Kind::Text => !is_too_long(text) && test(value),
            Kind::Id | Kind::Boolean | Kind::Integer | Kind::Double | Kind::Date | Kind::Json | Kind::Enum(_) => {
                test(value)
            }
        },
    }
}

/// Elasticsearch counts as Java does: in UTF-16.
fn is_too_long(text: &str) -> bool {
    text.len() > IGNORE_ABOVE && text.encode_utf16().count() > IGNORE_ABOVE
}

/// Which instant of a rounded date is meant.
#[derive(Clone, Copy)]
enum End {
    First,
    Last,
}

/// How a value stands to a bound; none when they are of different types.
fn order(value: &Value, bound: &Scalar, end: End) -> Option<Ordering> {
    match bound {
        Scalar::Text(text) => Some(value.as_str()?.cmp(text)),
        Scalar::Word(word) => Some(value.as_str()?.cmp(word)),
        Scalar::Id(id) => Some(value.as_str()?.cmp(id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()))),
        Scalar::Bool(flag) => Some(value.as_bool()?.cmp(flag)),
        Scalar::Integer(number) => Some(value.as_i64()?.cmp(number)),
        // As Lucene sorts them: -0.0 stands before 0.0.
        Scalar::Double(number) => Some(value.as_f64()?.total_cmp(number)),
        Scalar::Date(span) => {
            let time = DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
            let bound = match end {
                End::First => span.first,
                End::Last => span.last,
            };
            Some(time.timestamp_millis().cmp(&bound.timestamp_millis()))
        }
    }
}

fn equal(value: &Value, wanted: &Scalar) -> bool {
    order(value, wanted, End::First).is_some_and(Ordering::is_ge)
        && order(value, wanted, End::Last).is_some_and(Ordering::is_le)
}

/// Without the case of ASCII letters, as Elasticsearch does it; [`cases`] brings the others.
fn begins(text: &str, start: &str) -> bool {
    text.as_bytes().get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

fn like(pattern: &str, text: impl Fn(&dyn Fn(&str) -> bool) -> bool) -> bool {
    let globs: Vec<Vec<Glob>> = cases(pattern).iter().map(|case| globs(case)).collect();
    text(&|text| {
        let text: Vec<char> = text.chars().collect();
        globs.iter().any(|glob| fits(glob, &text))
    })
}

/// A part of a wildcard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Glob {
    Any,
    One,
    Char(char),
}

/// A backslash takes what follows literally; at the end it stands for itself.
fn globs(pattern: &str) -> Vec<Glob> {
    let mut chars = pattern.chars();
    let mut out = Vec::new();
    while let Some(c) = chars.next() {
        out.push(match c {
            '*' => Glob::Any,
            '?' => Glob::One,
            '\\' => Glob::Char(chars.next().unwrap_or('\\')),
            c => Glob::Char(c),
        });
    }
    out
}

/// Goes back to the last `*` where it does not fit: at most pattern times text steps.
fn fits(globs: &[Glob], text: &[char]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = text.get(read) {
        match globs.get(at) {
            Some(Glob::Any) => {
                star = Some((at, read));
                at += 1;
            }
            Some(Glob::One) => (at, read) = (at + 1, read + 1),
            Some(Glob::Char(wanted)) if wanted.eq_ignore_ascii_case(c) => (at, read) = (at + 1, read + 1),
            Some(Glob::Char(_)) | None => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    (at, read) = (place + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    globs[at..].iter().all(|glob| *glob == Glob::Any)
}

/// Whether the words of one of a field's texts pass.
fn said(value: Option<&Value>, test: &dyn Fn(&[String]) -> bool) -> bool {
    match value {
        Some(Value::String(text)) => test(&words(text)),
        Some(Value::Array(list)) => list.iter().any(|value| said(Some(value), test)),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => false,
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Whether the words stand next to each other, the last one perhaps only begun.
fn phrase(said: &[String], asked: &[String], begun: bool) -> bool {
    let Some((last, first)) = asked.split_last() else { return false };
    said.windows(asked.len()).any(|window| {
        let ends = |word: &String| if begun { word.starts_with(last.as_str()) } else { word == last };
        window.starts_with(first) && window.last().is_some_and(ends)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::faults::Faults;
    use super::super::parse::filters;
    use super::super::tests::{asker, view};
    use super::*;

    #[track_caller]
    fn is(query: Value, document: Value, expected: bool) {
        let mut faults = Faults::default();
        let filter = filters(view(), &asker(), &query, "", &mut faults);
        let told: Vec<_> = faults.listed().iter().map(|fault| fault.message.as_str()).collect();
        let filter = filter.unwrap_or_else(|| panic!("{query}: {told:?}"));
        assert_eq!(matches(&filter, document.as_object().unwrap()), expected, "{query} on {document}");
    }

    #[test]
    fn what_is_missing_equals_nothing_and_differs_from_everything() {
        for nothing in [json!({}), json!({"eco": null}), json!({"eco": []}), json!({"eco": [null]})] {
            for (query, expected) in [
                (json!({"eco": "B20"}), false),
                (json!({"eco": {"ne": "B20"}}), true),
                (json!({"eco": ["B20"]}), false),
                (json!({"eco": {"nin": ["B20"]}}), true),
                (json!({"eco": {"in": []}}), false),
                (json!({"eco": {"exists": true}}), false),
                (json!({"eco": {"missing": true}}), true),
                (json!({"eco": null}), true),
                (json!({"eco": {"prefix": "B"}}), false),
                (json!({"eco": {"wildcard": "*"}}), false),
                (json!({"eco": {"regexp": ".*"}}), false),
                (json!({"$not": {"eco": {"prefix": "B"}}}), true),
            ] {
                is(query, nothing.clone(), expected);
            }
        }
        is(json!({"plies": {"lt": 5}}), json!({"plies": null}), false);
        is(json!({"eco": {"exists": true}}), json!({"eco": ""}), true);
    }

    #[test]
    fn numbers_words_flags_and_ids() {
        for (query, expected) in [
            (json!({"plies": 4}), true),
            (json!({"plies": {"gt": 4}}), false),
            (json!({"plies": {"gte": 4, "lte": 4}}), true),
            (json!({"plies": {"lt": 4}}), false),
            (json!({"plies": {"between": [null, 4]}}), true),
            (json!({"plies": {"between": [5, null]}}), false),
            (json!({"plies": {"nin": [4]}}), false),
            (json!({"status": "ACTIVE"}), true),
            (json!({"status_idx": {"ne": 1}}), false),
            (json!({"isActive": true}), true),
            (json!({"playerWhiteId": "$me"}), true),
            (json!({"playerWhiteId": {"has": "00000000-0000-0000-0000-000000000008"}}), false),
            (json!({"$or": [{"plies": 1}, {"$and": [{"plies": 4}, {"isActive": true}]}]}), true),
        ] {
            let document = json!({"plies": 4, "status": "active", "status_idx": 1, "isActive": true,
                "playerWhiteId": "00000000-0000-0000-0000-000000000007"});
            is(query, document, expected);
        }
        is(json!({"eco": {"has": "B20"}}), json!({"eco": ["A00", "B20"]}), true);
        is(json!({"plies": {"gt": 3, "lt": 3}}), json!({"plies": [1, 9]}), true);
        is(json!({"plies": {"between": [3, 4]}}), json!({"plies": [1, 9]}), false);
    }

    #[test]
    fn a_rounded_date_is_all_its_milliseconds() {
        let at = |text: &str| json!({"createdAt": text});
        for (query, text, expected) in [
            (json!("2025-11-20"), "2025-11-20T00:00:00.000Z", true),
            (json!("2025-11-20"), "2025-11-20T23:59:59.999Z", true),
            (json!("2025-11-20"), "2025-11-21T00:00:00.000Z", false),
            (json!({"ne": "2025-11-20"}), "2025-11-20T10:00:00.000Z", false),
            (json!(["2025-11-19", "2025-11-20"]), "2025-11-20T10:00:00.000Z", true),
            (json!({"gt": "2025-11-20"}), "2025-11-20T23:59:59.999Z", false),
            (json!({"gt": "2025-11-20"}), "2025-11-21T00:00:00.000Z", true),
            (json!({"gte": "2025-11-20"}), "2025-11-20T00:00:00.000Z", true),
            (json!({"lt": "2025-11-20"}), "2025-11-19T23:59:59.999Z", true),
            (json!({"lt": "2025-11-20"}), "2025-11-20T00:00:00.000Z", false),
            (json!({"lte": "2025-11-20"}), "2025-11-20T23:59:59.999Z", true),
            (json!({"between": ["2025-11-20", "now-1d/d"]}), "2025-11-21T23:59:59.999Z", true),
            (json!({"gte": "now-7d/d"}), "2025-11-14T23:59:59.999Z", false),
            (json!("2025-11-20T10:00:00+02:00"), "2025-11-20T08:00:00.000Z", true),
        ] {
            is(json!({"createdAt": query}), at(text), expected);
        }
    }

    #[test]
    fn patterns_know_the_case_of_letters_as_elasticsearch_does() {
        for (operator, pattern, text, expected) in [
            ("prefix", "sicil", "Sicilian Defense", true),
            ("prefix", "ölsc", "ÖLSCHLÄGER", true),
            ("prefix", "ÖLSC", "ölschläger", true),
            ("prefix", "ölschlä", "Ölschläger", false),
            ("contains", "IAN DEF", "Sicilian Defense", true),
            ("contains", "a*b?c\\d", "xA*B?C\\Dx", true),
            ("contains", "a*b", "aXb", false),
            ("wildcard", "sic*def?nse", "Sicilian Defense", true),
            ("wildcard", "*ab*ab", "abxabyab", true),
            ("wildcard", "a?c", "a\nc", true),
            ("wildcard", "a?c", "ac", false),
            ("wildcard", "a\\*", "A*", true),
            ("wildcard", "a\\*", "ab", false),
            ("wildcard", "a\\", "A\\", true),
            ("wildcard", "É*", "état", true),
            ("regexp", "Sicil.*", "Sicilian Defense", true),
            ("regexp", "sicil.*", "Sicilian Defense", false),
            ("regexp", "ilian", "Sicilian", false),
        ] {
            is(json!({"opening": {operator: pattern}}), json!({"opening": text}), expected);
        }
    }

    #[test]
    fn text_that_is_too_long_for_a_keyword_is_missing() {
        let of = |letter: &str, length: usize| json!({"opening": letter.repeat(length)});
        is(json!({"opening": {"prefix": "a"}}), of("a", 8191), true);
        is(json!({"opening": {"prefix": "a"}}), of("a", 8192), false);
        is(json!({"opening": null}), of("a", 8192), true);
        is(json!({"opening": {"prefix": "é"}}), of("é", 8191), true);
        is(json!({"opening": {"exists": true}}), of("😀", 4096), false);
    }

    #[test]
    fn words_are_searched_plainly() {
        let game = || json!({"opening": "Sicilian Defense: Najdorf"});
        is(json!({"opening": {"match": "nothing sicilian"}}), game(), true);
        is(json!({"opening": {"match": "sicil"}}), game(), false);
        is(json!({"opening": {"match_phrase": "defense najdorf"}}), game(), true);
        is(json!({"opening": {"match_phrase": "sicilian najdorf"}}), game(), false);
        is(json!({"opening": {"match_phrase_prefix": "defense naj"}}), game(), true);
    }

    #[test]
    fn a_regular_expression_that_is_none_is_told() {
        let filter = Filter::Is(
            view().column_for(event_schema::auth::user::Role::User, "eco").unwrap(),
            Cond::Regexp("(".to_owned()),
        );
        assert_eq!(
            Matcher::new(filter.clone()).unwrap_err(),
            "the regular expression on `eco` is not accepted: it ends where a character was expected"
        );
        assert!(!matches(&filter, json!({"eco": "("}).as_object().unwrap()));
    }
}

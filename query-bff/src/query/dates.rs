//! Dates in filters: RFC 3339, a day, or date math from `now`. Resolved here, with one `now` for a whole request.

use chrono::{DateTime, Datelike, Days, Duration, Months, NaiveDate, NaiveTime, Timelike, Utc};

/// The instants that a date names, in whole milliseconds: `first == last` for an instant, the first and last
/// millisecond of the unit for a rounded one (`2025-11-22`, `now/d`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first instant.
    pub first: DateTime<Utc>,
    /// The last one.
    pub last: DateTime<Utc>,
}

/// The forms that are understood, for messages.
pub const FORMS: &str =
    "a date: RFC 3339 such as `2025-11-22T10:00:00Z`, a day such as `2025-11-22`, or date math such as `now-7d/d`";

/// What a text names, if it is a date between the years 1 and 9999.
pub fn parse(text: &str, now: DateTime<Utc>) -> Option<Span> {
    let span = match text.strip_prefix("now") {
        Some(math) => resolve(math, now)?,
        None => literal(text)?,
    };
    let sane = |time: DateTime<Utc>| (1..=9999).contains(&time.year());
    (sane(span.first) && sane(span.last)).then_some(span)
}

fn literal(text: &str) -> Option<Span> {
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return (text.len() == 10).then(|| round(day.and_time(NaiveTime::MIN).and_utc(), 'd')).flatten();
    }
    let time = whole_milliseconds(DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc))?;
    Some(Span { first: time, last: time })
}

/// `(+|-)<number><unit>` any number of times, then perhaps `/<unit>`.
fn resolve(math: &str, now: DateTime<Utc>) -> Option<Span> {
    let (steps, unit) = match math.split_once('/') {
        Some((steps, unit)) => (steps, Some(one_char(unit)?)),
        None => (math, None),
    };
    let mut time = whole_milliseconds(now)?;
    let mut rest = steps;
    while !rest.is_empty() {
        let forward = match rest.as_bytes()[0] {
            b'+' => true,
            b'-' => false,
            _ => return None,
        };
        let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
        let count: u32 = rest.get(1..=digits)?.parse().ok()?;
        let unit = rest[1 + digits..].chars().next()?;
        time = shift(time, forward, count, unit)?;
        rest = &rest[1 + digits + unit.len_utf8()..];
    }
    match unit {
        Some(unit) => round(time, unit),
        None => Some(Span { first: time, last: time }),
    }
}

fn one_char(text: &str) -> Option<char> {
    let mut chars = text.chars();
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}

fn whole_milliseconds(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(time.timestamp_millis())
}

fn shift(time: DateTime<Utc>, forward: bool, count: u32, unit: char) -> Option<DateTime<Utc>> {
    let months = |months: u32| {
        if forward {
            time.checked_add_months(Months::new(months))
        } else {
            time.checked_sub_months(Months::new(months))
        }
    };
    let days = |days: u64| {
        if forward { time.checked_add_days(Days::new(days)) } else { time.checked_sub_days(Days::new(days)) }
    };
    let seconds = |seconds: i64| {
        let by = Duration::try_seconds(seconds)?;
        if forward { time.checked_add_signed(by) } else { time.checked_sub_signed(by) }
    };
    match unit {
        'y' => months(count.checked_mul(12)?),
        'M' => months(count),
        'w' => days(u64::from(count) * 7),
        'd' => days(u64::from(count)),
        'h' | 'H' => seconds(i64::from(count) * 3600),
        'm' => seconds(i64::from(count) * 60),
        's' => seconds(i64::from(count)),
        _ => None,
    }
}

fn round(time: DateTime<Utc>, unit: char) -> Option<Span> {
    let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    let day = time.date_naive();
    let first = match unit {
        'y' => midnight(NaiveDate::from_ymd_opt(day.year(), 1, 1)?),
        'M' => midnight(NaiveDate::from_ymd_opt(day.year(), day.month(), 1)?),
        'w' => midnight(day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday())))?),
        'd' => midnight(day),
        // By fields, not by `duration_trunc`: that one ends where nanoseconds do not fit, in 1677 and 2262.
        'h' | 'H' => day.and_hms_opt(time.hour(), 0, 0)?.and_utc(),
        'm' => day.and_hms_opt(time.hour(), time.minute(), 0)?.and_utc(),
        's' => day.and_hms_opt(time.hour(), time.minute(), time.second())?.and_utc(),
        _ => return None,
    };
    let last = shift(first, true, 1, unit)?.checked_sub_signed(Duration::try_milliseconds(1)?)?;
    Some(Span { first, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2025-11-22T10:20:30.4567Z".parse().unwrap()
    }

    fn span(text: &str) -> Option<(String, String)> {
        parse(text, now()).map(|s| (event_schema::object::instant(s.first), event_schema::object::instant(s.last)))
    }

    #[track_caller]
    fn is(text: &str, first: &str, last: &str) {
        assert_eq!(span(text), Some((first.to_owned(), last.to_owned())), "{text}");
    }

    #[test]
    fn instants_and_units() {
        is("now", "2025-11-22T10:20:30.456Z", "2025-11-22T10:20:30.456Z");
        is("now-7d/d", "2025-11-15T00:00:00.000Z", "2025-11-15T23:59:59.999Z");
        is("now-1M+2h", "2025-10-22T12:20:30.456Z", "2025-10-22T12:20:30.456Z");
        is("now/w", "2025-11-17T00:00:00.000Z", "2025-11-23T23:59:59.999Z");
        is("now/y", "2025-01-01T00:00:00.000Z", "2025-12-31T23:59:59.999Z");
        is("now/M", "2025-11-01T00:00:00.000Z", "2025-11-30T23:59:59.999Z");
        is("now/h", "2025-11-22T10:00:00.000Z", "2025-11-22T10:59:59.999Z");
        is("now/m", "2025-11-22T10:20:00.000Z", "2025-11-22T10:20:59.999Z");
        is("now/s", "2025-11-22T10:20:30.000Z", "2025-11-22T10:20:30.999Z");
        // Farther from 1970 than 64 bits of nanoseconds reach.
        is("now-349y/h", "1676-11-22T10:00:00.000Z", "1676-11-22T10:59:59.999Z");
        is("now+500y/s", "2525-11-22T10:20:30.000Z", "2525-11-22T10:20:30.999Z");
        is("2025-02-01", "2025-02-01T00:00:00.000Z", "2025-02-01T23:59:59.999Z");
        is("2025-02-01T10:00:00+02:00", "2025-02-01T08:00:00.000Z", "2025-02-01T08:00:00.000Z");
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "nowhere",
            "now-",
            "now-7",
            "now-7x",
            "now/",
            "now/dd",
            "now/d/d",
            "now7d",
            "now-é",
            "2025-13-01",
            "2025-2-1",
            "2025-02-01T10:00:00",
            "now+99999999999y",
            "now+4000000000y",
            "now+9999y",
            "now-3000y",
            "now+é",
            "1763800000",
        ] {
            assert_eq!(span(text), None, "{text}");
        }
    }
}

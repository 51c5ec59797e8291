//! Clocks in comments.

/// More hours are no clock's.
const MOST_HOURS: i64 = 99;

/// `0:05:01` or `0:05:01.3` in milliseconds; none when it is no time of less than a hundred hours.
pub fn clock_ms(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut parts = whole.split(':');
    let (hours, minutes, seconds) = (digits(parts.next()?)?, digits(parts.next()?)?, digits(parts.next()?)?);
    if parts.next().is_some() || hours > MOST_HOURS || minutes > 59 || seconds > 59 {
        return None;
    }
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + fraction.map_or(Some(0), millis)?)
}

fn digits(text: &str) -> Option<i64> {
    let plain = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// `3` is 300, `3456` is 345.
fn millis(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digit = |place: usize| fraction.as_bytes().get(place).map_or(0, |byte| i64::from(byte - b'0'));
    Some(digit(0) * 100 + digit(1) * 10 + digit(2))
}

/// What the first `[%clk ...]` of a comment says.
pub(crate) fn of_comment(comment: &str) -> Option<String> {
    let (_, rest) = comment.split_once("[%clk")?;
    let (told, _) = rest.split_once(']')?;
    Some(told.trim().chars().take(32).collect())
}

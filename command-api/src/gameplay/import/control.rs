//! The tag `TimeControl`: `300+3`, `-`, `40/7200:3600`.

use event_schema::gameplay::game_event::{GameType, TimeControl};

use crate::gameplay::clock;

/// Moves by which the time of a game is judged.
const MOVES: i64 = 40;

/// The kind of time control, and the control itself where it is a beginning and an increment within our bounds.
pub fn of(tag: Option<&str>) -> (GameType, Option<TimeControl>) {
    let Some(text) = tag.filter(|text| *text != "-") else { return (GameType::Untimed, None) };
    let plain = plain(text);
    let control = plain.filter(|control| clock::fault(*control).is_none());
    let default = [GameType::Blitz, GameType::Rapid, GameType::Timed]
        .into_iter()
        .find(|kind| control.is_some() && kind.time_control() == control);
    (default.or_else(|| plain.or_else(|| first_period(text)).map(kind)).unwrap_or(GameType::Untimed), control)
}

/// By the time that 40 moves take.
fn kind(control: TimeControl) -> GameType {
    let seconds = control.increment_ms.saturating_mul(MOVES).saturating_add(control.initial_ms) / 1000;
    match seconds {
        ..480 => GameType::Blitz,
        480..1500 => GameType::Rapid,
        1500.. => GameType::Timed,
    }
}

/// `300+3`, `300`, `0.5+0`.
fn plain(text: &str) -> Option<TimeControl> {
    let (initial, increment) = text.split_once('+').unwrap_or((text, "0"));
    Some(TimeControl { initial_ms: millis(initial)?, increment_ms: millis(increment)? })
}

/// The first period of `40/7200:3600` or `*180`, in which the first 40 moves are made.
fn first_period(text: &str) -> Option<TimeControl> {
    let period = text.split(':').next()?.trim_start_matches('*');
    plain(period.split_once('/').map_or(period, |(_, time)| time))
}

/// Seconds with up to three decimals.
fn millis(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 3 {
        return None;
    }
    let part: i64 = format!("{part:0<3}").parse().ok()?;
    Some(whole.parse::<i64>().ok()? * 1000 + part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(initial_ms: i64, increment_ms: i64) -> Option<TimeControl> {
        Some(TimeControl { initial_ms, increment_ms })
    }

    #[test]
    fn controls_of_ours_are_kept_and_others_give_the_kind_alone() {
        assert_eq!(of(Some("300+3")), (GameType::Blitz, control(300_000, 3_000)));
        assert_eq!(of(Some("60.5+0.25")), (GameType::Blitz, control(60_500, 250)));
        assert_eq!(of(Some("600")), (GameType::Rapid, control(600_000, 0)));
        assert_eq!(of(Some("1800+20")), (GameType::Timed, control(1_800_000, 20_000)));
        assert_eq!(of(Some("0+1")), (GameType::Blitz, None));
        assert_eq!(of(Some("40/7200:3600")), (GameType::Timed, None));
        assert_eq!(of(Some("*180")), (GameType::Blitz, None));
        for text in [None, Some("-"), Some("G/60"), Some("+"), Some("9999999999999"), Some("1+2+3")] {
            assert_eq!(of(text).1, None, "{text:?}");
        }
        assert_eq!([of(None).0, of(Some("-")).0], [GameType::Untimed; 2]);
    }

    #[test]
    fn the_defaults_of_each_kind_are_read_as_that_kind() {
        for kind in [GameType::Blitz, GameType::Rapid, GameType::Timed] {
            let TimeControl { initial_ms, increment_ms } = kind.time_control().unwrap();
            assert_eq!(
                of(Some(&format!("{}+{}", initial_ms / 1000, increment_ms / 1000))),
                (kind, kind.time_control())
            );
        }
    }
}

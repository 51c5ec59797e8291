//! What the tags of a game say, checked one by one.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chess_pgn::Game;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use event_schema::gameplay::game_event::{GameType, TimeControl};
use event_schema::gameplay::imported::Tags;
use event_schema::object::is_leap_second;

use super::control;
use super::report::Fault;
use crate::gameplay::rules::Position;

/// Names and values of all tags of a game in bytes: they stand in one event.
const MOST_BYTES: usize = 16 * 1024;
/// What ratings can be.
const ELO: RangeInclusive<i32> = 0..=4000;
/// What they can change by.
const ELO_CHANGE: RangeInclusive<i32> = -4000..=4000;
/// Time zones: a date may be tomorrow's.
const AHEAD: TimeDelta = TimeDelta::days(1);
/// The tags that are told otherwise than as given under their names.
const OWN: [&str; 20] = [
    "Event",
    "Site",
    "Date",
    "Round",
    "White",
    "Black",
    "Result",
    "WhiteElo",
    "BlackElo",
    "WhiteRatingDiff",
    "BlackRatingDiff",
    "WhiteTitle",
    "BlackTitle",
    "TimeControl",
    "Termination",
    "ECO",
    "Opening",
    "SetUp",
    "FEN",
    "GameId",
];

/// What they say.
#[derive(Clone, Debug)]
pub struct Told {
    /// As they are kept.
    pub tags: Tags,
    /// Where it begins; none when that cannot be read.
    pub start: Option<Position>,
    /// The kind of time control.
    pub game_type: GameType,
    /// The time control, where it is one of ours.
    pub control: Option<TimeControl>,
}

/// Reads them. Each that does not say what it must is a fault.
pub fn read(game: &Game, now: DateTime<Utc>, faults: &mut Vec<Fault>) -> Told {
    let mut reader = Reader { game, faults };
    reader.check_all();
    let (game_type, control) = control::of(game.tag("TimeControl"));
    let tags = Tags {
        white: reader.text("White"),
        black: reader.text("Black"),
        event: reader.text("Event"),
        site: reader.text("Site"),
        round: reader.text("Round"),
        date: reader.text("Date").filter(|date| date != "????.??.??"),
        played_at: reader.played_at(now),
        white_elo: reader.number("WhiteElo", ELO),
        black_elo: reader.number("BlackElo", ELO),
        white_rating_diff: reader.number("WhiteRatingDiff", ELO_CHANGE),
        black_rating_diff: reader.number("BlackRatingDiff", ELO_CHANGE),
        white_title: reader.text("WhiteTitle"),
        black_title: reader.text("BlackTitle"),
        given_time_control: reader.text("TimeControl"),
        termination: reader.text("Termination"),
        given_eco: reader.text("ECO"),
        given_opening: reader.text("Opening"),
        more: reader.more(),
    };
    Told { tags, start: reader.start(), game_type, control }
}

struct Reader<'a> {
    game: &'a Game,
    faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, name: &str, told: String) {
        let line = self.game.raw_tag(name).map_or(self.game.line, |tag| tag.line);
        self.faults.push(Fault::of_tag(line, name, told));
    }

    /// What concerns any tag, and the variant of chess.
    fn check_all(&mut self) {
        let (tags, mut bytes) = (&self.game.tags, 0);
        for (at, tag) in tags.iter().enumerate() {
            bytes += tag.name.len() + tag.value.len();
            if let Some(first) = tags[..at].iter().find(|other| other.name == tag.name && other.value != tag.value) {
                let told = format!("`{}` stands there twice: `{}` and `{}`", tag.name, first.value, tag.value);
                self.faults.push(Fault::of_tag(tag.line, &tag.name, told));
            }
        }
        if bytes > MOST_BYTES {
            let told = format!("the tags have {bytes} bytes, more than {MOST_BYTES}");
            self.faults.push(Fault::of_game(self.game.line, "errMsg_TagIsNotValid", told));
        }
        const STANDARD: [&str; 4] = ["standard", "from position", "normal", "chess"];
        if let Some(variant) = self.game.tag("Variant")
            && !STANDARD.contains(&variant.to_ascii_lowercase().as_str())
        {
            self.fault("Variant", format!("`{variant}` is not played here: only standard chess is"));
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        self.game.tag(name).map(plain)
    }

    /// `1850`, also `1850?` as for a provisional rating; `-` is none.
    fn number(&mut self, name: &str, range: RangeInclusive<i32>) -> Option<i32> {
        let text = self.game.tag(name).filter(|text| *text != "-")?;
        let number = text.strip_suffix('?').unwrap_or(text).parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = range.into_inner();
            self.fault(name, format!("`{text}` is no whole number from {least} to {most}"));
        }
        number
    }

    /// The earliest instant that date and time allow.
    fn played_at(&mut self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (universal, local, time) = (self.date("UTCDate"), self.date("Date"), self.time("UTCTime"));
        let (name, at) = match (universal, local) {
            (Some(date), _) => ("UTCDate", date.and_time(time.unwrap_or_default())),
            (None, Some(date)) => ("Date", date.and_time(NaiveTime::MIN)),
            (None, None) => return None,
        };
        if at.and_utc() > now + AHEAD {
            self.fault(name, format!("`{}` is in the future", self.game.tag(name).unwrap_or_default()));
        }
        Some(at.and_utc())
    }

    fn date(&mut self, name: &str) -> Option<NaiveDate> {
        let text = self.game.tag(name).filter(|text| *text != "-")?;
        earliest(text).unwrap_or_else(|| {
            self.fault(name, format!("`{text}` is no date: `2025.05.31` is expected, `??` for what is unknown"));
            None
        })
    }

    fn time(&mut self, name: &str) -> Option<NaiveTime> {
        let text = self.game.tag(name).filter(|text| !["-", "??:??:??"].contains(text))?;
        let time = NaiveTime::parse_from_str(text, "%H:%M:%S").ok().filter(|time| !is_leap_second(time));
        if time.is_none() {
            self.fault(name, format!("`{text}` is no time: `23:59:59` is expected"));
        }
        time
    }

    fn start(&mut self) -> Option<Position> {
        let fen = match (self.game.tag("FEN"), self.game.tag("SetUp")) {
            (None, Some("1")) => {
                self.fault("SetUp", "`SetUp` is `1` and no `FEN` says where the game begins".to_owned());
                return None;
            }
            (None, _) => return Some(Position::start()),
            (Some(_), Some("0")) => {
                self.fault("SetUp", "`SetUp` is `0` and there is a `FEN`".to_owned());
                return None;
            }
            (Some(fen), _) => fen,
        };
        match Position::from_fen(fen) {
            Ok(position) => Some(position),
            Err(fault) => {
                self.fault("FEN", format!("no game begins there: {fault}"));
                None
            }
        }
    }

    fn more(&self) -> BTreeMap<String, String> {
        let others = self.game.tags.iter().filter(|tag| !OWN.contains(&tag.name.as_str()));
        others.filter_map(|tag| Some((tag.name.clone(), self.text(&tag.name)?))).collect()
    }
}

/// Without control characters, which no PGN can say again.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// The first day that `2025.05.??` allows. None is no date; a date without a year is none that is known.
fn earliest(text: &str) -> Option<Option<NaiveDate>> {
    let mut parts = text.split('.');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let number = |text: &str, length: usize| {
        let plain = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse::<u32>().ok()).flatten()
    };
    let part = |text: &str| if text == "??" { Some(None) } else { number(text, 2).map(Some) };
    let (month, day) = (part(month)?, part(day)?);
    if parts.next().is_some() {
        return None;
    }
    if year == "????" {
        return Some(None);
    }
    let year = number(year, 4).filter(|year| *year >= 1000)?;
    // A day of an unknown month says nothing.
    let day = month.and(day).unwrap_or(1);
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month.unwrap_or(1), day).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_may_be_known_in_part() {
        let day = |year, month, day| Some(NaiveDate::from_ymd_opt(year, month, day));
        assert_eq!(earliest("2025.05.01"), day(2025, 5, 1));
        assert_eq!(earliest("1972.07.??"), day(1972, 7, 1));
        assert_eq!([earliest("1851.??.??"), earliest("1851.??.21")], [day(1851, 1, 1), day(1851, 1, 1)]);
        assert_eq!([earliest("????.??.??"), earliest("????.05.01")], [Some(None); 2]);
        for text in [
            "2025.02.30",
            "2025.13.01",
            "2025-05-01",
            "25.05.01",
            "2025.5.1",
            "2025.05",
            "2025.05.01.02",
            "",
            "0999.01.01",
        ] {
            assert_eq!(earliest(text), None, "{text}");
        }
    }
}

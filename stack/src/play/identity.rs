//! Who plays and under which keys: derived from the file alone, so that a second run finds what the first made.

use sha2::{Digest, Sha256};

use super::pgn::Game;

/// The time in keys of accounts and of games without a date: 2025-01-01.
const NO_DATE: u64 = 1_735_689_600_000;
/// The longest name that an account may have.
const LONGEST_NAME: usize = 100;

/// An account for a name in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name as the file has it, cut to what an account may have.
    pub name: String,
    /// Its address; no real one.
    pub email: String,
    /// Its password; anybody can derive it from the name: these accounts are for development.
    pub password: String,
}

impl Account {
    /// The account of a name.
    pub fn of(name: &str) -> Self {
        let readable: String = name
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
            .map(|c| c.to_ascii_lowercase())
            .take(32)
            .collect();
        // Addresses ignore case and know fewer letters than names: the hash tells such names apart.
        let email = format!("{readable}.{}@players.wechess.example", &hex(&digest(&["player", name]))[..10]);
        let password = hex(&digest(&["password", name]))[..24].to_owned();
        Self { name: name.chars().take(LONGEST_NAME).collect(), email, password }
    }

    /// The key of its registration.
    pub fn key(&self) -> String {
        uuid(NO_DATE, &digest(&["register", &self.email]))
    }
}

/// What tells a game from all others: its own URL, or without one all that the file says of it.
pub fn name_of(game: &Game) -> String {
    if let Some(site) = game.tag("Site").filter(|site| site.starts_with("http://") || site.starts_with("https://")) {
        return site.to_owned();
    }
    let tags = game.tags.iter().flat_map(|tag| [tag.name.as_str(), tag.value.as_str()]);
    hex(&digest(&tags.chain(game.moves.iter().map(|mv| mv.san.as_str())).collect::<Vec<_>>()))
}

/// The keys of one game's requests.
#[derive(Debug, Clone)]
pub struct Keys {
    name: String,
    began: u64,
}

impl Keys {
    /// From the game's name and the time when it began.
    pub fn of(game: &Game) -> Self {
        let date = game.tag("UTCDate").or(game.tag("Date")).and_then(date_ms);
        let time = game.tag("UTCTime").or(game.tag("Time")).and_then(time_ms).unwrap_or(0);
        Self { name: name_of(game), began: date.map_or(NO_DATE, |date| date + time) }
    }

    /// The key of a step: a UUID of version 7, whose time grows with `ply`.
    pub fn step(&self, step: &str, ply: usize) -> String {
        uuid(self.began + ply as u64, &digest(&["game", &self.name, step, &ply.to_string()]))
    }
}

/// The hash of several texts, each with its length in front.
fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A UUID in the layout of version 7: milliseconds, then bits of a hash.
fn uuid(ms: u64, hash: &[u8; 32]) -> String {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&hash[..10]);
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    let text = hex(&bytes);
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

/// `2025.05.01` as milliseconds since 1970.
fn date_ms(text: &str) -> Option<u64> {
    let mut parts = text.split('.').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since 1970-01-01 in the Gregorian calendar, with years that begin in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    u64::try_from(days).ok().map(|days| days * 86_400_000)
}

/// `00:00:06` as milliseconds.
fn time_ms(text: &str) -> Option<u64> {
    let mut parts = text.split(':').map(|part| part.parse::<u64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    (hours < 24 && minutes < 60 && seconds < 61).then_some(((hours * 60 + minutes) * 60 + seconds) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::play::pgn;

    fn game(text: &str) -> Game {
        pgn::read(text).unwrap().remove(0)
    }

    #[test]
    fn dates_are_counted_from_1970() {
        assert_eq!(date_ms("1970.01.01"), Some(0));
        assert_eq!(date_ms("2025.01.01"), Some(NO_DATE));
        assert_eq!(date_ms("2024.02.29"), Some(1_709_164_800_000));
        assert_eq!((date_ms("????.??.??"), date_ms("2025.13.01"), time_ms("00:00:06")), (None, None, Some(6000)));
    }

    #[test]
    fn keys_are_the_games_own_and_grow() {
        let one = Keys::of(&game("[Site \"https://x/1\"][UTCDate \"2025.05.01\"][UTCTime \"00:00:06\"] 1. e4 *"));
        let two = Keys::of(&game("[Site \"https://x/2\"][UTCDate \"2025.05.01\"][UTCTime \"00:00:06\"] 1. e4 *"));
        assert_eq!(one.step("move", 1), one.step("move", 1));
        assert_ne!(one.step("move", 1), two.step("move", 1));
        assert_ne!(one.step("move", 1), one.step("draw", 1));
        assert!(one.step("move", 1) < one.step("move", 2));
        let key = one.step("move", 1);
        assert_eq!((key.len(), &key[14..15], key.matches('-').count()), (36, "7", 4));
        assert_eq!(&key[..13], "01968924-b371", "{key}");
    }

    #[test]
    fn games_without_a_url_are_told_apart_by_what_they_are() {
        let (one, two) = (game("[White \"a\"] 1. e4 *"), game("[White \"a\"] 1. d4 *"));
        assert_ne!(name_of(&one), name_of(&two));
        assert_eq!(name_of(&game("[Site \"London\"] 1. e4 *")).len(), 64);
    }

    #[test]
    fn accounts_differ_where_names_do() {
        let (ann, upper, odd) = (Account::of("ann"), Account::of("Ann"), Account::of("Дина, \"x\" @y"));
        assert_ne!(ann.email, upper.email);
        assert!(odd.email.is_ascii() && odd.email.matches('@').count() == 1, "{}", odd.email);
        assert!(ann.password.len() >= 8 && ann.password != upper.password);
        assert_eq!(Account::of(&"x".repeat(300)).name.len(), 100);
    }
}

//! The dimensions of games and the two sides of each, told a second time: from what is known of a game in the end.

use chrono::{DateTime, Utc};
use event_schema::envelope::Recorded;
use event_schema::object::hidden;
use event_schema::openings;
use event_schema::views::dimensions::{GAME_DIMENSIONS, RATING_DIMENSIONS};
use event_schema::views::player_game::{Colour, PLAYER_GAME_VIEW};
use event_schema::views::player_profile::STANDING;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Documents, Expected, Facts, text};

/// What analysts call the ends of games.
const TERMINATIONS: [(&str, &str); 16] = [
    ("checkmate", "checkmate"),
    ("resignation", "resignation"),
    ("stalemate", "stalemate"),
    ("agreement", "agreement"),
    ("insufficientMaterial", "insufficientMaterial"),
    ("threefoldRepetition", "repetition"),
    ("fivefoldRepetition", "repetition"),
    ("fiftyMoves", "moveRule"),
    ("seventyFiveMoves", "moveRule"),
    ("abort", "abandonment"),
    ("expiry", "abandonment"),
    ("pauseExpiry", "abandonment"),
    ("timeout", "timeForfeit"),
    ("timeoutAgainstBareMaterial", "timeForfeit"),
    ("termination", "adjudication"),
    ("", "unknown"),
];

fn winner(game: &Map<String, Value>) -> Option<&'static str> {
    match game.get("result")?.as_str()? {
        "whiteWin" => Some("white"),
        "blackWin" => Some("black"),
        "draw" => Some("draw"),
        _ => Some("none"),
    }
}

fn moment(event: &Recorded) -> Option<DateTime<Utc>> {
    text(event, "at").parse().ok()
}

fn time_class(control: &Value) -> &'static str {
    let part = |name: &str| control[name].as_i64().unwrap_or(0);
    let seconds = (part("initialMs") + 40 * part("incrementMs")) / 1000;
    let bounds = [(180, "bullet"), (480, "blitz"), (1500, "rapid"), (i64::MAX, "classical")];
    let class = bounds.into_iter().find(|(bound, _)| seconds < *bound).map_or("", |(_, class)| class);
    if control.is_null() { "untimed" } else { class }
}

impl Facts<'_> {
    /// Puts the dimensions of a game, whose own document this is, into a document.
    pub(super) fn put_dimensions(&self, id: Uuid, game: &Map<String, Value>, source: &mut Map<String, Value>) {
        let played = self.events_of(id, "MovePlayed");
        let opening = played.iter().rev().find_map(|event| openings::by_fen(&text(event, "fen")));
        let family =
            opening.map(|opening| opening.name.find([':', ',']).map_or(opening.name, |end| &opening.name[..end]));
        let ends = ["GameEnded", "GameTerminated"].into_iter().flat_map(|kind| self.events_of(id, kind));
        let (start, end) = (played.first().and_then(|event| moment(event)), ends.last().and_then(moment));
        let lasted = start.zip(end).map(|(start, end)| (end - start).num_milliseconds() as f64 / 1000.0);
        let reason = game.get("endReason").and_then(Value::as_str).unwrap_or_default();
        let termination = TERMINATIONS.iter().find(|(known, _)| *known == reason).map(|(_, word)| *word);
        let values = Map::from_iter([
            ("opening".to_owned(), json!(opening.map(|opening| opening.name))),
            ("eco".to_owned(), json!(opening.map(|opening| opening.eco))),
            ("openingFamily".to_owned(), json!(family)),
            ("plies".to_owned(), json!(played.len())),
            ("winner".to_owned(), json!(winner(game))),
            ("termination".to_owned(), json!(winner(game).and(termination))),
            ("timeControlClass".to_owned(), json!(time_class(&game["timeControl"]))),
            ("startedAt".to_owned(), json!(start)),
            ("startWeekday".to_owned(), json!(start.map(|start| start.format("%A").to_string().to_lowercase()))),
            ("startHour".to_owned(), json!(start.and_then(|start| start.format("%H").to_string().parse::<u32>().ok()))),
            ("durationSeconds".to_owned(), json!(lasted)),
        ]);
        GAME_DIMENSIONS.iter().for_each(|field| field.put(&values, source));
    }

    /// Nobody who plays here has a rating yet.
    pub(super) fn put_ratings(source: &mut Map<String, Value>) {
        RATING_DIMENSIONS.iter().for_each(|field| field.put(&Map::new(), source));
    }

    /// Both sides of every game.
    pub(super) fn player_games(&self) -> Documents {
        let sides = self.games.iter().flat_map(|(id, (game, position))| {
            Colour::BOTH.map(|colour| {
                let source = self.side(*id, &game.fields, *position, colour);
                (colour.document_of(*id), Expected { source: Some(source), may_be_later: true })
            })
        });
        sides.collect()
    }

    fn side(&self, id: Uuid, game: &Map<String, Value>, position: i64, colour: Colour) -> Map<String, Value> {
        let [own, other] = match colour {
            Colour::White => ["playerWhiteId", "playerBlackId"],
            Colour::Black => ["playerBlackId", "playerWhiteId"],
        };
        let (outcome, score) = match winner(game) {
            None => (None, None),
            Some("draw") => (Some("draw"), Some(0.5)),
            Some("none") => (Some("none"), None),
            Some(side) if side == colour.as_str() => (Some("win"), Some(1.0)),
            Some(_) => (Some("loss"), Some(0.0)),
        };
        let mut values = Map::from_iter([
            ("gameId".to_owned(), json!(id)),
            ("playerId".to_owned(), game[own].clone()),
            ("playerName".to_owned(), self.of_user(game, own, "fullname")),
            ("colour".to_owned(), json!(colour.as_str())),
            ("opponentId".to_owned(), game[other].clone()),
            ("opponentName".to_owned(), self.of_user(game, other, "fullname")),
            ("outcome".to_owned(), json!(outcome)),
            ("score".to_owned(), json!(score)),
        ]);
        values.extend(["status", "mode", "gameType"].map(|name| (name.to_owned(), game[name].clone())));
        let mut source = Map::new();
        PLAYER_GAME_VIEW.table.fields.iter().for_each(|field| field.put(&values, &mut source));
        self.put_dimensions(id, game, &mut source);
        for name in ["isActive", "recordVersion", "createdAt", "updatedAt", "_owner"] {
            source.insert(name.to_owned(), game[name].clone());
        }
        let players: Vec<&Value> = [&game[own], &game[other]].into_iter().filter(|id| !id.is_null()).collect();
        let seen = players.len() == 2 && game["isActive"] == true;
        source.insert("id".to_owned(), json!(colour.document_of(id)));
        source.insert(hidden::POSITION.to_owned(), json!(position));
        source.insert(hidden::LIVE.to_owned(), json!(true));
        source.insert(hidden::READERS.to_owned(), if seen { json!(players) } else { json!([]) });
        source
    }

    /// What everybody sees of the users.
    pub(super) fn profiles(&self) -> Documents {
        let mut all = super::documents(&self.users);
        for source in all.values_mut().filter_map(|expected| expected.source.as_mut()) {
            STANDING.iter().for_each(|field| field.put(&Map::new(), source));
            let readers = if source["isActive"] == true { json!([hidden::EVERYBODY]) } else { json!([]) };
            source.insert(hidden::READERS.to_owned(), readers);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use crate::check::expect::views;
    use crate::check::samples::{black, created, ended, game, moved, white};
    use event_schema::views::player_game::Colour;
    use serde_json::json;

    #[test]
    fn a_game_is_told_from_both_sides() {
        let views =
            views(&[created(1), moved(2, 1, "e2e4"), moved(9, 2, "e7e5"), ended(12, "blackWin", "timeout", None)]);
        let sides = &views.unwrap()["playerGameView"];
        assert_eq!(sides.len(), 2);
        let side = |colour: Colour| sides[&colour.document_of(game())].source.clone().unwrap();
        let (first, second) = (side(Colour::White), side(Colour::Black));
        assert_eq!((&first["score"], &second["score"]), (&json!(0.0), &json!(1.0)));
        assert_eq!((&first["playerId"], &second["playerId"]), (&json!(white()), &json!(black())));
        assert_eq!((&first["termination"], &first["durationSeconds"]), (&json!("timeForfeit"), &json!(10.0)));
        assert_eq!((&first["_readers"], &second["winner"]), (&json!([white(), black()]), &json!("black")));
        assert_eq!((&first["timeControlClass"], &first["startWeekday"]), (&json!("untimed"), &json!("tuesday")));
    }
}

use super::*;
use crate::testing::{created, ended, imported, imported_with, played, terminated};
use event_schema::envelope::Recorded;
use event_schema::event::DomainEvent;

const FEN: &str = "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1";

/// The dimensions after these events, as a document shows them.
fn shown(events: &[Recorded]) -> Map<String, Value> {
    let mut fields = Map::new();
    for event in events {
        let prior = (!fields.is_empty()).then_some(&fields);
        let mut dimensions = GameDimensions::of("test", prior).unwrap();
        dimensions.evolve(&GameEvent::from_recorded(event).unwrap());
        dimensions.put(&mut fields);
    }
    fields
}

#[test]
fn the_type_is_its_table() {
    let names: Vec<String> = fields_of(&GameDimensions::default()).keys().cloned().collect();
    assert_eq!(names, GAME_DIMENSIONS.iter().map(|field| field.name).collect::<Vec<_>>());
}

#[test]
fn a_game_played_here_starts_with_its_first_move_and_lasts_to_its_end() {
    let running = shown(&[created(1), played(4, 1, "e4", FEN)]);
    assert_eq!([&running["winner"], &running["termination"], &running["durationSeconds"]], [&Value::Null; 3]);
    let over = shown(&[created(1), played(4, 1, "e4", FEN), played(60, 2, "c5", FEN), ended(3700)]);
    let wanted = json!({"opening": "King's Pawn Game", "eco": "B00", "openingFamily": "King's Pawn Game", "plies": 2,
        "winner": "white", "winner_idx": 0, "termination": "resignation", "termination_idx": 1,
        "timeControlClass": "untimed", "timeControlClass_idx": 4, "startedAt": "2023-11-14T22:13:24.000Z",
        "startWeekday": "tuesday", "startWeekday_idx": 1, "startHour": 22, "durationSeconds": 3696.0});
    assert_eq!(Value::Object(over), wanted);
    let never = shown(&[created(1), terminated(9)]);
    assert_eq!([&never["startedAt"], &never["startHour"], &never["durationSeconds"]], [&Value::Null; 3]);
    assert_eq!([&never["winner"], &never["termination"]], [&json!("none"), &json!("adjudication")]);
}

#[test]
fn an_imported_game_starts_when_its_pgn_says_and_lasts_by_its_clocks() {
    let day_alone = shown(&[imported(1)]);
    assert_eq!(
        [&day_alone["startedAt"], &day_alone["startWeekday"], &day_alone["timeControlClass"]],
        [&Value::Null; 3]
    );
    assert_eq!([&day_alone["winner"], &day_alone["termination"]], [&json!("white"), &json!("checkmate")]);

    let timed = |event: &mut GameImported| {
        event.time_control = Some(TimeControl { initial_ms: 300_000, increment_ms: 3_000 });
        event.tags.played_at = "2025-05-01T23:59:59Z".parse().ok();
        let told = [("UTCDate", "2025.05.01"), ("UTCTime", "23:59:59")];
        event.tags.more = told.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        event.reason = None;
    };
    let moved = |position: i64, number: u32, used: i64, remaining: Option<i64>| {
        let mut event = played(position, number, "e4", FEN);
        event.data["moveTime"] = json!(used);
        event.data["remainingMs"] = json!(remaining);
        event
    };
    let begun = imported_with(1, timed);
    let all =
        shown(&[begun.clone(), moved(2, 1, 700, Some(1)), moved(3, 2, 1_001, Some(1)), moved(4, 3, 2_100, Some(1))]);
    let wanted = json!({"opening": "King's Pawn Game", "eco": "B00", "openingFamily": "King's Pawn Game", "plies": 3,
        "winner": "white", "winner_idx": 0, "termination": "unknown", "termination_idx": 10,
        "timeControlClass": "blitz", "timeControlClass_idx": 1, "startedAt": "2025-05-01T23:59:59.000Z",
        "startWeekday": "thursday", "startWeekday_idx": 3, "startHour": 23, "durationSeconds": 3.101});
    assert_eq!(Value::Object(all), wanted);
    let gap = shown(&[begun.clone(), moved(2, 1, 0, Some(1)), moved(3, 2, 0, None), moved(4, 3, 2_100, Some(1))]);
    assert_eq!([&gap["durationSeconds"], &shown(&[begun])["durationSeconds"]], [&Value::Null; 2]);
}

#[test]
fn only_a_pgn_that_says_day_and_time_says_when() {
    let start = |date: &str, time: &str| {
        let event = imported_with(1, |event| {
            event.tags.more = [("UTCDate", date), ("UTCTime", time)].map(|(n, v)| (n.to_owned(), v.to_owned())).into();
        });
        !shown(&[event])["startedAt"].is_null()
    };
    assert!(start("1851.06.21", "14:00:00"));
    let unsure = [("1851.06.??", "14:00:00"), ("-", "14:00:00"), ("1851.06.21", "??:??:??"), ("1851.06.21", "-")];
    assert!(unsure.iter().all(|(date, time)| !start(date, time)));
}

#[test]
fn families_are_what_stands_before_the_variation() {
    let families = ["Sicilian Defense: Najdorf Variation, English Attack", "Polish Opening, with d5", "Bird Opening"];
    assert_eq!(families.map(family_of), ["Sicilian Defense", "Polish Opening", "Bird Opening"]);
}

#[test]
fn forty_moves_tell_how_fast_a_game_is() {
    let class = |initial: i64, increment: i64| {
        class_of(Some(TimeControl { initial_ms: initial * 1000, increment_ms: increment * 1000 }))
    };
    assert_eq!([class(15, 0), class(60, 1), class(179, 0)], [TimeControlClass::Bullet; 3]);
    assert_eq!([class(180, 0), class(120, 2), class(300, 4)], [TimeControlClass::Blitz; 3]);
    assert_eq!([class(480, 0), class(300, 5), class(1499, 0)], [TimeControlClass::Rapid; 3]);
    assert_eq!([class(1500, 0), class(900, 15), class(86_400, 600)], [TimeControlClass::Classical; 3]);
    assert_eq!(class_of(None), TimeControlClass::Untimed);
}

#[test]
fn ratings_fall_into_bands_alone_and_together() {
    let rated = |white: Value, black: Value| {
        let mut fields = Map::from_iter([("whiteElo".to_owned(), white), ("blackElo".to_owned(), black)]);
        put_ratings(&mut fields);
        RATING_DIMENSIONS.iter().map(|field| fields[field.name].clone()).collect::<Vec<_>>()
    };
    let bands = |white: Value, black: Value| json!(rated(white, black));
    assert_eq!(bands(json!(1799), json!(1602)), json!(["1600-1799", "1600-1799", "1600-1799", 197]));
    assert_eq!(bands(json!(999), json!(1200)), json!(["800-999", "1200-1399", "1000-1199", -201]));
    assert_eq!(bands(json!(0), Value::Null), json!(["0-199", null, null, null]));
    assert_eq!(bands(Value::Null, json!(4000)), json!([null, "4000-4199", null, null]));
}

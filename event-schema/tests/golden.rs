//! Every shape of an event that was ever stored can still be read. Samples are added, never edited; a changed shape
//! means a higher schema number and an upcaster (`DomainEvent::upcast`).

#![expect(clippy::unwrap_used, reason = "a test may fail loudly, its helpers too")]

mod samples;

use event_schema::auth::user::UserEvent;
use event_schema::event::{CATEGORIES, DomainEvent, Event};
use event_schema::gameplay::board_theme::BoardThemeEvent;
use event_schema::gameplay::custom_board::CustomBoardEvent;
use event_schema::gameplay::game_event::GameEvent;
use event_schema::gameplay::hub_message::GameHubMessageEvent;
use event_schema::gameplay::invitation::InvitationEvent;
use event_schema::gameplay::user_preference::UserPreferenceEvent;
use event_schema::saved_filter::SavedFilterEvent;
use samples::{recorded, samples};
use serde_json::json;

/// The stored types of an event enum, read off what serde says to an unknown one: a new variant cannot be forgotten.
fn stored_types<E: DomainEvent>() -> Vec<String> {
    let told = serde_json::from_value::<E>(json!({"type": "?", "data": {}})).err().unwrap().to_string();
    let (_, known) = told.split_once("expected").unwrap_or_else(|| panic!("{told}"));
    let names: Vec<String> = known.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(!names.is_empty(), "{told}");
    names
}

fn check<E: DomainEvent>() {
    let samples = samples(E::CATEGORY);
    for kind in stored_types::<E>() {
        let newest = E::schema(&kind);
        for schema in 1..=newest {
            let there = samples.iter().any(|s| s.kind == kind && s.schema == schema);
            assert!(there, "tests/golden/{}.json has no sample of {kind}, schema {schema}", E::CATEGORY);
        }
    }
    for sample in &samples {
        let event = E::from_recorded(&recorded(E::CATEGORY, sample)).unwrap();
        let (kind, data) = event.to_row();
        assert_eq!(kind, sample.kind);
        let again = E::from_row(&kind, E::schema(&kind), &data).unwrap();
        assert_eq!(again.to_row().1, data, "{kind}");
        if sample.schema == E::schema(&kind) {
            // Byte for byte: the order of the keys is part of what is written.
            assert_eq!(data.to_string(), sample.data.to_string(), "{kind} has another shape than the stored sample");
        }
    }
}

#[test]
fn users() {
    check::<UserEvent>();
}

#[test]
fn games() {
    check::<GameEvent>();
}

#[test]
fn invitations() {
    check::<InvitationEvent>();
}

#[test]
fn records() {
    check::<SavedFilterEvent>();
    check::<CustomBoardEvent>();
    check::<BoardThemeEvent>();
    check::<UserPreferenceEvent>();
    check::<GameHubMessageEvent>();
}

#[test]
fn every_category_has_its_golden_file() {
    let mut files: Vec<String> = std::fs::read_dir(samples::FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    files.sort();
    let mut categories = CATEGORIES.to_vec();
    categories.sort_unstable();
    assert_eq!(files, categories);
    for category in CATEGORIES {
        for sample in samples(category) {
            Event::decode(&recorded(category, &sample)).unwrap();
        }
    }
}

#[test]
fn an_event_of_a_newer_program_is_refused_and_named() {
    let mut sample = samples("chessGame").remove(0);
    let known = GameEvent::schema(&sample.kind);
    sample.schema = known + 1;
    let error = GameEvent::from_recorded(&recorded("chessGame", &sample)).unwrap_err();
    assert!(error.to_string().contains("newer than this program"), "{error}");
    sample.schema = known;
    sample.data = json!({});
    assert!(GameEvent::from_recorded(&recorded("chessGame", &sample)).is_err());
}

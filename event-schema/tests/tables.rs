//! The tables say what the types are: the fields, their words, the mappings, unique names.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly, its helpers too")]

mod samples;

use std::collections::HashSet;

use event_schema::auth::user::{Role, User};
use event_schema::event::DomainEvent;
use event_schema::gameplay::board_theme::BoardTheme;
use event_schema::gameplay::chess_game::ChessGame;
use event_schema::gameplay::custom_board::CustomBoard;
use event_schema::gameplay::game_event::GameEvent;
use event_schema::gameplay::game_move::ChessGameMove;
use event_schema::gameplay::hub_message::GameHubMessage;
use event_schema::gameplay::invitation::ChessGameInvitation;
use event_schema::gameplay::user_preference::UserPreference;
use event_schema::object::{BOOKKEEPING, Kind, Object, Shown};
use event_schema::saved_filter::SavedFilter;
use event_schema::stored::{DataObject, EventObject, fields_of};
use event_schema::views;
use samples::{recorded, samples};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The object that the first fitting golden sample begins.
fn begun<O: DataObject>() -> O {
    let category = O::Event::CATEGORY;
    let events = samples(category).into_iter().map(|s| O::Event::from_recorded(&recorded(category, &s)).unwrap());
    events.filter_map(|event| O::begin(&event)).next().unwrap()
}

fn moved() -> ChessGameMove {
    let events = samples(GameEvent::CATEGORY).into_iter().map(|s| recorded(GameEvent::CATEGORY, &s));
    let moves = events.filter_map(|row| ChessGameMove::from_event(&GameEvent::from_recorded(&row).unwrap(), &row.at()));
    moves.into_iter().next().unwrap()
}

/// The keys of the type's JSON are the table's fields in the table's order, and every word of a field is a value of it.
fn fits<O: Serialize + DeserializeOwned>(table: &Object, object: &O) {
    let values = fields_of(object);
    let declared: Vec<&str> = table.all_fields().filter(|f| f.shown != Shown::Withheld).map(|f| f.name).collect();
    let keys: Vec<&str> = values.keys().map(String::as_str).collect();
    assert_eq!(keys, declared, "{}", table.name);
    for field in table.all_fields() {
        let Kind::Enum(words) = field.kind else { continue };
        let mut read = Vec::new();
        for word in words {
            let mut changed = values.clone();
            changed.insert(field.name.to_owned(), json!(word));
            let object: O = serde_json::from_value(Value::Object(changed)).unwrap();
            read.push(fields_of(&object)[field.name].clone());
        }
        assert_eq!(json!(read), json!(words), "{}.{}", table.name, field.name);
        let unknown = values.iter().map(|(k, v)| (k.clone(), if k == field.name { json!("?") } else { v.clone() }));
        assert!(serde_json::from_value::<O>(Value::Object(unknown.collect())).is_err(), "{}", field.name);
    }
}

#[test]
fn tables_are_their_types() {
    fits(User::TABLE, &begun::<User>());
    fits(ChessGame::TABLE, &begun::<ChessGame>());
    fits(ChessGameMove::TABLE, &moved());
    fits(ChessGameInvitation::TABLE, &begun::<ChessGameInvitation>());
    fits(<SavedFilter as DataObject>::TABLE, &begun::<SavedFilter>());
    fits(<CustomBoard as DataObject>::TABLE, &begun::<CustomBoard>());
    fits(<BoardTheme as DataObject>::TABLE, &begun::<BoardTheme>());
    fits(<UserPreference as DataObject>::TABLE, &begun::<UserPreference>());
    fits(<GameHubMessage as DataObject>::TABLE, &begun::<GameHubMessage>());
    let words: Vec<&str> = Role::OPTIONS.iter().map(|word| word.parse::<Role>().unwrap().as_str()).collect();
    assert_eq!(words, Role::OPTIONS);
}

#[test]
fn names_are_unique() {
    let mut tables = HashSet::new();
    for table in views::tables() {
        assert!(tables.insert(table.name.to_lowercase()), "two views are called {}", table.name);
        assert_eq!(views::by_name(&table.name.to_uppercase()).map(|t| t.name), Some(table.name));
        let mut names = HashSet::new();
        for field in table.all_fields().chain(BOOKKEEPING) {
            assert!(names.insert(field.name.to_owned()), "{} has two fields {}", table.name, field.name);
            if let Some(companion) = field.companion() {
                assert!(names.insert(companion.clone()), "{} has two fields {companion}", table.name);
            }
        }
    }
}

#[test]
fn joins_name_fields_that_exist() {
    for view in views::COMPOSED {
        for join in view.joins {
            let there = |table: &Object, name| table.field(name).is_some();
            assert!(
                there(view.table, join.field) && there(view.table, join.by) && there(join.of, join.shown),
                "{join:?}"
            );
            assert!(join.of.field(join.shown).unwrap().in_views(), "{join:?}");
        }
    }
}

#[test]
fn mappings() {
    for table in views::tables() {
        insta::assert_json_snapshot!(table.name, table.mapping());
    }
}

#[test]
fn no_view_holds_secrets() {
    for table in views::tables() {
        let mapping = table.mapping().to_string();
        for secret in ["password", "invitationCode", "secretCode", "fileData"] {
            assert!(!mapping.contains(&format!("\"{secret}\"")), "{} holds {secret}", table.name);
        }
    }
}

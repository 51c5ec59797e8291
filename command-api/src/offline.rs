//! What the program does besides serving, with the owner's login: `migrate`, `erasures`, `restored`.

use event_schema::gameplay::board_theme::BoardTheme;
use event_schema::gameplay::custom_board::CustomBoard;
use event_schema::gameplay::hub_message::GameHubMessage;
use event_schema::gameplay::user_preference::UserPreference;
use event_schema::saved_filter::SavedFilter;
use service::config::Env;

use crate::StartError;
use crate::auth::account::Account;
use crate::config::{MigrateConfig, RestoredConfig};
use crate::es::aggregate::Plain;
use crate::es::migrate::migrate;
use crate::es::restore::{Erasure, Refold, erasures, restored};
use crate::gameplay::game::Game;
use crate::gameplay::invitation::Invitation;

/// How every category of streams is folded.
pub const REFOLDS: &[Refold] = &[
    Refold::of::<Account>(),
    Refold::of::<Game>(),
    Refold::of::<Invitation>(),
    Refold::of::<Plain<CustomBoard>>(),
    Refold::of::<Plain<BoardTheme>>(),
    Refold::of::<Plain<UserPreference>>(),
    Refold::of::<Plain<GameHubMessage>>(),
    Refold::of::<Plain<SavedFilter>>(),
];

/// What can be said to the program.
const USAGE: &str = "use `command-api`, `command-api migrate`, `command-api erasures` or \
                     `command-api restored [--erasures FILE]...`";

/// Does what `word` says.
pub async fn run(word: &str, more: &[String], env: Env) -> Result<(), StartError> {
    match (word, more) {
        ("migrate", []) => {
            let config = MigrateConfig::from_env(env)?;
            let applied = migrate(&config.owner, &config.namespace).await?;
            println!("schema {}: {} migration(s) applied {applied:?}", config.namespace.schema(), applied.len());
            Ok(())
        }
        ("erasures", []) => {
            let config = MigrateConfig::from_env(env)?;
            for erasure in erasures(&config.owner, &config.namespace).await? {
                println!("{}", serde_json::to_string(&erasure)?);
            }
            Ok(())
        }
        ("restored", files) => {
            let recorded = recorded(files)?;
            let config = RestoredConfig::from_env(env)?;
            let done = restored(&config.log.owner, &config.log.namespace, &config.master, &recorded, REFOLDS).await?;
            println!("{}", serde_json::to_string(&done)?);
            Ok(())
        }
        _ => Err(format!("unknown arguments `{word}` {more:?}; {USAGE}").into()),
    }
}

/// What the files of `--erasures` hold: one JSON object a line, as `command-api erasures` prints them.
fn recorded(arguments: &[String]) -> Result<Vec<Erasure>, StartError> {
    let mut recorded = Vec::new();
    for pair in arguments.chunks(2) {
        let [flag, file] = pair else { return Err(USAGE.into()) };
        if flag != "--erasures" {
            return Err(format!("unknown argument `{flag}`; {USAGE}").into());
        }
        let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let one = serde_json::from_str(line);
            recorded.push(one.map_err(|error| format!("{file}: `{line}` is no erasure: {error}"))?);
        }
    }
    Ok(recorded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use event_schema::envelope::Recorded;
    use event_schema::ids::CommandId;
    use serde_json::{Value, json};
    use uuid::Uuid;

    /// One event of every shape that the category has.
    fn samples(category: &str) -> Vec<Recorded> {
        let path = format!("{}/../event-schema/tests/golden/{category}.json", env!("CARGO_MANIFEST_DIR"));
        let samples: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let event = |(sample, version): (Value, i32)| Recorded {
            position: i64::from(version),
            stream_id: Uuid::from_u128(1),
            version,
            category: category.to_owned(),
            kind: sample["type"].as_str().unwrap().to_owned(),
            schema: i16::try_from(sample["schema"].as_i64().unwrap()).unwrap(),
            command_id: CommandId(Uuid::from_u128(2)),
            ordinal: 0,
            correlation_id: Uuid::from_u128(2),
            causation_id: None,
            actor_id: Some(Uuid::from_u128(3)),
            recorded_at: "2026-01-31T12:00:00.125Z".parse().unwrap(),
            data: sample["data"].clone(),
        };
        samples.into_iter().zip(1..).map(event).collect()
    }

    /// The JSON pointers of all objects in a value, but of those whose names are the users' own.
    fn objects(value: &Value, place: &str, all: &mut Vec<String>) {
        let below: Vec<(String, &Value)> = match value {
            Value::Object(map) => {
                all.push(place.to_owned());
                let ours = |name: &str| !["conditions", "content", "more"].contains(&name);
                map.iter().filter(|(name, _)| ours(name)).map(|(name, value)| (name.clone(), value)).collect()
            }
            Value::Array(list) => list.iter().enumerate().map(|(nth, value)| (nth.to_string(), value)).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        };
        for (name, value) in below {
            objects(value, &format!("{place}/{name}"), all);
        }
    }

    #[test]
    fn a_state_with_a_field_of_a_newer_program_is_refused_wherever_it_stands() {
        for Refold { category, fold } in REFOLDS {
            let empty = serde_json::to_string(&Game::default()).unwrap();
            let empty = if *category == "chessGame" { empty.as_str() } else { "null" };
            let (stream, events) = (Uuid::from_u128(1), samples(category));
            let mut refused = 0;
            for upto in 1..=events.len() {
                let state = fold(stream, empty, &events[..upto]).unwrap().state;
                fold(stream, &state, &events[..upto]).unwrap();
                let (state, mut places) = (serde_json::from_str::<Value>(&state).unwrap(), Vec::new());
                objects(&state, "", &mut places);
                for place in places {
                    let mut newer = state.clone();
                    newer.pointer_mut(&place).unwrap()["pocket"] = json!([]);
                    let Err(error) = fold(stream, &newer.to_string(), &events[..upto]) else {
                        panic!("{category}: `{place}/pocket` would get lost");
                    };
                    let told = std::error::Error::source(&error).unwrap().to_string();
                    assert!(told.contains("pocket`"), "{category}: `{place}`: {told}");
                    refused += 1;
                }
            }
            assert!(refused >= 2, "{category}: the object and what the log knows of it");
        }
    }

    #[test]
    fn every_category_can_be_folded_anew() {
        let known: Vec<&str> = REFOLDS.iter().map(|refold| refold.category).collect();
        assert_eq!(known, event_schema::event::CATEGORIES);
    }

    #[test]
    fn only_lists_of_erasures_are_taken() {
        let path = std::env::temp_dir().join(format!("wechess-erasures-{}.jsonl", std::process::id()));
        let file = path.display().to_string();
        std::fs::write(&path, "{\"keyId\":\"user:1\",\"destroyedAt\":\"2026-01-02T03:04:05Z\"}\n\n").unwrap();
        let flag = "--erasures".to_owned();
        assert_eq!(recorded(&[flag.clone(), file.clone()]).unwrap()[0].key_id, "user:1");
        assert!(recorded(std::slice::from_ref(&flag)).is_err());
        assert!(recorded(&["--other".to_owned(), file.clone()]).is_err());
        std::fs::write(&path, "user:1").unwrap();
        assert!(recorded(&[flag, file]).unwrap_err().to_string().contains("is no erasure"));
        std::fs::remove_file(path).unwrap();
    }
}

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

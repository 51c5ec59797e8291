//! It runs from its first cell to its last one over the shipped games, as a reader would run it.

use std::fs;

use serde_json::Value;
use stack::services::workspace;
use wechess_tests::{System, alone, python};

use crate::import::{import, parts};

const SHIPPED: &str = include_str!("../../../data/lichess-2025-05-games.pgn");

#[test]
fn the_notebook_goes_from_a_token_to_three_charts() {
    alone(async || {
        let environment = python::environment("docs/analysis-requirements.txt");
        let system = System::with_namespace(&["user", "chessGameListView", "playerGameView"]).await;
        let admin = system.app.admin().await;
        for part in parts(SHIPPED) {
            import(&admin, &part).await.is(200);
        }
        system.app.all_settled().await;
        let folder = std::env::temp_dir().join(format!("wechess-notebook-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (source, made) = (workspace().join("docs/analysis.ipynb"), folder.join("made.ipynb"));
        let text = fs::read_to_string(&source).unwrap();
        let committed: Value = serde_json::from_str(&text).unwrap();
        assert!(outputs(&committed).is_empty(), "the notebook is committed without what it shows");
        let copy = folder.join("analysis.ipynb");
        fs::write(&copy, text).unwrap();
        let variables = [
            ("WECHESS_COMMAND_API", system.app.command_api.as_str()),
            ("WECHESS_QUERY_BFF", system.app.query_bff.as_str()),
        ];
        let (output, copy) = (format!("--output={}", made.display()), copy.display().to_string());
        let run = tokio::task::spawn_blocking({
            let (variables, folder) = (variables.map(|(name, value)| (name, value.to_owned())), folder.clone());
            move || {
                let variables: Vec<(&str, &str)> =
                    variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
                python::run(&environment, &folder, "jupyter-execute", &[&output, &copy], &variables)
            }
        })
        .await
        .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let made: Value = serde_json::from_str(&fs::read_to_string(&made).unwrap()).unwrap();
        let charts = outputs(&made).iter().filter(|output| output["data"]["image/png"].is_string()).count();
        assert_eq!(charts, 3);
        let said =
            outputs(&made).iter().any(|output| output["data"]["text/plain"].to_string().contains("220 imported"));
        assert!(said, "it does not say how many games it looks at");
        fs::remove_dir_all(&folder).unwrap();
        system.end().await;
    });
}

/// What all cells show.
fn outputs(notebook: &Value) -> Vec<&Value> {
    let cells = notebook["cells"].as_array().expect("cells");
    cells.iter().flat_map(|cell| cell["outputs"].as_array().into_iter().flatten()).collect()
}

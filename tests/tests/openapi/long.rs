//! Requests made up from the documents, to every documented route: no answer is a 5xx, none is outside of what the
//! documents say of it: status, media type, schema.

use std::fs;
use std::path::Path;

use wechess_tests::{Actor, System, alone, python, say};

/// Requests for each route in each phase of making them up, besides those at the edges of the schemas.
const EXAMPLES: &str = "25";

/// What is looked at.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// These end the session that asks; `sessions.rs`, `tokens.rs` and the loop over all routes without a token ask them.
const SESSION: [&str; 2] = ["logout", "relogin"];

/// Streams of events do not end: the first event tells of their form.
const SETTINGS: &str = "max-stream-events = 1\n";

/// So many lines of a red report are shown: its end names every failure with the request that makes it again.
const TAIL: usize = 400;

/// Every route of one service, as these two. All answers are asked for with the token: what is answered without one is
/// told by the loop over all routes.
async fn answers_as_documented(url: &str, folder: &str, who: [&Actor; 2]) {
    let environment = python::environment("tests/schemathesis-requirements.txt");
    let folder = std::env::temp_dir().join(format!("wechess-openapi-{folder}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the folder can be made");
    fs::write(folder.join("schemathesis.toml"), SETTINGS).expect("the folder can be written");
    for who in who {
        let run = tokio::task::spawn_blocking({
            let (environment, folder) = (environment.clone(), folder.clone());
            let (url, token) = (url.to_owned(), who.token.clone());
            move || report(&environment, &folder, &url, &token)
        });
        let (green, said) = run.await.expect("the thread that waits for it");
        let lines: Vec<&str> = said.lines().collect();
        assert!(green, "{url} as {}:\n{}", who.name, lines[lines.len().saturating_sub(TAIL)..].join("\n"));
        say(lines.last().copied().unwrap_or_default());
    }
    fs::remove_dir_all(&folder).expect("the folder can be removed");
}

/// Whether all answers were as documented, and what is said of it.
fn report(environment: &Path, folder: &Path, url: &str, token: &str) -> (bool, String) {
    let mut arguments: Vec<String> = vec!["run".into(), format!("{url}/openapi.json"), format!("--url={url}")];
    arguments.push(format!("--header=Authorization: Bearer {token}"));
    arguments.push("--generation-with-security-parameters=false".into());
    arguments.extend([format!("--checks={CHECKS}"), format!("--max-examples={EXAMPLES}")]);
    arguments.extend(["--seed=20250501", "--no-color", "--generation-database=none"].map(str::to_owned));
    arguments.extend(SESSION.map(|name| format!("--exclude-operation-id={name}")));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = python::run(environment, folder, "schemathesis", &arguments, &[]);
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    (run.status.success(), said)
}

#[test]
fn the_query_service_answers_as_documented() {
    alone(async || {
        let system = System::start(&[]).await;
        let (ann, bob) = (system.user("ann").await, system.user("bob").await);
        ann.create_game(&bob).await.play("e4 e5").await;
        system.app.all_settled().await;
        answers_as_documented(&system.query_bff, "query", [&ann, &system.admin().await]).await;
        system.end().await;
    });
}

#[test]
fn the_command_api_answers_as_documented() {
    alone(async || {
        let system = System::with_namespace(&["user"]).await;
        let (ann, bob) = (system.user("ann").await, system.user("bob").await);
        ann.create_game(&bob).await.play("e4 e5").await;
        answers_as_documented(&system.command_api, "command", [&ann, &system.admin().await]).await;
        system.end().await;
    });
}

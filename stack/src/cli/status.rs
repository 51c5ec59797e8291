//! `cargo dev status`: what runs, and where.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;
use stack::error::{Context, Result};
use stack::status::Status;
use stack::system;
use stack::unit::Unit;

use super::Which;

/// Arguments of `cargo dev status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    which: Which,
    /// Print JSON, and nothing else, on stdout.
    #[arg(long)]
    json: bool,
}

/// Prints it; whether anything runs or not is an answer, not a failure.
pub fn run(args: &StatusArgs) -> Result<bool> {
    let status = system::status(&args.which.run()?);
    if args.json {
        let text = match &status {
            Some(status) => serde_json::to_string(status),
            None => serde_json::to_string(&nothing()),
        };
        println!("{}", text.context(|| "cannot print the status".into())?);
        return Ok(true);
    }
    match status {
        Some(status) => print!("{}", describe(&status)),
        None => println!("`{}` does not run (start it with `cargo dev up`)", args.which.name),
    }
    Ok(true)
}

/// The same shape when nothing runs.
fn nothing() -> serde_json::Value {
    json!({
        "ready": false, "commandApi": null, "queryBff": null, "projector": null, "postgres": null, "nats": null,
        "elasticsearch": null, "pids": {}, "superAdmin": null,
    })
}

/// Where everything is.
pub fn describe(status: &Status) -> String {
    let servers = &status.connections;
    let mut text = String::new();
    let state = if status.ready { "ready" } else { "not ready" };
    let search = format!("{} ({})", servers.elasticsearch, servers.elasticsearch_version);
    let logs = servers.folder.join("logs").display().to_string();
    let admin = format!("{} / {}", servers.super_admin.email, servers.super_admin.password);
    let _ = writeln!(text, "weChess is {state}");
    let elsewhere: Vec<&str> = servers.external.servers().map(|server| Unit::from(server).key()).collect();
    for (name, key, value) in [
        ("command-api", "commandApi", &status.command_api),
        ("query-bff", "queryBff", &status.query_bff),
        ("projector", "projector", &status.projector),
        ("postgres", "postgres", &servers.postgres),
        ("nats", "nats", &servers.nats),
        ("elasticsearch", "elasticsearch", &search),
    ] {
        let absent = if elsewhere.contains(&key) { "runs elsewhere" } else { "not running" };
        let pid = status.pids.get(key).map_or_else(|| absent.to_owned(), |pid| format!("pid {pid}"));
        let _ = writeln!(text, "  {name:14} {value:44} {pid}");
    }
    let _ = writeln!(text, "  {:14} {admin}\n  {:14} {logs}", "superAdmin", "logs");
    text
}

/// Three lines to try.
pub fn try_it(status: &Status) -> String {
    let admin = &status.connections.super_admin;
    format!(
        "Try:\n  \
         TOKEN=$(curl -s {api}/auth-api/login -H 'Content-Type: application/json' \
         -d '{{\"username\":\"{email}\",\"password\":\"{password}\"}}' | sed 's/.*\"accessToken\":\"\\([^\"]*\\)\".*/\\1/')\n  \
         curl -s '{bff}/bff-api/chessGameListView/list?limit=5' -H \"Authorization: Bearer $TOKEN\"\n  \
         curl -s {bff}/admin/health\n",
        api = status.command_api,
        bff = status.query_bff,
        email = admin.email,
        password = admin.password,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        let login = json!({"user": "u", "password": "p"});
        let logins = json!({"admin": login, "projector": login, "queryBff": login});
        let text = json!({
            "ready": true, "commandApi": "http://127.0.0.1:8080", "queryBff": "http://127.0.0.1:8081",
            "projector": "http://127.0.0.1:8082", "pids": {"nats": 7}, "supervisor": 1, "folder": "/run/dev",
            "postgres": "postgres://127.0.0.1:1/wechess", "nats": "nats://127.0.0.1:2",
            "elasticsearch": "http://127.0.0.1:3", "elasticsearchVersion": "9.3.2",
            "superAdmin": {"email": "a@b.example", "password": "p"},
            "credentials": {
                "databaseUrls": {"admin": "a", "owner": "o", "commandApi": "c", "projector": "p"},
                "nats": logins, "elasticsearch": logins, "masterKey": "k",
            },
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn the_json_has_every_key_whether_it_runs_or_not() {
        let running = serde_json::to_value(status()).unwrap();
        for (key, _) in nothing().as_object().unwrap() {
            assert!(running.get(key).is_some(), "{key}");
        }
        assert_eq!(running["superAdmin"]["email"], "a@b.example");
        assert_eq!(running["pids"]["nats"], 7);
    }

    #[test]
    fn a_process_that_is_down_is_said_to_be() {
        let text = describe(&status());
        assert!(text.contains("nats://127.0.0.1:2") && text.contains("pid 7"), "{text}");
        assert!(text.contains("not running"), "{text}");
        assert_eq!(try_it(&status()).matches("curl").count(), 3);
    }
}

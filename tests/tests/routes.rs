//! The tables of routes, walked: who gets in, what never gets out, what the documents show.

use std::collections::BTreeSet;

use command_api::http::listing::documents;
use command_api::http::rows::{Access, Row, full_paths};
use command_api::routes::{PREFIXES, ROWS};
use serde_json::{Value, json};
use wechess_tests::servers::stack;
use wechess_tests::{Actor, Answer, App, story};

/// The path with a fresh id in each place.
fn filled(path: &str) -> String {
    let part = |part: &str| match part {
        "{index}" => "chessGame".to_owned(),
        part if part.starts_with('{') => uuid::Uuid::now_v7().to_string(),
        part => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// A value that the table accepts for every required field.
fn body_of(row: &Row) -> Value {
    let value = |kind: event_schema::object::Kind| match kind {
        event_schema::object::Kind::Id => json!(uuid::Uuid::now_v7()),
        event_schema::object::Kind::Enum(words) => json!(words[0]),
        event_schema::object::Kind::Integer => json!(1),
        event_schema::object::Kind::Double => json!(0.5),
        event_schema::object::Kind::Boolean => json!(true),
        event_schema::object::Kind::Date => json!("2026-01-31T12:00:00Z"),
        event_schema::object::Kind::Json => json!({}),
        event_schema::object::Kind::String | event_schema::object::Kind::Text => json!("something"),
    };
    row.body.iter().filter(|param| param.required).map(|param| (param.name.to_owned(), value(param.kind))).collect()
}

async fn call(who: &Actor, row: &Row, path: &str) -> Answer {
    let request = who.request(row.method, path);
    if row.body.is_empty() { request.send().await } else { request.json(&body_of(row)).send().await }
}

/// No answer ever carries any of these.
fn no_secret(answer: &Answer) {
    no_secret_in(&answer.text, &answer.what);
}

fn no_secret_in(text: &str, what: &str) {
    let stack = stack();
    for secret in [
        "$argon2",
        "PRIVATE KEY",
        "\"password\":\"",
        "sealed:",
        &stack.credentials.master_key,
        &stack.super_admin.password,
    ] {
        assert!(!text.contains(secret), "`{secret}` in the answer of {what}");
    }
}

#[test]
fn without_a_token_every_guarded_route_is_a_401() {
    story(async |app: App| {
        let stranger = app.stranger();
        for row in ROWS.iter() {
            for path in full_paths(row) {
                let answer = call(&stranger, row, &filled(&path)).await;
                match row.access {
                    Access::LoggedIn | Access::Admins => {
                        answer.refused(401, "errMsg_userNotAuthenticated");
                    }
                    // The contract's plain refusals.
                    Access::Public if row.others.iter().any(|other| other.status == 401) => {
                        assert_eq!(
                            (answer.is(401)["status"].as_str(), answer.body.as_object().unwrap().len()),
                            (Some("ERR"), 2)
                        );
                    }
                    // A login with a wrong password is a 401 as well, but of another kind.
                    Access::Public => assert_ne!(answer.body["message"], "errMsg_userNotAuthenticated", "{path}"),
                }
                no_secret(&answer);
            }
        }
    });
}

#[test]
fn without_a_token_every_route_of_the_query_service_is_a_401() {
    story(async |app: App| {
        let stranger = app.stranger();
        for operation in query_bff::routes::operations() {
            for prefix in [query_bff::routes::PREFIX, ""] {
                let request = stranger.view(&operation.method, &filled(&format!("{prefix}{}", operation.path)));
                let request = if operation.body.is_some() { request.json(&json!({})) } else { request };
                request.send().await.refused(401, "errMsg_userNotAuthenticated");
            }
        }
    });
}

#[test]
fn with_every_role_every_route_answers_as_documented_and_without_secrets() {
    story(async |app: App| {
        for who in [app.guest().await, app.user("ann").await, app.admin().await] {
            for row in ROWS.iter().filter(|row| !["logout", "relogin"].contains(&row.name)) {
                let path = full_paths(row).next().unwrap();
                let answer = call(&who, row, &filled(&path)).await;
                let documented = documents(row, answer.status);
                assert!(documented && answer.status < 500, "{} -> {} {}", answer.what, answer.status, answer.text);
                no_secret(&answer);
            }
            for operation in query_bff::routes::operations() {
                let path = filled(&format!("{}{}", query_bff::routes::PREFIX, operation.path));
                if operation.media == [query_bff::live::MEDIA] {
                    no_secret_in(&who.live(&path).await.expect("snapshot").await.to_string(), &path);
                    continue;
                }
                let request = who.view(&operation.method, &path);
                let request = if operation.body.is_some() { request.json(&json!({"filters": {}})) } else { request };
                let answer = request.send().await;
                let documented = operation.documents(answer.status);
                assert!(documented && answer.status < 500, "{} -> {} {}", answer.what, answer.status, answer.text);
                no_secret(&answer);
            }
            for view in event_schema::views::tables() {
                no_secret(&who.look(&format!("/bff-api/{}/list?limit=100", view.name)).await);
            }
        }
    });
}

#[test]
fn the_table_is_as_it_was_looked_at() {
    let mut names = BTreeSet::new();
    let mut lines = Vec::new();
    for row in ROWS.iter() {
        assert!(names.insert(row.name.to_owned()), "`{}` stands there twice", row.name);
        let access = match row.access {
            Access::Public => "public",
            Access::LoggedIn => "logged in",
            Access::Admins => "admins",
        };
        let body: Vec<String> =
            row.body.iter().map(|p| format!("{}{}", p.name, if p.required { "!" } else { "" })).collect();
        let query: Vec<&str> = row.filters.iter().map(|f| f.name).chain(row.extra.iter().copied()).collect();
        lines.push(format!(
            "{} {} {} [{}] {access} {} -> {} {}\n    body: {}\n    query: {}",
            row.name,
            row.method,
            row.path,
            row.prefixes.join(" "),
            row.action.as_str(),
            row.status,
            row.data_name(),
            body.join(" "),
            query.join(" ")
        ));
    }
    for operation in query_bff::routes::operations() {
        assert!(names.insert(operation.name.to_owned()), "`{}` stands there twice", operation.name);
        lines.push(format!(
            "{} {} {}{} -> {}",
            operation.name, operation.method, operation.prefix, operation.path, operation.status
        ));
    }
    let lines: Vec<&str> = lines.iter().flat_map(|line| line.lines()).map(str::trim_end).collect();
    insta::assert_snapshot!("routes", lines.join("\n"));
}

#[test]
fn the_documents_show_every_route() {
    story(async |app: App| {
        let stranger = app.stranger();
        let document = stranger.get("/openapi.json").await.is(200).clone();
        assert_eq!(document["openapi"], "3.1.0");
        for row in ROWS.iter() {
            for path in full_paths(row) {
                let operation = &document["paths"][&path][row.method.to_lowercase()];
                assert!(operation.is_object(), "{} {path} is not in the document", row.method);
            }
        }
        let query = stranger.view("GET", "/openapi.json").send().await.is(200).clone();
        for operation in query_bff::routes::operations() {
            let path = format!("{}{}", operation.prefix, operation.path);
            assert!(query["paths"][&path][operation.method.to_lowercase()].is_object(), "{path}");
        }
        let mut urls = vec![
            app.command_api.clone(),
            app.query_bff.clone(),
            app.projector.clone(),
            format!("{}/bff-api", app.query_bff),
        ];
        urls.extend(PREFIXES.iter().map(|prefix| format!("{}{prefix}", app.command_api)));
        for url in urls {
            for (path, kind) in [
                ("/", "text/html"),
                ("/swagger", "text/html"),
                ("/getPostmanCollection", "application/json"),
                ("/openapi.json", "application/json"),
                ("/health", "application/json"),
                ("/metrics", "text/plain"),
                ("/favicon.ico", "image/svg+xml"),
                ("/admin/health", "application/json"),
            ] {
                let answer = stranger.get(&format!("{url}{path}")).await;
                answer.is(200);
                assert!(answer.header("content-type").unwrap().starts_with(kind), "{}", answer.what);
                assert!(!answer.text.is_empty());
                if path != "/openapi.json" && path != "/getPostmanCollection" && path != "/" {
                    no_secret(&answer);
                }
            }
        }
    });
}

#[test]
fn health_tells_of_each_dependency() {
    story(async |app: App| {
        let stranger = app.stranger();
        let names = async |url: &str| {
            let report = stranger.get(&format!("{url}/admin/health")).await.is(200).clone();
            let checks = report["checks"].as_array().unwrap().clone();
            checks.iter().map(|check| check["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&app.command_api).await, ["postgres", "appendQueue", "nats"]);
        assert_eq!(names(&app.projector).await, ["postgres", "nats", "elasticsearch", "views"]);
        assert_eq!(names(&app.query_bff).await, ["elasticsearch", "nats", "watermarks"]);
        let report = stranger.get("/admin/health").await.is(200).clone();
        let detail = report["checks"][0]["detail"].as_str().unwrap();
        for setting in ["fsync=on", "synchronous_commit=on", "full_page_writes=on"] {
            assert!(detail.contains(setting), "{detail}");
        }
    });
}

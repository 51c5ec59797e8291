//! Views of players, and those that wait for the services that will fill them.

use serde_json::{Value, json};
use wechess_tests::answer::has;
use wechess_tests::{App, story};

const PROFILE: &str = "playerProfileView";

#[test]
fn everybody_sees_who_a_player_is_and_admins_his_address() {
    story(async |app: App| {
        let (ann, eve, admin) = (app.user("ann").await, app.guest().await, app.admin().await);
        let seen = eve.look(&format!("/bff-api/{PROFILE}/{}", ann.id)).await.is(200)["item"].clone();
        has(&seen, &json!({"id": ann.id, "fullname": "ann", "isActive": true, "eloRating": null, "totalGames": null}));
        assert!(seen["avatar"].is_string(), "{seen}");
        assert!(
            ["email", "roleId", "emailVerified", "password"].iter().all(|name| seen.get(*name).is_none()),
            "{seen}"
        );
        let whole = admin.look(&format!("/bff-api/{PROFILE}/{}", ann.id)).await.is(200)["item"].clone();
        has(&whole, &json!({"email": ann.email, "roleId": "user", "emailVerified": false}));
        for asked in [json!({"email": ann.email}), json!({"roleId": "admin"})] {
            eve.search(&format!("/bff-api/{PROFILE}/list"), &asked).await.is(403);
        }
        assert_eq!(admin.count(PROFILE, &json!({"email": ann.email})).await, 1);
        assert_eq!(eve.count(PROFILE, &json!({"fullname": "ann", "id": [ann.id]})).await, 1);
        let found = eve.look(&format!("/bff-api/{PROFILE}/list?q={}", ann.email)).await;
        assert!(found.is(200)["items"].as_array().unwrap().iter().all(|item| item["id"] != ann.id), "{}", found.text);
    });
}

/// The fields of a view, as its schema says.
fn fields(schema: &Value) -> Vec<&str> {
    let fields = schema["fields"].as_array().expect("fields");
    fields.iter().map(|field| field["name"].as_str().expect("a name")).collect()
}

#[test]
fn views_that_wait_for_their_services_answer_and_are_empty() {
    story(async |app: App| {
        let (ann, admin) = (app.user("ann").await, app.admin().await);
        for view in event_schema::views::WAITING.iter().map(|view| view.table) {
            let at = |path: &str| format!("/bff-api/{}{path}", view.name);
            for who in [&ann, &admin] {
                for path in ["", "/list"] {
                    has(who.look(&at(path)).await.is(200), &json!({"total": 0, "items": []}));
                }
                has(who.search(&at("/list"), &json!({"filters": {}})).await.is(200), &json!({"total": 0}));
                has(who.look(&at("/count")).await.is(200), &json!({"total": 0}));
                has(who.search(&at("/count"), &json!({"filters": {}})).await.is(200), &json!({"total": 0}));
                who.look(&at(&format!("/{}", uuid::Uuid::nil()))).await.is(404);
                let schema = who.look(&at("/schema")).await.is(200).clone();
                let declared = view.view_fields().map(|field| field.name);
                assert!(declared.into_iter().all(|name| fields(&schema).contains(&name)), "{schema}");
            }
            let saved =
                ann.view("POST", &at("/filters")).json(&json!({"filterName": "x", "conditions": {}})).send().await;
            let id = saved.is(201)["id"].as_str().unwrap().to_owned();
            has(ann.look(&at("/filters")).await.is(200), &json!({"total": 1}));
            ann.view("DELETE", &at(&format!("/filters/{id}"))).send().await.is(200);
        }
    });
}

//! Registering, guests, who may read whom.

use serde_json::{Value, json};
use wechess_tests::actor::PASSWORD;
use wechess_tests::answer::has;
use wechess_tests::{App, story};

fn address(name: &str) -> String {
    format!("{name}-{}@example.com", uuid::Uuid::now_v7().simple())
}

fn person(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD, "fullname": "Ann"})
}

#[test]
fn a_stranger_registers_and_is_shown_without_his_password() {
    story(async |app: App| {
        let email = address("Ann");
        let answer = app.stranger().post("/auth-api/v1/registeruser", &person(&email)).await;
        let body = answer.is(201);
        has(
            body,
            &json!({"status": "OK", "statusCode": 201, "dataName": "user", "method": "POST", "action": "create", "rowCount": 1}),
        );
        let user = &body["user"];
        let keys: Vec<&str> = user.as_object().unwrap().keys().map(String::as_str).collect();
        let contract = ["id", "email", "password", "fullname", "avatar", "roleId", "emailVerified", "isActive"];
        assert_eq!(keys, [&contract[..], &["recordVersion", "createdAt", "updatedAt", "_owner"]].concat());
        let email = email.to_lowercase();
        has(
            user,
            &json!({"email": email, "password": null, "fullname": "Ann", "roleId": "user", "emailVerified": false, "isActive": true, "recordVersion": 1}),
        );
        assert!(user["avatar"].as_str().unwrap().starts_with("https://"), "{user}");
        assert_eq!(answer.header("etag"), Some("\"1\""));
        assert!(answer.header("consistency-token").is_some());
    });
}

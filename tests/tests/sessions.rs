//! Login, logout, relogin, who I am, public keys.

use serde_json::json;
use wechess_tests::actor::PASSWORD;
use wechess_tests::answer::has;
use wechess_tests::{App, eventually, story};

#[test]
fn a_login_gives_the_token_in_body_header_and_cookie() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        let body = json!({"email": ann.email.to_uppercase(), "password": PASSWORD});
        let answer = app.stranger().post("/auth-api/login", &body).await;
        let session = answer.is(200);
        let shown = json!({"userId": ann.id, "email": ann.email, "fullname": "ann", "roleId": "user",
            "emailVerified": false, "tenantId": null, "expiresIn": 30 * 24 * 3600});
        has(session, &shown);
        let token = session["accessToken"].as_str().unwrap();
        assert_eq!(answer.header("wechess-access-token"), Some(token));
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.starts_with(&format!("wechess-access-token={token};")), "{cookie}");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        assert!(!answer.text.contains("argon2"));
    });
}

#[test]
fn a_wrong_user_and_a_wrong_password_get_one_answer() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        let mut told = Vec::new();
        for (user, password) in
            [(ann.email.as_str(), "not her password"), ("nobody@example.com", PASSWORD), ("ann", "x")]
        {
            let answer = app.stranger().post("/auth-api/login", &json!({"username": user, "password": password})).await;
            told.push(answer.refused(401, "errMsg_WrongUserOrPassword").to_owned());
        }
        told.dedup();
        assert_eq!(told, ["wrong username or password"]);
    });
}

#[test]
fn missing_credentials_are_a_400() {
    story(async |app: App| {
        for body in [json!({}), json!({"username": "ann@example.com"}), json!({"password": PASSWORD, "username": null})]
        {
            app.stranger().post("/auth-api/login", &body).await.refused(400, "errMsg_MissingCredentials");
        }
    });
}

#[test]
fn a_username_wins_over_an_email() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let body = json!({"username": ann.email, "email": bob.email, "password": PASSWORD});
        has(app.stranger().post("/auth-api/login", &body).await.is(200), &json!({"userId": ann.id}));
    });
}

#[test]
fn who_is_logged_in_sees_his_session() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        for path in ["/currentuser", "/auth-api/currentuser", "/gameplay-api/currentuser"] {
            has(ann.get(path).await.is(200), &json!({"userId": ann.id, "fullname": "ann", "accessToken": ann.token}));
        }
        let nobody = app.stranger().get("/currentuser").await;
        assert_eq!(nobody.is(401), &json!({"status": "ERR", "message": "No login found"}));
    });
}

#[test]
fn a_logout_ends_the_token_at_once_here_and_within_a_moment_in_the_query_service() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        let other = app.login(&ann.email, PASSWORD).await;
        ann.look("/bff-api/user/count").await.is(200);
        other.look("/bff-api/user/count").await.is(200);
        let answer = ann.post("/auth-api/logout", &json!({})).await;
        assert_eq!(answer.is(200)["status"], "OK");
        assert!(answer.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")), "{:?}", answer.headers);
        ann.get("/auth-api/v1/users").await.refused(401, "errMsg_userNotAuthenticated");
        eventually("the query service hears of it", async || {
            let answer = ann.view("GET", "/bff-api/user/count").send().await;
            (answer.status == 401).then(|| answer.refused(401, "errMsg_userNotAuthenticated").to_owned())
        })
        .await;
        other.get("/auth-api/v1/users").await.is(200);
        ann.post("/auth-api/logout", &json!({})).await.is(200);
        app.stranger().post("/auth-api/logout", &json!({})).await.is(200);
    });
}

#[test]
fn a_relogin_is_a_new_session_and_ends_the_old_one() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        let before = ann.get("/currentuser").await.is(200)["sessionId"].clone();
        let session = ann.get("/auth-api/relogin").await.is(200).clone();
        has(&session, &json!({"userId": ann.id, "email": ann.email, "roleId": "user"}));
        assert_ne!(session["sessionId"], before);
        ann.get("/auth-api/v1/users").await.refused(401, "errMsg_userNotAuthenticated");
        app.of_session(&session).get("/auth-api/v1/users").await.is(200);
        let refused = ann.get("/auth-api/relogin").await;
        assert_eq!(refused.is(401), &json!({"status": "ERR", "message": "Cannot relogin"}));
    });
}

#[test]
fn public_keys_are_served_by_id() {
    story(async |app: App| {
        let current = app.stranger().get("/auth-api/publickey").await.is(200).clone();
        assert!(current["keyData"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----"), "{current}");
        let id = current["keyId"].as_str().unwrap();
        let by_id = app.stranger().get(&format!("/auth-api/publickey?keyId={id}")).await;
        assert_eq!(by_id.is(200), &current);
        app.stranger().get("/auth-api/publickey?keyId=nothing").await.refused(404, "errMsg_KeyNotFound");
    });
}

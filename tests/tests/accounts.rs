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
        let envelope = json!({"status": "OK", "statusCode": 201, "dataName": "user", "method": "POST",
            "action": "create", "rowCount": 1});
        has(body, &envelope);
        let user = &body["user"];
        let keys: Vec<&str> = user.as_object().unwrap().keys().map(String::as_str).collect();
        let contract = ["id", "email", "password", "fullname", "avatar", "roleId", "emailVerified", "isActive"];
        assert_eq!(keys, [&contract[..], &["recordVersion", "createdAt", "updatedAt", "_owner"]].concat());
        let shown = json!({"email": email.to_lowercase(), "password": null, "fullname": "Ann", "roleId": "user",
            "emailVerified": false, "isActive": true, "recordVersion": 1});
        has(user, &shown);
        assert!(user["avatar"].as_str().unwrap().starts_with("https://"), "{user}");
        assert_eq!(answer.header("etag"), Some("\"1\""));
        assert!(answer.header("consistency-token").is_some());
    });
}

#[test]
fn an_address_is_registered_once_in_any_spelling() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        for email in [ann.email.clone(), ann.email.to_uppercase(), format!(" {} ", ann.email)] {
            let answer = app.stranger().post("/auth-api/v1/registeruser", &person(&email)).await;
            let told = answer.refused(400, "errMsg_EmailAlreadyRegistered");
            assert_eq!(told, format!("`{}` is registered already; log in, or use another address", ann.email));
            assert_eq!(answer.faults(), ["/email errMsg_EmailAlreadyRegistered"]);
        }
    });
}

#[test]
fn of_registrations_of_one_address_at_one_moment_exactly_one_wins() {
    story(async |app: App| {
        let body = person(&address("ann"));
        let stranger = app.stranger();
        let answers =
            futures_util::future::join_all((0..8).map(|_| stranger.post("/auth-api/v1/registeruser", &body))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
        assert_eq!((won.len(), lost.len()), (1, 7));
        for answer in lost {
            answer.refused(400, "errMsg_EmailAlreadyRegistered");
        }
    });
}

#[test]
fn every_fault_of_a_registration_is_in_one_answer() {
    story(async |app: App| {
        let body = json!({"email": "ann", "password": "short", "fullname": "  ", "avatar": "javascript:alert(1)"});
        let answer = app.stranger().post("/auth-api/v1/registeruser", &body).await;
        answer.refused(400, "errMsg_emailIsNotValid");
        let wrong = |name: &str| format!("/{name} errMsg_{name}IsNotValid");
        assert_eq!(answer.faults(), ["email", "password", "fullname", "avatar"].map(wrong));
        let none = app.stranger().post("/auth-api/v1/registeruser", &json!({})).await;
        let missing = |name: &str| format!("/{name} errMsg_{name}IsRequired");
        assert_eq!(none.faults(), ["email", "password", "fullname"].map(missing));
    });
}

#[test]
fn nobody_chooses_his_role() {
    story(async |app: App| {
        let mut body = person(&address("ann"));
        body["roleId"] = "admin".into();
        let answer = app.stranger().post("/auth-api/v1/registeruser", &body).await;
        answer.refused(400, "errMsg_unknownField");
        assert_eq!(answer.faults(), ["/roleId errMsg_unknownField"]);
    });
}

#[test]
fn a_guest_plays_and_keeps_id_and_history_when_he_registers() {
    story(async |app: App| {
        let (guest, bob) = (app.guest().await, app.user("bob").await);
        assert!(guest.name.starts_with("Guest "), "{}", guest.name);
        let game = guest.create_game(&bob).await;
        has(&game.state().await, &json!({"guestPlayerWhite": true, "guestPlayerBlack": false}));
        let body = json!({"id": game.id});
        assert_eq!(bob.find("chessGameListView", &body).await[0]["playerWhiteName"], json!(guest.name));

        let email = address("grace");
        let person = json!({"email": email, "password": PASSWORD, "fullname": "Grace"});
        let answer = guest.post("/auth-api/v1/registeruser", &person).await;
        has(answer.data(), &json!({"id": guest.id, "email": email, "roleId": "user", "recordVersion": 2}));

        let grace = app.login(&email, PASSWORD).await;
        assert_eq!(grace.id, guest.id);
        has(&grace.game(&game.id).await.data().clone(), &json!({"playerWhiteId": guest.id, "guestPlayerWhite": true}));
        assert_eq!(bob.find("chessGameListView", &body).await[0]["playerWhiteName"], "Grace");
        let again = guest
            .post("/auth-api/v1/registeruser", &json!({"email": address("g"), "password": PASSWORD, "fullname": "G"}))
            .await;
        assert!(
            again.status == 201 && again.data()["id"] != guest.id.as_str(),
            "a user registers somebody else: {}",
            again.text
        );
    });
}

#[test]
fn a_guest_may_bring_a_name() {
    story(async |app: App| {
        let session = app.stranger().post("/v1/registerguest", &json!({})).await;
        session.refused(404, "errMsg_routeNotFound");
        let session = app.stranger().post("/auth-api/v1/registerguest", &json!({"fullname": "Ned"})).await;
        has(session.is(201), &json!({"fullname": "Ned", "email": null, "roleId": "guest"}));
        assert!(session.header("consistency-token").is_some(), "views may be asked for the guest");
    });
}

#[test]
fn users_read_themselves_and_admins_read_all() {
    story(async |app: App| {
        let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
        let of_bob = format!("/auth-api/v1/users/{}", bob.id);
        has(bob.get(&of_bob).await.data(), &json!({"id": bob.id, "email": bob.email, "password": null}));
        has(admin.get(&of_bob).await.data(), &json!({"id": bob.id, "email": bob.email, "password": null}));
        ann.get(&of_bob).await.refused(403, "errMsg_forbidden");
        app.stranger().get(&of_bob).await.refused(401, "errMsg_userNotAuthenticated");
        let nobody = uuid::Uuid::now_v7();
        ann.get(&format!("/auth-api/v1/users/{nobody}")).await.refused(404, "errMsg_recordNotFound");

        let own = ann.get("/auth-api/v1/users").await;
        has(own.is(200), &json!({"dataName": "users", "action": "list", "rowCount": 1}));
        has(&own.body["paging"], &json!({"pageNumber": 1, "pageRowCount": 25, "totalRowCount": 1, "pageCount": 1}));
        assert_eq!(own.data()[0]["id"], json!(ann.id));
        let found =
            admin.get(&format!("/auth-api/v1/users?email={}&email={}", ann.email.to_uppercase(), bob.email)).await;
        assert_eq!(found.body["paging"]["totalRowCount"], 2, "{}", found.text);
        let hidden = ann.get(&format!("/auth-api/v1/users?email={}", bob.email)).await;
        assert_eq!(hidden.data(), &json!([]), "a filter never widens what one sees");
    });
}

#[test]
fn everybody_knows_what_is_brief() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        let answer = app.stranger().get(&format!("/auth-api/v1/briefuser/{}", ann.id)).await;
        let keys: Vec<&str> = answer.data().as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["id", "fullname", "avatar", "isActive"]);
        has(answer.data(), &json!({"id": ann.id, "fullname": "ann", "isActive": true}));
        let nobody = uuid::Uuid::now_v7();
        app.stranger().get(&format!("/auth-api/v1/briefuser/{nobody}")).await.refused(404, "errMsg_recordNotFound");
    });
}

#[test]
fn the_super_admin_of_the_configuration_is_there_once() {
    story(async |app: App| {
        let admin = app.admin().await;
        let found = admin.get(&format!("/auth-api/v1/users?email={}", admin.email)).await;
        assert_eq!(found.body["paging"]["totalRowCount"], 1);
        has(&found.data()[0], &json!({"roleId": "superAdmin", "emailVerified": true, "password": null}));
    });
}

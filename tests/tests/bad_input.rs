//! What the command API says to requests that are wrong before any rule of chess is asked.

use serde_json::json;
use wechess_tests::actor::PASSWORD;
use wechess_tests::{App, story};

const GAME: &str = "/gameplay-api/v1/game";
const MOVE: &str = "/gameplay-api/v1/gamemove";

#[test]
fn malformed_json_is_a_400() {
    story(async |app: App| {
        let ann = app.guest().await;
        for text in ["{", "{\"mode\":}", "nonsense", "{\"a\":1}x", "\u{feff}{}"] {
            let answer = ann.request("POST", GAME).body("application/json", text).send().await;
            let told = answer.refused(400, "errMsg_invalidJson");
            assert!(told.starts_with("the body is not valid JSON: "), "{told}");
        }
        for text in ["[]", "null", "7", "\"text\""] {
            let answer = ann.request("POST", GAME).body("application/json", text).send().await;
            assert_eq!(answer.refused(400, "errMsg_bodyIsNotAnObject"), "the body must be a JSON object");
        }
    });
}

#[test]
fn every_wrong_field_is_told_in_one_answer() {
    story(async |app: App| {
        let ann = app.guest().await;
        let body = json!({"playerWhiteId": "x", "mode": "open", "gameType": 7, "invitationCode": ["a"], "colour": 1,
            "saveRequestWhite": "yes", "movedAt": "yesterday"});
        let answer = ann.post(GAME, &body).await;
        answer.refused(400, "errMsg_playerWhiteIdIsNotValid");
        let not_valid = |name: &str| format!("/{name} errMsg_{name}IsNotValid");
        let mut expected = ["playerWhiteId", "mode", "gameType", "invitationCode"].map(not_valid).to_vec();
        expected.push("/colour errMsg_unknownField".to_owned());
        expected.extend(["saveRequestWhite", "movedAt"].map(not_valid));
        assert_eq!(answer.faults(), expected);
    });
}

#[test]
fn a_leap_second_is_no_instant() {
    story(async |app: App| {
        let (ann, bob, admin) = (app.user("ann").await, app.guest().await, app.admin().await);
        let game = ann.open_game("private").await;
        let minute = (chrono::Utc::now() + chrono::TimeDelta::days(1)).format("%Y-%m-%dT%H:%M");
        let body = json!({"gameId": game["id"], "recipientId": bob.id, "expiresAt": format!("{minute}:60Z")});
        let answer = ann.post("/gameplay-api/v1/gameinvitation", &body).await;
        assert_eq!(answer.faults(), ["/expiresAt errMsg_expiresAtIsNotValid"]);
        let pgn = "[Date \"2016.12.31\"]\n[UTCDate \"2016.12.31\"]\n[UTCTime \"23:59:60\"]\n\n1. e4 *\n";
        let report = crate::import::import(&admin, pgn).await;
        assert_eq!(report.is(200)["refused"], 1, "{}", report.text);
        assert_eq!(report.body["games"][0]["faults"][0]["tag"], "UTCTime", "{}", report.text);
    });
}

#[test]
fn missing_fields_are_named() {
    story(async |app: App| {
        let ann = app.guest().await;
        let answer = ann.post(MOVE, &json!({"moveNumber": null})).await;
        let required = |name: &str| format!("/{name} errMsg_{name}IsRequired");
        assert_eq!(answer.faults(), ["gameId", "moveNumber", "moveNotation"].map(required));
    });
}

#[test]
fn an_id_that_is_no_uuid_is_a_400() {
    story(async |app: App| {
        let ann = app.guest().await;
        let answer = ann.game("7").await;
        assert_eq!(answer.refused(400, "errMsg_chessGameIdisNotAValidID"), "chessGameId: `7` is not a UUID");
        ann.get("/auth-api/v1/users/me").await.refused(400, "errMsg_userIdisNotAValidID");
        let body = json!({"gameId": "7", "moveNumber": 1, "moveNotation": "e4"});
        assert_eq!(ann.post(MOVE, &body).await.faults(), ["/gameId errMsg_gameIdIsNotValid"]);
        let answer = ann.get("/gameplay-api/v1/gamemoves?gameId=7").await;
        assert_eq!(answer.faults(), ["gameId errMsg_gameIdIsNotValid"]);
        let nobody = json!({"playerWhiteId": ann.id, "playerBlackId": uuid::Uuid::now_v7(), "mode": "public", "gameType": "rapid"});
        let answer = ann.post(GAME, &nobody).await;
        assert!(matches!(answer.status, 400 | 404), "a player that nobody is: {}", answer.text);
    });
}

#[test]
fn a_body_over_the_limit_is_a_413() {
    story(async |app: App| {
        let ann = app.guest().await;
        let large = format!("{{\"mode\":\"{}\"}}", "x".repeat(128 * 1024));
        let answer = ann.request("POST", GAME).body("application/json", large).send().await;
        answer.refused(413, "errMsg_bodyTooLarge");
        let most = format!("{{\"mode\":\"{}\"}}", "x".repeat(128 * 1024 - 11));
        assert_eq!(most.len(), 128 * 1024);
        let answer = ann.request("POST", GAME).body("application/json", most).send().await;
        answer.refused(400, "errMsg_modeIsNotValid");
    });
}

#[test]
fn only_json_is_read() {
    story(async |app: App| {
        let ann = app.guest().await;
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/xml"] {
            let answer = ann.request("POST", GAME).body(kind, "mode=public").send().await;
            answer.refused(415, "errMsg_unsupportedMediaType");
        }
        let body = json!({"playerWhiteId": ann.id, "mode": "public", "gameType": "rapid"}).to_string();
        let answer = ann.request("POST", GAME).body("application/json; charset=utf-8", body).send().await;
        answer.is(201);
    });
}

#[test]
fn a_wrong_method_is_a_405_and_an_unknown_route_a_404() {
    story(async |app: App| {
        let ann = app.guest().await;
        let answer = ann.request("PUT", GAME).json(&json!({})).send().await;
        answer.refused(405, "errMsg_methodNotAllowed");
        assert_eq!(answer.header("allow"), Some("POST"));
        ann.request("DELETE", "/auth-api/login").send().await.refused(405, "errMsg_methodNotAllowed");
        for path in ["/nothing", "/gameplay-api/v1/nothing", "/gameplay-api/v2/game", "/v1/game"] {
            ann.get(path).await.refused(404, "errMsg_routeNotFound");
        }
    });
}

#[test]
fn nul_is_refused_wherever_text_comes_in() {
    story(async |app: App| {
        let ann = app.guest().await;
        let body = json!({"email": "a@example.com", "password": PASSWORD, "fullname": "A\0nn"});
        let answer = app.stranger().post("/auth-api/v1/registeruser", &body).await;
        assert_eq!(answer.refused(400, "errMsg_fullnameIsNotValid"), "/fullname: `fullname` must not contain U+0000");
        let answer = ann.get("/gameplay-api/v1/games?invitationCode=a%00b").await;
        assert_eq!(answer.faults(), ["invitationCode errMsg_invitationCodeIsNotValid"]);
        let body = json!({"playerWhiteId": ann.id, "mode": "private", "gameType": "rapid", "invitationCode": "a\0b"});
        assert_eq!(ann.post(GAME, &body).await.faults(), ["/invitationCode errMsg_invitationCodeIsNotValid"]);
        let body = json!({"username": "a\0@example.com", "password": PASSWORD});
        app.stranger().post("/auth-api/login", &body).await.refused(400, "errMsg_usernameIsNotValid");
    });
}

#[test]
fn query_parameters_are_checked_all_at_once() {
    story(async |app: App| {
        let ann = app.guest().await;
        let query = "colour=red&status=open&getJoins=maybe&cacheTTL=long&pageNumber=-1&pageRowCount=501";
        let answer = ann.get(&format!("/gameplay-api/v1/games?{query}")).await;
        let expected = [
            "colour errMsg_unknownParameter",
            "status errMsg_statusIsNotValid",
            "getJoins errMsg_getJoinsIsNotValid",
            "cacheTTL errMsg_cacheTTLIsNotValid",
            "pageNumber errMsg_pageNumberIsNotValid",
            "pageRowCount errMsg_pageRowCountIsNotValid",
        ];
        assert_eq!(answer.faults(), expected);
        let query = "getJoins=false&excludeCQRS=true&caching=false&cacheTTL=5&requestId=abc123";
        let answer = ann.get(&format!("/gameplay-api/v1/games?{query}")).await;
        assert_eq!(
            (answer.is(200)["requestId"].as_str(), answer.header("x-request-id")),
            (Some("abc123"), Some("abc123"))
        );
        ann.get("/gameplay-api/v1/game/x?pageNumber=1").await.refused(400, "errMsg_unknownParameter");
    });
}

#[test]
fn pages_out_of_range_are_a_400_and_a_page_after_the_last_is_empty() {
    story(async |app: App| {
        let ann = app.guest().await;
        for query in
            ["pageNumber=-1", "pageRowCount=0", "pageRowCount=501", "pageNumber=21&pageRowCount=500", "pageNumber=x"]
        {
            let answer = ann.get(&format!("/gameplay-api/v1/games?{query}")).await;
            assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        }
        let answer = ann.get("/gameplay-api/v1/gamemoves?pageNumber=20&pageRowCount=500").await;
        assert_eq!((answer.data(), &answer.body["paging"]["totalRowCount"]), (&json!([]), &json!(0)));
    });
}

#[test]
fn an_idempotency_key_is_visible_text() {
    story(async |app: App| {
        let ann = app.guest().await;
        let body = json!({"playerWhiteId": ann.id, "mode": "public", "gameType": "rapid"});
        for key in ["", &"x".repeat(256)] {
            let answer = ann.request("POST", GAME).key(key).json(&body).send().await;
            answer.refused(400, "errMsg_IdempotencyKeyIsNotValid");
        }
    });
}

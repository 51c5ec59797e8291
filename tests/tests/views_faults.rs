//! What the query service refuses, and in which words.

use serde_json::json;
use wechess_tests::{App, story};

const LIST: &str = "/bff-api/chessGameListView/list";

#[test]
fn all_faults_of_a_query_are_in_one_answer() {
    story(async |app: App| {
        let ann = app.guest().await;
        let body = json!({"filters": {
            "password": "x", "invitationCode": "x", "_readers": "x", "statsu": "active",
            "status": {"operator": "prefix", "value": "act"},
            "plies": {"gte": "many"},
            "opening": {"like": "x"},
            "playerWhiteId": "me",
            "$or": [],
        }});
        let answer =
            ann.view("POST", &format!("{LIST}?page=0&limit=101&sortBy=nothing&colour=red")).json(&body).send().await;
        answer.refused(400, "errMsg_invalidParameter");
        let mut faults = answer.faults();
        faults.sort();
        let mut expected = [
            "/page errMsg_invalidParameter",
            "/limit errMsg_invalidParameter",
            "/colour errMsg_unknownParameter",
            "/sortBy errMsg_unknownField",
            "/filters/password errMsg_unknownField",
            "/filters/invitationCode errMsg_unknownField",
            "/filters/_readers errMsg_unknownField",
            "/filters/statsu errMsg_unknownField",
            "/filters/status/value errMsg_operatorNotAllowed",
            "/filters/plies/gte errMsg_invalidValue",
            "/filters/opening/like errMsg_unknownOperator",
            "/filters/playerWhiteId errMsg_invalidValue",
            "/filters/$or errMsg_invalidShape",
        ];
        expected.sort_unstable();
        assert_eq!(faults, expected);
        assert!(answer.text.contains("did you mean `status`?"), "{}", answer.text);
    });
}

/// JSON lets a key stand twice, and most readers drop the first one: half of a question would be answered.
#[test]
fn a_key_that_stands_twice_is_refused_wherever_it_stands() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        let bare = r#"{"plies":{"gte":5},"plies":{"lte":9},"eco":{"eq":"B20","eq":"C50"},"colour":1}"#;
        let inside = |at: &str| {
            let rest = ["colour errMsg_unknownField", "eco/eq errMsg_invalidShape", "plies errMsg_invalidShape"];
            rest.map(|rest| format!("{at}/{rest}"))
        };
        let sent = async |path: &str, body: String| {
            let view = "/bff-api/chessGameListView";
            let answer = ann.view("POST", &format!("{view}/{path}")).body("application/json", body).send().await;
            assert_eq!(answer.status, 400, "{path}: {}", answer.text);
            let mut faults = answer.faults();
            faults.sort();
            faults
        };
        for route in ["list", "count", "export"] {
            assert_eq!(sent(route, bare.to_owned()).await, inside(""), "{route}");
            assert_eq!(sent(route, format!("{{\"filters\":{bare}}}")).await, inside("/filters"), "{route}");
        }
        assert_eq!(sent("aggregate", format!("{{\"filters\":{bare}}}")).await, inside("/filters"));
        assert_eq!(sent("filters", format!("{{\"conditions\":{bare}}}")).await, inside("/conditions"));
        assert_eq!(sent("list", r#"{"limit":5,"limit":6}"#.to_owned()).await, ["/limit errMsg_invalidShape"]);
        let text: String = bare.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for route in ["list", "count", "export", "live"] {
            let path = format!("/bff-api/chessGameListView/{route}?filters={text}");
            let mut faults = ann.view("GET", &path).send().await.faults();
            faults.sort();
            assert_eq!(faults, inside("/filters"), "{route}");
        }
    });
}

#[test]
fn an_unknown_index_is_a_404() {
    story(async |app: App| {
        let ann = app.guest().await;
        for path in ["/bff-api/nothing/list", "/bff-api/nothing/count", "/bff-api/secrets/schema", "/wechess_user/list"]
        {
            ann.view("GET", path).send().await.refused(404, "errMsg_indexNotFound");
        }
        let answer = ann.view("GET", "/bff-api/chessGames/list").send().await;
        assert!(answer.refused(404, "errMsg_indexNotFound").ends_with("did you mean `chessGame`?"), "{}", answer.text);
        ann.view("GET", "/nothing").send().await.refused(404, "errMsg_routeNotFound");
        let answer = ann.view("POST", "/bff-api/chessGame").json(&json!({})).send().await;
        answer.refused(405, "errMsg_methodNotAllowed");
    });
}

#[test]
fn a_hidden_field_is_unknown_in_every_place() {
    story(async |app: App| {
        let admin = app.admin().await;
        for field in ["password", "_live", "_readers", "_position", "_state"] {
            for query in
                [format!("sortBy={field}"), format!("fields={field}"), format!("filters=%7B%22{field}%22%3A1%7D")]
            {
                let answer = admin.view("GET", &format!("/bff-api/user/list?{query}")).send().await;
                answer.refused(400, "errMsg_unknownField");
            }
        }
    });
}

#[test]
fn pages_out_of_range_are_a_400() {
    story(async |app: App| {
        let ann = app.guest().await;
        for query in ["page=0", "page=-1", "page=x", "limit=0", "limit=101", "page=101&limit=100", "page=2&page=3"] {
            let answer = ann.view("GET", &format!("{LIST}?{query}")).send().await;
            answer.refused(400, "errMsg_invalidParameter");
        }
        ann.look(&format!("{LIST}?page=100&limit=100")).await.is(200);
    });
}

#[test]
fn bodies_that_are_no_queries_are_refused() {
    story(async |app: App| {
        let ann = app.guest().await;
        let send = async |kind: &str, text: String| ann.view("POST", LIST).body(kind, text).send().await;
        send("application/json", "{".into()).await.refused(400, "errMsg_invalidJson");
        send("application/json", "[]".into()).await.refused(400, "errMsg_invalidShape");
        send("text/plain", "{}".into()).await.refused(415, "errMsg_unsupportedMediaType");
        send("application/json", format!("{{\"opening\":\"{}\"}}", "x".repeat(33 * 1024)))
            .await
            .refused(400, "errMsg_overBudget");
        send("application/json", format!("{{\"opening\":\"{}\"}}", "x".repeat(129 * 1024)))
            .await
            .refused(413, "errMsg_bodyTooLarge");
        send("application/json", "{\"opening\":\"a\\u0000\"}".into()).await.refused(400, "errMsg_invalidValue");
        let deep = (0..8).fold("{}".to_owned(), |inner, _| format!("{{\"$not\":{inner}}}"));
        send("application/json", deep).await.refused(400, "errMsg_overBudget");
        send("application/json", "{\"query\":{\"match_all\":{}}}".into()).await.refused(400, "errMsg_unknownField");
        send("application/json", "{\"opening\":{\"regexp\":\"(\"}}".into()).await.refused(400, "errMsg_invalidValue");
    });
}

#[test]
fn ids_methods_and_saved_filters_are_checked() {
    story(async |app: App| {
        let ann = app.guest().await;
        ann.view("GET", "/bff-api/chessGame/7").send().await.refused(400, "errMsg_invalidParameter");
        let wrong = ann.view("PUT", LIST).send().await;
        wrong.refused(405, "errMsg_methodNotAllowed");
        assert_eq!(wrong.header("allow"), Some("GET, POST"));
        let path = "/bff-api/chessGame/filters";
        let save = async |body| ann.view("POST", path).json(&body).send().await;
        save(json!({"filterName": "x"})).await.refused(400, "errMsg_invalidShape");
        let answer = save(json!({"filterName": 7, "conditions": {"nothing": 1}, "more": true})).await;
        assert_eq!(answer.faults().len(), 3, "{}", answer.text);
        save(json!({"filterName": "a\0", "conditions": {}})).await.refused(400, "errMsg_invalidValue");
        ann.view("DELETE", &format!("{path}/7")).send().await.refused(400, "errMsg_invalidParameter");
    });
}

use event_schema::auth::user::USER;
use serde_json::json;

use super::*;

fn operation(method: &str, path: &str, name: &'static str) -> Operation {
    Operation {
        method: method.into(),
        path: path.into(),
        prefix: "/gameplay-api",
        name,
        summary: "Makes a game.".into(),
        permission: "a logged-in user".into(),
        parameters: vec![Parameter {
            name: "gameId".into(),
            place: Place::Path,
            required: true,
            schema: json!({"type": "string", "format": "uuid"}),
            description: "The game.".into(),
        }],
        body: Some(
            json!({"type": "object", "required": ["mode"], "properties": {"mode": {"enum": ["public", "private"]}, "x": {}}}),
        ),
        texts: &["text/plain"],
        answer: json!({"type": "object"}),
        media: vec![JSON],
        status: 201,
        errors: vec![400, 401],
        others: &[
            Other { status: 304, about: "Unchanged.", body: None },
            Other { status: 401, about: "Not you.", body: Some(|| json!({"type": "null"})) },
        ],
    }
}

#[test]
fn the_openapi_document_shows_every_operation() {
    let shown = openapi("command-api", "1", &[operation("POST", "/v1/games/{gameId:[^/]+}/x", "createGame")]);
    assert_eq!(shown["openapi"], "3.1.0");
    let entry = &shown["paths"]["/gameplay-api/v1/games/{gameId}/x"]["post"];
    assert_eq!(
        *entry,
        json!({
            "operationId": "createGame",
            "tags": ["gameplay-api"],
            "summary": "Makes a game.",
            "description": "Permission: a logged-in user.",
            "security": [{"bearer": []}, {"header": []}, {"cookie": []}, {"query": []}],
            "parameters": [{"name": "gameId", "in": "path", "required": true, "description": "The game.",
                "schema": {"type": "string", "format": "uuid"}}],
            "responses": {
                "201": {"description": "Done.", "content": {"application/json": {"schema": {"type": "object"}}}},
                "400": {"$ref": "#/components/responses/Error"},
                "304": {"description": "Unchanged."},
                "401": {"description": "Not you.", "content": {"application/json": {"schema": {"type": "null"}}}},
            },
            "requestBody": {"required": true, "content": {
                "application/json": {"schema": {"type": "object",
                    "required": ["mode"], "properties": {"mode": {"enum": ["public", "private"]}, "x": {}}}},
                "text/plain": {"schema": {"type": "string"}},
            }},
        })
    );
    let known = operation("POST", "/x", "x");
    assert_eq!([201, 400, 304, 404].map(|status| known.documents(status)), [true, true, true, false]);
    let twice = openapi("x", "1", &[operation("GET", "/a", "same"), operation("GET", "/b", "same")]);
    let ids = ["a", "b"].map(|path| twice["paths"][format!("/gameplay-api/{path}")]["get"]["operationId"].clone());
    assert_eq!(ids, ["same", "same_2"]);
    let mut public = operation("GET", "/health", "health");
    public.permission = "public".into();
    assert_eq!(openapi("x", "1", &[public])["paths"]["/gameplay-api/health"]["get"]["security"], json!([]));
}

#[test]
fn the_postman_collection_is_ready_to_send() {
    let shown = postman("command-api", "1", "http://x", &[operation("POST", "/v1/games/{gameId}", "createGame")]);
    assert!(shown["info"]["schema"].as_str().unwrap().contains("v2.1.0"));
    let request = &shown["item"][0]["item"][0]["request"];
    assert_eq!(request["url"]["raw"], "{{baseUrl}}/gameplay-api/v1/games/:gameId");
    assert_eq!(request["url"]["variable"][0]["key"], "gameId");
    assert_eq!(
        serde_json::from_str::<Value>(request["body"]["raw"].as_str().unwrap()).unwrap(),
        json!({"mode": "public"})
    );
}

#[test]
fn the_page_holds_its_data_and_asks_no_other_host() {
    let mut odd = operation("GET", "/v1/games", "listGames");
    odd.summary = "</script><b>".into();
    let page = face("command-api", "1.2.3", &[odd]);
    assert!(page.contains("listGames") && page.contains("1.2.3") && !page.contains("{{"));
    assert!(!page.contains("</script><b>"));
    for text in [page.as_str(), STYLE, SCRIPT] {
        assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("//cdn"));
    }
}

#[test]
fn schemas_come_from_the_table() {
    let shown = object_properties(&USER);
    assert_eq!(shown["password"], json!({"type": "null"}));
    assert_eq!(shown["emailVerified"], json!({"type": ["boolean", "null"]}));
    assert_eq!(shown["id"]["format"], "uuid");
    let names: Vec<&String> = shown.keys().collect();
    assert_eq!(names[..3], ["email", "password", "fullname"]);
    assert_eq!(
        closed(json!({"a": {}, "b": {}})),
        json!({"type": "object", "required": ["a", "b"], "additionalProperties": false, "properties": {"a": {}, "b": {}}})
    );
    assert_eq!(fields_schema(&USER, &[("name", "fullname")])["name"], json!({"type": ["string", "null"]}));
    let field = event_schema::gameplay::chess_game::CHESS_GAME.field("status").unwrap();
    assert!(field_schema(field)["enum"].as_array().unwrap().contains(&Value::Null));
}

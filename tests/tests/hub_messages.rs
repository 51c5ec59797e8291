//! What players say to each other in the room of their game, by REST.

use serde_json::{Value, json};
use wechess_tests::answer::has;
use wechess_tests::chess::Game;
use wechess_tests::{Actor, Answer, App, story};

/// The documented path, and the plain one.
const PATHS: [&str; 2] = ["/gameplay-api/v1/v1/gameHub-messages", "/gameplay-api/v1/gameHub-messages"];
const ALL: &str = PATHS[1];

async fn say(who: &Actor, room: &str, body: &str) -> Answer {
    who.post(ALL, &json!({"roomId": room, "content": {"body": body}})).await
}

fn one(message: &Answer) -> String {
    format!("{ALL}/{}", message.data()["id"].as_str().expect("an id"))
}

/// The words that a list shows.
fn bodies(answer: &Answer) -> Vec<String> {
    let all = answer.data().as_array().expect("a list");
    all.iter().map(|message| message["content"]["body"].as_str().unwrap_or_default().to_owned()).collect()
}

/// What a player reads of a room, by the command API and by the view.
async fn reads(who: &Actor, room: &str) -> Vec<String> {
    let listed = bodies(&who.get(&format!("{ALL}?roomId={room}")).await);
    let mut viewed: Vec<String> = Vec::new();
    for item in who.find("gameHubMessage", &json!({"roomId": room, "isActive": true})).await {
        viewed.push(item["content"]["body"].as_str().unwrap_or_default().to_owned());
    }
    viewed.sort();
    let mut sorted = listed.clone();
    sorted.sort();
    assert_eq!(sorted, viewed, "{} reads two things", who.name);
    listed
}

#[test]
fn players_talk_in_the_room_of_their_game_and_nobody_else_listens() {
    story(async |app: App| {
        let (ann, bob, eve, admin) =
            (app.user("ann").await, app.guest().await, app.user("eve").await, app.admin().await);
        let Game { id: room, .. } = ann.create_game(&bob).await;
        let ignored = json!({"roomId": room, "messageType": "text", "content": {"body": "good luck"}, "senderId": ann.id,
            "senderName": "mallory", "timestamp": "1999-01-01T00:00:00Z", "status": "rejected"});
        let said = ann.post(PATHS[0], &ignored).await;
        has(said.is(201), &json!({"dataName": "gameHubMessage", "action": "create", "rowCount": 1}));
        let keys: Vec<&str> = said.data().as_object().unwrap().keys().map(String::as_str).collect();
        let documented = "id roomId senderId senderName senderAvatar messageType messageType_idx content timestamp status \
                          status_idx isActive recordVersion createdAt updatedAt _owner playerWhiteId playerBlackId";
        assert_eq!(keys.join(" "), documented);
        has(
            said.data(),
            &json!({"roomId": room, "senderId": ann.id, "senderName": "ann", "messageType_idx": 0, "status": "approved",
                "content": {"body": "good luck"}, "_owner": ann.id, "playerBlackId": bob.id}),
        );
        assert!(said.data()["timestamp"].as_str().unwrap().starts_with("20"));
        assert!(said.data()["senderAvatar"].as_str().is_some_and(|url| url.starts_with("http")));
        say(&bob, &room, "you too").await.is(201);

        for path in PATHS {
            let listed = bob.get(&format!("{path}?roomId={room}")).await;
            assert_eq!(bodies(&listed), ["you too", "good luck"], "newest first");
            has(&listed.body, &json!({"dataName": "gameHubMessages", "action": "list"}));
            let id = said.data()["id"].as_str().unwrap();
            has(bob.get(&format!("{path}/{id}")).await.data(), said.data());
            eve.get(&format!("{path}?roomId={room}")).await.refused(403, "errMsg_forbidden");
            eve.get(&format!("{path}/{id}")).await.refused(403, "errMsg_forbidden");
        }
        for who in [&ann, &bob, &admin] {
            assert_eq!(reads(who, &room).await, ["you too", "good luck"]);
        }
        assert!(eve.find("gameHubMessage", &json!({"roomId": room})).await.is_empty());
        assert_eq!((bodies(&bob.get(ALL).await).len(), bodies(&eve.get(ALL).await).len()), (2, 0));
        eve.get(&format!("{ALL}?roomId={}", uuid::Uuid::now_v7())).await.refused(404, "errMsg_recordNotFound");
        eve.get(&format!("{ALL}/{}", uuid::Uuid::now_v7())).await.refused(404, "errMsg_recordNotFound");
    });
}

#[test]
fn messages_are_found_by_every_documented_filter() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let Game { id: room, .. } = ann.create_game(&bob).await;
        say(&ann, &room, "Hello 100%").await.is(201);
        let offer = json!({"roomId": room, "messageType": "drawOffer", "content": {}});
        let offer = bob.post(ALL, &offer).await.is(201)["gameHubMessage"].clone();
        let day = &offer["timestamp"].as_str().unwrap()[..10];
        let found = async |filter: &str| ann.get(&format!("{ALL}?{filter}")).await.data().as_array().unwrap().len();
        for (filter, number) in [
            (format!("roomId={room}"), 2),
            (format!("roomId={room}&senderId={}", bob.id), 1),
            (format!("senderId={}&senderId={}", bob.id, ann.id), 2),
            ("senderName=AN".to_owned(), 1),
            ("senderName=carl".to_owned(), 0),
            ("senderAvatar=null".to_owned(), 0),
            ("senderAvatar=http".to_owned(), 2),
            ("messageType=DRAWOFFER".to_owned(), 1),
            ("content=hello".to_owned(), 1),
            ("content=0%25&content=nothing".to_owned(), 1),
            ("content=hello_".to_owned(), 0),
            (format!("timestamp={day}"), 2),
            ("timestamp=1999".to_owned(), 0),
            ("status=approved&status=pending".to_owned(), 2),
            ("status=rejected".to_owned(), 0),
        ] {
            assert_eq!(found(&filter).await, number, "{filter}");
        }
        ann.get(&format!("{ALL}?colour=red")).await.refused(400, "errMsg_unknownParameter");
    });
}

#[test]
fn only_the_two_players_speak_while_there_is_something_to_play() {
    story(async |app: App| {
        let (ann, bob, eve, admin) =
            (app.user("ann").await, app.user("bob").await, app.user("eve").await, app.admin().await);
        let game = ann.create_game(&bob).await;
        say(&eve, &game.id, "hi").await.refused(403, "errMsg_forbidden");
        say(&admin, &game.id, "hi").await.refused(403, "errMsg_forbidden");
        say(&ann, &uuid::Uuid::now_v7().to_string(), "hi").await.refused(404, "errMsg_recordNotFound");
        let foreign = json!({"roomId": game.id, "content": {"body": "I resign"}, "senderId": bob.id});
        ann.post(ALL, &foreign).await.refused(403, "errMsg_forbidden");
        let system = json!({"roomId": game.id, "messageType": "system", "content": {"body": "be nice"}});
        ann.post(ALL, &system).await.refused(403, "errMsg_forbidden");
        admin.post(ALL, &system).await.is(201);
        assert_eq!(reads(&bob, &game.id).await, ["be nice"]);

        let faults = ann.post(ALL, &json!({"messageType": "shout", "contents": {}})).await.faults();
        let named: Vec<&str> = faults.iter().filter_map(|fault| fault.split(' ').next()).collect();
        assert_eq!(named, ["/messageType", "/contents", "/roomId", "/content"]);
        for content in [json!({"body": ""}), json!({"body": "x".repeat(501)}), json!({"text": "hi"}), json!("hi")] {
            let wrong = ann.post(ALL, &json!({"roomId": game.id, "content": content})).await;
            wrong.refused(400, "errMsg_contentIsNotValid");
            assert_eq!(wrong.faults(), ["/content errMsg_contentIsNotValid"]);
        }
        // A retry says nothing twice.
        let body = json!({"roomId": game.id, "content": {"body": "once"}});
        let first = ann.request("POST", ALL).key("said-once").json(&body).send().await;
        let again = ann.request("POST", ALL).key("said-once").json(&body).send().await;
        assert_eq!(
            (first.is(201)["gameHubMessage"].clone(), again.header("idempotency-replayed")),
            (again.data().clone(), Some("true"))
        );

        ann.update_game(&game.id, json!({"result": "blackWin"})).await.is(200);
        say(&bob, &game.id, "thanks").await.refused(409, "errMsg_GameOver");
        assert_eq!(reads(&bob, &game.id).await, ["once", "be nice"]);
    });
}

#[test]
fn senders_edit_and_delete_their_own_and_admins_moderate() {
    story(async |app: App| {
        let (ann, bob, eve, admin) =
            (app.user("ann").await, app.user("bob").await, app.user("eve").await, app.admin().await);
        let Game { id: room, .. } = ann.create_game(&bob).await;
        let said = say(&ann, &room, "you play lick a fish").await;
        let one = one(&said);
        let edited = ann.patch(&one, &json!({"content": {"body": "you play like a fish"}})).await;
        has(edited.is(200), &json!({"action": "update"}));
        has(edited.data(), &json!({"recordVersion": 2, "senderName": "ann", "timestamp": said.data()["timestamp"]}));
        for who in [&bob, &eve] {
            who.patch(&one, &json!({"content": {"body": "I am a fish"}})).await.refused(403, "errMsg_forbidden");
            who.delete(&one).await.refused(403, "errMsg_forbidden");
        }
        ann.patch(&one, &json!({"messageType": "system"})).await.is(400);
        ann.patch(&one, &json!({"status": "pending"})).await.refused(403, "errMsg_forbidden");
        ann.patch(&one, &json!({"status": "approved"})).await.is(200);

        has(
            admin.patch(&one, &json!({"status": "rejected"})).await.data(),
            &json!({"status_idx": 2, "recordVersion": 3}),
        );
        assert!(reads(&bob, &room).await.is_empty(), "the room reads what is approved");
        bob.get(&one).await.refused(403, "errMsg_forbidden");
        for who in [&ann, &admin] {
            assert_eq!(reads(who, &room).await, ["you play like a fish"]);
        }
        admin.patch(&one, &json!({"status": "approved"})).await.is(200);
        assert_eq!(reads(&bob, &room).await, ["you play like a fish"]);

        let gone = ann.delete(&one).await;
        has(gone.is(200), &json!({"action": "delete"}));
        assert_eq!(gone.data()["isActive"], false);
        for who in [&ann, &bob] {
            who.get(&one).await.refused(404, "errMsg_recordNotFound");
            assert!(reads(who, &room).await.is_empty());
        }
        assert_eq!(admin.get(&one).await.data()["isActive"], false);
        ann.patch(&one, &json!({"content": {"body": "again"}})).await.refused(404, "errMsg_recordNotFound");
        admin.delete(&self::one(&say(&bob, &room, "rude").await)).await.is(200);
        assert!(reads(&bob, &room).await.is_empty());
    });
}

#[test]
fn who_joins_reads_what_was_said_before_and_a_deleted_game_takes_its_room_along() {
    story(async |app: App| {
        let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
        let room = ann.open_game("public").await["id"].as_str().unwrap().to_owned();
        say(&ann, &room, "anybody?").await.is(201);
        bob.get(&format!("{ALL}?roomId={room}")).await.refused(403, "errMsg_forbidden");
        assert!(bob.find("gameHubMessage", &json!({"roomId": room})).await.is_empty());
        bob.update_game(&room, json!({"playerBlackId": bob.id})).await.is(200);
        assert_eq!(reads(&bob, &room).await, ["anybody?"]);
        let said = one(&say(&bob, &room, "me").await);
        for who in [&ann, &bob, &admin] {
            assert_eq!(reads(who, &room).await, ["me", "anybody?"]);
        }
        assert_eq!(bodies(&bob.get(ALL).await), ["me", "anybody?"]);

        admin.delete(&format!("/gameplay-api/v1/game/{room}")).await.is(200);
        for who in [&ann, &bob] {
            who.get(&format!("{ALL}?roomId={room}")).await.refused(404, "errMsg_recordNotFound");
            assert!(bodies(&who.get(ALL).await).is_empty());
            assert!(who.find("gameHubMessage", &json!({"roomId": room})).await.is_empty());
        }
        bob.get(&said).await.refused(404, "errMsg_recordNotFound");
        bob.patch(&said, &json!({"content": {"body": "not me"}})).await.refused(404, "errMsg_recordNotFound");
        bob.delete(&said).await.refused(404, "errMsg_recordNotFound");
        assert_eq!(reads(&admin, &room).await.len(), 2);
        admin.patch(&said, &json!({"status": "rejected"})).await.is(200);
    });
}

#[test]
fn what_is_said_while_somebody_joins_is_his_to_read_too() {
    story(async |app: App| {
        let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
        for _ in 0..6 {
            let room = ann.open_game("public").await["id"].as_str().unwrap().to_owned();
            let words = ["anybody?", "hello?", "well?"].map(|body| say(&ann, &room, body));
            let join = bob.update_game(&room, json!({"playerBlackId": bob.id}));
            let (said, joined) = futures_util::future::join(futures_util::future::join_all(words), join).await;
            joined.is(200);
            // What is edited later is no less his.
            ann.patch(&one(&said[0]), &json!({"content": {"body": "somebody?"}})).await.is(200);
            assert_eq!(reads(&ann, &room).await.len(), 3);
            assert_eq!(reads(&bob, &room).await, reads(&admin, &room).await);
            admin.patch(&one(&said[1]), &json!({"status": "rejected"})).await.is(200);
            assert_eq!((reads(&bob, &room).await.len(), reads(&ann, &room).await.len()), (2, 3));
        }
    });
}

#[test]
fn the_name_of_a_sender_is_sealed_in_the_log() {
    story(async |app: App| {
        let (ann, bob) = (app.user("annabel").await, app.user("bob").await);
        let Game { id: room, .. } = ann.create_game(&bob).await;
        let said = say(&ann, &room, "hello").await;
        ann.patch(&one(&said), &json!({"content": {"body": "hello there"}})).await.is(200);
        let id = said.data()["id"].as_str().unwrap();
        let sealed = format!(
            "data like '%\"senderName\":\"sealed:user:{}:%' and data like '%\"senderAvatar\":\"sealed:%'",
            ann.id
        );
        let sql = format!("select count(*) from {{s}}.events where stream_id = '{id}' and {sealed}");
        assert_eq!(app.number(&sql).await, 2);
        let open = format!("select count(*) from {{s}}.events where stream_id = '{id}' and data like '%annabel%'");
        assert_eq!(app.number(&open).await, 0);
        let found: Vec<Value> = bob.find("gameHubMessage", &json!({"roomId": room})).await;
        assert_eq!((&found[0]["senderName"], &found[0]["recordVersion"]), (&json!("annabel"), &json!(2)));
    });
}

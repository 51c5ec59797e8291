//! Non-interference: what somebody may not see changes nothing in what he is answered, whatever he asks.

use event_schema::auth::user::Role;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use wechess_tests::actor::PASSWORD;
use wechess_tests::oracle::{Documents, Query, queries};
use wechess_tests::{Actor, System, alone};

/// Views of which Ann sees a part, each in another way.
const VIEWS: &[&str] = &[
    "user",
    "chessGame",
    "chessGameMove",
    "chessGameListView",
    "chessGameInvitation",
    "customBoard",
    "boardTheme",
    "userPreference",
    "gameHubMessage",
    "savedFilter",
];
/// Questions to each view.
const EACH: usize = 12;
const FEN: &str = "8/8/8/4k3/8/4K3/4P3/8 w - - 0 1";

/// Everything that somebody does who is not Ann and has nothing to do with her.
async fn lives(who: &Actor, other: &Actor, word: &str) {
    let game = who.create_game(other).await;
    game.play("e4 c5 Nf3").await;
    let message = json!({"roomId": game.id, "content": {"body": format!("{word} in the game")}});
    who.post("/gameplay-api/v1/gameHub-messages", &message).await.is(201);
    let ended = other.create_game(who).await;
    ended.play("f3 e5 g4 Qh4#").await;
    let private = who.open_game("private").await;
    let invitation = json!({"gameId": private["id"], "recipientId": other.id});
    who.post("/gameplay-api/v1/gameinvitation", &invitation).await.is(201);
    let board = json!({"name": format!("{word} board"), "fen": FEN, "isPublished": false, "category": "puzzle"});
    who.post("/gameplay-api/v1/customboards", &board).await.is(201);
    let theme = json!({"name": format!("{word} theme"), "lightSquare": "#ffffff", "darkSquare": "#123456"});
    who.post("/gameplay-api/v1/boardthemes", &theme).await.is(201);
    let filter = json!({"filterName": format!("{word} filter"), "conditions": {"status": "active"}});
    who.view("POST", "/bff-api/chessGame/filters").json(&filter).send().await.is(201);
}

/// The lists that a question makes: by GET or POST, and the next page by the cursor of before.
async fn answers(who: &Actor, view: &str, query: &Query, cursor: Option<&str>) -> Vec<Value> {
    let by: Vec<&str> = query.sort.iter().map(|(name, _)| name.as_str()).collect();
    let orders: Vec<&str> = query.sort.iter().map(|(_, desc)| if *desc { "desc" } else { "asc" }).collect();
    let mut body = json!({"filters": query.filters, "limit": query.limit, "facets": query.facets});
    if !by.is_empty() {
        body["sortBy"] = json!(by);
        body["sortOrder"] = json!(orders);
    }
    let path = format!("/bff-api/{view}/list");
    // Everything is settled: nothing is waited for.
    let ask = async |path: &str, body: &Value| who.view("POST", path).json(body).send().await.is(200).clone();
    let count = format!("/bff-api/{view}/count");
    let mut all = vec![ask(&path, &body).await, ask(&count, &json!({"filters": query.filters})).await];
    if let Some(cursor) = cursor {
        body["cursor"] = json!(cursor);
        all.push(ask(&path, &body).await);
    }
    all
}

/// Without the tokens, which hold the time of the question.
fn shown(mut answers: Vec<Value>) -> Vec<Value> {
    for answer in &mut answers {
        for token in ["nextCursor", "prevCursor"] {
            if let Some(token) = answer.get_mut(token) {
                *token = json!(token.is_string());
            }
        }
    }
    answers
}

#[test]
fn what_is_hidden_changes_no_answer() {
    alone(async || {
        let system = System::with_namespace(VIEWS).await;
        let (admin, ann) = (system.admin().await, system.user("ann").await);
        let (bob, carl) = (system.user("bob").await, system.user("carl").await);
        for name in ["e4 c5", "d4", "f3 e5 g4 Qh4#"] {
            ann.create_game(&bob).await.play(name).await;
        }
        lives(&ann, &bob, "ann").await;
        lives(&bob, &carl, "hidden").await;
        system.all_settled().await;

        let mut runner = TestRunner::deterministic();
        let mut asked = Vec::new();
        for view in VIEWS {
            // Made up from what the admin sees: the questions name hidden values as often as Ann's own.
            let whole = if *view == "savedFilter" { &ann } else { &admin };
            let documents = Documents::of(whole, Role::User, view).await;
            let strategy = queries(&documents);
            for _ in 0..EACH {
                let query = strategy.new_tree(&mut runner).expect("a question").current();
                let first = answers(&ann, view, &query, None).await;
                let cursor = first[0]["nextCursor"].as_str().map(str::to_owned);
                let before = answers(&ann, view, &query, cursor.as_deref()).await;
                asked.push((*view, query, cursor, before));
            }
        }
        lives(&bob, &carl, "changed").await;
        lives(&carl, &bob, "more").await;
        let dora = system.user("dora").await;
        lives(&dora, &carl, "dora").await;
        bob.create_game(&dora).await.play("e4").await;
        system.all_settled().await;

        let codes: Vec<String> = hidden_codes(&bob).await;
        assert!(!codes.is_empty());
        let secrets: Vec<&str> = [PASSWORD, &bob.email, &carl.email, &dora.email, "password", "hidden ", "changed "]
            .into_iter()
            .chain(codes.iter().map(String::as_str))
            .collect();
        for (view, query, cursor, before) in asked {
            let after = answers(&ann, view, &query, cursor.as_deref()).await;
            let text = json!(after).to_string();
            for secret in &secrets {
                assert!(!text.contains(secret), "{secret} in the answer of {view} to {query:?}: {text}");
            }
            assert_eq!(shown(after), shown(before), "{view}: {query:?}");
        }
        system.nothing_is_parked().await;
        system.end().await;
    });
}

/// The codes of somebody's private games.
async fn hidden_codes(who: &Actor) -> Vec<String> {
    let games = who.get("/gameplay-api/v1/games?mode=private").await;
    let all = games.data().as_array().expect("games");
    all.iter().filter_map(|game| game["invitationCode"].as_str().map(str::to_owned)).collect()
}

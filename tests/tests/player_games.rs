//! What analysts ask of games: dimensions, and each game from the side of each player.

use serde_json::{Value, json};
use wechess_tests::answer::has;
use wechess_tests::command::projector;
use wechess_tests::{Actor, App, System, alone, direct, eventually, story};

const SIDES: &str = "playerGameView";

/// The two documents of a game as somebody sees them, White's first.
async fn sides(who: &Actor, game: &str) -> Vec<Value> {
    let path = format!("/bff-api/{SIDES}/list?sortBy=colour_idx");
    who.search(&path, &json!({"gameId": game})).await.is(200)["items"].as_array().expect("items").clone()
}

#[test]
fn a_game_shows_what_analysts_group_by() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let game = ann.create_game_from(&bob, json!({"gameType": "blitz"})).await;
        let read = async || ann.find("chessGameListView", &json!({"id": game.id})).await.remove(0);
        let waiting = json!({"openingFamily": null, "plies": 0, "winner": null, "termination": null, "startedAt": null,
            "timeControlClass": "blitz", "startWeekday": null, "startHour": null, "durationSeconds": null,
            "whiteRatingBand": null, "averageRatingBand": null, "ratingDifference": null});
        has(&read().await, &waiting);
        game.play("e4 c5 Nf3 d6 d4 cxd4 Nxd4 Nf6 Nc3 a6").await;
        bob.update_game(&game.id, json!({"result": "whiteWin"})).await.is(200);
        let over = read().await;
        has(
            &over,
            &json!({"opening": "Sicilian Defense: Najdorf Variation", "openingFamily": "Sicilian Defense", "plies": 10,
                "winner": "white", "termination": "resignation", "termination_idx": 1}),
        );
        let moves = ann.find("chessGameMove", &json!({"gameId": game.id, "moveNumber": 1})).await;
        assert_eq!(over["startedAt"], moves[0]["moveTimestamp"]);
        let time: chrono::DateTime<chrono::Utc> = over["startedAt"].as_str().unwrap().parse().unwrap();
        assert_eq!(over["startWeekday"], json!(time.format("%A").to_string().to_lowercase()));
        assert_eq!(over["startHour"], json!(time.format("%H").to_string().parse::<u32>().unwrap()));
        let all = ann.find("chessGameMove", &json!({"gameId": game.id, "moveNumber": {"gt": 1}})).await;
        let played: i64 = all.iter().map(|played| played["moveTime"].as_i64().unwrap()).sum();
        assert!(over["durationSeconds"].as_f64().unwrap() * 1000.0 >= played as f64, "{over}");
        let asked = json!({"openingFamily": "Sicilian Defense", "winner": "white", "timeControlClass": {"in": ["blitz",
            "bullet"]}, "durationSeconds": {"lt": 3600.5}, "startHour": {"between": [0, 23]}, "id": game.id});
        assert_eq!(ann.count("chessGameListView", &asked).await, 1);
        let detail = ann.look(&format!("/bff-api/chessGameDetailView/{}", game.id)).await.is(200)["item"].clone();
        for name in ["openingFamily", "winner", "termination", "startedAt", "durationSeconds", "timeControlClass"] {
            assert_eq!(detail[name], over[name], "{name}");
        }
    });
}

#[test]
fn each_player_has_his_side_of_a_game_and_nobody_else_sees_it() {
    story(async |app: App| {
        let (ann, bob, eve, admin) =
            (app.user("ann").await, app.user("bob").await, app.user("eve").await, app.admin().await);
        let game = ann.create_game(&bob).await;
        game.play("f3 e5 g4 Qh4#").await;
        let both = sides(&bob, &game.id).await;
        let of_game = json!({"gameId": game.id, "plies": 4, "winner": "black", "termination": "checkmate",
            "status": "completed", "timeControlClass": "untimed", "rating": null, "importedById": null});
        both.iter().for_each(|side| has(side, &of_game));
        has(
            &both[0],
            &json!({"colour": "white", "playerId": ann.id, "playerName": "ann", "opponentName": "bob", "score": 0.0,
                "outcome": "loss", "outcome_idx": 2}),
        );
        has(
            &both[1],
            &json!({"colour": "black", "playerId": bob.id, "opponentId": ann.id, "score": 1.0, "outcome": "win"}),
        );
        assert_eq!(sides(&admin, &game.id).await, both);
        assert!(sides(&eve, &game.id).await.is_empty());
        let id = both[1]["id"].as_str().unwrap();
        assert_eq!(ann.look(&format!("/bff-api/{SIDES}/{id}")).await.is(200)["item"], both[1]);
        eve.look(&format!("/bff-api/{SIDES}/{id}")).await.is(404);
        let won = json!({"playerId": "$me", "outcome": "win", "gameId": game.id});
        assert_eq!([ann.count(SIDES, &won).await, bob.count(SIDES, &won).await], [0, 1]);

        admin.delete(&format!("/gameplay-api/v1/game/{}", game.id)).await.is(200);
        assert!(sides(&ann, &game.id).await.is_empty());
        assert_eq!(sides(&admin, &game.id).await.len(), 2);
    });
}

#[test]
fn the_sides_of_an_open_game_are_seen_once_both_are_taken() {
    story(async |app: App| {
        let (ann, bob, eve, admin) =
            (app.user("ann").await, app.user("bob").await, app.user("eve").await, app.admin().await);
        let open = ann.open_game("public").await;
        let id = open["id"].as_str().unwrap();
        for who in [&ann, &eve] {
            assert!(sides(who, id).await.is_empty());
        }
        has(&sides(&admin, id).await[1], &json!({"playerId": null, "opponentName": "ann", "status": "pending"}));
        bob.update_game(id, json!({"playerBlackId": bob.id})).await.is(200);
        let both = sides(&ann, id).await;
        has(&both[0], &json!({"playerName": "ann", "opponentName": "bob", "status": "active", "score": null}));
        has(&both[1], &json!({"playerName": "bob", "opponentName": "ann"}));
        assert!(sides(&eve, id).await.is_empty());
    });
}

/// A document as Elasticsearch has it.
async fn document(app: &App, id: &str) -> Value {
    let path = format!("/{}/_doc/{id}", app.namespace.index(SIDES));
    direct::elasticsearch_admin("GET", &path, None).await.body["_source"].clone()
}

#[test]
fn sides_follow_names_come_out_the_same_when_made_anew_and_are_put_right() {
    alone(async || {
        let views = ["user", SIDES];
        let system = System::with_settings(&views, &[("WECHESS_AUDIT_PER_SECOND", "400")]).await;
        let (ann, guest, admin) = (system.user("ann").await, system.guest().await, system.admin().await);
        let game = ann.create_game(&guest).await;
        game.play("e4 e5 Nf3 Nc6").await;
        let email = format!("grace-{}@example.com", uuid::Uuid::now_v7().simple());
        let body = json!({"email": email, "password": "correct horse", "fullname": "Grace"});
        guest.post("/auth-api/v1/registeruser", &body).await.is(201);
        let both = sides(&ann, &game.id).await;
        assert_eq!([&both[0]["opponentName"], &both[1]["playerName"]], ["Grace", "Grace"]);

        let before = admin.everything(&views).await;
        let (well, said) = projector(&system, &["rebuild", "all"]).await;
        assert!(well && said.contains(&format!("{SIDES}: generation 2 serves")), "{said}");
        assert_eq!(admin.everything(&views).await, before);

        let ids = [0, 1].map(|side: usize| both[side]["id"].as_str().unwrap().to_owned());
        let right = [document(&system, &ids[0]).await, document(&system, &ids[1]).await];
        let index = system.namespace.index(SIDES);
        let wrong = json!({"doc": {"plies": 77, "opponentName": "Mallory"}});
        direct::elasticsearch_admin("POST", &format!("/{index}/_update/{}", ids[0]), Some(&wrong)).await.is(200);
        direct::elasticsearch_admin("DELETE", &format!("/{index}/_doc/{}", ids[1]), None).await.is(200);
        eventually("both are put right", async || {
            let content = |mut source: Value| {
                source.as_object_mut().map(|fields| fields.remove("_position"));
                source
            };
            let now = [document(&system, &ids[0]).await, document(&system, &ids[1]).await].map(content);
            (now == right.clone().map(content)).then_some(())
        })
        .await;
        system.nothing_is_parked().await;
        system.end().await;
    });
}

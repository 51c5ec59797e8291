//! Views of one game: all of it in one read, and what its players are told when an admin ends it.

use serde_json::{Value, json};
use wechess_tests::answer::has;
use wechess_tests::command::projector;
use wechess_tests::{Actor, App, System, alone, direct, eventually, story};

const DETAIL: &str = "chessGameDetailView";
const TERMINATED: &str = "gameTerminatedNotificationView";

/// The document of a game, which is there.
async fn seen(who: &Actor, view: &str, game: &str) -> Value {
    who.look(&format!("/bff-api/{view}/{game}")).await.is(200)["item"].clone()
}

#[test]
fn one_read_shows_a_game_with_its_players_and_moves() {
    story(async |app: App| {
        let (ann, bob, eve, admin) =
            (app.user("ann").await, app.user("bob").await, app.user("eve").await, app.admin().await);
        let game = ann.create_game_from(&bob, json!({"gameType": "blitz"})).await;
        assert_eq!(seen(&ann, DETAIL, &game.id).await["moves"], json!([]));
        game.play("e4 e5 Nf3 Nc6 Bb5 a6").await;
        bob.update_game(&game.id, json!({"result": "whiteWin"})).await.is(200);

        let shown = seen(&bob, DETAIL, &game.id).await;
        let state = game.state().await;
        has(
            &shown,
            &json!({"id": game.id, "playerWhiteName": "ann", "playerBlackName": "bob", "result": "whiteWin",
                "endReason": "resignation", "plies": 6, "lastMove": "a6", "currentFEN": state["currentFEN"],
                "opening": state["opening"], "eco": state["eco"], "whiteRemainingMs": state["whiteRemainingMs"]}),
        );
        assert!(["playerWhiteAvatar", "playerBlackAvatar"].iter().all(|name| shown[*name].is_string()), "{shown}");
        let (moves, played) = (shown["moves"].as_array().unwrap(), state["moves"].as_array().unwrap());
        assert_eq!(moves.len(), played.len());
        for (shown, played) in moves.iter().zip(played) {
            for name in ["moveNumber", "moveNotation", "moveTime", "movedById", "remainingMs"] {
                assert_eq!(shown[name], played[name], "{name}");
            }
        }
        has(&moves[2], &json!({"moveNumber": 3, "moveNotation": "Nf3", "uci": "g1f3", "movedById": ann.id}));
        assert_eq!(moves[5]["fen"], state["currentFEN"]);

        let mut whole = seen(&admin, DETAIL, &game.id).await;
        let invitations = whole.as_object_mut().and_then(|fields| fields.shift_remove("invitations"));
        assert_eq!((whole, invitations), (shown, Some(json!([]))), "who is invited is for admins");
        eve.look(&format!("/bff-api/{DETAIL}/{}", game.id)).await.is(404);
        assert!(eve.find(DETAIL, &json!({"id": game.id})).await.is_empty());
        let named = json!({"playerBlackName": "bob"});
        let brief = ann.search(&format!("/bff-api/{DETAIL}/list?fields=id,plies"), &named).await;
        assert_eq!(brief.is(200)["items"], json!([{"id": game.id, "plies": 6}]));
        // The moves are shown and not searched.
        let asked = ann.search(&format!("/bff-api/{DETAIL}/list"), &json!({"moves": "e4"})).await;
        assert_eq!(asked.faults().len(), 1);
    });
}

#[test]
fn players_are_told_who_ended_their_game_and_nobody_else() {
    story(async |app: App| {
        let (ann, bob, eve, admin) =
            (app.user("ann").await, app.user("bob").await, app.user("eve").await, app.admin().await);
        let (ended, reported) = (ann.create_game(&bob).await, ann.create_game(&bob).await);
        ended.play("e4").await;
        ann.update_game(&ended.id, json!({"result": "aborted"})).await.is(200);
        reported.play("e4 e5").await;
        ann.update_game(&reported.id, json!({"reportStatus": "reported"})).await.is(200);
        assert!(ann.find(TERMINATED, &json!({})).await.is_empty(), "nobody ended it from outside");
        admin.update_game(&reported.id, json!({"status": "terminated"})).await.is(200);
        let shown = seen(&bob, TERMINATED, &reported.id).await;
        has(
            &shown,
            &json!({"id": reported.id, "gameId": reported.id, "terminatedById": admin.id, "reportStatus": "reported",
                "reportStatus_idx": 1, "playerWhiteId": ann.id, "playerWhiteName": "ann", "playerBlackId": bob.id,
                "playerBlackName": "bob", "isActive": true, "_owner": admin.id}),
        );
        assert_eq!(shown["terminatedByName"], json!(admin.name));
        assert!(shown["terminatedAt"].as_str().is_some_and(|time| time.ends_with('Z')), "{shown}");
        for who in [&ann, &bob] {
            assert_eq!(json!(who.find(TERMINATED, &json!({})).await), json!([shown]));
            assert_eq!(who.look(&format!("/bff-api/{TERMINATED}")).await.is(200)["items"], json!([shown]));
        }
        assert!(eve.find(TERMINATED, &json!({})).await.is_empty());

        admin.update_game(&reported.id, json!({"reportStatus": "none"})).await.is(200);
        assert_eq!(seen(&ann, TERMINATED, &reported.id).await["reportStatus"], "none");
        admin.delete(&format!("/gameplay-api/v1/game/{}", reported.id)).await.is(200);
        ann.look(&format!("/bff-api/{TERMINATED}/{}", reported.id)).await.is(404);
        ann.look(&format!("/bff-api/{DETAIL}/{}", reported.id)).await.is(404);
        assert_eq!(seen(&admin, TERMINATED, &reported.id).await["isActive"], false);
    });
}

/// A document as Elasticsearch has it.
async fn document(app: &App, view: &str, id: &str) -> Value {
    let path = format!("/{}/_doc/{id}", app.namespace.index(view));
    direct::elasticsearch_admin("GET", &path, None).await.body["_source"].clone()
}

#[test]
fn both_views_come_out_the_same_when_made_anew_and_are_put_right() {
    alone(async || {
        let views = ["user", DETAIL, TERMINATED];
        let system = System::with_settings(&views, &[("WECHESS_AUDIT_PER_SECOND", "400")]).await;
        let (ann, bob, admin) = (system.user("ann").await, system.user("bob").await, system.admin().await);
        let long = ann.create_game(&bob).await;
        long.play("a3 a6 b3 b6 c3 c6 d3 d6 e3 e6 f3 f6 g3 g6 h3 h6 a4 a5 b4 b5 c4 c5 d4 d5 e4 e5 f4 f5 g4 g5 h4 h5")
            .await;
        let ended = bob.create_game(&ann).await;
        ended.play("e4").await;
        admin.update_game(&ended.id, json!({"status": "terminated"})).await.is(200);
        let before = admin.everything(&views).await;
        assert_eq!(before[&format!("{DETAIL}/\"{}\"", long.id)]["moves"].as_array().unwrap().len(), 32);

        let (well, said) = projector(&system, &["rebuild", "all"]).await;
        assert!(well && said.contains(&format!("{DETAIL}: generation 2 serves")), "{said}");
        assert_eq!(admin.everything(&views).await, before);

        let right = [document(&system, DETAIL, &long.id).await, document(&system, TERMINATED, &ended.id).await];
        let edits =
            [(DETAIL, &long.id, json!({"moves": []})), (TERMINATED, &ended.id, json!({"reportStatus": "reported"}))];
        for (view, id, doc) in edits {
            let path = format!("/{}/_update/{id}", system.namespace.index(view));
            direct::elasticsearch_admin("POST", &path, Some(&json!({"doc": doc}))).await.is(200);
        }
        eventually("both are put right", async || {
            let now = [document(&system, DETAIL, &long.id).await, document(&system, TERMINATED, &ended.id).await];
            (now == right).then_some(())
        })
        .await;
        system.nothing_is_parked().await;
        system.end().await;
    });
}

/// How many of the documents of a game, its moves and its room somebody sees.
async fn sight(who: &Actor, game: &str) -> [u64; 3] {
    let count = async |view: &str, by: &str| who.count(view, &json!({by: game})).await;
    [count("chessGame", "id").await, count("chessGameMove", "gameId").await, count("gameHubMessage", "roomId").await]
}

#[test]
fn who_reads_what_is_part_of_a_game_is_the_same_when_views_are_made_anew_and_is_put_right() {
    alone(async || {
        let views = ["chessGame", "chessGameMove", "gameHubMessage"];
        let system = System::with_settings(&views, &[("WECHESS_AUDIT_PER_SECOND", "400")]).await;
        let (ann, bob, admin) = (system.guest().await, system.guest().await, system.admin().await);
        let mut games = Vec::new();
        for _ in 0..2 {
            let id = ann.open_game("public").await["id"].as_str().unwrap().to_owned();
            let said = json!({"roomId": id, "content": {"body": "anybody?"}});
            ann.post("/gameplay-api/v1/gameHub-messages", &said).await.is(201);
            bob.update_game(&id, json!({"playerBlackId": bob.id})).await.is(200);
            ann.play(&id, 1, "e4").await.is(201);
            bob.play(&id, 2, "e5").await.is(201);
            games.push(id);
        }
        admin.delete(&format!("/gameplay-api/v1/game/{}", games[0])).await.is(200);
        let as_it_must_be = async || {
            for who in [&ann, &bob] {
                assert_eq!((sight(who, &games[0]).await, sight(who, &games[1]).await), ([0; 3], [1, 2, 1]));
            }
            assert_eq!(sight(&admin, &games[0]).await, [1, 2, 1]);
        };
        as_it_must_be().await;
        let before = admin.everything(&views).await;
        let (well, said) = projector(&system, &["rebuild", "all"]).await;
        assert!(well && said.contains("chessGameMove: generation 2 serves"), "{said}");
        assert_eq!(admin.everything(&views).await, before);
        as_it_must_be().await;

        for (view, by, game, wrong) in [
            ("chessGameMove", "gameId", &games[0], json!([ann.id])),
            ("gameHubMessage", "roomId", &games[1], json!([])),
        ] {
            let id = admin.find(view, &json!({by: game})).await[0]["id"].as_str().unwrap().to_owned();
            let right = document(&system, view, &id).await["_readers"].clone();
            let path = format!("/{}/_update/{id}", system.namespace.index(view));
            let edit = json!({"doc": {"_readers": wrong}});
            direct::elasticsearch_admin("POST", &path, Some(&edit)).await.is(200);
            eventually("its readers are put right", async || {
                (document(&system, view, &id).await["_readers"] == right).then_some(())
            })
            .await;
        }
        system.settled(system.told().map_or(0, |told| told.position)).await;
        system.nothing_is_parked().await;
        system.end().await;
    });
}

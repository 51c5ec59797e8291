//! Games that were played elsewhere come in as PGN, and games go out as PGN.

mod long;
mod round_trip;

use futures_util::future::join_all;
use serde_json::{Value, json};
use wechess_tests::answer::has;
use wechess_tests::views::GAME_VIEWS;
use wechess_tests::{Actor, Answer, App, System, alone, eventually, story};

const IMPORT: &str = "/gameplay-api/v1/games/import";

/// Something that no other story has.
pub(crate) fn unique(word: &str) -> String {
    format!("{word} {}", uuid::Uuid::now_v7().simple())
}

/// Games of one request: on a busy machine a request ends in time.
const PART: usize = 55;

/// A text of many games in parts that are one request each.
pub(crate) fn parts(text: &str) -> Vec<String> {
    let games: Vec<&str> = text.split_inclusive("\n\n[Event ").collect();
    let texts: Vec<String> = games.iter().map(|game| format!("[Event {}", game.trim_end_matches("[Event "))).collect();
    texts.chunks(PART).map(|part| part.concat().replace("[Event [Event ", "[Event ")).collect()
}

/// The answer to a text of games, once there is a place for it.
pub(crate) async fn import(admin: &Actor, text: &str) -> Answer {
    eventually("there is a place for an import", async || {
        let answer = admin.request("POST", IMPORT).body("application/x-chess-pgn", text).send().await;
        (answer.status != 503).then_some(answer)
    })
    .await
}

/// A game between two names, of the year 1873.
pub(crate) fn game(white: &str, moves: &str) -> String {
    format!(
        "[Event \"Casual game\"]\n[Site \"Vienna\"]\n[Date \"1873.05.??\"]\n[White \"{white}\"]\n[Black \"Meitner\"]\n\
         [Result \"1-0\"]\n[WhiteElo \"2400\"]\n[WhiteTitle \"IM\"]\n[TimeControl \"180+2\"]\n[ECO \"C20\"]\n\
         [Opening \"Open Game\"]\n[Termination \"Normal\"]\n[Annotator \"x\"]\n\n{moves}\n\n"
    )
}

pub(crate) const MOVES: &str = "1. e4 {[%clk 0:03:00]} e5 {[%clk 0:02:58.5]} 2. Nc3 {[%clk 0:02:57]} 1-0";

fn statuses(report: &Value) -> Vec<&str> {
    let games = report["games"].as_array().expect("games");
    games.iter().map(|game| game["status"].as_str().expect("a status")).collect()
}

#[test]
fn an_imported_game_is_history_that_everybody_reads() {
    story(async |app: App| {
        let (admin, eve) = (app.admin().await, app.guest().await);
        let white = unique("Hamppe");
        let report = import(&admin, &game(&white, MOVES)).await;
        has(report.is(200), &json!({"status": "OK", "total": 1, "imported": 1, "already": 0, "refused": 0}));
        let line = json!({"index": 1, "line": 1, "status": "imported", "white": white, "plies": 3, "faults": []});
        has(&report.body["games"][0], &line);
        let id = report.body["games"][0]["gameId"].as_str().unwrap().to_owned();
        assert_eq!(app.events_of(&id).await, 4, "imported, three moves, and no end that anything could follow");

        let read = eve.game(&id).await;
        let shown = json!({"status": "completed", "result": "whiteWin", "endReason": "resignation", "mode": "public",
            "gameType": "blitz", "importedById": admin.id, "createdById": admin.id, "_owner": admin.id,
            "movedAt": "1873-05-01T00:00:08.500Z", "clockRunsSince": null, "moveCount": 3, "eco": "C25",
            "opening": "Vienna Game", "timeControl": {"initialMs": 180_000, "incrementMs": 2_000}});
        has(read.data(), &shown);
        has(&read.data()["tags"], &json!({"white": white, "date": "1873.05.??", "more": {"Annotator": "x"}}));
        assert_eq!(read.data()["moves"].as_array().unwrap().len(), 3);
        let moves = eve.get(&format!("/gameplay-api/v1/gamemoves?gameId={id}")).await;
        has(&moves.data()[1], &json!({"moveNotation": "e5", "remainingMs": 178_500, "moveTime": 3_500}));
        let list = async |query: &str| {
            let games = eve.get(&format!("/gameplay-api/v1/games?{query}")).await;
            games.data().as_array().unwrap().len()
        };
        let player = read.data()["playerWhiteId"].as_str().unwrap().to_owned();
        assert_eq!(list(&format!("playerWhiteId={player}")).await, 0, "lists show one's own games");
        assert_eq!(list(&format!("playerWhiteId={player}&importedById={}", admin.id)).await, 1);

        has(
            &eve.find("chessGame", &json!({"id": id})).await[0],
            &json!({"result": "whiteWin", "importedById": admin.id}),
        );
        let found = eve.find("chessGameMove", &json!({"gameId": id})).await;
        assert_eq!(found.len(), 3);
        let wanted = json!({"playerWhiteName": white, "event": "Casual game", "whiteElo": {"gte": 2400},
            "playedAt": {"lt": "1900-01-01T00:00:00Z"}, "whiteTitle": "IM"});
        let listed = json!({"id": id, "playerBlackName": "Meitner", "opening": "Vienna Game", "eco": "C25",
            "givenOpening": "Open Game", "givenEco": "C20", "givenTimeControl": "180+2", "givenTermination": "Normal",
            "termination": "resignation", "winner": "white", "timeControlClass": "blitz", "startedAt": null,
            "durationSeconds": 8.5, "whiteRatingBand": "2400-2599", "averageRatingBand": null,
            "site": "Vienna", "date": "1873.05.??", "playedAt": "1873-05-01T00:00:00.000Z", "blackElo": null, "plies": 3});
        has(&eve.find("chessGameListView", &wanted).await[0], &listed);
        let sorted = eve.look("/bff-api/chessGameListView/list?sortBy=playedAt,whiteElo&limit=1").await;
        sorted.is(200);

        eve.play(&id, 4, "Nf6").await.refused(403, "errMsg_forbidden");
        admin.play(&id, 4, "Nf6").await.refused(409, "errMsg_GameOver");
        let again = import(&admin, &game(&white, MOVES)).await;
        has(&again.body["games"][0], &json!({"status": "already", "gameId": id}));
        assert_eq!(app.events_of(&id).await, 4);
        admin.delete(&format!("/gameplay-api/v1/game/{id}")).await.is(200);
        eve.game(&id).await.refused(404, "errMsg_recordNotFound");
        for (view, by) in [("chessGameListView", "id"), ("chessGameMove", "gameId")] {
            assert!(eve.find(view, &json!({by: id})).await.is_empty(), "{view}");
        }
        assert_eq!(admin.find("chessGameMove", &json!({"gameId": id})).await.len(), 3);
    });
}

#[test]
fn a_bad_game_refuses_itself_alone_and_says_where() {
    story(async |app: App| {
        let admin = app.admin().await;
        let (first, second, third) = (unique("a"), unique("b"), unique("c"));
        let text = format!(
            "{}{}{}",
            game(&first, "1. e4 1-0"),
            game(&second, "1. e4 e5\n2. Ke3 1-0").replace("\"2400\"", "\"high\""),
            game(&third, "1. d4 1-0")
        );
        let report = import(&admin, &text).await;
        assert_eq!(statuses(report.is(200)), ["imported", "refused", "imported"]);
        has(&report.body, &json!({"total": 3, "imported": 2, "refused": 1}));
        let refused = &report.body["games"][1];
        has(refused, &json!({"index": 2, "line": 17, "white": second, "gameId": null, "plies": null}));
        has(
            &refused["faults"][0],
            &json!({"line": 23, "tag": "WhiteElo", "halfMove": null, "code": "errMsg_TagIsNotValid"}),
        );
        has(&refused["faults"][1], &json!({"line": 32, "tag": null, "halfMove": 3, "code": "errMsg_IllegalMove"}));
        let told = refused["faults"][1]["message"].as_str().unwrap();
        assert!(
            told.starts_with("2. Ke3: the king on e1 cannot move to e3") && told.contains("article 3.8.1"),
            "{told}"
        );
        assert!(admin.find("chessGameListView", &json!({"playerWhiteName": second})).await.is_empty());

        let mended = text.replace("Ke3", "Ke2").replace("\"high\"", "\"2400\"");
        assert_eq!(statuses(&import(&admin, &mended).await.body), ["already", "imported", "already"]);
        assert_eq!(admin.find("chessGameListView", &json!({"playerWhiteName": second})).await.len(), 1);
    });
}

#[test]
fn only_admins_import_and_only_what_fits() {
    story(async |app: App| {
        let (admin, ann, guest) = (app.admin().await, app.user("ann").await, app.guest().await);
        for who in [&ann, &guest] {
            who.request("POST", IMPORT).body("text/plain", "*").send().await.refused(403, "errMsg_forbidden");
        }
        let send = async |kind: &str, text: String| {
            eventually("there is a place for an import", async || {
                let answer = admin.request("POST", IMPORT).body(kind, text.clone()).send().await;
                (answer.status != 503).then_some(answer)
            })
            .await
        };
        send("application/xml", "*".into()).await.refused(415, "errMsg_unsupportedMediaType");
        send("text/plain", String::new()).await.refused(400, "errMsg_pgnIsRequired");
        send("text/plain", "{nothing}\n".into()).await.refused(400, "errMsg_pgnIsNotValid");
        send("text/plain", "1. e4 \0 *".into()).await.refused(400, "errMsg_pgnIsNotValid");
        send("application/json", json!({"pgn": "*", "text": "*"}).to_string())
            .await
            .refused(400, "errMsg_unknownField");
        send("text/plain", "*\n".repeat(1001)).await.refused(400, "errMsg_TooManyGames");
        let large = "x".repeat((8 << 20) + 1);
        send("text/plain", large).await.refused(413, "errMsg_bodyTooLarge");
    });
}

#[test]
fn a_text_comes_as_json_and_in_old_encodings_too() {
    story(async |app: App| {
        let admin = app.admin().await;
        let white = unique("Müller");
        let text = format!("\u{feff}% by hand\r\n{}", game(&white, MOVES).replace('\n', "\r\n"));
        let first = eventually("there is a place for an import", async || {
            let answer = admin.post(IMPORT, &json!({"pgn": text})).await;
            (answer.status != 503).then_some(answer)
        })
        .await;
        assert_eq!(statuses(first.is(200)), ["imported"]);
        let latin: Vec<u8> = text.trim_start_matches('\u{feff}').chars().map(|c| u8::try_from(c).unwrap()).collect();
        let second = eventually("there is a place for an import", async || {
            let request = app.http.post(format!("{}{IMPORT}", app.command_api)).bearer_auth(&admin.token);
            let sent = request.header("Content-Type", "text/plain").body(latin.clone()).send().await.unwrap();
            let answer = Answer::read("a text in Latin-1".to_owned(), sent).await;
            (answer.status != 503).then_some(answer)
        })
        .await;
        assert_eq!(statuses(second.is(200)), ["already"]);
        assert_eq!(second.body["games"][0]["white"], white);
    });
}

#[test]
fn who_imports_the_same_at_the_same_moment_doubles_nothing() {
    story(async |app: App| {
        let admin = app.admin().await;
        let text: String = (0..5).map(|_| game(&unique("twin"), MOVES)).collect();
        let all = join_all((0..4).map(|_| import(&admin, &text))).await;
        let imported: u64 = all.iter().map(|answer| answer.is(200)["imported"].as_u64().unwrap()).sum();
        let already: u64 = all.iter().map(|answer| answer.body["already"].as_u64().unwrap()).sum();
        assert_eq!((imported, already), (5, 15));
        for game in all[0].body["games"].as_array().unwrap() {
            assert_eq!(app.events_of(game["gameId"].as_str().unwrap()).await, 4);
        }
    });
}

#[test]
fn who_finds_no_place_for_his_import_is_told_to_come_back() {
    alone(async || {
        let system = System::with_namespace(GAME_VIEWS).await;
        let admin = system.app.admin().await;
        // Legal for long, and then not: work for the rules and none for the log.
        let line = "Nf3 Nf6 Ng1 Ng8 ".repeat(20);
        let text: String = (0..40).map(|_| game("x", &format!("{line} Ke4 1-0"))).collect();
        let send = || admin.request("POST", IMPORT).body("text/plain", text.clone()).send();
        let all = join_all((0..6).map(|_| send())).await;
        let (done, waiting): (Vec<&Answer>, Vec<&Answer>) = all.iter().partition(|answer| answer.status == 200);
        assert!(!done.is_empty() && !waiting.is_empty(), "{} were worked on at once", done.len());
        for answer in done {
            assert_eq!(answer.body["refused"], 40);
        }
        for answer in waiting {
            answer.refused(503, "errMsg_serviceUnavailable");
            assert_eq!(answer.header("retry-after"), Some("5"));
        }
        import(&admin, &text).await.is(200);
        system.end().await;
    });
}

//! Groups and metrics of the query service, compared with what the tests count themselves.

mod asking;
mod long;
mod many;
pub(crate) mod plain;

use serde_json::{Value, json};
use wechess_tests::answer::has;
use wechess_tests::{Actor, App, story};

use crate::import::{import, unique};

const PATH: &str = "/bff-api/chessGameListView/aggregate";

/// Lines to take the beginnings of.
const LINES: &[&str] = &[
    "1. e4 e5 2. Nf3 Nc6 3. Bb5 a6 4. Ba4 Nf6 5. O-O Be7",
    "1. d4 d5 2. c4 e6 3. Nc3 Nf6 4. Bg5 Be7",
    "1. e4 c5 2. Nf3 d6 3. d4 cxd4 4. Nxd4 Nf6 5. Nc3 a6",
    "1. c4 e5 2. Nc3 Nf6",
];

/// Games of one event that differ in everything that can be grouped by; some say nothing of ratings, titles or time.
fn games(event: &str, count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        let result = ["1-0", "0-1", "1/2-1/2"][n * 7 % 3];
        let line: Vec<&str> = LINES[n % LINES.len()].split(' ').collect();
        // A number and two moves are a full move.
        let moves = line[..(3 * (1 + n % 4)).min(line.len())].join(" ");
        text.push_str(&format!(
            "[Event \"{event}\"]\n[Site \"Test\"]\n[White \"White {event} {n}\"]\n[Black \"Black {}\"]\n[Result \"{result}\"]\n",
            n % 5
        ));
        if !n.is_multiple_of(6) {
            text.push_str(&format!("[WhiteElo \"{}\"]\n[BlackElo \"{}\"]\n", 1200 + n * 37 % 900, 1300 + n * 53 % 700));
        }
        if n.is_multiple_of(4) {
            text.push_str(&format!("[WhiteTitle \"{}\"]\n", ["GM", "IM", "FM"][n % 3]));
        }
        if !n.is_multiple_of(9) {
            // Around the two changes of clocks of a year, and over years.
            let (year, month, day) = (2023 + n % 3, [1, 3, 3, 10, 10, 12][n % 6], 20 + n % 12);
            let day = if month == 3 || month == 10 || month == 1 || month == 12 { day } else { day.min(30) };
            let (hour, minute) = (n * 5 % 24, n * 13 % 60);
            text.push_str(&format!(
                "[UTCDate \"{year}.{month:02}.{day:02}\"]\n[UTCTime \"{hour:02}:{minute:02}:07\"]\n"
            ));
        }
        text.push_str(&format!("\n{moves} {result}\n\n"));
    }
    text
}

/// Brings in so many games of a fresh event; its name and who may ask.
async fn event(app: &App, count: usize) -> (String, Actor) {
    let event = unique("Open");
    let report = import(&app.admin().await, &games(&event, count)).await;
    assert_eq!(report.is(200)["imported"], count, "{}", report.text);
    (event, app.guest().await)
}

#[test]
fn games_played_here_are_counted_by_what_became_of_them() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        for moves in ["f3 e5 g4 Qh4#", "f4 e6 g4 Qh4#"] {
            ann.create_game(&bob).await.play(moves).await;
        }
        let resigned = bob.create_game(&ann).await;
        resigned.play("e4 c5").await;
        bob.update_game(&resigned.id, json!({"result": "blackWin"})).await.is(200);
        ann.create_game(&bob).await.play("d4").await;
        let body = json!({
            "filters": {"importedById": null, "$or": [{"playerWhiteId": "$me"}, {"playerBlackId": "$me"}]},
            "groupBy": [{"field": "endReason"}], "missing": true,
            "metrics": {"games": {"count": true}, "plies": {"sum": "plies"}, "mean": {"avg": "plies"},
                "black": {"ratio": {"of": {"result": "blackWin"}}}, "whites": {"distinct": "playerWhiteId"}},
            "totals": true,
        });
        let answer = ann.search(PATH, &body).await;
        let rows = json!([
            {"endReason": "checkmate", "games": 2, "plies": 8, "mean": 4.0, "black": 1.0, "whites": 1},
            {"endReason": "resignation", "games": 1, "plies": 2, "mean": 2.0, "black": 1.0, "whites": 1},
            {"endReason": null, "games": 1, "plies": 1, "mean": 1.0, "black": 0.0, "whites": 1},
        ]);
        let totals = json!({"games": 4, "plies": 11, "mean": 2.75, "black": 0.75, "whites": 2});
        has(
            answer.is(200),
            &json!({"status": "OK", "statusCode": 200, "documents": 4, "groups": 3, "pageItem": 3,
            "items": rows, "totals": totals, "nextCursor": null}),
        );
        assert!(answer.header("watermark").is_some());
        // Games of others are in no number of a stranger's.
        let eve = app.user("eve").await;
        let foreign = json!({"filters": {"playerWhiteId": [ann.id, bob.id]}, "groupBy": [{"field": "endReason"}], "totals": true});
        has(eve.search(PATH, &foreign).await.is(200), &json!({"documents": 0, "items": [], "totals": {"count": 0}}));
        assert_eq!(app.admin().await.search(PATH, &foreign).await.is(200)["documents"], 4);
        assert_eq!(
            ann.search(PATH, &json!({"filters": {"id": resigned.id}})).await.is(200)["items"],
            json!([{"count": 1}])
        );
    });
}

#[test]
fn cursors_walk_all_groups_and_belong_to_their_request() {
    story(async |app: App| {
        let (event, eve) = event(&app, 40).await;
        let mut body = json!({"filters": {"event": event}, "groupBy": [{"field": "plies", "ranges": [{"to": 4}, {"from": 4}]},
            {"field": "eco"}, {"field": "whiteElo"}], "missing": true, "limit": 1000});
        let whole = eve.search(PATH, &body).await.is(200).clone();
        assert_eq!((whole["documents"].as_u64(), &whole["nextCursor"]), (Some(40), &Value::Null));
        assert_eq!(whole["groups"], whole["items"].as_array().unwrap().len());
        body["limit"] = json!(7);
        assert_eq!(json!(pages(&eve, PATH, &body).await), whole["items"]);

        let first = eve.search(PATH, &body).await.is(200).clone();
        body["cursor"] = first["nextCursor"].clone();
        app.guest().await.search(PATH, &body).await.refused(400, "errMsg_invalidValue");
        body["missing"] = json!(false);
        assert!(eve.search(PATH, &body).await.refused(400, "errMsg_invalidValue").contains("another request"));
        body["cursor"] = json!("AAAA");
        assert_eq!(eve.search(PATH, &body).await.faults(), ["/cursor errMsg_invalidValue"]);
    });
}

/// The rows of all pages, of a view that has everything already.
pub(crate) async fn pages(who: &Actor, path: &str, body: &Value) -> Vec<Value> {
    let (mut all, mut body) = (Vec::new(), body.clone());
    loop {
        let answer = who.view("POST", path).json(&body).answered().await.is(200).clone();
        all.extend(answer["items"].as_array().expect("items").clone());
        if answer["nextCursor"].is_null() {
            return all;
        }
        body["cursor"] = answer["nextCursor"].clone();
    }
}

#[test]
fn what_is_wrong_is_told_at_once_and_what_is_too_much_how_to_narrow() {
    story(async |app: App| {
        let eve = app.guest().await;
        let body = json!({"filters": {"password": "x"}, "groupBy": [{"field": "_readers"}, {"field": "tags"}],
            "metrics": {"x": {"avg": "eco"}, "y": {"ratio": {"of": {"invitationCode": "x"}}}}, "limit": 0, "script": "x"});
        let mut faults = eve.search(PATH, &body).await.faults();
        faults.sort();
        assert_eq!(
            faults,
            [
                "/filters/password errMsg_unknownField",
                "/groupBy/0/field errMsg_unknownField",
                "/groupBy/1/field errMsg_operatorNotAllowed",
                "/limit errMsg_invalidValue",
                "/metrics/x/avg errMsg_operatorNotAllowed",
                "/metrics/y/ratio/of/invitationCode errMsg_unknownField",
                "/script errMsg_invalidShape",
            ]
        );
        let regexp = json!({"metrics": {"x": {"ratio": {"of": {"eco": {"regexp": "("}}}}}});
        assert!(eve.search(PATH, &regexp).await.refused(400, "errMsg_invalidValue").contains("regular expression"));
        app.stranger().view("POST", PATH).json(&json!({})).send().await.refused(401, "errMsg_userNotAuthenticated");
        eve.view("GET", PATH).send().await.refused(405, "errMsg_methodNotAllowed");
        let unknown = eve.view("POST", "/bff-api/nothing/aggregate").json(&json!({})).send().await;
        unknown.refused(404, "errMsg_indexNotFound");
    });
}

#[test]
fn whatever_is_asked_is_what_a_plain_count_gives() {
    story(async |app: App| asking::compare(&app, 80, 200).await);
}

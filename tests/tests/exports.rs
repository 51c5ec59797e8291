//! Exports: whole, in each format, cut and resumed.

mod busy;
mod cut;

use std::collections::BTreeMap;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};
use wechess_tests::{Actor, Answer, App, story};

use crate::import::{import, unique};

const GAMES: &str = "/bff-api/chessGameListView/export";

/// So many imported games of a fresh event, with names that a spreadsheet would run.
async fn event(app: &App, count: usize) -> String {
    let event = unique("Cup");
    let names = ["=1+1", "+49 30", "-minus", "@SUM(A1)", "plain", "Smith, \\\"Joe\\\""];
    let game = |n: usize| {
        let white = format!("{} {event} {n}", names[n % names.len()]);
        let elo = if n.is_multiple_of(2) { "[WhiteElo \"2100\"]\n" } else { "" };
        format!(
            "[Event \"{event}\"]\n[Site \"Test\"]\n[White \"{white}\"]\n[Black \"Black\"]\n[Result \"1-0\"]\n{elo}\
             [UTCDate \"2024.05.01\"]\n[UTCTime \"10:00:00\"]\n\n1. e4 e5 2. Nf3 Nc6 3. Bb5 a6 1-0\n\n"
        )
    };
    let report = import(&app.admin().await, &(0..count).map(game).collect::<String>()).await;
    assert_eq!(report.is(200)["imported"], count, "{}", report.text);
    event
}

/// The path of an export of an event's games.
fn of(event: &str, more: &str) -> String {
    format!("{GAMES}?filters=%7B%22event%22%3A%22{}%22%7D{more}", event.replace(' ', "%20"))
}

/// The rows of NDJSON without the mark of its end, which must be there.
fn rows(answer: &Answer, count: u64) -> Vec<Value> {
    answer.is(200);
    let mut lines: Vec<Value> = answer.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.pop(), Some(json!({"_end": {"count": count}})), "{}", answer.text);
    lines
}

fn by_id(rows: &[Value]) -> BTreeMap<String, Value> {
    rows.iter().map(|row| (row["id"].as_str().expect("an id").to_owned(), row.clone())).collect()
}

/// Fields of CSV, read by RFC 4180.
fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut lines, mut fields, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {
                chars.next();
                fields.push(std::mem::take(&mut field));
                lines.push(std::mem::take(&mut fields));
            }
            c => field.push(c),
        }
    }
    assert!(!quoted && field.is_empty() && fields.is_empty(), "the last line ends");
    lines
}

#[test]
fn an_export_is_the_list_in_one_piece() {
    story(async |app: App| {
        let (event, eve) = (event(&app, 30).await, app.guest().await);
        let listed = eve.find("chessGameListView", &json!({"event": event})).await;
        let got = eve.look(&of(&event, "")).await;
        let found = rows(&got, 30);
        assert_eq!(by_id(&found), by_id(&listed));
        let keys = |rows: &[Value]| rows[0].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&found), keys(&listed), "in the same order");
        assert_eq!(
            (got.header("x-total-count"), got.header("content-type")),
            (Some("30"), Some("application/x-ndjson"))
        );
        assert!(got.header("watermark").is_some() && got.header("x-export-token").is_some());
        let named = got.header("content-disposition").unwrap();
        assert_eq!(named, "attachment; filename=\"chessGameListView.ndjson\"");

        let body = json!({"filters": {"event": event, "whiteElo": 2100}});
        let posted = eve.search(&format!("{GAMES}?fields=id,whiteElo&q=black"), &body).await;
        assert_eq!(rows(&posted, 15)[0]["whiteElo"], 2100);
        assert_eq!(rows(&posted, 15)[0].as_object().unwrap().len(), 2);
        let nothing = eve.search(GAMES, &json!({"event": "nothing of that name"})).await;
        assert!(rows(&nothing, 0).is_empty());
    });
}

#[test]
fn an_export_holds_what_its_reader_may_see() {
    story(async |app: App| {
        let (ann, bob, eve) = (app.user("ann").await, app.user("bob").await, app.user("eve").await);
        let game = ann.create_game(&bob).await;
        let path = format!("{GAMES}?filters=%7B%22id%22%3A%22{}%22%7D", game.id);
        assert_eq!(rows(&ann.look(&path).await, 1)[0]["id"], game.id.as_str());
        let foreign = eve.look(&path).await;
        assert!(rows(&foreign, 0).is_empty());
        assert_eq!(foreign.header("x-total-count"), Some("0"));
        let users = eve.look("/bff-api/user/export").await;
        assert_eq!(rows(&users, 1)[0]["id"], eve.id.as_str());
        assert!(!users.text.contains("password") && !users.text.contains("_readers"));
        app.stranger().view("GET", GAMES).send().await.refused(401, "errMsg_userNotAuthenticated");
        let faults = eve
            .view("GET", &format!("{GAMES}?fields=password&format=xls&skip=3&filters=%7B%22x%22%3A1%7D"))
            .send()
            .await;
        let mut faults = faults.faults();
        faults.sort();
        assert_eq!(
            faults,
            [
                "/fields errMsg_unknownField",
                "/filters/x errMsg_unknownField",
                "/format errMsg_invalidParameter",
                "/skip errMsg_invalidParameter"
            ]
        );
        eve.view("GET", GAMES).header("Accept", "image/png").send().await.refused(406, "errMsg_notAcceptable");
    });
}

#[test]
fn csv_is_read_by_others_and_runs_nothing() {
    story(async |app: App| {
        let (event, eve) = (event(&app, 12).await, app.guest().await);
        let path = of(&event, "&fields=id,playerWhiteName,whiteElo,whiteRatingDiff,isActive,timeControl&format=csv");
        let got = eve.look(&path).await;
        got.is(200);
        assert_eq!(got.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
        let lines = csv(&got.text);
        let listed = by_id(&eve.find("chessGameListView", &json!({"event": event})).await);
        assert_eq!(lines.len(), 1 + 12);
        let names = lines[0].clone();
        for line in &lines[1..] {
            let field = |name: &str| line[names.iter().position(|known| known == name).unwrap()].as_str();
            let game = &listed[field("id")];
            let name = game["playerWhiteName"].as_str().unwrap();
            let guarded = name.starts_with(['=', '+', '-', '@']);
            assert_eq!(field("playerWhiteName"), if guarded { format!("'{name}") } else { name.to_owned() });
            assert!(!field("playerWhiteName").starts_with(['=', '+', '-', '@']));
            let elo = if game["whiteElo"].is_null() { "" } else { "2100" };
            assert_eq!((field("whiteElo"), field("whiteRatingDiff"), field("isActive")), (elo, "", "true"));
        }
        let accepted = eve.view("GET", &of(&event, "")).header("Accept", "text/csv").send().await;
        assert!(accepted.is(200).is_null() && accepted.text.starts_with("id,"), "{}", accepted.text);
    });
}

#[test]
fn parquet_is_read_back_as_it_was() {
    story(async |app: App| {
        let (event, eve) = (event(&app, 20).await, app.guest().await);
        let listed = by_id(&eve.find("chessGameListView", &json!({"event": event})).await);
        let url = format!("{}{}", app.query_bff, of(&event, "&format=parquet"));
        let got = app.http.get(&url).bearer_auth(&eve.token).send().await.unwrap();
        assert_eq!(got.headers()["content-type"], "application/vnd.apache.parquet");
        let file = SerializedFileReader::new(got.bytes().await.unwrap()).unwrap();
        let mut seen = 0;
        for row in file.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let fields: BTreeMap<&String, &Field> = row.get_column_iter().collect();
            let Field::Str(id) = fields[&"id".to_owned()] else { panic!("an id is text") };
            for (name, value) in listed[id].as_object().unwrap() {
                let same = match (fields[name], value) {
                    (Field::Null, value) => value.is_null(),
                    (Field::Str(text), Value::String(value)) => text == value,
                    (Field::Str(text), value) => &serde_json::from_str::<Value>(text).unwrap() == value,
                    (Field::Bytes(bytes), value) => &serde_json::from_slice::<Value>(bytes.data()).unwrap() == value,
                    (Field::Bool(flag), value) => value.as_bool() == Some(*flag),
                    (Field::Long(number), value) => value.as_i64() == Some(*number),
                    (Field::Double(number), value) => value.as_f64() == Some(*number),
                    (Field::TimestampMillis(at), value) => {
                        let time: chrono::DateTime<chrono::Utc> = value.as_str().unwrap().parse().unwrap();
                        time.timestamp_millis() == *at
                    }
                    (other, _) => panic!("{name} is {other}"),
                };
                assert!(same, "{name}: {} is not {value}", fields[name]);
            }
            seen += 1;
        }
        assert_eq!(seen, 20);
    });
}

#[test]
fn a_cut_export_goes_on_where_it_was_cut() {
    story(async |app: App| {
        let (event, eve) = (event(&app, 30).await, app.guest().await);
        let whole = eve.look(&of(&event, "")).await;
        let all = rows(&whole, 30);
        let resumed = async |who: &Actor, token: &str, skip: usize, more: &str| {
            who.view("GET", &of(&event, &format!("&resume={token}&skip={skip}{more}"))).send().await
        };
        let token = whole.header("x-export-token").unwrap();
        for skip in [0, 1, 17, 29, 30] {
            let rest = resumed(&eve, token, skip, "").await;
            assert_eq!(rows(&rest, 30), all[skip..], "behind {skip}");
            assert_eq!(rest.header("x-total-count"), Some("30"));
        }
        // What is written meanwhile is not in it.
        let filters = json!({"event": event});
        let admin = app.admin().await;
        admin.delete(&format!("/gameplay-api/v1/game/{}", all[3]["id"].as_str().unwrap())).await.is(200);
        assert_eq!(eve.count("chessGameListView", &filters).await, 29);
        assert_eq!(rows(&resumed(&eve, token, 2, "").await, 30), all[2..]);

        let refused = resumed(&eve, token, 31, "").await;
        assert_eq!(refused.faults(), ["/resume errMsg_invalidParameter"]);
        assert_eq!(resumed(&app.guest().await, token, 0, "").await.faults(), ["/resume errMsg_invalidParameter"]);
        assert_eq!(resumed(&eve, token, 0, "&fields=id").await.faults(), ["/resume errMsg_invalidParameter"]);
        // The two newest of a user go on; the one before is over, and however often it is tried, they still do.
        let mut newest = Vec::new();
        for _ in 0..2 {
            let one = eve.look(&of(&event, "&fields=id")).await;
            rows(&one, 29);
            newest.push(one.header("x-export-token").unwrap().to_owned());
        }
        for _ in 0..3 {
            resumed(&eve, token, 0, "").await.refused(410, "errMsg_exportIsOver");
        }
        for token in &newest {
            assert_eq!(rows(&resumed(&eve, token, 28, "&fields=id").await, 29).len(), 1);
        }
    });
}

#[test]
fn csv_goes_on_as_well() {
    story(async |app: App| {
        let (event, eve) = (event(&app, 9).await, app.guest().await);
        let whole = eve.look(&of(&event, "&format=csv")).await;
        let token = whole.header("x-export-token").unwrap();
        let rest = eve.view("GET", &of(&event, &format!("&format=csv&resume={token}&skip=4"))).send().await;
        let lines: Vec<&str> = whole.text.split_inclusive("\r\n").collect();
        assert_eq!((whole.status, rest.status), (200, 200));
        assert_eq!(rest.text, lines[5..].concat());
    });
}

/// More than a page: pages follow each other without a row lost or doubled.
#[test]
fn many_pages_are_one_export() {
    story(async |app: App| {
        let (event, eve) = (event(&app, 120).await, app.guest().await);
        let games = eve.look(&of(&event, "&fields=id")).await;
        let ids: Vec<Value> = rows(&games, 120).into_iter().map(|row| row["id"].clone()).collect();
        let body = json!({"filters": {"gameId": ids}});
        let got = eve.search("/bff-api/chessGameMove/export?fields=id,gameId,moveNumber", &body).await;
        let moves = rows(&got, 720);
        assert_eq!(by_id(&moves).len(), 720);
        let numbers = moves.iter().map(|row| row["moveNumber"].as_u64().unwrap()).sum::<u64>();
        assert_eq!(numbers, 120 * 21);
    });
}

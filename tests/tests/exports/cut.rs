//! An export that breaks in its middle, and goes on.

use std::collections::BTreeSet;

use serde_json::Value;
use wechess_tests::searches::{Day, Searches};
use wechess_tests::{Actor, System, alone};

use super::event;

const EXPORT: &str = "/bff-api/chessGameMove/export?fields=id,gameId,moveNumber";
/// More than a first page: 6 moves of each of so many games.
const GAMES: usize = 100;

/// What came of an answer before it broke.
struct Broken {
    token: String,
    text: String,
}

/// Asks for an export that breaks.
async fn broken(who: &Actor, path: &str) -> Broken {
    let url = format!("{}{path}", who.app.query_bff);
    let mut answer = who.app.http.get(url).bearer_auth(&who.token).send().await.expect("it begins");
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(header("x-total-count"), (GAMES * 6).to_string());
    let (token, mut bytes) = (header("x-export-token"), Vec::new());
    loop {
        match answer.chunk().await {
            Ok(Some(more)) => bytes.extend_from_slice(&more),
            Ok(None) => panic!("it ends as if it were whole after {} bytes", bytes.len()),
            Err(_) => break,
        }
    }
    Broken { token, text: String::from_utf8_lossy(&bytes).into_owned() }
}

/// The whole lines of a text that was cut somewhere.
fn whole_lines(text: &str) -> Vec<String> {
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(str::to_owned).collect()
}

#[test]
fn an_export_that_breaks_in_its_middle_has_no_end_and_goes_on() {
    alone(async || {
        let system = System::with_namespace(&["chessGameMove"]).await;
        let (proxy, app, server) = Searches::behind(&system).await;
        event(&app, GAMES).await;
        let eve = system.guest().await.at(&app);
        assert_eq!(eve.count("chessGameMove", &serde_json::json!({})).await, GAMES as u64 * 6);
        for (day, format, head) in [(Day::Cut, "ndjson", 0), (Day::Partial, "ndjson", 0), (Day::Down, "csv", 1)] {
            let path = format!("{EXPORT}&format={format}");
            proxy.set(day);
            proxy.spare(1);
            let begun = broken(&eve, &path).await;
            let mut lines = whole_lines(&begun.text);
            assert!(!begun.text.contains("_end") && lines.len() < GAMES * 6 + head, "{day:?}: {}", lines.len());
            let rows = lines.len().saturating_sub(head);
            // What came of a line is not skipped; without any the head comes again.
            lines.truncate(if rows == 0 { 0 } else { rows + head });
            // Still a bad day: told with a status, and it may be tried again.
            let rest = format!("{path}&resume={}&skip={rows}", begun.token);
            eve.view("GET", &rest).send().await.refused(503, "errMsg_serviceUnavailable");
            proxy.set(Day::Well);
            let rest = eve.view("GET", &rest).send().await;
            assert_eq!(rest.status, 200, "{day:?}: {}", rest.text);
            lines.extend(whole_lines(&rest.text));
            let rows = match format {
                "csv" => lines.split_off(1),
                _ => {
                    let end = lines.pop().expect("an end");
                    assert_eq!(end, format!("{{\"_end\":{{\"count\":{}}}}}\n", GAMES * 6), "{day:?}");
                    lines
                }
            };
            let ids: BTreeSet<String> = rows.iter().map(|row| id(row, format)).collect();
            assert_eq!((rows.len(), ids.len()), (GAMES * 6, GAMES * 6), "{day:?}: each exactly once");
        }
        server.stop().await;
        system.end().await;
    });
}

/// The id of a row.
fn id(row: &str, format: &str) -> String {
    match format {
        "csv" => row.split(',').next().expect("a field").to_owned(),
        _ => serde_json::from_str::<Value>(row).expect("JSON")["id"].as_str().expect("an id").to_owned(),
    }
}

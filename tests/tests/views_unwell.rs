//! Elasticsearch on bad days: what is asked then is refused, never answered wrongly.

use serde_json::{Value, json};
use wechess_tests::searches::{Day, Searches};
use wechess_tests::{Actor, Answer, System, alone, eventually};

const COUNT: &str = "/bff-api/chessGame/count";

/// An aggregate, an export, a live read; and a read by id where its answer does not come whole.
async fn the_other_routes_refuse(ann: &Actor, day: Day, game: &Value) {
    let body = json!({"groupBy": [{"field": "status"}], "totals": true});
    let refused = |answer: Answer| {
        assert_eq!(answer.status, 503, "{day:?}: {} -> {}", answer.what, answer.text);
        answer.refused(503, "errMsg_serviceUnavailable");
    };
    refused(ann.view("POST", "/bff-api/chessGame/aggregate").json(&body).send().await);
    for format in ["ndjson", "csv", "parquet"] {
        refused(ann.view("GET", &format!("/bff-api/chessGame/export?format={format}")).send().await);
    }
    refused(ann.try_live("/bff-api/chessGame/live", None).await.err().expect("a refusal"));
    let one = format!("/bff-api/chessGame/{}", game["id"].as_str().expect("an id"));
    let by_id = ann.view("GET", &one).send().await;
    match day {
        Day::Cut | Day::Busy | Day::Down => refused(by_id),
        Day::Well | Day::Slow | Day::Partial | Day::TimedOut => assert_eq!(by_id.is(200)["item"]["id"], game["id"]),
    }
}

#[test]
fn half_an_answer_is_no_answer() {
    alone(async || {
        let system = System::with_namespace(&["chessGame"]).await;
        let (proxy, app, server) = Searches::behind(&system).await;
        let ann = system.guest().await.at(&app);
        let game = ann.open_game("public").await;
        assert_eq!(ann.look(COUNT).await.is(200)["total"], 1);
        for day in [Day::Cut, Day::Partial, Day::TimedOut, Day::Busy, Day::Down] {
            proxy.set(day);
            the_other_routes_refuse(&ann, day, &game).await;
            // Not asked before at this watermark, so nothing is kept of it.
            for path in ["/bff-api/chessGame/list?page=2", "/bff-api/chessGame?limit=7"] {
                let answer = ann.view("GET", path).send().await;
                assert_eq!(answer.status, 503, "{day:?}: {}", answer.text);
                answer.refused(503, "errMsg_serviceUnavailable");
            }
            let refused = ann.view("POST", "/bff-api/chessGame/count").json(&json!({"isActive": true})).send().await;
            refused.refused(503, "errMsg_serviceUnavailable");
            // What is kept is as good as it was, and says how far it goes.
            let kept = ann.view("GET", COUNT).send().await;
            assert_eq!(kept.is(200)["total"], 1);
            assert!(kept.header("watermark").is_some());
            let past = ann.view("GET", &format!("{COUNT}?caching=false")).send().await;
            past.refused(503, "errMsg_serviceUnavailable");
        }
        proxy.set(Day::Well);
        let one = ann.view("GET", &format!("/bff-api/chessGame/{}", game["id"].as_str().expect("an id"))).send().await;
        assert_eq!(one.is(200)["item"]["id"], game["id"]);
        let answer = ann.look("/bff-api/chessGame/list?page=2").await;
        assert_eq!((answer.is(200)["total"].as_i64(), answer.body["pageItem"].as_i64()), (Some(1), Some(0)));
        server.stop().await;
        system.end().await;
    });
}

#[test]
fn a_search_ends_with_its_last_reader_and_a_slow_one_after_its_time() {
    alone(async || {
        let system = System::with_namespace(&["chessGame"]).await;
        let (proxy, app, server) = Searches::behind(&system).await;
        let ann = system.guest().await.at(&app);
        ann.open_game("public").await;
        ann.look(COUNT).await.is(200);
        proxy.set(Day::Slow);
        for path in ["/bff-api/chessGame/list?limit=3", "/bff-api/chessGame/list?limit=4&caching=false"] {
            let (asked, left) = (proxy.asked(), proxy.left());
            let who = ann.clone();
            let reader = tokio::spawn(async move { who.view("GET", path).send().await });
            eventually("it is searched", async || (proxy.asked() > asked).then_some(())).await;
            reader.abort();
            let gone = std::time::Instant::now();
            eventually("the search is given up", async || (proxy.left() > left).then_some(())).await;
            // Long before its time is over.
            assert!(gone.elapsed().as_secs() < 4, "{path}: given up after {:?}", gone.elapsed());
            assert_eq!(proxy.asked(), asked + 1, "and not tried again");
        }
        let begun = std::time::Instant::now();
        let slow = ann.view("GET", "/bff-api/chessGame/list?limit=5").send().await;
        slow.refused(503, "errMsg_serviceUnavailable");
        assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
        proxy.set(Day::Well);
        ann.view("GET", "/bff-api/chessGame/list?limit=5").send().await.is(200);
        server.stop().await;
        system.end().await;
    });
}

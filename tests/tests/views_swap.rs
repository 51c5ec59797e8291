//! A view whose index is changed for another under those who read it: nobody is answered wrongly, or with nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};
use wechess_tests::command::projector;
use wechess_tests::{Actor, Answer, System, alone, eventually, say};

const BOARDS: usize = 30;
const REBUILDS: usize = 3;
const FEN: &str = "8/8/8/4k3/8/4K3/4P3/8 w - - 0 1";

fn board(number: usize) -> Value {
    let category = ["endgame", "puzzle", "custom"][number % 3];
    json!({"name": format!("board {number:02}"), "fen": FEN, "isPublished": false, "category": category})
}

async fn get(who: &Actor, path: &str) -> Answer {
    who.view("GET", &format!("/bff-api/customBoard/{path}")).send().await
}

fn names(answer: &Answer) -> Vec<&str> {
    let items = answer.is(200)["items"].as_array().expect("items");
    items.iter().filter_map(|item| item["name"].as_str()).collect()
}

/// Asks in every way, and knows the answers; `cursor` leads to the second ten.
async fn ask(who: &Actor, cursor: &str, id: &str) {
    let expected: Vec<String> = (0..BOARDS).map(|number| format!("board {number:02}")).collect();
    for caching in ["true", "false"] {
        let list = get(who, &format!("list?limit=100&sortBy=name&facets=category&caching={caching}")).await;
        assert_eq!(names(&list), expected, "{}", list.text);
        assert_eq!(list.body["total"], BOARDS);
        let counts = list.body["filters"][0]["values"].as_array().expect("values");
        assert!(counts.len() == 3 && counts.iter().all(|value| value["count"] == BOARDS / 3), "{}", list.text);
        let count = get(who, &format!("count?q=board&caching={caching}")).await;
        assert_eq!(count.is(200)["total"], BOARDS);
        let page = get(who, &format!("list?limit=10&sortBy=name&cursor={cursor}&caching={caching}")).await;
        assert_eq!(names(&page), expected[10..20]);
    }
    assert_eq!(get(who, id).await.is(200)["item"]["name"], "board 00");
    let grouped = who.view("POST", "/bff-api/customBoard/aggregate").json(&json!({"groupBy": [{"field": "category"}]}));
    let rows = json!([{"category": "custom", "count": 10}, {"category": "endgame", "count": 10}, {"category": "puzzle",
        "count": 10}]);
    assert_eq!(grouped.send().await.is(200)["items"], rows);
    let export = eventually("there is a place for an export", async || {
        let answer = get(who, "export?fields=name").await;
        (answer.status != 429).then_some(answer)
    })
    .await;
    assert_eq!((export.status, export.text.lines().count()), (200, BOARDS + 1), "{}", export.text);
}

#[test]
fn in_the_middle_of_a_swap_every_answer_is_whole() {
    alone(async || {
        let system = System::with_namespace(&["customBoard"]).await;
        let ann = system.user("ann").await;
        let who = &ann;
        let made = (0..BOARDS).map(|number| async move {
            let answer = who.post("/gameplay-api/v1/customboards", &board(number)).await;
            answer.is(201)["customBoard"]["id"].clone()
        });
        let made = join_all(made).await;
        let first = ann.look("/bff-api/customBoard/list?limit=10&sortBy=name").await;
        let cursor = first.is(200)["nextCursor"].as_str().expect("a cursor").to_owned();
        let mut live = ann.live("/bff-api/customBoard/live?fields=id,name&limit=100").await;
        assert_eq!(live.expect("snapshot").await["total"], BOARDS);

        let (over, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
        let swaps = async {
            for number in 0..REBUILDS {
                let (well, said) = projector(&system, &["rebuild", "customBoard"]).await;
                assert!(well && said.contains(&format!("generation {} serves", number + 2)), "{said}");
            }
            over.store(true, Ordering::SeqCst);
        };
        let asking = async || {
            while !over.load(Ordering::SeqCst) {
                ask(&ann, &cursor, made[0].as_str().expect("an id")).await;
                rounds.fetch_add(1, Ordering::SeqCst);
            }
        };
        tokio::join!(swaps, asking(), asking());
        let rounds = rounds.load(Ordering::SeqCst);
        say(&format!("{rounds} rounds of answers were whole over {REBUILDS} rebuilds"));
        assert!(rounds > 2 * REBUILDS as u64, "{rounds} rounds say little");
        ann.post("/gameplay-api/v1/customboards", &board(BOARDS)).await.is(201);
        live.until(|shown| shown.len() == BOARDS + 1).await;
        system.nothing_is_parked().await;
        system.end().await;
    });
}

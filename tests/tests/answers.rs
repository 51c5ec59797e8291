//! Kept answers: asked once, shared by who may share them, never staler than they say.

use std::sync::atomic::{AtomicBool, Ordering};

use event_schema::position::LogPosition;
use futures_util::future::join_all;
use serde_json::{Value, json};
use wechess_tests::searches::{Day, Searches};
use wechess_tests::{Actor, Answer, System, alone, eventually};

const LIST: &str = "/bff-api/chessGame/list?limit=100";

/// A list by who has one with this tag.
async fn again(who: &Actor, path: &str, tag: &str) -> Answer {
    who.view("GET", path).header("If-None-Match", tag).answered().await
}

fn tag(answer: &Answer) -> String {
    answer.header("etag").expect("a tag").to_owned()
}

#[test]
fn who_has_an_answer_is_not_sent_it_again_until_the_view_changes() {
    alone(async || {
        let system = System::with_namespace(&["chessGame"]).await;
        let (ann, bob) = (system.guest().await, system.guest().await);
        ann.create_game(&bob).await;
        for path in [LIST, "/bff-api/chessGame/count", "/bff-api/chessGame"] {
            let first = ann.look(path).await;
            first.is(200);
            assert!(tag(&first).starts_with("W/\""), "{:?}", first.headers);
            assert_eq!(first.header("cache-control"), Some("private, no-cache"));
            assert!(first.header("vary").is_some_and(|vary| vary.contains("Authorization")), "{:?}", first.headers);
            let unchanged = again(&ann, path, &format!("\"other\", {}", tag(&first))).await;
            assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
            assert_eq!(unchanged.header("watermark"), first.header("watermark"));
            assert_eq!(unchanged.header("etag"), first.header("etag"));
            again(&ann, path, "\"other\"").await.is(200);
            again(&ann, &format!("{path}{}caching=false", if path.contains('?') { "&" } else { "?" }), &tag(&first))
                .await
                .is(200);
        }
        let before = ann.look(LIST).await;
        ann.create_game(&bob).await;
        ann.look(LIST).await.is(200);
        let after = again(&ann, LIST, &tag(&before)).await;
        assert_eq!((after.is(200)["total"].as_i64(), after.header("stale")), (Some(2), None));
        assert_ne!(tag(&after), tag(&before));
        system.end().await;
    });
}

#[test]
fn an_answer_is_shared_by_those_only_who_have_the_same_rights() {
    alone(async || {
        let system = System::with_namespace(&["chessGame"]).await;
        let (ann, bob, eve) = (system.guest().await, system.guest().await, system.guest().await);
        let game = ann.create_game(&bob).await;
        let own = eve.open_game("private").await["id"].as_str().unwrap().to_owned();
        let (hers, others) = (ann.look(LIST).await, eve.look(LIST).await);
        let ids = |answer: &Answer| -> Vec<Value> {
            answer.is(200)["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect()
        };
        assert_eq!((ids(&hers), ids(&others)), (vec![json!(game.id)], vec![json!(own)]));
        assert_ne!(tag(&hers), tag(&others));
        let answer = again(&eve, LIST, &tag(&hers)).await;
        assert_eq!(ids(&answer), [json!(own)]);
        // Admins read all, and share with each other.
        let (one, two) = (system.admin().await, system.admin().await);
        let whole = one.look(LIST).await;
        assert_eq!(whole.is(200)["total"], 2);
        assert_eq!(again(&two, LIST, &tag(&whole)).await.status, 304);
        // Other fields of the same documents are another answer.
        let narrow = ann.look(&format!("{LIST}&fields=id")).await;
        assert_eq!(narrow.is(200)["items"], json!([{"id": game.id}]));
        assert_ne!(tag(&narrow), tag(&hers));
        system.end().await;
    });
}

#[test]
fn equal_questions_are_searched_once() {
    alone(async || {
        let system = System::with_namespace(&["chessGame"]).await;
        let (proxy, app, server) = Searches::behind(&system).await;
        let ann = system.guest().await.at(&app);
        ann.open_game("public").await;
        assert_eq!(ann.look("/bff-api/chessGame/count").await.is(200)["total"], 1);

        proxy.set(Day::Slow);
        let (asked, shared) = (proxy.asked(), shared(&app).await);
        let crowd: Vec<_> = (0..20)
            .map(|_| {
                let ann = ann.clone();
                tokio::spawn(async move { ann.view("GET", LIST).send().await })
            })
            .collect();
        // Who began it goes away: the others are served all the same.
        eventually("nineteen wait for the search of one", async || {
            (self::shared(&app).await >= shared + 19).then_some(())
        })
        .await;
        crowd[0].abort();
        assert_eq!(proxy.asked(), asked + 1);
        proxy.set(Day::Well);
        let answers: Vec<Answer> = join_all(crowd).await.into_iter().filter_map(Result::ok).collect();
        assert!(answers.len() >= 19 && answers.iter().all(|answer| answer.is(200) == answers[0].is(200)));
        assert_eq!(proxy.asked(), asked + 1);
        ann.view("GET", LIST).send().await.is(200);
        assert_eq!(proxy.asked(), asked + 1, "it is kept");
        ann.view("GET", &format!("{LIST}&caching=false")).send().await.is(200);
        assert_eq!(proxy.asked(), asked + 2, "past what is kept");
        server.stop().await;
        system.end().await;
    });
}

#[test]
fn groups_are_searched_once_for_those_who_have_the_same_rights() {
    alone(async || {
        let system = System::with_namespace(&["chessGame"]).await;
        let (proxy, app, server) = Searches::behind(&system).await;
        let (one, two) = (system.admin().await.at(&app), system.admin().await.at(&app));
        let (ann, eve) = (system.guest().await.at(&app), system.guest().await.at(&app));
        for player in [&ann, &eve] {
            player.open_game("private").await;
        }
        let path = "/bff-api/chessGame/aggregate";
        let mut body = json!({"groupBy": [{"field": "playerWhiteId"}], "limit": 1});
        let first = one.search(path, &body).await;
        assert_eq!((&first.is(200)["documents"], &first.is(200)["pageItem"]), (&json!(2), &json!(1)));
        assert_eq!(first.header("cache-control"), Some("private, no-cache"));
        let asked = proxy.asked();
        let again = two.view("POST", path).json(&body).header("If-None-Match", &tag(&first)).send().await;
        assert_eq!((again.is(200), tag(&again)), (first.is(200), tag(&first)), "a POST is answered whole");
        assert_eq!(proxy.asked(), asked, "the other admin's answer");
        two.view("POST", &format!("{path}?caching=false")).json(&body).send().await.is(200);
        assert_eq!(proxy.asked(), asked + 1, "past what is kept");
        let hers = ann.search(path, &body).await;
        assert_eq!(
            (&hers.is(200)["documents"], &hers.is(200)["items"][0]["playerWhiteId"]),
            (&json!(1), &json!(ann.id))
        );

        body["cursor"] = first.is(200)["nextCursor"].clone();
        let rest = two.search(path, &body).await;
        let whole: Vec<&Value> = [&first, &rest].map(|page| &page.is(200)["items"][0]["playerWhiteId"]).to_vec();
        assert!(whole.contains(&&json!(ann.id)) && whole.contains(&&json!(eve.id)), "{whole:?}");
        ann.search(path, &body).await.refused(400, "errMsg_invalidValue");

        body["cursor"] = Value::Null;
        ann.open_game("private").await;
        let after = one.search(path, &body).await;
        assert_eq!(after.is(200)["documents"], 3);
        assert_ne!(tag(&after), tag(&first));
        server.stop().await;
        system.end().await;
    });
}

/// How many questions shared the search of another.
async fn shared(app: &wechess_tests::App) -> u64 {
    let text =
        app.http.get(format!("{}/metrics", app.query_bff)).send().await.expect("metrics").text().await.expect("text");
    let line = text.lines().find(|line| line.starts_with("wechess_answers_total") && line.contains("\"shared\""));
    line.and_then(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).unwrap_or(0.0) as u64
}

#[test]
fn an_answer_is_complete_up_to_its_watermark_while_games_are_made() {
    alone(async || {
        let system = System::with_namespace(&["chessGame"]).await;
        let (ann, bob) = (system.guest().await, system.guest().await);
        let over = AtomicBool::new(false);
        let made = async {
            let mut positions = Vec::new();
            for _ in 0..40 {
                ann.create_game(&bob).await;
                positions.push(system.told().unwrap().position);
            }
            over.store(true, Ordering::SeqCst);
            positions
        };
        let seen = async || {
            let mut seen: Vec<(i64, i64)> = Vec::new();
            while !over.load(Ordering::SeqCst) {
                let answer = ann.view("GET", "/bff-api/chessGame/count").send().await;
                let mark: LogPosition = answer.header("watermark").unwrap().parse().unwrap();
                seen.push((mark.position, answer.is(200)["total"].as_i64().unwrap()));
            }
            seen
        };
        let (positions, one, two) = futures_util::join!(made, seen(), seen());
        for (mark, total) in one.iter().chain(&two) {
            let must = positions.iter().filter(|position| *position <= mark).count() as i64;
            assert!(*total >= must, "{total} games up to {mark}, which are {must}");
        }
        assert_eq!(ann.count("chessGame", &json!({})).await, 40);
        system.end().await;
    });
}

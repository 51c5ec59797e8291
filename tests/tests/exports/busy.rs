//! More exports at once than one service makes.

use futures_util::future::join_all;
use wechess_tests::searches::{Day, Searches};
use wechess_tests::{Actor, Answer, System, alone, eventually};

const EXPORT: &str = "/bff-api/chessGame/export";
/// As many as one user may have at once, and all together.
const PLACES: (usize, usize) = (2, 8);

fn begin(who: &Actor) -> tokio::task::JoinHandle<Answer> {
    let who = who.clone();
    tokio::spawn(async move { who.view("GET", EXPORT).send().await })
}

#[test]
fn exports_at_once_are_bounded_and_a_place_is_free_again_when_its_reader_goes() {
    alone(async || {
        let system = System::with_namespace(&["chessGame"]).await;
        let (proxy, app, server) = Searches::behind(&system).await;
        let mut crowd = Vec::new();
        for _ in 0..5 {
            crowd.push(system.guest().await.at(&app));
        }
        crowd[0].open_game("public").await;
        // All are known, and the view is there.
        for who in &crowd {
            assert_eq!(who.count("chessGame", &serde_json::json!({})).await, 1);
        }
        let (of_each, in_all) = PLACES;
        let asked = proxy.asked();
        proxy.set(Day::Slow);
        let mut running: Vec<_> = crowd[..4].iter().flat_map(|who| (0..of_each).map(|_| begin(who))).collect();
        eventually("all places are taken", async || (proxy.asked() >= asked + in_all as u64).then_some(())).await;
        let told = crowd[0].view("GET", EXPORT).send().await;
        assert!(told.refused(429, "errMsg_tooManyExports").contains("2 of your exports"), "{}", told.text);
        let told = crowd[4].view("GET", EXPORT).send().await;
        assert!(told.refused(503, "errMsg_tooManyExports").contains("8 exports"), "{}", told.text);
        assert_eq!(proxy.asked(), asked + in_all as u64, "nothing was searched for those");

        // One goes away: his search ends, and somebody else has his place.
        let left = proxy.left();
        running.remove(0).abort();
        eventually("his search is given up", async || (proxy.left() > left).then_some(())).await;
        let late = eventually("a place is free", async || {
            let answer = crowd[4].view("GET", EXPORT).send().await;
            (answer.status != 503).then_some(answer)
        });
        let all_are_served = async {
            eventually("the late one searches", async || (proxy.asked() > asked + in_all as u64).then_some(())).await;
            proxy.set(Day::Well);
        };
        let (last, ()) = tokio::join!(late, all_are_served);
        let others = join_all(running).await.into_iter().map(|answer| answer.expect("it is not gone"));
        for answer in others.chain([last]) {
            answer.is(200);
            assert_eq!(answer.header("x-total-count"), Some("1"));
            assert_eq!(answer.text.lines().last(), Some("{\"_end\":{\"count\":1}}"));
        }
        server.stop().await;
        system.end().await;
    });
}

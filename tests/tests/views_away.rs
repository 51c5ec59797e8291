//! Readers who go away before they are answered: Elasticsearch works for nobody.

use serde_json::{Value, json};
use wechess_tests::searches::{Day, Searches};
use wechess_tests::{App, System, alone, direct, eventually};

/// The searches of this system that Elasticsearch is at, each with whether it is cancelled.
async fn searches(app: &App) -> Vec<bool> {
    let listed =
        direct::elasticsearch_admin("GET", "/_tasks?actions=indices:data/read/search&detailed=true", None).await;
    let nodes = listed.is(200)["nodes"].as_object().expect("nodes").clone();
    let tasks = nodes.values().filter_map(|node| node["tasks"].as_object()).flat_map(|tasks| tasks.values());
    let index = app.namespace.index("chessGame");
    let ours = |task: &&Value| task["description"].as_str().is_some_and(|told| told.contains(&index));
    tasks.filter(ours).map(|task| task["cancelled"] == true).collect()
}

/// The searches and points in time for which Elasticsearch holds the view's index open.
async fn open_contexts(app: &App) -> i64 {
    let path = format!("/{}/_stats/search", app.namespace.index("chessGame"));
    let told = direct::elasticsearch_admin("GET", &path, None).await;
    told.is(200)["_all"]["primaries"]["search"]["open_contexts"].as_i64().expect("a number")
}

#[test]
fn who_goes_away_frees_his_search_in_elasticsearch() {
    alone(async || {
        let system = System::with_namespace(&["chessGame"]).await;
        let (proxy, app, server) = Searches::behind(&system).await;
        let ann = system.guest().await.at(&app);
        // Each in a segment of its own: between two of them Elasticsearch looks whether it shall go on.
        for number in 1..=3 {
            ann.open_game("public").await;
            assert_eq!(ann.count("chessGame", &json!({})).await, number);
        }
        proxy.set(Day::Heavy);
        for route in ["list?limit=5&caching=false", "list?limit=6", "aggregate", "export"] {
            let (asked, left) = (proxy.asked(), proxy.left());
            let (who, path) = (ann.clone(), format!("/bff-api/chessGame/{route}"));
            let reader = tokio::spawn(async move {
                let post = path.ends_with("aggregate");
                let asked = if post { who.view("POST", &path).json(&json!({})) } else { who.view("GET", &path) };
                asked.send().await
            });
            eventually("Elasticsearch searches", async || (searches(&app).await == [false]).then_some(())).await;
            reader.abort();
            // It was at it when the proxy saw the service leave; between two documents it stops.
            eventually("it is told to stop", async || (searches(&app).await != [false]).then_some(())).await;
            eventually("it stops", async || searches(&app).await.is_empty().then_some(())).await;
            eventually("nothing is held open", async || (open_contexts(&app).await == 0).then_some(())).await;
            assert_eq!((proxy.asked(), proxy.left()), (asked + 1, left + 1), "{route}: given up, and not tried again");
        }
        proxy.set(Day::Well);
        ann.view("GET", "/bff-api/chessGame/list?limit=6").send().await.is(200);
        server.stop().await;
        system.end().await;
    });
}

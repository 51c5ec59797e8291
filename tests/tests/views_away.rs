//! Readers who go away before they are answered: nothing is searched for them any more.

use std::time::{Duration, Instant};

use serde_json::json;
use wechess_tests::searches::{Day, Searches};
use wechess_tests::{App, System, alone, direct, eventually};

/// A search that nobody ends is given up after five seconds.
const BY_ITSELF: Duration = Duration::from_secs(5);

/// The searches and points in time for which Elasticsearch holds the view's index open.
async fn open_contexts(app: &App) -> i64 {
    let path = format!("/{}/_stats/search", app.namespace.index("chessGame"));
    let told = direct::elasticsearch_admin("GET", &path, None).await;
    told.is(200)["_all"]["primaries"]["search"]["open_contexts"].as_i64().expect("a number")
}

/// Elasticsearch ends a search whose connection is closed: that the service closes it is what is shown.
#[test]
fn who_goes_away_frees_his_search() {
    alone(async || {
        let system = System::with_namespace(&["chessGame"]).await;
        let (proxy, app, server) = Searches::behind(&system).await;
        let ann = system.guest().await.at(&app);
        ann.open_game("public").await;
        assert_eq!(ann.count("chessGame", &json!({})).await, 1);
        for route in ["list?limit=5&caching=false", "list?limit=6", "aggregate", "export"] {
            let (asked, left) = (proxy.asked(), proxy.left());
            proxy.set(Day::Slow);
            let (who, path) = (ann.clone(), format!("/bff-api/chessGame/{route}"));
            let reader = tokio::spawn(async move {
                let post = path.ends_with("aggregate");
                let asked = if post { who.view("POST", &path).json(&json!({})) } else { who.view("GET", &path) };
                asked.send().await
            });
            eventually("it is searched", async || (proxy.asked() == asked + 1).then_some(())).await;
            let gone = Instant::now();
            reader.abort();
            eventually("the search is given up", async || (proxy.left() == left + 1).then_some(())).await;
            assert!(gone.elapsed() < BY_ITSELF * 4 / 5, "{route}: after {:?}", gone.elapsed());
            proxy.set(Day::Well);
            eventually("nothing is held open", async || (open_contexts(&app).await == 0).then_some(())).await;
            assert_eq!(proxy.asked(), asked + 1, "{route}: not tried again");
        }
        ann.view("GET", "/bff-api/chessGame/list?limit=6").send().await.is(200);
        server.stop().await;
        system.end().await;
    });
}

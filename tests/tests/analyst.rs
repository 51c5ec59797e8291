//! The analyst's page.

mod long;

use wechess_tests::{App, story};

#[test]
fn the_page_is_served_with_a_strict_policy_and_the_routes_stay_reachable() {
    story(async |app: App| {
        let stranger = app.stranger();
        for root in ["", "/bff-api"] {
            let page = stranger.view("GET", &format!("{root}/")).send().await;
            page.is(200);
            let policy = page.header("content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
            assert!(page.text.contains("weChess analysis") && page.text.contains("href=\"routes\""), "{}", page.text);
            for (file, kind) in [
                ("analyst.js", "text/javascript"),
                ("snippets.js", "text/javascript"),
                ("chart.js", "text/javascript"),
                ("analyst.css", "text/css"),
            ] {
                let got = stranger.view("GET", &format!("{root}/{file}")).send().await;
                got.is(200);
                assert!(got.header("content-type").unwrap().starts_with(kind), "{file}");
            }
            let routes = stranger.view("GET", &format!("{root}/routes")).send().await;
            routes.is(200);
            assert!(routes.text.contains("aggregateIndex"), "{}", routes.what);
        }
    });
}

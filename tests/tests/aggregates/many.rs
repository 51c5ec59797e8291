//! More groups than can be ordered at once.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wechess_tests::{System, alone, direct};

use super::pages;

const PATH: &str = "/bff-api/boardTheme/aggregate";
/// A few more than `having` and `orderBy` take.
const GROUPS: usize = 10_050;

#[test]
fn more_groups_than_can_be_ordered_are_refused_and_paged_through() {
    alone(async || {
        let system = System::with_settings(&["boardTheme"], &[("WECHESS_AUDIT_PER_SECOND", "0")]).await;
        let eve = system.guest().await;
        let theme = |number: usize| json!({"name": format!("theme {number}"), "lightSquare": "#ffffff"});
        direct::put_documents(&system, "boardTheme", (0..GROUPS).map(theme)).await;

        let by_name = json!({"groupBy": [{"field": "name"}], "limit": 4_000});
        let mut rows = pages(&eve, PATH, &by_name).await;
        // Shipped themes are there as well.
        rows.retain(|row| row["name"].as_str().is_some_and(|name| name.starts_with("theme ")));
        let names: BTreeSet<&str> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
        assert_eq!((rows.len(), names.len()), (GROUPS, GROUPS));
        assert!(rows.iter().all(|row| row["count"] == 1));
        assert!(rows.is_sorted_by_key(|row| row["name"].as_str().map(str::to_owned)), "in the order of keys");

        let ordered = |filters: Value, more: Value| {
            let mut body = json!({"filters": filters, "groupBy": [{"field": "name"}]});
            wechess_tests::chess::merge(&mut body, more);
            body
        };
        for more in
            [json!({"orderBy": [{"metric": "count", "order": "desc"}]}), json!({"having": {"count": {"gte": 1}}})]
        {
            let refused = eve.view("POST", PATH).json(&ordered(json!({}), more.clone())).send().await;
            assert_eq!(refused.faults(), ["/groupBy errMsg_overBudget"]);
            let told = refused.refused(400, "errMsg_overBudget");
            assert!(told.contains("10000") && told.contains("narrow") && told.contains("page"), "{told}");
            // Narrowed as it says, it is answered.
            let narrow = ordered(json!({"name": {"prefix": "theme 100"}}), more);
            assert_eq!(eve.view("POST", PATH).json(&narrow).send().await.is(200)["groups"], 61);
        }
        system.end().await;
    });
}

//! Reading views: what the query service shows, once it has what everybody was told.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::actor::Request;
use crate::{Actor, Answer, eventually};

/// The views of what players do: enough of them for stories that count the whole.
pub const GAME_VIEWS: &[&str] = &["user", "chessGame", "chessGameMove", "chessGameListView", "playerGameView"];

impl Actor {
    /// Every document that he sees in these views, by view and id.
    pub async fn everything(&self, views: &[&str]) -> BTreeMap<String, Value> {
        let mut all = BTreeMap::new();
        for view in views {
            for item in self.find(view, &json!({})).await {
                all.insert(format!("{view}/{}", item["id"]), item);
            }
        }
        all
    }

    /// A request to query-bff, as it is.
    pub fn view(&self, method: &str, path: &str) -> Request {
        self.request(method, &format!("{}{path}", self.app.query_bff))
    }

    /// GET from query-bff with the newest consistency token; asks again while the view is behind.
    pub async fn look(&self, path: &str) -> Answer {
        self.fresh("GET", path, None).await
    }

    /// POST to query-bff, as [`Actor::look`].
    pub async fn search(&self, path: &str, body: &Value) -> Answer {
        self.fresh("POST", path, Some(body)).await
    }

    /// The items that filters find in a view, all on one page.
    pub async fn find(&self, view: &str, filters: &Value) -> Vec<Value> {
        let answer = self.search(&format!("/bff-api/{view}/list?limit=100"), filters).await;
        answer.is(200)["items"].as_array().expect("items").clone()
    }

    /// How many there are in a view.
    pub async fn count(&self, view: &str, filters: &Value) -> u64 {
        let answer = self.search(&format!("/bff-api/{view}/count"), filters).await;
        answer.is(200)["total"].as_u64().expect("a total")
    }

    async fn fresh(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        eventually(&format!("{path} has what everybody was told"), async || {
            let mut request = self.view(method, path).header("Prefer", "strict");
            if let Some(token) = self.app.told() {
                request = request.header("Consistency-Token", &token.to_string());
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            let answer = request.answered().await;
            (answer.body["message"] != "errMsg_viewIsStale").then_some(answer)
        })
        .await
    }
}

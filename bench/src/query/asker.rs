//! Who asks the query service and Elasticsearch, and the same of both.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event_schema::names::Namespace;
use event_schema::object::instant;
use serde_json::{Value, json};
use stack::error::{Context, Result};
use stack::unit::Service;

use super::games;
use super::readers::Asked;
use super::who;
use crate::own::Whole;

/// The same for both, as each is asked for it.
pub struct Question {
    /// The query service's path, body and headers.
    pub ours: Asked,
    /// Elasticsearch's.
    pub theirs: Asked,
}

/// Who asks both: a player, and the query service's own login.
pub struct Asker {
    ours: String,
    theirs: String,
    token: String,
    login: String,
    user: String,
    /// How many instants were given away.
    given: AtomicU64,
}

impl Asker {
    /// The player of this token.
    pub fn new(whole: &Whole, token: &str) -> Result<Self> {
        let connections = whole.system.servers().connections();
        let login = &connections.credentials.elasticsearch.query_bff;
        let claims = who::claims(token)?;
        Ok(Self {
            ours: whole.system.url(Service::QueryBff),
            theirs: connections.elasticsearch.clone(),
            token: format!("Bearer {token}"),
            login: format!("Basic {}", STANDARD.encode(format!("{}:{}", login.user, login.password))),
            user: claims["sub"].as_str().context(|| "a token without `sub`".into())?.to_owned(),
            given: AtomicU64::new(0),
        })
    }

    /// A POST to the query service.
    pub fn ours(&self, path: String, body: &Value) -> Asked {
        Self::asked(&self.ours, path, &self.token, body)
    }

    /// A search of a view, sent to Elasticsearch.
    pub fn theirs(&self, view: &str, body: &Value) -> Asked {
        let index = Namespace::default().index(view);
        Self::asked(
            &self.theirs,
            format!("/{index}/_search?allow_partial_search_results=false&timeout=4s"),
            &self.login,
            body,
        )
    }

    fn asked(url: &str, path: String, authorization: &str, body: &Value) -> Asked {
        Asked { url: url.to_owned(), path, authorization: authorization.to_owned(), body: body.to_string() }
    }

    /// The query of these clauses under the read rule of the player.
    pub fn query(&self, clauses: &Value) -> Value {
        let rule = [json!({"term": {"_live": true}}), json!({"terms": {"_readers": [self.user, "*"]}})];
        let all: Vec<&Value> = rule.iter().chain(clauses.as_array().into_iter().flatten()).collect();
        json!({"bool": {"filter": all}})
    }

    /// An instant on the second day of the games, another one each time: a question with it in it is one that nobody has
    /// asked, so Elasticsearch has no answer to it either (it keeps those of searches without hits).
    pub fn since(&self) -> String {
        let given = self.given.fetch_add(1, Ordering::Relaxed);
        instant(games::instant(games::FIRST + 86_400 + given.cast_signed()))
    }
}

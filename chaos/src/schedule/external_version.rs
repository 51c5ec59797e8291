//! A write that arrives late: the leading projector's bulk is held on its way to Elasticsearch, another projector takes over
//! and writes newer documents, and then the old bulk arrives.
//!
//! With external versions it is refused. Without them the newer documents are gone.

use serde_json::Value;
use stack::error::Result;

use super::stage::{Stage, until};
use crate::oracle::Verdict;
use crate::proxy::Held;
use crate::rig::Options;
use crate::servers;

/// Runs the schedule.
pub async fn run(options: &Options) -> Result<Verdict> {
    let mut stage = Stage::set(options).await?;
    stage.second_leads().await?;
    stage.elasticsearch.hold(Held { requests: true, from: Some("/_bulk"), ..Held::default() });
    stage.play("g1f3").await?;
    until("the second projector writes", async || {
        let written = |view: &str| stage.elasticsearch.has_kept(&format!("POST /wechess_{view}-g1/_bulk"));
        Ok(written("chessgame") && written("chessgamelistview"))
    })
    .await?;
    stage.first_takes_over().await?;
    stage.play("b8c6").await?;
    stage.settled().await?;
    stage.elasticsearch.hold(Held::default());
    // Each view's bulk is answered, to nobody.
    until("the late bulks are answered", async || Ok(stage.elasticsearch.late_answers() >= 2)).await?;
    let refreshed = servers::elasticsearch(&stage.rig.connections, "POST", "/wechess_*/_refresh", None).await;
    refreshed.map(|_: Value| ())?;
    stage.judged(&[], Vec::new()).await
}

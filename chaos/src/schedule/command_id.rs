//! A lost acknowledgement, and the world moves on before the retry: Black offers a draw, the answer is lost, White declines
//! by playing on, and Black's client sends the same command again.
//!
//! By its command id it is known and answered as the first time. Without it the draw is offered a second time.

use stack::error::{Context, Result};

use super::stage::{Stage, proxy, until};
use crate::hall::{Hall, key};
use crate::oracle::Verdict;
use crate::proxy::Held;
use crate::rig::Options;

/// Runs the schedule.
pub async fn run(options: &Options, without: bool) -> Result<Verdict> {
    let mut stage = Stage::set(options).await?;
    if without {
        let sql = "drop index wechess.events_command";
        stage.owner.batch_execute(sql).await.context(|| "the guard cannot be taken out".into())?;
    }
    let between = proxy(stage.hall.command_api())?;
    let far = Hall::new(format!("http://{}", between.address), String::new())?;
    far.client.stop();
    let black = stage.game.black.clone().context(|| "nobody plays Black".into())?;
    let (tail, key) = (stage.tail().await?, key());
    let mut seen = stage.game.clone();
    between.hold(Held { answers: true, ..Held::default() });
    let script = async {
        until("the offer is in the log", async || Ok(stage.tail().await? > tail)).await?;
        stage.play("g1f3").await?;
        between.cut();
        between.hold(Held::default());
        Ok::<_, stack::error::Error>(())
    };
    let (offered, script) = tokio::join!(far.offer_draw(&mut seen, &black, &key), script);
    script?;
    if !offered {
        far.findings().into_iter().for_each(|finding| stage.hall.find(finding));
    }
    stage.hall.absorb(&far);
    stage.judged(&[], Vec::new()).await
}

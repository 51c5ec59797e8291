//! A message that the event stream loses before anybody has read it: the leading projector publishes three events, hears
//! nothing of the stream, the second of the three is deleted, and the projector's connection is cut.
//!
//! When it reads on it sees a jump in the positions and reads what is missing from the log. Without that the event is in no
//! view.

use std::time::Duration;

use rustix::process::Signal;
use stack::error::{Context, Result};
use stack::unit::{Service, Unit};

use super::stage::{Stage, until};
use crate::oracle::Verdict;
use crate::proxy::Held;
use crate::rig::{Options, Target};
use crate::servers;

/// The feed looks once a second whether it is connected, and says nothing of it.
const NOTICED: Duration = Duration::from_secs(3);

/// Runs the schedule.
pub async fn run(options: &Options) -> Result<Verdict> {
    let mut stage = Stage::set(options).await?;
    stage.second_leads().await?;
    let first = Target::Unit(Unit::Service(Service::Projector));
    tokio::task::block_in_place(|| stage.rig.keeper(first).hold());
    let tail = stage.tail().await?;
    // It hears nothing from the first event on, not even acknowledgements: so it must find all three in the log at once.
    stage.nats.hold(Held { answers: true, from: Some("$JS.ACK.wechess_events"), ..Held::default() });
    stage.rig.signal(Target::OtherProjector, Signal::STOP);
    for uci in ["g1f3", "b8c6", "f1b5"] {
        stage.play(uci).await?;
    }
    stage.rig.signal(Target::OtherProjector, Signal::CONT);
    stage.streamed(tail + 3).await?;
    let lost = u64::try_from(tail + 2).context(|| "no sequence".into())?;
    let stream = servers::stream(&stage.rig.connections).await?;
    stream.delete_message(lost).await.context(|| "the message cannot be deleted".into())?;
    stage.nats.close();
    let url = &stage.rig.projectors()[1];
    until("the second projector has lost NATS", async || {
        let report = servers::projection(url).await;
        let checks = report.as_ref().and_then(|report| report["checks"].as_array());
        Ok(checks.into_iter().flatten().any(|check| check["name"] == "nats" && check["state"] == "degraded"))
    })
    .await?;
    tokio::time::sleep(NOTICED).await;
    stage.nats.open();
    stage.settled().await?;
    stage.rig.keeper(first).release();
    tokio::task::block_in_place(|| stage.rig.wait_ready(first))?;
    stage.judged(&[lost], Vec::new()).await
}

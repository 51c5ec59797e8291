//! A relay that publishes late: the leading projector's messages are held on their way to NATS, another projector takes over
//! and relays the same events, and then the old messages arrive.
//!
//! Each names the sequence before it and is refused. Without that they are in the stream a second time, at sequences that
//! are other events' positions. The relay mends that within a second when it is idle, so the script looks before it can.

use std::time::Duration;

use rustix::process::Signal;
use stack::error::Result;
use stack::unit::{Service, Unit};

use super::stage::{Stage, until};
use crate::check::stream;
use crate::oracle::Verdict;
use crate::proxy::Held;
use crate::rig::{Options, Target};
use crate::servers;

/// How long the stream may take to take messages.
const ARRIVAL: Duration = Duration::from_secs(3);

/// Runs the schedule.
pub async fn run(options: &Options) -> Result<Verdict> {
    let mut stage = Stage::set(options).await?;
    stage.second_leads().await?;
    stage.nats.hold(Held { requests: true, from: Some(".MovePlayed"), ..Held::default() });
    stage.play("g1f3").await?;
    until("the second projector publishes", async || Ok(stage.nats.has_kept("g1f3"))).await?;
    stage.first_takes_over().await?;
    stage.play("b8c6").await?;
    stage.settled().await?;
    let first = Target::Unit(Unit::Service(Service::Projector));
    stage.rig.signal(first, Signal::STOP);
    stage.nats.hold(Held::default());
    // They are taken, or they are not: there is nothing else to wait for.
    let beyond = stage.tail().await? + 1;
    drop(tokio::time::timeout(ARRIVAL, stage.streamed(beyond)).await);
    let (events, ..) = servers::log(&stage.owner).await?;
    let window = servers::window(&stage.rig.connections).await;
    stage.rig.signal(first, Signal::CONT);
    let found = stream::misplaced(&window?, &events);
    stage.judged(&[], found).await
}

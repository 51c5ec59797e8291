//! The side of the leading projector.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use service::BoxError;
use service::telemetry::chain;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;

use super::{Answer, Drop, Heal, Of, PerView, Plan, Rebuild, Started, Watching, verb};
use crate::generation::Begun;
use crate::joins::Joins;
use crate::parked::Parked;
use crate::projecting::Command;
use crate::worker::Context;

/// Most parked documents that are listed for each view.
const LISTED: usize = 1000;
/// Events a second that a rebuild is guessed to take when none was measured.
const GUESS: f64 = 5000.0;

/// One view as it is asked: its facts, and the way to its worker.
pub struct Desk {
    /// Its facts.
    pub context: Arc<Context>,
    /// Its worker.
    pub worker: mpsc::Sender<Command>,
}

/// Answers for ever.
pub async fn run(client: async_nats::Client, desks: Vec<Desk>) -> BoxError {
    let Some(namespace) = desks.first().map(|desk| desk.context.namespace.clone()) else {
        return "there are no views".into();
    };
    let office = Arc::new(Office { desks, one_at_a_time: Mutex::new(()) });
    let mut answers: JoinSet<()> = JoinSet::new();
    loop {
        let Ok(mut requests) = client.subscribe(namespace.projector_subject("*")).await else {
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        while let Some(message) = requests.next().await {
            while answers.try_join_next().is_some() {}
            let (client, office) = (client.clone(), Arc::clone(&office));
            answers.spawn(async move {
                let what = message.subject.rsplit('.').next().unwrap_or_default().to_owned();
                let Some(reply) = message.reply else { return };
                let answer = match office.answer(&what, &message.payload).await {
                    Ok(value) => Answer::Ok(value),
                    Err(error) => Answer::Refused(error),
                };
                // Nobody can be told when NATS is gone; who asked has his own time limit.
                drop(client.publish(reply, json!(answer).to_string().into()).await);
            });
        }
    }
}

struct Office {
    desks: Vec<Desk>,
    one_at_a_time: Mutex<()>,
}

impl Office {
    async fn answer(&self, what: &str, payload: &[u8]) -> Result<Value, String> {
        match what {
            verb::REBUILD => to_value(self.rebuild(read(payload)?).await?),
            verb::PLAN => to_value(self.plan(read(payload)?).await?),
            verb::PROGRESS => to_value(self.progress(&read(payload)?)?),
            verb::GENERATIONS => {
                let mut all = Vec::new();
                for desk in self.of(&read(payload)?)? {
                    all.extend(desk.context.generations().list().await.map_err(|e| chain(&e))?);
                }
                to_value(all)
            }
            verb::DROP => self.drop_generation(read(payload)?).await,
            verb::PARKED => to_value(self.parked(&read(payload)?).await?),
            verb::HEAL => to_value(self.heal(read(payload)?).await?),
            other => {
                Err(format!("`{other}` is nothing that the projector can be asked: it may be older than this program"))
            }
        }
    }

    /// The views that are meant.
    fn of(&self, of: &Of) -> Result<Vec<&Desk>, String> {
        let all: Vec<&str> = self.desks.iter().map(|desk| desk.context.view.name()).collect();
        let meant = |desk: &&Desk| of.view.as_ref().is_none_or(|n| n.eq_ignore_ascii_case(desk.context.view.name()));
        let desks: Vec<&Desk> = self.desks.iter().filter(meant).collect();
        match (&of.view, desks.is_empty()) {
            (Some(name), true) => Err(format!("`{name}` is none of the views: {}", all.join(", "))),
            (Some(_) | None, _) => Ok(desks),
        }
    }

    async fn rebuild(&self, rebuild: Rebuild) -> Result<Vec<Started>, String> {
        let _alone = self.one_at_a_time.lock().await;
        if rebuild.asked.to.is_some() && rebuild.of.view.is_none() {
            return Err("a generation to go back to belongs to one view: name it".to_owned());
        }
        let mut all = Vec::new();
        for desk in self.of(&rebuild.of)? {
            let context = &desk.context;
            let since = Joins::reached(&context.view.view, &context.status);
            let begun = context.generations().begin(rebuild.asked, since).await.map_err(|e| chain(&e))?;
            let (generation, already, refused) = match begun {
                Begun::New(number) => (Some(number), false, None),
                Begun::Already(number) => (Some(number), true, None),
                Begun::Refused(why) => (None, false, Some(why)),
            };
            if !already && refused.is_none() {
                context.view.progress.clear();
            }
            context.view.nudge.notify_one();
            all.push(Started { view: context.view.name().to_owned(), generation, already, refused });
        }
        Ok(all)
    }

    async fn plan(&self, rebuild: Rebuild) -> Result<Vec<Plan>, String> {
        let mut all = Vec::new();
        for desk in self.of(&rebuild.of)? {
            let context = &desk.context;
            let listed = context.generations().list().await.map_err(|e| chain(&e))?;
            let live = listed.iter().find(|one| one.state == "live");
            let from = rebuild.asked.to.and_then(|number| listed.iter().find(|g| g.generation == number)?.checkpoint);
            let events = context.feed.head() - from.unwrap_or(0);
            let known = listed.iter().rev().find_map(|one| one.events_per_second);
            all.push(Plan {
                view: context.view.name().to_owned(),
                events,
                documents: live.map_or(0, |one| one.documents),
                bytes: live.map_or(0, |one| one.bytes),
                seconds: events as f64 / known.unwrap_or(GUESS).max(1.0),
                measured: known.is_some(),
            });
        }
        Ok(all)
    }

    fn progress(&self, of: &Of) -> Result<Vec<Watching>, String> {
        let watching = |desk: &&Desk| {
            let view = &desk.context.view;
            let live = view.watermark.borrow().as_ref().map(|watermark| watermark.generation);
            Watching { view: view.name().to_owned(), live, progress: view.progress.get() }
        };
        Ok(self.of(of)?.iter().map(watching).collect())
    }

    async fn drop_generation(&self, drop: Drop) -> Result<Value, String> {
        let _alone = self.one_at_a_time.lock().await;
        for desk in self.of(&Of { view: Some(drop.view) })? {
            desk.context.generations().drop_generation(drop.generation).await.map_err(|e| chain(&e))??;
        }
        Ok(Value::Null)
    }

    async fn parked(&self, of: &Of) -> Result<PerView, String> {
        let mut all = PerView::new();
        for desk in self.of(of)? {
            let (elastic, view) = (&desk.context.shared.elastic, &desk.context.view);
            let index = desk.context.namespace.index(view.name());
            elastic.refresh(&index).await.map_err(|e| chain(&e))?;
            let parked = Parked::load(elastic, &index).await.map_err(|e| chain(&e))?;
            all.insert(view.name().to_owned(), parked.first(LISTED));
        }
        Ok(all)
    }

    async fn heal(&self, heal: Heal) -> Result<PerView, String> {
        let mut all = PerView::new();
        for desk in self.of(&heal.of)? {
            let (reply, answer) = oneshot::channel();
            let name = desk.context.view.name();
            let gone = || format!("the worker of {name} does not answer");
            desk.worker.send(Command::Heal(heal.ids.clone(), reply)).await.map_err(|_| gone())?;
            let healed = answer.await.map_err(|_| gone())?;
            all.insert(name.to_owned(), to_value(healed)?);
        }
        Ok(all)
    }
}

fn read<T: DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    serde_json::from_slice(payload).map_err(|e| format!("the request cannot be read: {e}"))
}

fn to_value<T: Serialize>(value: T) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|e| e.to_string())
}

//! Watches rebuilds until they are done. The projector does them: whoever watches may go and come back.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;
use service::BoxError;

use super::ask::{Line, Unasked};
use super::print::time;
use crate::control::{Of, Started, Watching, verb};
use crate::generation::Listed;
use crate::progress::{Progress, Stage};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// Without a terminal, between two lines.
const LINE: Duration = Duration::from_secs(5);

/// What became of one view.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    view: String,
    generation: u32,
    done: bool,
    note: Option<String>,
    events: i64,
    documents: u64,
    seconds: f64,
    events_per_second: f64,
}

/// Shows how far the started rebuilds are until all are done; whether all went well.
pub async fn until_done(line: &Line, started: Vec<Started>, detach: bool, as_json: bool) -> Result<bool, BoxError> {
    let mut open: BTreeMap<String, u32> = BTreeMap::new();
    let mut well = true;
    for one in started {
        match (one.generation, one.refused) {
            (Some(generation), _) => {
                let told = if one.already { "is being filled already" } else { "is filled while the other one serves" };
                eprintln!("{}: generation {generation} {told}", one.view);
                open.insert(one.view, generation);
            }
            (None, why) => {
                well = false;
                eprintln!("{}: {}", one.view, why.unwrap_or_else(|| "not begun".to_owned()));
            }
        }
    }
    if detach || open.is_empty() {
        return Ok(well);
    }
    let begun = Instant::now();
    let mut screen = Screen::new();
    let mut outcomes = Vec::new();
    while !open.is_empty() {
        tokio::time::sleep(LOOK).await;
        let seen = match line.ask_once::<Vec<Watching>>(verb::PROGRESS, &Of::default()).await {
            Ok(seen) => seen,
            // It was stopped or killed: it goes on where it was, once it is there again.
            Err(Unasked::Nobody | Unasked::Failed(_)) => continue,
            Err(refused @ Unasked::Refused(_)) => return Err(refused.into()),
        };
        for watching in seen {
            let Some(generation) = open.get(&watching.view).copied() else { continue };
            if let Some(progress) = watching.progress.as_ref().filter(|p| p.generation == generation) {
                screen.show(&watching.view, progress);
            }
            if let Some(outcome) = outcome(line, &watching, generation).await? {
                open.remove(&watching.view);
                screen.done(&outcome);
                outcomes.push(outcome);
            }
        }
    }
    if as_json {
        println!("{}", json!({"views": outcomes, "seconds": begun.elapsed().as_secs_f64()}));
    }
    Ok(well && outcomes.iter().all(|outcome| outcome.done))
}

/// What became of it, if it is over. A projector that was started again knows no progress of what is over: then the
/// generations tell.
async fn outcome(line: &Line, watching: &Watching, generation: u32) -> Result<Option<Outcome>, BoxError> {
    let of = |progress: Option<&Progress>, done, note| Outcome {
        view: watching.view.clone(),
        generation,
        done,
        note,
        events: progress.map_or(0, |p| p.position - p.from),
        documents: progress.map_or(0, |p| p.documents),
        seconds: progress.map_or(0.0, |p| p.seconds),
        events_per_second: progress.map_or(0.0, Progress::rate),
    };
    let progress = watching.progress.as_ref().filter(|p| p.generation == generation);
    match progress {
        Some(known) if known.is_over() => {
            let done = known.stage == Stage::Done;
            Ok(Some(of(progress, done, known.note.clone())))
        }
        Some(_) if watching.live != Some(generation) => Ok(None),
        Some(_) | None if watching.live == Some(generation) => Ok(Some(of(progress, true, None))),
        Some(_) | None => {
            let asked = Of { view: Some(watching.view.clone()) };
            let Ok(listed) = line.ask_once::<Vec<Listed>>(verb::GENERATIONS, &asked).await else { return Ok(None) };
            let one = listed.into_iter().find(|one| one.generation == generation);
            Ok(match one {
                None => Some(of(None, false, Some("the generation was dropped".to_owned()))),
                Some(one) if one.state == "failed" => Some(of(None, false, one.note)),
                Some(_) => None,
            })
        }
    }
}

/// A bar for each view on a terminal, plain lines elsewhere.
struct Screen {
    bars: Option<MultiProgress>,
    shown: BTreeMap<String, (ProgressBar, Instant)>,
}

impl Screen {
    fn new() -> Self {
        let bars = std::io::stderr().is_terminal().then(MultiProgress::new);
        Self { bars, shown: BTreeMap::new() }
    }

    fn show(&mut self, view: &str, progress: &Progress) {
        let left = progress.seconds_left().map_or_else(|| "?".to_owned(), time);
        let stage = match progress.stage {
            Stage::Filling => format!("{:.0}/s, {left} left", progress.rate()),
            Stage::Comparing => "comparing".to_owned(),
            Stage::Done => "done".to_owned(),
            Stage::Failed => "failed".to_owned(),
        };
        let new = !self.shown.contains_key(view);
        let (bar, told) =
            self.shown.entry(view.to_owned()).or_insert_with(|| (bar(self.bars.as_ref(), view), Instant::now()));
        bar.set_length(u64::try_from(progress.head).unwrap_or(0));
        bar.set_position(u64::try_from(progress.position).unwrap_or(0));
        bar.set_message(stage.clone());
        if self.bars.is_none() && (new || told.elapsed() >= LINE) {
            *told = Instant::now();
            eprintln!("{view}: {} of {} events, {stage}", progress.position, progress.head);
        }
    }

    fn done(&mut self, outcome: &Outcome) {
        if let Some((bar, _)) = self.shown.remove(&outcome.view) {
            bar.finish_and_clear();
        }
        let text = match (outcome.done, &outcome.note) {
            (true, _) if outcome.seconds > 0.0 => format!(
                "{}: generation {} serves: {} events, {} documents written in {} ({:.0} events/s)",
                outcome.view,
                outcome.generation,
                outcome.events,
                outcome.documents,
                time(outcome.seconds),
                outcome.events_per_second
            ),
            (true, _) => format!("{}: generation {} serves", outcome.view, outcome.generation),
            (false, note) => format!(
                "{}: generation {} does not serve: {}",
                outcome.view,
                outcome.generation,
                note.as_deref().unwrap_or("no reason given")
            ),
        };
        match &self.bars {
            // Where nothing can be written there is nobody to read it.
            Some(bars) => drop(bars.println(text)),
            None => eprintln!("{text}"),
        }
    }
}

fn bar(bars: Option<&MultiProgress>, view: &str) -> ProgressBar {
    let Some(bars) = bars else { return ProgressBar::hidden() };
    let bar = bars.add(ProgressBar::new(0));
    if let Ok(style) = ProgressStyle::with_template("{prefix:20} [{bar:30}] {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(view.to_owned());
    bar
}

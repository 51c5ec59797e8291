//! Answers as tables, or as JSON.

use serde::Serialize;
use serde_json::Value;
use service::BoxError;

use crate::control::{PerView, Plan};
use crate::generation::Listed;
use crate::heal::Healed;

fn json(value: &impl Serialize) -> Result<bool, BoxError> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(true)
}

/// What `--dry-run` says.
pub fn plans(plans: Vec<Plan>, as_json: bool) -> Result<bool, BoxError> {
    if as_json {
        return json(&plans);
    }
    println!("{:<20} {:>12} {:>12} {:>10} {:>12}", "view", "events", "documents", "size", "time");
    for plan in &plans {
        let guessed = if plan.measured { "" } else { " (a guess: it was never rebuilt)" };
        let (size, time) = (size(plan.bytes), time(plan.seconds));
        println!("{:<20} {:>12} {:>12} {size:>10} {time:>12}{guessed}", plan.view, plan.events, plan.documents);
    }
    println!("nothing was done");
    Ok(true)
}

/// All generations.
pub fn generations(all: Vec<Listed>, as_json: bool) -> Result<bool, BoxError> {
    if as_json {
        return json(&all);
    }
    println!(
        "{:<20} {:>10} {:<8} {:>12} {:>12} {:>10}",
        "view", "generation", "state", "checkpoint", "documents", "size"
    );
    for one in &all {
        let checkpoint = one.checkpoint.map_or_else(|| "-".to_owned(), |position| position.to_string());
        let table = if one.current_table { "" } else { " (of another table)" };
        let note = one.note.as_ref().map_or_else(String::new, |note| format!(" {note}"));
        println!(
            "{:<20} {:>10} {:<8} {checkpoint:>12} {:>12} {:>10}{table}{note}",
            one.view,
            one.generation,
            one.state,
            one.documents,
            size(one.bytes)
        );
    }
    Ok(true)
}

/// What is parked.
pub fn parked(all: PerView, as_json: bool) -> Result<bool, BoxError> {
    if as_json {
        return json(&all);
    }
    let mut count = 0;
    for (view, parked) in &all {
        for one in parked.as_array().into_iter().flatten() {
            count += 1;
            let text = |name: &str| one[name].as_str().map_or_else(|| one[name].to_string(), str::to_owned);
            let (id, position, events) = (text("document"), text("position"), text("events"));
            println!("{view} {id} at position {position}, {events} event(s) wait: {}", text("error"));
        }
    }
    println!("{count} document(s) are parked");
    Ok(true)
}

/// What was healed; well when nothing stays parked.
pub fn healed(all: PerView) -> Result<bool, BoxError> {
    let mut all_well = true;
    let (mut healed, mut known) = (0, 0);
    let mut unknown = Vec::new();
    for (view, value) in all {
        let one: Healed = serde_json::from_value::<Healed>(Value::clone(&value))?;
        healed += one.healed.len();
        known += one.healed.len() + one.parked.len();
        for (id, error) in &one.parked {
            all_well = false;
            println!("{view} {id} stays parked: {error}");
        }
        unknown.extend(one.unknown);
    }
    println!("healed {healed} document(s)");
    if known == 0 && !unknown.is_empty() {
        println!("no view has parked {}", unknown.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        return Ok(false);
    }
    Ok(all_well)
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        1_073_741_824.. => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}

/// Seconds for people.
pub fn time(seconds: f64) -> String {
    let whole = seconds.ceil().max(0.0) as u64;
    match whole {
        0..120 => format!("{whole} s"),
        120..7200 => format!("{} min {} s", whole / 60, whole % 60),
        7200.. => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_for_people() {
        assert_eq!([size(7), size(1536), size(5 << 20)], ["7 B", "1.5 KiB", "5.0 MiB"]);
        assert_eq!([time(0.2), time(119.0), time(121.0), time(7260.0)], ["1 s", "119 s", "2 min 1 s", "2 h 1 min"]);
    }
}

//! How much processor time processes took, from /proc.

use std::fs;

/// Clock ticks a second in /proc: a constant of Linux on every architecture that we run on.
const TICKS: f64 = 100.0;

/// Processor seconds of a process and of its living children.
pub fn seconds_of(pid: u32) -> f64 {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let ticks: u64 = pids
        .filter_map(|found| stat(found).map(|stat| (found, stat)))
        .filter(|(found, (parent, _))| *found == pid || *parent == pid)
        .map(|(_, (_, ticks))| ticks)
        .sum();
    ticks as f64 / TICKS
}

/// Processor seconds of this very process.
pub fn own_seconds() -> f64 {
    stat(std::process::id()).map_or(0.0, |(_, ticks)| ticks as f64 / TICKS)
}

/// Parent and used ticks.
fn stat(pid: u32) -> Option<(u32, u64)> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse(line: &str) -> Option<(u32, u64)> {
    let fields: Vec<&str> = line.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
    Some((u32::try_from(number(1)?).ok()?, number(11)? + number(12)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added() {
        let line = "12 (a) (b) R 7 12 12 0 -1 4194304 1 0 0 0 150 50 9 9 20 0 1 0 98765 1 1";
        assert_eq!(parse(line), Some((7, 200)));
        assert!(seconds_of(std::process::id()) >= own_seconds() - 1.0);
    }
}

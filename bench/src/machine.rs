//! What stands beside every figure: the machine.

use std::fs;

/// How many cores there are.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What else runs: the mean number of processes that wanted a core in the last minute.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0)
}

/// Processor time of the whole machine since it started, and what of it the host of a virtual machine gave to others,
/// in ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ticks {
    all: u64,
    stolen: u64,
}

impl Ticks {
    /// Until now.
    pub fn now() -> Self {
        Self::parse(&fs::read_to_string("/proc/stat").unwrap_or_default())
    }

    fn parse(stat: &str) -> Self {
        // user nice system idle iowait irq softirq steal; what guests take is in user already.
        let line = stat.lines().next().unwrap_or_default();
        let ticks: Vec<u64> = line.split_whitespace().skip(1).take(8).map_while(|tick| tick.parse().ok()).collect();
        Self { all: ticks.iter().sum(), stolen: ticks.get(7).copied().unwrap_or(0) }
    }

    /// The share of the processors that the host took since then, in percent.
    pub fn stolen_since(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all).max(1);
        self.stolen.saturating_sub(before.stolen) as f64 * 100.0 / all as f64
    }
}

/// Cores, processor, memory and kernel in one line.
pub fn told() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (cpu, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let model = after(&cpu, "model name").unwrap_or("unknown processor");
    let kb: u64 = after(&memory, "MemTotal").and_then(|text| text.strip_suffix(" kB")?.parse().ok()).unwrap_or(0);
    let kernel = read("/proc/sys/kernel/osrelease");
    let cores = cores();
    format!("machine: {cores} cores ({model}), {:.0} GiB, Linux {}", kb as f64 / f64::from(1 << 20), kernel.trim())
}

/// The value of the first line `name : value`.
fn after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim_start().strip_prefix(':')?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_of_a_name_is_read() {
        assert_eq!(after("a\t: x y\nb: 2\nb: 3", "b"), Some("2"));
        assert_eq!(after("MemTotal:       24682572 kB\n", "MemTotal"), Some("24682572 kB"));
        assert_eq!(after("a: 1", "c"), None);
    }

    #[test]
    fn what_the_host_took_is_a_share_of_all_time() {
        let before = Ticks::parse("cpu  100 0 50 800 0 0 0 50 7 0\ncpu0 1 1\n");
        let after = Ticks::parse("cpu  130 0 60 840 0 0 0 70 9 0\n");
        assert_eq!(after.stolen_since(before), 20.0);
        assert_eq!(Ticks::parse("").stolen_since(Ticks::parse("")), 0.0);
    }
}

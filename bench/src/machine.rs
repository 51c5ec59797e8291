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
}

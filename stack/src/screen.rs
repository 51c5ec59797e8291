//! What the person at the terminal sees: one line per task while it runs, one line when it is done.
//! Everything goes to stderr; without a terminal there are no bars, only lines.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The terminal.
#[derive(Debug, Clone)]
pub struct Screen {
    bars: MultiProgress,
    live: bool,
    quiet: bool,
}

/// One task that takes a while.
#[derive(Debug)]
pub struct Task {
    bar: ProgressBar,
    name: String,
    screen: Screen,
    since: Instant,
}

impl Screen {
    /// Draws bars on a terminal, and lines elsewhere.
    pub fn new() -> Self {
        Self { bars: MultiProgress::new(), live: std::io::stderr().is_terminal(), quiet: false }
    }

    /// Shows nothing (tests).
    pub fn silent() -> Self {
        Self { bars: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()), live: false, quiet: true }
    }

    /// A line that stays.
    pub fn say(&self, line: &str) {
        if self.quiet {
            return;
        }
        self.bars.suspend(|| eprintln!("{line}"));
    }

    /// Begins a task of unknown length.
    pub fn task(&self, name: &str, doing: &str) -> Task {
        let bar = ProgressBar::new_spinner();
        self.begin(bar, "{spinner} {prefix:14} {wide_msg} {elapsed}", name, doing)
    }

    /// Begins a task of `total` bytes.
    pub fn bytes(&self, name: &str, doing: &str, total: u64) -> Task {
        let style = "{spinner} {prefix:14} {msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}";
        self.begin(ProgressBar::new(total), style, name, doing)
    }

    /// Begins a task of `total` steps.
    pub fn steps(&self, name: &str, total: u64) -> Task {
        let style = "{spinner} {prefix:14} [{bar:30}] {pos}/{len} {per_sec} {eta}";
        self.begin(ProgressBar::new(total), style, name, &format!("{total} to do"))
    }

    fn begin(&self, bar: ProgressBar, style: &str, name: &str, doing: &str) -> Task {
        let bar = self.bars.add(bar);
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(name.to_owned());
        bar.set_message(doing.to_owned());
        if self.live {
            bar.enable_steady_tick(Duration::from_millis(120));
        } else {
            self.say(&format!("  {name:14} {doing}"));
        }
        Task { bar, name: name.to_owned(), screen: self.clone(), since: Instant::now() }
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

impl Task {
    /// What is being done now.
    pub fn doing(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
    }

    /// How many bytes are done.
    pub fn at(&self, bytes: u64) {
        self.bar.set_position(bytes);
    }

    /// That many more steps are done.
    pub fn add(&self, steps: usize) {
        self.bar.inc(steps as u64);
    }

    /// Ends the task with what came of it.
    pub fn done(self, what: &str) {
        self.bar.finish_and_clear();
        let seconds = self.since.elapsed().as_secs_f32();
        self.screen.say(&format!("✓ {:14} {what} ({seconds:.1} s)", self.name));
    }

    /// The screen that it is on.
    pub fn screen(&self) -> &Screen {
        &self.screen
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

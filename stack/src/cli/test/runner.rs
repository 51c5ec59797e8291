//! Runs programs of tests and reads what they say.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use stack::error::{Context, Error, Result};
use stack::process;
use stack::stop::Stop;

use super::plan::Pass;

/// How programs of tests are run.
#[derive(Debug)]
pub struct Runner {
    /// Variables besides our own.
    pub environment: Vec<(String, String)>,
    /// Longer silence means that it hangs.
    pub silence: Duration,
    /// The wish to stop.
    pub stop: Stop,
    /// Whether ignored tests run.
    pub long: bool,
}

/// One line of a program of tests.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    test: String,
    verdict: Verdict,
    seconds: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    Ignored,
}

/// What came of the tests.
#[derive(Debug)]
pub struct Outcome {
    /// Whether all passed.
    pub green: bool,
    passed: usize,
    ignored: usize,
    failed: Vec<String>,
    times: Vec<(f64, String)>,
}

impl Runner {
    /// The paths of all tests of a program.
    pub fn list(&self, program: &Path, folder: &Path) -> Result<Vec<String>> {
        let output = self
            .command(program, folder)
            .args(["--list", "--format", "terse"])
            .output()
            .context(|| format!("cannot run {}", program.display()))?;
        if !output.status.success() {
            return Err(Error::new(format!("{} does not list its tests", program.display())));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
    }

    /// Runs some tests of a program; what it says is passed on.
    pub fn run(&self, pass: &Pass) -> Result<Outcome> {
        let mut command = self.command(&pass.program, &pass.folder);
        // The times of single tests are behind an unstable flag.
        command.env("RUSTC_BOOTSTRAP", "1").args(["-Z", "unstable-options", "--report-time"]);
        if let Some(threads) = pass.threads {
            command.args(["--test-threads", &threads.to_string()]);
        }
        if self.long {
            command.arg("--include-ignored");
        }
        if !pass.whole {
            command.arg("--exact").args(&pass.tests);
        }
        // A group of its own, so that a program that hangs can be ended with all that it started.
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context(|| format!("cannot run {}", pass.program.display()))?;
        self.follow(child, pass)
    }

    fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .env("CARGO_MANIFEST_DIR", folder)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn follow(&self, mut child: Child, pass: &Pass) -> Result<Outcome> {
        let stdout = child.stdout.take();
        let (send, lines) = mpsc::channel();
        let reader = thread::spawn(move || {
            let lines = stdout.into_iter().flat_map(|out| BufReader::new(out).lines());
            lines.map_while(Result::ok).try_for_each(|line| send.send(line))
        });
        let mut outcome = Outcome::new();
        let mut heard = Instant::now();
        loop {
            match lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => {
                    println!("{line}");
                    heard = Instant::now();
                    parse(&line).into_iter().for_each(|line| outcome.note(line));
                }
                Err(RecvTimeoutError::Timeout) => {
                    let silent = heard.elapsed() > self.silence;
                    if silent {
                        outcome.failed.push(format!("{} said nothing for {} s", pass.title, self.silence.as_secs()));
                    }
                    if silent || self.stop.is_wanted() {
                        process::kill_group(child.id());
                        break;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = child.wait().context(|| "cannot wait for the tests".into())?;
        if !status.success() {
            outcome.green = false;
            if outcome.failed.is_empty() {
                outcome.failed.push(format!("{} ended with {status}", pass.title));
            }
        }
        // A stray grandchild may hold the pipe open; nobody needs the rest.
        drop(reader);
        Ok(outcome)
    }
}

/// `test a::b ... ok <0.123s>`
fn parse(line: &str) -> Option<Line> {
    let (test, rest) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let (word, time) = rest.split_once(" <").unwrap_or((rest, ""));
    let verdict = match word.split([',', ' ']).next()? {
        "ok" => Verdict::Passed,
        "FAILED" => Verdict::Failed,
        "ignored" => Verdict::Ignored,
        _ => return None,
    };
    let seconds = time.trim_end_matches("s>").parse().unwrap_or_default();
    Some(Line { test: test.trim_end_matches(" - should panic").to_owned(), verdict, seconds })
}

impl Outcome {
    /// Nothing has run, and nothing has failed.
    pub fn new() -> Self {
        Self { green: true, passed: 0, ignored: 0, failed: Vec::new(), times: Vec::new() }
    }

    fn note(&mut self, line: Line) {
        match line.verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Ignored => self.ignored += 1,
            Verdict::Failed => {
                self.green = false;
                self.failed.push(line.test.clone());
            }
        }
        self.times.push((line.seconds, line.test));
    }

    /// Adds what another program said.
    pub fn add(&mut self, other: Self) {
        self.green &= other.green;
        self.passed += other.passed;
        self.ignored += other.ignored;
        self.failed.extend(other.failed);
        self.times.extend(other.times);
    }

    /// The ten slowest, slowest first.
    fn slowest(&self) -> Vec<&(f64, String)> {
        let mut times: Vec<_> = self.times.iter().collect();
        times.sort_by(|a, b| b.0.total_cmp(&a.0));
        times.truncate(10);
        times
    }

    /// Tells it all.
    pub fn report(&self, took: Duration) {
        println!("\nThe slowest:");
        for (seconds, test) in self.slowest() {
            println!("  {seconds:8.3} s  {test}");
        }
        if !self.failed.is_empty() {
            println!("\nFailed:");
            self.failed.iter().for_each(|test| println!("  {test}"));
        }
        let verdict = if self.green { "green" } else { "RED" };
        let (passed, failed, ignored) = (self.passed, self.failed.len(), self.ignored);
        println!(
            "\n{verdict}: {passed} passed, {failed} failed, {ignored} ignored, in {:.0} s all told",
            took.as_secs_f32()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_tests_are_understood() {
        let passed = parse("test a::b ... ok <0.123s>").unwrap();
        assert_eq!(passed, Line { test: "a::b".into(), verdict: Verdict::Passed, seconds: 0.123 });
        assert_eq!(parse("test a::c - should panic ... FAILED <2.000s>").unwrap().verdict, Verdict::Failed);
        assert_eq!(parse("test a::c - should panic ... ok <2.000s>").unwrap().test, "a::c");
        assert_eq!(parse("test a::d ... ignored, long: minutes").unwrap().verdict, Verdict::Ignored);
        assert_eq!(parse("test result: ok. 3 passed; 0 failed"), None);
        assert_eq!(parse("running 3 tests"), None);
    }

    #[test]
    fn one_red_makes_all_red_and_the_slowest_come_first() {
        let mut outcome = Outcome::new();
        for (test, seconds) in [("a", 0.1), ("b", 3.0), ("c", 1.0)] {
            outcome.note(Line { test: test.into(), verdict: Verdict::Passed, seconds });
        }
        let order: Vec<&str> = outcome.slowest().iter().map(|(_, test)| test.as_str()).collect();
        assert_eq!(order, ["b", "c", "a"]);
        let mut red = Outcome::new();
        red.note(Line { test: "d".into(), verdict: Verdict::Failed, seconds: 0.0 });
        outcome.add(red);
        assert!(!outcome.green);
    }
}

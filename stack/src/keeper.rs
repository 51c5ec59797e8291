//! Keeps one process running: starts it, starts it again when it dies, stops it in its own way.

use std::fs::{File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

use crate::error::{Context, Error, Result};
use crate::files;
use crate::process::{self, ProcessId};

/// How to run a process.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Its name in messages.
    pub name: &'static str,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment, besides a plain `PATH`.
    pub environment: Vec<(String, String)>,
    /// Its working folder; nothing else runs `leftover` in there.
    pub folder: PathBuf,
    /// Where its output goes.
    pub log: PathBuf,
    /// Where its process is noted.
    pub pid_file: PathBuf,
    /// Whether root must not run it.
    pub unprivileged: bool,
    /// The signal that ends it in order.
    pub stop_signal: Signal,
    /// What the file is called that its processes run, to find those that outlive it.
    pub leftover: &'static str,
}

impl Spec {
    /// The command, without input, its output in the log, in a process group of its own.
    pub fn command(&self) -> Result<Command> {
        let log = || -> std::io::Result<(File, File)> {
            let file = OpenOptions::new().create(true).append(true).open(&self.log)?;
            Ok((file.try_clone()?, file))
        };
        let (out, err) = log().context(|| format!("cannot write {}", self.log.display()))?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0);
        if self.unprivileged {
            files::drop_root(&mut command);
        }
        Ok(command)
    }

    fn spawn(&self) -> Result<(Child, ProcessId)> {
        let mut child =
            self.command()?.spawn().context(|| format!("cannot start {} ({})", self.name, self.program.display()))?;
        let Some(id) = ProcessId::of(child.id()) else {
            let status = child.wait().context(|| format!("cannot wait for {}", self.name))?;
            return Err(Error::new(format!("{} ended at once ({status})\n{}", self.name, files::tail(&self.log, 20))));
        };
        id.save(&self.pid_file)?;
        Ok((child, id))
    }
}

#[derive(Debug, Default)]
struct State {
    id: Option<ProcessId>,
    exits: u32,
    held: bool,
    stopping: bool,
    ended: bool,
}

#[derive(Debug)]
struct Shared {
    spec: Spec,
    state: Mutex<State>,
    changed: Condvar,
}

/// One process that is kept running until `stop`.
#[derive(Debug)]
pub struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// How long a process may take to end in order before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A process that ran this long is started again without a pause.
const STEADY: Duration = Duration::from_secs(5);

impl Keeper {
    /// Starts the process; an error when it cannot even be started.
    pub fn start(spec: Spec) -> Result<Self> {
        let (child, id) = spec.spawn()?;
        let state = Mutex::new(State { id: Some(id), ..State::default() });
        let shared = Arc::new(Shared { spec, state, changed: Condvar::new() });
        let keep = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name(format!("keep {}", shared.spec.name))
            .spawn(move || keep.run(child))
            .context(|| format!("cannot make the thread that keeps {}", shared.spec.name))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Keeps nothing: the process runs elsewhere. Killing, holding and stopping change nothing.
    pub fn idle(name: &'static str) -> Self {
        let spec = Spec {
            name,
            program: PathBuf::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            folder: PathBuf::new(),
            log: PathBuf::new(),
            pid_file: PathBuf::new(),
            unprivileged: false,
            stop_signal: Signal::TERM,
            leftover: name,
        };
        let shared = Arc::new(Shared { spec, state: Mutex::default(), changed: Condvar::new() });
        Self { shared, thread: None }
    }

    /// Whether it keeps nothing, or nothing any more.
    pub fn is_idle(&self) -> bool {
        self.thread.is_none()
    }

    /// What runs.
    pub fn spec(&self) -> &Spec {
        &self.shared.spec
    }

    /// The running process, if it runs at this moment.
    pub fn id(&self) -> Option<ProcessId> {
        self.shared.lock().id
    }

    /// How often it ended without being told to.
    pub fn exits(&self) -> u32 {
        self.shared.lock().exits
    }

    /// kill -9, the whole process group; it is started again at once.
    pub fn kill(&self) {
        if let Some(id) = self.id().filter(|id| id.is_alive()) {
            process::kill_group(id.pid);
        }
    }

    /// Ends it in its own way and keeps it down until `release`.
    pub fn hold(&self) {
        self.shared.lock().held = true;
        self.shared.end(|state| state.id.is_none());
    }

    /// Starts it again after `hold`.
    pub fn release(&self) {
        self.shared.lock().held = false;
        self.shared.changed.notify_all();
    }

    /// Ends it in its own way, kills it if that takes too long, and waits until it is gone.
    pub fn stop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.lock().stopping = true;
        self.shared.changed.notify_all();
        self.shared.end(|state| state.ended);
        // A panic in there has been printed; the process is gone either way.
        let _ = thread.join();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the process to end, and kills its group when `done` is not true in time.
    fn end(&self, done: impl Fn(&State) -> bool) {
        let id = self.lock().id;
        if let Some(id) = id {
            id.signal(self.spec.stop_signal);
        }
        let waiting = |state: &mut State| !done(state);
        let (state, late) =
            self.changed.wait_timeout_while(self.lock(), STOP_LIMIT, waiting).unwrap_or_else(PoisonError::into_inner);
        if late.timed_out() {
            if let Some(id) = state.id {
                process::kill_group(id.pid);
            }
            drop(state);
            drop(self.changed.wait_timeout_while(self.lock(), STOP_LIMIT, waiting));
        }
    }

    fn run(&self, mut child: Child) {
        let mut quick = 0;
        loop {
            let started = Instant::now();
            self.reap(&mut child);
            quick = if started.elapsed() > STEADY { 0 } else { quick + 1 };
            let next = loop {
                if !self.wait_to_start(quick) {
                    break None;
                }
                match self.spec.spawn() {
                    Ok(next) => break Some(next),
                    Err(error) => {
                        eprintln!("{error}");
                        quick += 1;
                    }
                }
            };
            let mut state = self.lock();
            match next {
                Some((next, id)) => {
                    child = next;
                    state.id = Some(id);
                    if state.stopping || state.held {
                        id.signal(Signal::KILL);
                    }
                }
                None => {
                    state.ended = true;
                    let _ = std::fs::remove_file(&self.spec.pid_file);
                }
            }
            self.changed.notify_all();
            if state.ended {
                return;
            }
        }
    }

    /// Waits for the end of the process, and kills what it leaves behind while its number is still its own.
    fn reap(&self, child: &mut Child) {
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            while let Err(rustix::io::Errno::INTR) =
                waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
            {}
        }
        process::kill_group(child.id());
        let mut state = self.lock();
        // Only a process that is no child of ours could fail here.
        let _ = child.wait();
        state.id = None;
        if !state.stopping && !state.held {
            state.exits += 1;
        }
        drop(state);
        process::kill_strays(&self.spec.folder, self.spec.leftover);
        self.changed.notify_all();
    }

    /// Waits a little if it ended quickly, and as long as it is held; `false` when it shall not start any more.
    fn wait_to_start(&self, quick: u32) -> bool {
        let pause = Duration::from_millis(if quick <= 1 { 0 } else { (50 << quick.min(4)).min(800) });
        let stopping = |state: &mut State| !state.stopping;
        let (state, _) =
            self.changed.wait_timeout_while(self.lock(), pause, stopping).unwrap_or_else(PoisonError::into_inner);
        let state = self
            .changed
            .wait_while(state, |state| state.held && !state.stopping)
            .unwrap_or_else(PoisonError::into_inner);
        !state.stopping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(name: &str) -> (Keeper, PathBuf) {
        let folder = std::env::temp_dir().join(format!("wechess-keeper-{name}-{}", std::process::id()));
        files::make_folder(&folder).unwrap();
        let spec = Spec {
            name: "sleeper",
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), "sleep 600 & wait".into()],
            environment: Vec::new(),
            folder: folder.clone(),
            log: folder.join("log"),
            pid_file: folder.join("pid"),
            unprivileged: false,
            stop_signal: Signal::TERM,
            leftover: "sleep",
        };
        (Keeper::start(spec).unwrap(), folder)
    }

    fn wait_for<T>(mut probe: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = probe() {
                return found;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "waited in vain");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_killed_process_returns_soon_and_leaves_nothing_behind() {
        let (mut keeper, folder) = sleeper("kill");
        let first = keeper.id().unwrap();
        let child = wait_for(|| first.child_called("sleep").or_else(|| first.child_called("coreutils")));
        let killed = Instant::now();
        first.signal(Signal::KILL);
        let second = wait_for(|| keeper.id().filter(|id| *id != first));
        assert!(killed.elapsed() < Duration::from_secs(5));
        assert!(!child.is_alive(), "the group goes with its leader");
        assert_eq!(ProcessId::load(&folder.join("pid")), Some(second));
        assert_eq!(keeper.exits(), 1);
        keeper.stop();
        assert!(!second.is_alive());
        assert!(!folder.join("pid").exists());
        files::remove_folder(&folder).unwrap();
    }

    #[test]
    fn a_held_process_stays_down_until_it_is_released() {
        let (mut keeper, folder) = sleeper("hold");
        keeper.hold();
        assert_eq!(keeper.id(), None);
        keeper.release();
        wait_for(|| keeper.id());
        assert_eq!(keeper.exits(), 0);
        keeper.stop();
        files::remove_folder(&folder).unwrap();
    }
}

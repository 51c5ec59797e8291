//! The three real servers: fetched, configured with one login per service, started, kept running, stopped.

pub mod elasticsearch;
pub mod nats;
pub mod postgres;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::checks;
use crate::dist::{self, NATS, POSTGRES};
use crate::error::{Context, Error, Result};
use crate::external::External;
use crate::folders::Folders;
use crate::keeper::Keeper;
use crate::machine::{self, Jdk, Lacking};
use crate::ports::Ports;
use crate::process::{self, ProcessId};
use crate::screen::Screen;
use crate::secrets::Secrets;
use crate::status::Connections;
use crate::stop::Stop;
use crate::unit::{Server, Unit};
use crate::{files, machine::elasticsearch_and_jdk};

use self::elasticsearch::Java;
use self::postgres::Psql;

/// How long a server may take to be ready; generous, because tests share the machine with compilers.
pub const START_LIMIT: Duration = Duration::from_secs(240);

/// A server that runs elsewhere should be there already.
const REACH_LIMIT: Duration = Duration::from_secs(20);

/// What can be chosen about the servers.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where distributions are.
    pub folders: Folders,
    /// A version of Elasticsearch; the newest that a JDK here allows if none.
    pub elasticsearch: Option<String>,
    /// Elasticsearch's heap in MB.
    pub heap_mb: u32,
    /// Whether they live for a few minutes only, so that a quick start matters more than speed later.
    pub brief: bool,
    /// Those that run elsewhere: they are used, never started or stopped.
    pub external: External,
    /// The services' ports, kept with those of the servers; 0 = any free one.
    pub wanted: Ports,
    /// Where progress is shown.
    pub screen: Screen,
    /// Ends a start that is no longer wanted.
    pub stop: Stop,
}

impl Options {
    /// Silent, free ports, everything else by default.
    pub fn new(folders: Folders) -> Self {
        Self {
            folders,
            elasticsearch: None,
            heap_mb: 512,
            brief: false,
            external: External::default(),
            wanted: Ports::default(),
            screen: Screen::silent(),
            stop: Stop::default(),
        }
    }
}

/// Where a server's files are, and its passwords.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The run folder.
    pub run: &'a Path,
    /// The stack's passwords.
    pub secrets: &'a Secrets,
}

/// The unpacked distributions of the servers that we run, and the JDK for the third.
#[derive(Debug, Clone)]
pub struct Distributions {
    /// Always there: its tools speak to a PostgreSQL that runs elsewhere, too.
    postgres: PathBuf,
    nats: Option<PathBuf>,
    search: Option<(PathBuf, &'static str, Jdk)>,
}

impl Distributions {
    /// Fetches what is not there, all three at once; installs the package clients that a fresh machine lacks.
    pub fn ensure(options: &Options) -> Result<Self> {
        let (folders, screen) = (&options.folders, &options.screen);
        folders.prepare()?;
        let ours = |server| !options.external.has(server);
        let mut lacking = machine::lacking();
        lacking.retain(|thing| *thing == Lacking::Pip || ours(Server::Elasticsearch));
        machine::install(&lacking, screen)?;
        thread::scope(|scope| {
            let postgres = scope.spawn(|| POSTGRES.ensure(folders, screen));
            let nats = ours(Server::Nats).then(|| scope.spawn(|| NATS.ensure(folders, screen)));
            let search = if ours(Server::Elasticsearch) {
                let (version, jdk) = elasticsearch_and_jdk(options.elasticsearch.as_deref())?;
                Some((dist::elasticsearch(version)?.ensure(folders, screen)?, version, jdk))
            } else {
                None
            };
            Ok(Self { postgres: joined(postgres)?, nats: nats.map(joined).transpose()?, search })
        })
    }
}

/// Three running servers. Dropping it stops them.
#[derive(Debug)]
pub struct Servers {
    run: PathBuf,
    ports: Ports,
    secrets: Secrets,
    version: &'static str,
    stop: Stop,
    external: External,
    postgres_tools: PathBuf,
    psql: Psql,
    // Dropped in this order.
    elasticsearch: Keeper,
    nats: Keeper,
    postgres: Keeper,
    /// Held as long as the stack runs; the kernel lets go of it when we die.
    _lock: File,
}

impl Servers {
    /// Starts the servers of the run folder `run` and waits until all are ready. What an earlier stack left there
    /// running is killed first; its data, ports and passwords are kept. An error when `run` is in use.
    pub fn start(run: &Path, options: &Options) -> Result<Self> {
        let distributions = Distributions::ensure(options)?;
        files::make_folder(run)?;
        let lock = lock(run)?.context(|| format!("a stack runs in {} already", run.display()))?;
        kill_leftovers(run);
        for folder in ["logs", "pids"] {
            files::make_folder(&run.join(folder))?;
        }
        keep_old_logs(run);
        ProcessId::own()?.save(&supervisor_file(run))?;
        let secrets = Secrets::load_or_make(run)?;
        let ports = Ports::settle(&options.folders, run, options.wanted)?;
        let place = Place { run, secrets: &secrets };
        let start = |server| start(server, &place, &distributions, &ports, options);
        let servers = Self {
            elasticsearch: start(Server::Elasticsearch)?,
            nats: start(Server::Nats)?,
            postgres: start(Server::Postgres)?,
            psql: Psql::new(&distributions.postgres, ports.postgres, &secrets),
            run: run.to_path_buf(),
            version: distributions.search.map_or("elsewhere", |(_, version, _)| version),
            stop: options.stop.clone(),
            external: options.external.clone(),
            postgres_tools: distributions.postgres,
            ports,
            secrets,
            _lock: lock,
        };
        servers.wait_all(&options.screen)?;
        if !servers.external.has(Server::Postgres) {
            servers.psql.make_roles(&servers.secrets)?;
        }
        Ok(servers)
    }

    fn wait_all(&self, screen: &Screen) -> Result<()> {
        thread::scope(|scope| {
            let waits = Server::ALL.map(|server| {
                scope.spawn(move || {
                    let task = screen.task(Unit::from(server).name(), "starting");
                    self.wait_ready(server)?;
                    let elsewhere = self.external.has(server);
                    task.done(&if elsewhere {
                        "runs elsewhere, and takes our login".to_owned()
                    } else {
                        format!("ready on port {}", self.port(server))
                    });
                    Ok(())
                })
            });
            waits.into_iter().try_for_each(joined)
        })
    }

    /// Waits until a server answers.
    pub fn wait_ready(&self, server: Server) -> Result<()> {
        if self.external.has(server) {
            return self.reach(server);
        }
        wait_ready(self.keeper(server), &self.stop, || match server {
            Server::Postgres => self.psql.is_ready(),
            Server::Nats => nats::is_ready(self.ports.nats),
            Server::Elasticsearch => {
                elasticsearch::is_ready(self.ports.elasticsearch, &self.secrets.elasticsearch_admin)
            }
        })
    }

    /// Waits until a server that runs elsewhere takes our login, not for long.
    fn reach(&self, server: Server) -> Result<()> {
        let start = Instant::now();
        while let Err(error) = checks::reach(&self.external, server, &self.postgres_tools) {
            if start.elapsed() > REACH_LIMIT || self.stop.is_wanted() {
                return Err(error).context(|| format!("{server}, which runs elsewhere, cannot be used"));
            }
            thread::sleep(Duration::from_millis(250));
        }
        Ok(())
    }

    /// The keeper of a server: kill, hold, release. That of a server that runs elsewhere keeps nothing.
    pub fn keeper(&self, server: Server) -> &Keeper {
        match server {
            Server::Postgres => &self.postgres,
            Server::Nats => &self.nats,
            Server::Elasticsearch => &self.elasticsearch,
        }
    }

    /// The process of a server, if it runs at this moment.
    pub fn id(&self, server: Server) -> Option<ProcessId> {
        self.keeper(server).id()
    }

    /// The port of a server.
    pub fn port(&self, server: Server) -> u16 {
        match server {
            Server::Postgres => self.ports.postgres,
            Server::Nats => self.ports.nats,
            Server::Elasticsearch => self.ports.elasticsearch,
        }
    }

    /// All ports, those kept for the services too.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// What ends a wait.
    pub fn stop_flag(&self) -> &Stop {
        &self.stop
    }

    /// The run folder.
    pub fn run(&self) -> &Path {
        &self.run
    }

    /// Everything that one needs to use them.
    pub fn connections(&self) -> Connections {
        Connections::new(&self.run, &self.ports, &self.secrets, self.version).with(&self.external)
    }

    /// The folder of PostgreSQL, with its tools.
    pub fn postgres_tools(&self) -> &Path {
        &self.postgres_tools
    }

    /// From now on the log is another one: its master key and its superAdmin are kept instead of those of before.
    pub fn adopt(&mut self, master_key: String, super_admin: Option<String>) -> Result<()> {
        self.secrets.master_key = master_key;
        if let Some(password) = super_admin {
            self.secrets.super_admin = password;
        }
        self.secrets.save(&self.run)
    }

    /// Those that run elsewhere.
    pub fn external(&self) -> &External {
        &self.external
    }

    /// Stops Elasticsearch, NATS and PostgreSQL, in this order.
    pub fn stop(mut self, screen: &Screen) {
        for keeper in [&mut self.elasticsearch, &mut self.nats, &mut self.postgres] {
            if keeper.is_idle() {
                continue;
            }
            let task = screen.task(keeper.spec().name, "stopping");
            keeper.stop();
            task.done("stopped");
        }
    }
}

/// Starts a server, unless it runs elsewhere.
fn start(server: Server, place: &Place<'_>, from: &Distributions, ports: &Ports, options: &Options) -> Result<Keeper> {
    let spec = match server {
        Server::Postgres if options.external.has(server) => None,
        Server::Postgres => Some(postgres::prepare(place, &from.postgres, ports.postgres)?),
        Server::Nats => from.nats.as_ref().map(|nats| nats::prepare(place, nats, ports.nats)).transpose()?,
        Server::Elasticsearch => {
            let prepare = |(home, version, jdk): &(PathBuf, &'static str, Jdk)| {
                let java = Java { version, jdk, heap_mb: options.heap_mb, brief: options.brief };
                elasticsearch::prepare(place, home, (ports.elasticsearch, ports.elasticsearch_transport), &java)
            };
            from.search.as_ref().map(prepare).transpose()?
        }
    };
    spec.map_or_else(|| Ok(Keeper::idle(Unit::from(server).name())), Keeper::start)
}

/// Waits until `probe` is true; an error with the end of the log when the process dies again and again, or takes too long.
pub fn wait_ready(keeper: &Keeper, stop: &Stop, probe: impl Fn() -> bool) -> Result<()> {
    let (start, name, exits) = (Instant::now(), keeper.spec().name, keeper.exits());
    let failed = |what: &str| {
        let log = &keeper.spec().log;
        Error::new(format!("{name} {what}; the end of {}:\n{}", log.display(), files::tail(log, 25)))
    };
    while !probe() {
        if keeper.exits() - exits >= 3 {
            return Err(failed("ends again and again"));
        }
        if stop.is_wanted() {
            return Err(Error::new(format!("interrupted while {name} was starting")));
        }
        if start.elapsed() > START_LIMIT {
            return Err(failed(&format!("is not ready after {} s", START_LIMIT.as_secs())));
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Where the process is noted that keeps the stack in `run` running.
pub fn supervisor_file(run: &Path) -> PathBuf {
    run.join("pids/supervisor.json")
}

/// Takes the run folder for this process; `None` when another has it.
pub fn lock(run: &Path) -> Result<Option<File>> {
    let path = run.join("lock");
    let file = File::create(&path).context(|| format!("cannot make {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error).context(|| format!("cannot lock {}", path.display())),
    }
}

/// Kills what a stack that died left running in its run folder; returns how many processes.
pub fn kill_leftovers(run: &Path) -> usize {
    let mut count = 0;
    for unit in Unit::all() {
        if let Some(left) = ProcessId::load(&unit.pid_file(run)) {
            process::kill_group(left.pid);
            left.wait_gone(Duration::from_secs(10));
            count += 1;
        }
        // Nobody has it any more.
        let _ = std::fs::remove_file(unit.pid_file(run));
        count += process::kill_strays(&unit.folder(run), unit.program());
    }
    count
}

/// One generation of logs is kept.
fn keep_old_logs(run: &Path) {
    for unit in Unit::all() {
        // The first time there is none.
        let _ = std::fs::rename(unit.log(run), run.join("logs").join(format!("{unit}.old.log")));
    }
}

fn joined<T>(handle: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    handle.join().unwrap_or_else(|_| Err(Error::new("a thread that started a server panicked")))
}

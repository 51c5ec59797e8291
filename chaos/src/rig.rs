//! The system under test: `cargo dev up`'s six processes, and a second command-api and a second projector beside them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use stack::error::{Context, Result};
use stack::folders::Folders;
use stack::keeper::Keeper;
use stack::ports::Ports;
use stack::process::{self, ProcessId};
use stack::screen::Screen;
use stack::status::Connections;
use stack::stop::Stop;
use stack::system::{self, System};
use stack::unit::{Server, Service, Unit};
use stack::{files, servers, services};

/// How the system is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of its run folder, which is emptied first.
    pub name: String,
    /// The stack's folder.
    pub dir: Option<PathBuf>,
    /// The services' programs.
    pub binaries: PathBuf,
    /// A version of Elasticsearch.
    pub elasticsearch: Option<String>,
    /// Variables for every service.
    pub environment: Vec<(String, String)>,
    /// The wish to stop.
    pub stop: Stop,
}

/// One of the processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// One of the six.
    Unit(Unit),
    /// The second command-api.
    OtherCommandApi,
    /// The second projector.
    OtherProjector,
}

/// The running system. Dropping it stops it.
pub struct Rig {
    other_projector: Keeper,
    other_command_api: Keeper,
    system: System,
    /// Where the second command-api listens.
    pub other_command_api_at: SocketAddr,
    /// The admin of the second projector.
    pub other_projector_at: SocketAddr,
    /// The servers.
    pub connections: Connections,
    /// The run folder.
    pub run: PathBuf,
    screen: Screen,
}

impl Rig {
    /// Starts all eight processes in an empty run folder and waits until they are ready.
    /// `second` says what the second projector is told besides.
    pub fn start(
        options: &Options,
        second: impl FnOnce(&Connections) -> Result<Vec<(String, String)>>,
    ) -> Result<Self> {
        let folders = Folders::choose(options.dir.as_deref())?;
        let run = folders.run(&options.name)?;
        end_leftovers(&run);
        servers::kill_leftovers(&run);
        files::remove_folder(&run)?;
        folders.prepare()?;
        let screen = Screen::new();
        let servers = servers::Options {
            elasticsearch: options.elasticsearch.clone(),
            brief: true,
            screen: screen.clone(),
            stop: options.stop.clone(),
            ..servers::Options::new(folders)
        };
        let environment = options.environment.clone();
        let binaries = options.binaries.clone();
        let system = System::start(&run, &system::Options { servers, binaries, environment })?;
        let connections = system.servers().connections();
        let start = |service, name, more: &[(String, String)]| -> Result<(Keeper, SocketAddr)> {
            let more = [&options.environment[..], more].concat();
            another(service, name, &options.binaries, &connections, &more)
        };
        let (other_command_api, other_command_api_at) = start(Service::CommandApi, OTHER_COMMAND_API, &[])?;
        let (other_projector, other_projector_at) = start(Service::Projector, OTHER_PROJECTOR, &second(&connections)?)?;
        let rig = Self {
            other_projector,
            other_command_api,
            system,
            other_command_api_at,
            other_projector_at,
            connections,
            run,
            screen,
        };
        for target in [Target::OtherCommandApi, Target::OtherProjector] {
            rig.wait_ready(target)?;
        }
        Ok(rig)
    }

    /// The keeper of a process.
    pub fn keeper(&self, target: Target) -> &Keeper {
        match target {
            Target::Unit(unit) => self.system.keeper(unit),
            Target::OtherCommandApi => &self.other_command_api,
            Target::OtherProjector => &self.other_projector,
        }
    }

    /// Waits until a process answers.
    pub fn wait_ready(&self, target: Target) -> Result<()> {
        let url = match target {
            Target::Unit(unit) => return self.system.wait_ready(unit),
            Target::OtherCommandApi => format!("http://{}", self.other_command_api_at),
            Target::OtherProjector => format!("http://{}", self.other_projector_at),
        };
        let stop = self.system.servers().stop_flag();
        servers::wait_ready(self.keeper(target), stop, || services::is_ready(&url))
    }

    /// Waits until all processes answer.
    pub fn wait_all_ready(&self) -> Result<()> {
        Target::all().try_for_each(|target| self.wait_ready(target))
    }

    /// Sends a signal to the process that does the work.
    pub fn signal(&self, target: Target, signal: Signal) {
        let Some(id) = self.keeper(target).id() else { return };
        let java = matches!(target, Target::Unit(Unit::Server(Server::Elasticsearch)));
        let id = if java { id.child_called("java").unwrap_or(id) } else { id };
        id.signal(signal);
    }

    /// Where a service of the six listens.
    pub fn address(&self, service: Service) -> Result<SocketAddr> {
        let url = self.system.url(service);
        url.trim_start_matches("http://").parse().context(|| format!("{url} has no address"))
    }

    /// The URLs of both projectors' admins.
    pub fn projectors(&self) -> [String; 2] {
        [self.system.url(Service::Projector), format!("http://{}", self.other_projector_at)]
    }

    /// Stops everything.
    pub fn stop(mut self) {
        self.other_projector.stop();
        self.other_command_api.stop();
        self.system.stop(&self.screen);
    }
}

const OTHER_COMMAND_API: &str = "command-api-2";
const OTHER_PROJECTOR: &str = "projector-2";

impl Target {
    /// All eight.
    pub fn all() -> impl Iterator<Item = Self> {
        Unit::all().map(Self::Unit).chain([Self::OtherCommandApi, Self::OtherProjector])
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unit(unit) => unit.fmt(f),
            Self::OtherCommandApi => f.write_str(OTHER_COMMAND_API),
            Self::OtherProjector => f.write_str(OTHER_PROJECTOR),
        }
    }
}

/// Starts one more process of a service, on a port and in a folder of its own.
fn another(
    service: Service,
    name: &'static str,
    binaries: &Path,
    connections: &Connections,
    more: &[(String, String)],
) -> Result<(Keeper, SocketAddr)> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let address = free.context(|| "there is no free port".into())?;
    let bind = ("WECHESS_BIND".to_owned(), address.to_string());
    let more = [more, &[bind]].concat();
    let mut spec = services::spec(service, binaries, &Ports::default(), connections, &more)?;
    let run = &connections.folder;
    spec.name = name;
    spec.folder = run.join(name);
    files::make_folder(&spec.folder)?;
    spec.log = run.join("logs").join(format!("{name}.log"));
    spec.pid_file = pid_file(run, name);
    Ok((Keeper::start(spec)?, address))
}

fn pid_file(run: &Path, name: &str) -> PathBuf {
    run.join("pids").join(format!("{name}.json"))
}

/// Kills what an earlier run that was killed left running: the stack knows only its six.
fn end_leftovers(run: &Path) {
    for name in [OTHER_COMMAND_API, OTHER_PROJECTOR] {
        if let Some(left) = ProcessId::load(&pid_file(run, name)) {
            process::kill_group(left.pid);
        }
    }
}

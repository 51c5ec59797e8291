//! The whole: three servers and three services, kept running.

use std::path::{Path, PathBuf};
use std::thread;

use serde::{Deserialize, Serialize};

use crate::database::Database;
use crate::error::{Context, Error, Result};
use crate::keeper::Keeper;
use crate::ports::Ports;
use crate::process::ProcessId;
use crate::screen::Screen;
use crate::servers::{self, Servers};
use crate::status::{Connections, Status};
use crate::unit::{Server, Service, Unit};
use crate::{files, restore, services};

/// What can be chosen about a system.
#[derive(Debug, Clone)]
pub struct Options {
    /// The servers.
    pub servers: servers::Options,
    /// The folder with the services' programs.
    pub binaries: PathBuf,
    /// Variables for the services, besides or instead of those that the stack gives them.
    pub environment: Vec<(String, String)>,
}

/// A running system. Dropping it stops it.
#[derive(Debug)]
pub struct System {
    // Dropped in this order.
    query_bff: Keeper,
    projector: Keeper,
    command_api: Keeper,
    servers: Servers,
    ports: Ports,
}

/// What a running system keeps in its run folder for those who ask.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    supervisor: ProcessId,
    ports: Ports,
    connections: Connections,
}

impl System {
    /// Starts everything in the run folder `run` and waits until all are ready.
    pub fn start(run: &Path, options: &Options) -> Result<Self> {
        Self::start_with(run, options, |servers| {
            let task = options.servers.screen.task("migrations", "migrating");
            let connections = servers.connections();
            let owner = &connections.credentials.database_urls.owner;
            restore::settle(&Database::new(servers.postgres_tools(), owner)?)?;
            services::migrate(&options.binaries, &connections)?;
            task.done("the database is up to date");
            Ok(())
        })
    }

    /// As [`System::start`]; `prepare` brings the database up to date between servers and services.
    pub fn start_with(run: &Path, options: &Options, prepare: impl FnOnce(&mut Servers) -> Result<()>) -> Result<Self> {
        forget(run);
        let mut servers = Servers::start(run, &options.servers)?;
        prepare(&mut servers)?;
        let (screen, ports, connections) = (&options.servers.screen, *servers.ports(), servers.connections());
        let start = |service| {
            Keeper::start(services::spec(service, &options.binaries, &ports, &connections, &options.environment)?)
        };
        let system = Self {
            command_api: start(Service::CommandApi)?,
            projector: start(Service::Projector)?,
            query_bff: start(Service::QueryBff)?,
            servers,
            ports,
        };
        system.wait_all(screen)?;
        let kept = Kept { supervisor: ProcessId::own()?, ports, connections };
        let text = serde_json::to_string(&kept).context(|| "cannot print the status".into())?;
        files::write_private(&kept_path(run), text.as_bytes())?;
        Ok(system)
    }

    fn wait_all(&self, screen: &Screen) -> Result<()> {
        thread::scope(|scope| {
            let waits = Service::ALL.map(|service| {
                scope.spawn(move || {
                    let task = screen.task(Unit::from(service).name(), "starting");
                    self.wait_ready(service.into())?;
                    task.done(&format!("ready at {}", self.url(service)));
                    Ok(())
                })
            });
            waits.into_iter().try_for_each(|wait| wait.join().unwrap_or_else(|_| Err(Error::new("a thread panicked"))))
        })
    }

    /// Waits until a process answers.
    pub fn wait_ready(&self, unit: Unit) -> Result<()> {
        match unit {
            Unit::Server(server) => self.servers.wait_ready(server),
            Unit::Service(service) => {
                let url = self.url(service);
                servers::wait_ready(self.keeper(unit), self.servers.stop_flag(), || services::is_ready(&url))
            }
        }
    }

    /// The keeper of any of the six: kill, hold, release.
    pub fn keeper(&self, unit: Unit) -> &Keeper {
        match unit {
            Unit::Server(server) => self.servers.keeper(server),
            Unit::Service(Service::CommandApi) => &self.command_api,
            Unit::Service(Service::Projector) => &self.projector,
            Unit::Service(Service::QueryBff) => &self.query_bff,
        }
    }

    /// The servers below.
    pub fn servers(&self) -> &Servers {
        &self.servers
    }

    /// The URL of a service.
    pub fn url(&self, service: Service) -> String {
        url(service, &self.ports)
    }

    /// How often any of the six ended without being told to.
    pub fn restarts(&self) -> u32 {
        Unit::all().map(|unit| self.keeper(unit).exits()).sum()
    }

    /// What it says about itself.
    pub fn status(&self) -> Result<Status> {
        let kept = Kept { supervisor: ProcessId::own()?, ports: self.ports, connections: self.servers.connections() };
        Ok(kept.status())
    }

    /// Stops query-bff, projector, command-api, Elasticsearch, NATS and PostgreSQL, in this order.
    pub fn stop(mut self, screen: &Screen) {
        forget(self.servers.run());
        for keeper in [&mut self.query_bff, &mut self.projector, &mut self.command_api] {
            let task = screen.task(keeper.spec().name, "stopping");
            keeper.stop();
            task.done("stopped");
        }
        self.servers.stop(screen);
    }
}

impl Kept {
    fn status(self) -> Status {
        let run = &self.connections.folder;
        let services = Service::ALL.map(|service| url(service, &self.ports));
        let ready = thread::scope(|scope| {
            let asked = services.each_ref().map(|url| scope.spawn(|| services::is_ready(url)));
            asked.into_iter().all(|answer| answer.join().unwrap_or(false))
        });
        let [command_api, projector, query_bff] = services;
        Status {
            ready,
            command_api,
            query_bff,
            projector,
            pids: Unit::all().filter_map(|unit| Some((unit.key().to_owned(), pid(unit, run)?))).collect(),
            supervisor: Some(self.supervisor.pid),
            connections: self.connections,
        }
    }
}

/// What the system in `run` says about itself; `None` when none runs there, or it is not up yet.
pub fn status(run: &Path) -> Option<Status> {
    let text = std::fs::read_to_string(kept_path(run)).ok()?;
    let kept: Kept = serde_json::from_str(&text).ok()?;
    kept.supervisor.is_alive().then(|| kept.status())
}

/// The process that does the work of `unit` at this moment.
fn pid(unit: Unit, run: &Path) -> Option<u32> {
    let kept = ProcessId::load(&unit.pid_file(run))?;
    let working = match unit {
        // The process that we start is its launcher.
        Unit::Server(Server::Elasticsearch) => kept.child_called(unit.program()).unwrap_or(kept),
        Unit::Server(Server::Postgres | Server::Nats) | Unit::Service(_) => kept,
    };
    Some(working.pid)
}

fn url(service: Service, ports: &Ports) -> String {
    format!("http://127.0.0.1:{}", services::port(service, ports))
}

fn kept_path(run: &Path) -> PathBuf {
    run.join("status.json")
}

fn forget(run: &Path) {
    // There may be none.
    let _ = std::fs::remove_file(kept_path(run));
}

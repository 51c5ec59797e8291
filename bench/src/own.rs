//! Servers of our own: empty, in a folder that is removed at the end.

use std::fs::File;
use std::path::PathBuf;

use stack::dist::POSTGRES;
use stack::error::{Context, Result};
use stack::keeper::Keeper;
use stack::ports::Ports;
use stack::secrets::Secrets;
use stack::servers::postgres::{self, Psql};
use stack::servers::{self, Place, Servers};
use stack::status::Connections;
use stack::system::{self, System};
use stack::unit::{Server, Service, Unit};
use stack::{files, services};

use crate::Bench;
use crate::moves::Target;
use crate::reference::Tools;

/// A run folder that is ours alone: a second benchmark at the same time would spoil both.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Ends and removes what an interrupted run left.
    pub fn empty(bench: &Bench) -> Result<Self> {
        let path = bench.folders.run("bench")?;
        files::make_folder(&path)?;
        let lock = servers::lock(&path)?.context(|| format!("another benchmark runs in {}", path.display()))?;
        servers::kill_leftovers(&path);
        drop(lock);
        files::remove_folder(&path)?;
        files::make_folder(&path)?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &PathBuf {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = files::remove_folder(&self.path) {
            eprintln!("{error}");
        }
    }
}

/// PostgreSQL alone, migrated. Dropping it stops and removes it.
pub struct Database {
    // Dropped in this order.
    keeper: Keeper,
    _lock: File,
    /// How to reach it.
    pub connections: Connections,
    /// Its own tools.
    pub tools: Tools,
    _folder: Folder,
}

impl Database {
    /// Starts it.
    pub fn start(bench: &Bench) -> Result<Self> {
        let folder = Folder::empty(bench)?;
        let run = folder.path().as_path();
        let lock = servers::lock(run)?.context(|| format!("another benchmark runs in {}", run.display()))?;
        for part in ["logs", "pids"] {
            files::make_folder(&run.join(part))?;
        }
        let distribution = POSTGRES.ensure(&bench.folders, &bench.screen)?;
        let secrets = Secrets::load_or_make(run)?;
        let ports = Ports::settle(&bench.folders, run, Ports::default())?;
        let place = Place { run, secrets: &secrets };
        let task = bench.screen.task("postgres", "starting");
        let keeper = Keeper::start(postgres::prepare(&place, &distribution, ports.postgres)?)?;
        let psql = Psql::new(&distribution, ports.postgres, &secrets);
        servers::wait_ready(&keeper, &bench.stop, || psql.is_ready())?;
        psql.make_roles(&secrets)?;
        let connections = Connections::new(run, &ports, &secrets, "");
        services::migrate(&bench.binaries, &connections)?;
        task.done("ready and migrated");
        let tools = Tools::new(&distribution, &connections.credentials.database_urls.admin)?;
        tools.ask("postgres", "alter system set track_wal_io_timing = on")?;
        tools.ask("postgres", "select pg_reload_conf()")?;
        Ok(Self { keeper, _lock: lock, connections, tools, _folder: folder })
    }

    /// Its first process; the others are its children.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.keeper.id().context(|| "PostgreSQL does not run".into())?.pid)
    }
}

/// The whole system. Dropping it stops and removes it.
pub struct Whole {
    // Dropped in this order.
    /// All six processes.
    pub system: System,
    /// PostgreSQL's own tools.
    pub tools: Tools,
    _folder: Folder,
}

impl Whole {
    /// Starts everything, with these variables for the services besides the usual ones.
    pub fn start(bench: &Bench, environment: &[(&str, &str)]) -> Result<Self> {
        let folder = Folder::empty(bench)?;
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let options = system::Options { servers: options(bench), binaries: bench.binaries.clone(), environment };
        let system = System::start(folder.path(), &options)?;
        let distribution = POSTGRES.ensure(&bench.folders, &bench.screen)?;
        let tools = Tools::new(&distribution, &system.servers().connections().credentials.database_urls.admin)?;
        Ok(Self { system, tools, _folder: folder })
    }

    /// Where moves are sent, and whose processor time they take.
    pub fn target(&self) -> Result<Target> {
        Ok(Target {
            command_api: self.system.url(Service::CommandApi),
            pid: self.pid(Service::CommandApi)?,
            postgres: self.pid(Server::Postgres)?,
        })
    }

    /// The process of a unit.
    pub fn pid(&self, unit: impl Into<Unit>) -> Result<u32> {
        let unit = unit.into();
        Ok(self.system.keeper(unit).id().context(|| format!("{unit} does not run"))?.pid)
    }
}

/// The three servers, migrated; services are started one by one. Dropping it stops and removes them.
pub struct Three {
    // Dropped in this order.
    /// The servers.
    pub servers: Servers,
    _folder: Folder,
}

impl Three {
    /// Starts them.
    pub fn start(bench: &Bench) -> Result<Self> {
        let folder = Folder::empty(bench)?;
        let servers = Servers::start(folder.path(), &options(bench))?;
        services::migrate(&bench.binaries, &servers.connections())?;
        Ok(Self { servers, _folder: folder })
    }

    /// Starts a service, with these variables besides the usual ones.
    pub fn service(&self, bench: &Bench, service: Service, environment: &[(&str, String)]) -> Result<Keeper> {
        let environment: Vec<_> = environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let (ports, connections) = (self.servers.ports(), self.servers.connections());
        Keeper::start(services::spec(service, &bench.binaries, ports, &connections, &environment)?)
    }

    /// Where a service is.
    pub fn url(&self, service: Service) -> String {
        format!("http://127.0.0.1:{}", services::port(service, self.servers.ports()))
    }

    /// Empties NATS: the relay begins anew.
    pub fn empty_nats(&self) -> Result<()> {
        self.servers.keeper(Server::Nats).hold();
        let data = Unit::from(Server::Nats).folder(self.servers.run()).join("data");
        files::remove_folder(&data)?;
        files::make_server_folder(&data)?;
        self.servers.keeper(Server::Nats).release();
        self.servers.wait_ready(Server::Nats)
    }
}

fn options(bench: &Bench) -> servers::Options {
    servers::Options {
        screen: bench.screen.clone(),
        stop: bench.stop.clone(),
        ..servers::Options::new(bench.folders.clone())
    }
}

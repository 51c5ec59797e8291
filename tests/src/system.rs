//! One system: the three services in this process, under a namespace of their own.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event_schema::names::Namespace;
use event_schema::position::LogPosition;
use serde_json::Value;
use service::config::Env;
use stack::ports::Ports;
use stack::services::environment;
use stack::status::Status;
use stack::unit::Service;

use crate::command::Process;
use crate::servers::stack;
use crate::{Answer, direct, eventually};

/// Where a system is: what actors need. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// The facts of a system.
pub struct Inner {
    /// Its namespace.
    pub namespace: Namespace,
    /// The client of all actors.
    pub http: reqwest::Client,
    /// The URL of command-api.
    pub command_api: String,
    /// The URL of query-bff.
    pub query_bff: String,
    /// The URL of the projector's admin.
    pub projector: String,
    /// The highest position that anybody was told: what views must show from now on.
    told: Mutex<Option<LogPosition>>,
}

impl Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// A running system.
pub struct System {
    /// Where it is.
    pub app: App,
    command_api: Option<command_api::Server>,
    projector: Option<projector::Server>,
    query_bff: Option<service::http::Server>,
    extra: Vec<(String, String)>,
}

/// Settings beside those of the stack: `("WECHESS_OPEN_GAME_SECONDS", "1")`.
pub type Settings<'a> = [(&'a str, &'a str)];

impl System {
    /// A system with views of these names only, for a story that counts the whole or breaks something.
    pub async fn with_namespace(views: &[&str]) -> Self {
        Self::with_settings(views, &[]).await
    }

    /// As [`System::with_namespace`], with other settings.
    pub async fn with_settings(views: &[&str], settings: &Settings<'_>) -> Self {
        let views = views.join(",");
        let mut all = settings.to_vec();
        all.push(("WECHESS_VIEWS", &views));
        Self::start(&all).await
    }

    /// A system under a fresh namespace.
    pub async fn start(settings: &Settings<'_>) -> Self {
        let namespace = direct::fresh_schema().await;
        let extra: Vec<(String, String)> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let command_api = start_command_api(&namespace, &extra).await;
        let projector = start_projector(&namespace, &extra).await;
        let query_bff = start_query_bff(&namespace, &extra).await;
        let http = client();
        let inner = Inner {
            namespace,
            http,
            command_api: format!("http://{}", command_api.addr),
            query_bff: format!("http://{}", query_bff.addr),
            projector: format!("http://{}", projector.addr),
            told: Mutex::default(),
        };
        let app = App(Arc::new(inner));
        for url in [&app.command_api, &app.projector, &app.query_bff] {
            app.is_ready(url).await;
        }
        Self { app, command_api: Some(command_api), projector: Some(projector), query_bff: Some(query_bff), extra }
    }

    /// A second command-api on the same log; the returned app talks to it.
    pub async fn another_command_api(&self) -> (App, command_api::Server) {
        self.command_api_with(&[]).await
    }

    /// As [`System::another_command_api`], with other settings.
    pub async fn command_api_with(&self, settings: &Settings<'_>) -> (App, command_api::Server) {
        let server = start_command_api(&self.app.namespace, &self.extra_with(settings)).await;
        let app = self.app.with(|inner| inner.command_api = format!("http://{}", server.addr));
        app.is_ready(&app.command_api).await;
        (app, server)
    }

    /// A second command-api on the same log, in a process of its own; the returned app talks to it.
    pub async fn command_api_process(&self) -> (App, Process) {
        let process = Process::command_api(&self.app.namespace, &self.extra);
        let app = self.app.with(|inner| inner.command_api.clone_from(&process.url));
        app.is_ready(&app.command_api).await;
        (app, process)
    }

    /// What the system was started with, and these settings.
    fn extra_with(&self, settings: &Settings<'_>) -> Vec<(String, String)> {
        let more = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.extra.iter().cloned().chain(more).collect()
    }

    /// A second projector on the same log; the returned app talks to it.
    pub async fn another_projector(&self) -> (App, projector::Server) {
        let server = start_projector(&self.app.namespace, &self.extra).await;
        let app = self.app.with(|inner| inner.projector = format!("http://{}", server.addr));
        app.is_ready(&app.projector).await;
        (app, server)
    }

    /// A second query-bff on the same views, with other settings; the returned app reads there.
    pub async fn query_bff_with(&self, settings: &Settings<'_>) -> (App, service::http::Server) {
        let server = start_query_bff(&self.app.namespace, &self.extra_with(settings)).await;
        let app = self.app.with(|inner| inner.query_bff = format!("http://{}", server.addr));
        app.is_ready(&app.query_bff).await;
        (app, server)
    }

    /// Ends the projector: the views stand still.
    pub async fn stop_projector(&mut self) {
        if let Some(projector) = self.projector.take() {
            projector.stop().await;
        }
    }

    /// Ends command-api: nobody writes to the log.
    pub async fn stop_command_api(&mut self) {
        if let Some(command_api) = self.command_api.take() {
            command_api.stop().await;
        }
    }

    /// Starts command-api again.
    pub async fn start_command_api(&mut self) {
        let server = start_command_api(&self.app.namespace, &self.extra).await;
        self.app = self.app.with(|inner| inner.command_api = format!("http://{}", server.addr));
        self.command_api = Some(server);
        self.app.is_ready(&self.app.command_api).await;
    }

    /// Starts a projector again.
    pub async fn start_projector(&mut self) {
        let server = start_projector(&self.app.namespace, &self.extra).await;
        self.app = self.app.with(|inner| inner.projector = format!("http://{}", server.addr));
        self.projector = Some(server);
        self.app.is_ready(&self.app.projector).await;
    }

    /// Ends the system and removes what it left in the servers.
    pub async fn end(mut self) {
        self.stop_projector().await;
        if let Some(query_bff) = self.query_bff.take() {
            query_bff.stop().await;
        }
        self.stop_command_api().await;
        direct::remove(&self.app.namespace).await;
    }
}

impl Deref for System {
    type Target = App;
    fn deref(&self) -> &App {
        &self.app
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client")
}

/// The settings of one service, as `cargo dev up` gives them.
fn env(service: Service, namespace: &Namespace, extra: &[(String, String)]) -> Env {
    let mut all: BTreeMap<String, String> = environment(service, &Ports::default(), stack()).into_iter().collect();
    all.insert("WECHESS_NAMESPACE".to_owned(), namespace.to_string());
    all.extend(extra.iter().cloned());
    let pairs: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Env::from_pairs(&pairs)
}

/// The settings of the projector of a namespace, for its command line.
pub fn projector_environment(namespace: &Namespace) -> Vec<(String, String)> {
    let mut all = environment(Service::Projector, &Ports::default(), stack());
    all.push(("WECHESS_NAMESPACE".to_owned(), namespace.to_string()));
    all
}

async fn start_command_api(namespace: &Namespace, extra: &[(String, String)]) -> command_api::Server {
    let config = command_api::config::Config::from_env(env(Service::CommandApi, namespace, extra));
    command_api::build(config.expect("settings")).await.expect("command-api starts")
}

async fn start_projector(namespace: &Namespace, extra: &[(String, String)]) -> projector::Server {
    let config = projector::Config::from_env(env(Service::Projector, namespace, extra));
    projector::build(config.expect("settings")).await.expect("projector starts")
}

async fn start_query_bff(namespace: &Namespace, extra: &[(String, String)]) -> service::http::Server {
    let config = query_bff::Config::read(env(Service::QueryBff, namespace, extra));
    query_bff::build(config.expect("settings")).await.expect("query-bff starts")
}

impl App {
    /// A system of processes of its own; nobody was told anything yet.
    pub fn of(status: &Status) -> Self {
        Self(Arc::new(Inner {
            namespace: Namespace::default(),
            http: client(),
            command_api: status.command_api.clone(),
            query_bff: status.query_bff.clone(),
            projector: status.projector.clone(),
            told: Mutex::default(),
        }))
    }

    /// The same, as somebody sees it who was told nothing yet.
    pub fn untold(&self) -> Self {
        self.with(|inner| inner.told = Mutex::default())
    }

    fn with(&self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Inner {
            namespace: self.namespace.clone(),
            http: self.http.clone(),
            command_api: self.command_api.clone(),
            query_bff: self.query_bff.clone(),
            projector: self.projector.clone(),
            told: Mutex::new(self.told()),
        };
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// The highest position that anybody was told.
    pub fn told(&self) -> Option<LogPosition> {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the consistency token of an answer.
    pub fn note(&self, answer: &Answer) {
        let Some(token) = answer.header("consistency-token").and_then(|text| text.parse::<LogPosition>().ok()) else {
            return;
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|known| known.position < token.position) {
            *told = Some(token);
        }
    }

    async fn is_ready(&self, url: &str) {
        let ready = async || {
            let answer = self.http.get(format!("{url}/admin/health")).send().await.ok()?;
            (answer.status() == 200).then_some(())
        };
        eventually(&format!("{url} becomes ready"), ready).await;
    }

    /// What the projector says of itself.
    pub async fn projection(&self) -> Value {
        let answer = self.http.get(format!("{}/admin/health", self.projector)).send().await.expect("the projector");
        answer.json().await.expect("a health report")
    }

    /// The sum of a counter of the projectors of this process, over all its labels.
    pub async fn metric(&self, name: &str) -> u64 {
        let answer = self.http.get(format!("{}/metrics", self.projector)).send().await.expect("the projector");
        let text = answer.text().await.expect("metrics");
        let of_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let value = |line: &str| line.rsplit_once(' ').and_then(|(_, value)| value.parse::<f64>().ok());
        text.lines().filter(of_it).filter_map(value).sum::<f64>() as u64
    }

    /// Waits until every view has `position` and finds it in searches.
    pub async fn settled(&self, position: i64) {
        eventually(&format!("every view has position {position}"), async || {
            let report = self.projection().await;
            let views = report["info"]["views"].as_object()?;
            let all = views.values().all(|view| view["searchable"].as_i64().is_some_and(|at| at >= position));
            (all && !views.is_empty()).then_some(())
        })
        .await;
    }

    /// Waits until every view has everything that anybody was told.
    pub async fn all_settled(&self) {
        self.settled(self.told().map_or(0, |told| told.position)).await;
    }

    /// No view has given up a document.
    pub async fn nothing_is_parked(&self) {
        let report = self.projection().await;
        for (name, view) in report["info"]["views"].as_object().expect("views") {
            assert_eq!(view["parked"], 0, "{name} has parked documents: {}", view["parkedDocuments"]);
        }
    }
}

//! A whole system of real processes, as `cargo dev up` makes it: for stories that kill and stop them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stack::status::Status;

use crate::Answer;
use crate::servers::stack;

/// The system; taken down when it is dropped.
pub struct Whole {
    /// The name of its run folder: `cargo dev test` removes what begins with its own name.
    pub name: String,
    dev: PathBuf,
    elsewhere: Vec<(String, String)>,
    http: reqwest::Client,
}

impl Whole {
    /// Starts the six processes on free ports, and waits until they are ready.
    pub fn up(word: &str) -> Self {
        Self::up_with(word, &[])
    }

    /// As [`Whole::up`], on servers that run elsewhere: these variables name them.
    pub fn up_with(word: &str, elsewhere: &[(String, String)]) -> Self {
        let mut whole = Self::named(word);
        whole.elsewhere = elsewhere.to_vec();
        let mut up = whole.command("up");
        up.arg("--detach").args(Self::start_arguments());
        let out = up.stdin(Stdio::null()).output().expect("the program `dev` can be run");
        assert!(out.status.success(), "dev up: {}", String::from_utf8_lossy(&out.stderr));
        whole
    }

    /// A system that is only named: `dev restore` makes it.
    pub fn named(word: &str) -> Self {
        let own = stack().folder.file_name().and_then(|name| name.to_str()).unwrap_or("test").to_owned();
        let dev = PathBuf::from(variable("WECHESS_DEV_BIN"));
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client can be made");
        Self { name: format!("{own}-{word}"), dev, http, elsewhere: Vec::new() }
    }

    /// What `up` and `restore` are told in tests.
    pub fn start_arguments() -> Vec<String> {
        let mut arguments = vec!["--brief".to_owned(), "--bin-dir".to_owned(), variable("WECHESS_BIN_DIR")];
        if stack().external.elasticsearch.is_none() {
            arguments.extend(["--elasticsearch".to_owned(), stack().elasticsearch_version.clone()]);
        }
        for flag in ["--command-api-port", "--query-bff-port", "--projector-port"] {
            arguments.extend([flag.to_owned(), "0".to_owned()]);
        }
        arguments
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = dev(&self.dev, verb, &self.elsewhere);
        command.args(["--name", &self.name]);
        command
    }

    /// Runs `cargo dev <verb> --name <this one> <arguments>`.
    pub fn dev(&self, verb: &str, arguments: &[&str]) -> Output {
        self.command(verb).args(arguments).output().expect("the program `dev` can be run")
    }

    /// What it says about itself now.
    pub fn status(&self) -> Status {
        let out = self.command("status").arg("--json").output().expect("the program `dev` can be run");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("dev status --json: {error}: {text}"))
    }

    /// Begins to play a file; what it says goes into `log`.
    pub fn play(&self, file: &Path, speed: &str, log: &Path) -> Child {
        let log = std::fs::File::create(log).expect("the run folder can be written");
        let both = log.try_clone().expect("a file can be opened twice");
        let mut play = self.command("play");
        play.arg(file).args(["--speed", speed]).stdin(Stdio::null()).stdout(log).stderr(both);
        play.spawn().expect("the program `dev` can be run")
    }

    /// Sends a signal to one of the six (`commandApi`, `queryBff`, `projector`, `postgres`, `nats`, `elasticsearch`).
    pub fn signal(&self, process: &str, signal: &str) -> u32 {
        let pid = self.status().pids.get(process).copied().unwrap_or_else(|| panic!("{process} does not run"));
        let sent = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -{signal} {process}");
        pid
    }

    /// Kills one of the six and waits until its successor runs.
    pub async fn kill(&self, process: &str) {
        let dead = self.signal(process, "KILL");
        let begun = Instant::now();
        while self.status().pids.get(process).is_none_or(|pid| *pid == dead) {
            assert!(begun.elapsed() < Duration::from_secs(30), "{process} was not started again");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A request; an answer that does not come is `None`.
    pub async fn ask(&self, method: &str, url: &str, token: &str, body: Option<&Value>) -> Option<Answer> {
        let method: reqwest::Method = method.parse().expect("a method");
        let what = format!("{method} {url}");
        let mut request = self.http.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        Some(Answer::read(what, request.send().await.ok()?).await)
    }

    /// The superAdmin's token.
    pub async fn admin(&self) -> String {
        let status = self.status();
        let login = &status.connections.super_admin;
        let body = json!({"username": login.email, "password": login.password});
        let url = format!("{}/auth-api/login", status.command_api);
        let answer = self.ask("POST", &url, "", Some(&body)).await.expect("command-api answers");
        answer.ok()["accessToken"].as_str().expect("a token").to_owned()
    }

    /// How many moves are in the log, if the command API can say.
    pub async fn moves(&self, token: &str) -> Option<i64> {
        let url = format!("{}/gameplay-api/v1/gamemoves?pageRowCount=1", self.status().command_api);
        self.ask("GET", &url, token, None).await?.body["paging"]["totalRowCount"].as_i64()
    }
}

/// `cargo dev <verb>`; these variables and no others name servers that run elsewhere.
pub fn dev_on(verb: &str, elsewhere: &[(String, String)]) -> Command {
    dev(Path::new(&variable("WECHESS_DEV_BIN")), verb, elsewhere)
}

fn dev(program: &Path, verb: &str, elsewhere: &[(String, String)]) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with(stack::external::PREFIX)) {
        command.env_remove(name);
    }
    command.arg(verb).envs(elsewhere.iter().cloned()).stdin(Stdio::null());
    command
}

impl Drop for Whole {
    fn drop(&mut self) {
        if let Err(error) = self.command("down").output() {
            eprintln!("dev down: {error}");
        }
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo dev test`"))
}

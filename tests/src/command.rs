//! The services' programs on a system of a story: the projector's command line, and a command-api beside ours.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use event_schema::names::Namespace;
use stack::ports::Ports;
use stack::services::environment;
use stack::unit::Service;

use crate::App;
use crate::servers::stack;
use crate::system::projector_environment;

fn program(name: &str) -> PathBuf {
    Path::new(&std::env::var("WECHESS_BIN_DIR").expect("WECHESS_BIN_DIR is not set: run `cargo dev test`")).join(name)
}

/// Runs the projector's command line with these arguments; whether it ended well, and all that it said.
pub async fn projector(app: &App, args: &[&str]) -> (bool, String) {
    let mut command = Command::new(program("projector"));
    command.args(args).env_clear().envs(projector_environment(&app.namespace)).stdin(Stdio::null());
    let out = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let out = out.expect("the projector can be run");
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    (out.status.success(), said)
}

/// A command-api that is a process of its own; killed when it is dropped.
pub struct Process {
    child: Child,
    /// Where it answers.
    pub url: String,
}

impl Process {
    /// Starts it on the log of this namespace, with these settings besides those of the stack.
    pub fn command_api(namespace: &Namespace, settings: &[(String, String)]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let mut command = Command::new(program("command-api"));
        command.env_clear().envs(environment(Service::CommandApi, &Ports::default(), stack()));
        command.env("WECHESS_NAMESPACE", namespace.to_string()).envs(settings.iter().cloned());
        command.env("WECHESS_BIND", free.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("command-api can be run");
        Self { child, url: format!("http://{free}") }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("command-api at {}: {error}", self.url);
        }
    }
}

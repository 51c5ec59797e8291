//! The projector's command line on a system of a story.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::App;
use crate::system::projector_environment;

/// Runs it with these arguments; whether it ended well, and all that it said.
pub async fn projector(app: &App, args: &[&str]) -> (bool, String) {
    let folder = std::env::var("WECHESS_BIN_DIR").expect("WECHESS_BIN_DIR is not set: run `cargo dev test`");
    let mut command = Command::new(Path::new(&folder).join("projector"));
    command.args(args).env_clear().envs(projector_environment(&app.namespace)).stdin(Stdio::null());
    let out = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let out = out.expect("the projector can be run");
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    (out.status.success(), said)
}

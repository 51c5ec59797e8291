//! NATS with JetStream: one user per service, each with the subjects that it needs and no others.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use super::Place;
use crate::error::Result;
use crate::keeper::Spec;
use crate::unit::{Server, Unit};
use crate::{files, secrets::Secrets};

/// A user and the subjects that it may use.
struct Permissions {
    user: &'static str,
    publish: &'static [&'static str],
    subscribe: &'static [&'static str],
}

/// Subjects start `wechess.` or `wechess.<namespace>.`.
const USERS: [Permissions; 3] = [
    Permissions {
        user: "command_api",
        publish: &["wechess.poke", "wechess.*.poke", "wechess.push.>", "wechess.*.push.>", "_INBOX_query_bff.>"],
        subscribe: &["wechess.ask.>", "wechess.*.ask.>", "wechess.push.>", "wechess.*.push.>", "_INBOX_command_api.>"],
    },
    Permissions {
        user: "projector",
        publish: &[
            "wechess.>",
            "$JS.API.>",
            "$KV.>",
            "$JS.ACK.>",
            "$JS.FC.>",
            "_INBOX_projector.>",
            "_INBOX_query_bff.>",
        ],
        subscribe: &["wechess.>", "$JS.API.>", "$KV.>", "$JS.ACK.>", "$JS.FC.>", "_INBOX_projector.>"],
    },
    // It reads the watermarks and never the events.
    Permissions {
        user: "query_bff",
        publish: &[
            "wechess.ask.>",
            "wechess.*.ask.>",
            "wechess.refresh.>",
            "wechess.*.refresh.>",
            "wechess.listen.>",
            "wechess.*.listen.>",
            // The filter of a consumer stands in the subject, and must be a key of a bucket: no stream of events holds one.
            "$JS.API.CONSUMER.CREATE.*.*.$KV.>",
        ],
        subscribe: &[
            "wechess.push.>",
            "wechess.*.push.>",
            "wechess.changes.>",
            "wechess.*.changes.>",
            "_INBOX_query_bff.>",
        ],
    },
];

/// Writes the configuration and says how to run the server.
pub fn prepare(place: &Place<'_>, distribution: &Path, port: u16) -> Result<Spec> {
    let run = place.run;
    let unit = Unit::from(Server::Nats);
    let folder = unit.folder(run);
    files::make_server_folder(&folder)?;
    files::make_server_folder(&folder.join("data"))?;
    let path = folder.join("nats.conf");
    files::write_for_servers(&path, &configuration(&folder.join("data"), port, place.secrets))?;
    Ok(Spec {
        name: unit.name(),
        program: distribution.join("nats-server"),
        arguments: vec!["-c".into(), path.display().to_string()],
        environment: vec![("HOME".into(), folder.display().to_string())],
        folder,
        log: unit.log(run),
        pid_file: unit.pid_file(run),
        unprivileged: true,
        stop_signal: Signal::TERM,
        leftover: unit.program(),
    })
}

/// The text of `nats.conf`.
fn configuration(data: &Path, port: u16, secrets: &Secrets) -> String {
    let quoted =
        |subjects: &[&str]| subjects.iter().map(|subject| format!("\"{subject}\"")).collect::<Vec<_>>().join(", ");
    let users: String = USERS
        .iter()
        .zip([&secrets.nats_command_api, &secrets.nats_projector, &secrets.nats_query_bff])
        .map(|(user, password)| {
            format!(
                "    {{ user: {}, password: \"{password}\", permissions: {{\n        \
                 publish: [{}]\n        subscribe: [{}]\n        allow_responses: true\n    }} }}\n",
                user.user,
                quoted(user.publish),
                quoted(user.subscribe)
            )
        })
        .collect();
    format!(
        "server_name: wechess\nlisten: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\" }}\n\
         authorization {{\n  users: [\n    {{ user: admin, password: \"{}\" }}\n{users}  ]\n}}\n",
        data.display(),
        secrets.nats_admin
    )
}

/// Whether it greets with JetStream on.
pub fn is_ready(port: u16) -> bool {
    let greeting = || -> std::io::Result<String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        let mut text = [0; 4096];
        let length = stream.read(&mut text)?;
        Ok(String::from_utf8_lossy(&text[..length]).into_owned())
    };
    greeting().is_ok_and(|text| text.starts_with("INFO ") && text.contains("\"jetstream\":true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_service_cannot_reach_the_events() {
        let Permissions { publish, subscribe, .. } = &USERS[2];
        assert!(publish.iter().chain(*subscribe).all(|subject| !subject.contains("events") && *subject != "wechess.>"));
        let asks: Vec<_> = publish.iter().filter(|subject| subject.starts_with('$')).collect();
        assert_eq!(asks, [&"$JS.API.CONSUMER.CREATE.*.*.$KV.>"]);
    }
}

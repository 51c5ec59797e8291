//! NATS: its own protocol, a line at a time, so that the server's refusals are heard. A forged event names a stream that
//! does not exist as the one it expects, so that no stream keeps it even where the login could publish it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Check, Outcome};
use crate::error::{Context, Error, Result};
use crate::external::{Access, Messages, connect};
use crate::unit::{Server, Service};
use crate::url::Url;

/// A server that is well answers within this.
const LIMIT: Duration = Duration::from_secs(5);

/// What a login tries.
enum Try {
    Hear(&'static str),
    Say(&'static str),
}

/// Who, what, and whether it must be allowed.
const TRIES: &[(Service, Try, bool)] = &[
    (Service::CommandApi, Try::Hear("_INBOX_command_api.doctor"), true),
    (Service::CommandApi, Try::Hear("wechess.ask.>"), true),
    (Service::CommandApi, Try::Hear("wechess.push.>"), true),
    (Service::CommandApi, Try::Say("wechess.poke"), true),
    (Service::CommandApi, Try::Say("wechess.push.doctor"), true),
    (Service::CommandApi, Try::Say("_INBOX_query_bff.doctor"), true),
    (Service::CommandApi, Try::Hear("wechess.events.>"), false),
    (Service::CommandApi, Try::Say("wechess.events.doctor.Probe"), false),
    (Service::CommandApi, Try::Say("$JS.API.STREAM.DELETE.wechess_doctor"), false),
    (Service::Projector, Try::Hear("_INBOX_projector.doctor"), true),
    (Service::Projector, Try::Hear("wechess.poke"), true),
    (Service::Projector, Try::Hear("wechess.refresh.*"), true),
    (Service::Projector, Try::Say("wechess.events.doctor.Probe"), true),
    (Service::Projector, Try::Say("$JS.API.STREAM.INFO.wechess_doctor"), true),
    (Service::Projector, Try::Say("$KV.wechess_doctor.probe"), true),
    (Service::Projector, Try::Say("_INBOX_query_bff.doctor"), true),
    (Service::QueryBff, Try::Hear("_INBOX_query_bff.doctor"), true),
    (Service::QueryBff, Try::Hear("wechess.push.>"), true),
    (Service::QueryBff, Try::Say("wechess.ask.doctor"), true),
    (Service::QueryBff, Try::Say("wechess.refresh.doctor"), true),
    (Service::QueryBff, Try::Say("wechess.listen.doctor"), true),
    (Service::QueryBff, Try::Hear("wechess.changes.>"), true),
    (Service::QueryBff, Try::Say("$JS.API.CONSUMER.CREATE.wechess_doctor.d.$KV.wechess_doctor.>"), true),
    (Service::QueryBff, Try::Hear("wechess.events.>"), false),
    (Service::QueryBff, Try::Say("wechess.events.doctor.Probe"), false),
    (Service::QueryBff, Try::Say("$JS.API.CONSUMER.CREATE.wechess_doctor.d.wechess.events.>"), false),
    (Service::QueryBff, Try::Say("$JS.API.STREAM.MSG.GET.wechess_doctor"), false),
    (Service::QueryBff, Try::Say("$JS.API.STREAM.DELETE.wechess_doctor"), false),
];

/// Whether the login is taken.
pub fn reach(access: &Access) -> Result<()> {
    Session::open(access).map(drop)
}

pub fn all(messages: &Messages) -> Vec<Check> {
    Service::ALL.into_iter().flat_map(|service| of(service, messages.of(service))).collect()
}

fn of(service: Service, access: &Access) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Err(error) = ask(service, access, &mut checks) {
        let what = format!("{service} reaches it with its login");
        checks.push(Check::new(Server::Nats, what, Outcome::Missing(error.to_string())));
    }
    checks
}

fn ask(service: Service, access: &Access, checks: &mut Vec<Check>) -> Result<()> {
    let mut session = Session::open(access)?;
    if service == Service::Projector {
        let enabled = session.jetstream()?;
        checks.push(Check::that(
            enabled,
            Server::Nats,
            "JetStream is enabled for the projector's account",
            "add `jetstream { store_dir: ... }` to the server's configuration, and enable it for the account",
        ));
    }
    for (_, attempt, wanted) in TRIES.iter().filter(|(whose, ..)| *whose == service) {
        let (verb, list, subject) = match attempt {
            Try::Hear(subject) => ("subscribe to", "subscribe", *subject),
            Try::Say(subject) => ("publish to", "publish", *subject),
        };
        let may = session.may(attempt)?;
        let (may_or_not, remedy) = if *wanted {
            ("may", format!("add it to `{list}` in the permissions of `{}`", access.login.user))
        } else {
            let own = "give the service a login of its own";
            ("may not", format!("take it out of `{list}` in the permissions of `{}`, or {own}", access.login.user))
        };
        checks.push(Check::that(
            may == *wanted,
            Server::Nats,
            format!("{service} {may_or_not} {verb} {subject}"),
            remedy,
        ));
    }
    Ok(())
}

/// A connection of one login.
struct Session {
    stream: BufReader<TcpStream>,
    info: Value,
}

impl Session {
    fn open(access: &Access) -> Result<Self> {
        // The login stands apart already; the place needs none.
        let url = Url::parse(&access.url.replacen("://", "://x:x@", 1), &["nats"], 4222)?;
        let stream = connect(url.plain_host(), url.port, LIMIT)?;
        let mut session = Self { stream: BufReader::new(stream), info: Value::Null };
        let greeting = session.line()?;
        let info = greeting.strip_prefix("INFO ").context(|| format!("{} is no NATS server", access.url))?;
        session.info = serde_json::from_str(info).context(|| format!("{} greets strangely", access.url))?;
        let hello = json!({"user": access.login.user, "pass": access.login.password, "verbose": false,
            "pedantic": false, "headers": true, "no_responders": false, "lang": "rust", "version": "0",
            "name": "wechess doctor", "protocol": 1});
        session.send(&format!("CONNECT {hello}\r\n"))?;
        session.refusals().context(|| format!("`{}` cannot log in at {}", access.login.user, access.url))?;
        Ok(session)
    }

    fn send(&mut self, text: &str) -> Result<()> {
        self.stream.get_mut().write_all(text.as_bytes()).context(|| "nats is gone".into())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).context(|| "nats does not answer".into())?;
        if read == 0 {
            return Err(Error::new("nats closed the connection"));
        }
        Ok(line.trim_end().to_owned())
    }

    /// The payload of a message whose line this is.
    fn payload(&mut self, line: &str) -> Result<Option<Vec<u8>>> {
        if !line.starts_with("MSG ") && !line.starts_with("HMSG ") {
            return Ok(None);
        }
        let size: usize =
            line.rsplit(' ').next().and_then(|n| n.parse().ok()).context(|| format!("nats said {line}"))?;
        let mut payload = vec![0; size + 2];
        self.stream.read_exact(&mut payload).context(|| "nats does not answer".into())?;
        payload.truncate(size);
        Ok(Some(payload))
    }

    /// What the server refused of all that was sent so far. A login that it refuses is an error.
    fn refusals(&mut self) -> Result<usize> {
        self.send("PING\r\n")?;
        let mut refused = 0;
        loop {
            let line = self.line()?;
            if line.starts_with("PONG") {
                return Ok(refused);
            }
            if let Some(error) = line.strip_prefix("-ERR ") {
                if !error.contains("Permissions Violation") {
                    return Err(Error::new(error.trim_matches('\'').to_lowercase()));
                }
                refused += 1;
            } else if line.starts_with("PING") {
                self.send("PONG\r\n")?;
            } else {
                self.payload(&line)?;
            }
        }
    }

    fn may(&mut self, attempt: &Try) -> Result<bool> {
        match attempt {
            Try::Hear(subject) => self.send(&format!("SUB {subject} 7\r\n"))?,
            Try::Say(subject) => {
                const GUARD: &str = "NATS/1.0\r\nNats-Expected-Stream: wechess_doctor\r\n\r\n";
                self.send(&format!("HPUB {subject} {0} {0}\r\n{GUARD}\r\n", GUARD.len()))?;
            }
        }
        let allowed = self.refusals()? == 0;
        if let (Try::Hear(_), true) = (attempt, allowed) {
            self.send("UNSUB 7\r\n")?;
        }
        Ok(allowed)
    }

    /// Whether JetStream answers this account.
    fn jetstream(&mut self) -> Result<bool> {
        if self.info["jetstream"] != json!(true) {
            return Ok(false);
        }
        const INBOX: &str = "_INBOX_projector.doctor";
        self.send(&format!("SUB {INBOX} 8\r\nPUB $JS.API.INFO {INBOX} 0\r\n\r\n"))?;
        loop {
            let line = self.line()?;
            if line.starts_with("-ERR") {
                return Ok(false);
            }
            if let Some(payload) = self.payload(&line)? {
                self.send("UNSUB 8\r\n")?;
                let answer: Value = serde_json::from_slice(&payload).unwrap_or_default();
                return Ok(answer["error"].is_null() && answer["type"].is_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_has_something_that_it_may_and_something_that_it_may_not() {
        for service in [Service::CommandApi, Service::QueryBff] {
            for wanted in [true, false] {
                assert!(TRIES.iter().any(|(whose, _, allowed)| *whose == service && *allowed == wanted), "{service}");
            }
        }
    }
}

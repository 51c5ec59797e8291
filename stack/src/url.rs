//! URLs of servers with a login inside: `scheme://user:password@host:port/rest`.

use crate::error::{Context, Error, Result};
use crate::status::Login;

/// The address of a server and who logs in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// The scheme, without `://`.
    pub scheme: String,
    /// User and password, decoded.
    pub login: Login,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What stands behind: `/database?options`, or nothing.
    pub rest: String,
}

impl Url {
    /// Reads it. The error never shows the text: it holds a password.
    pub fn parse(text: &str, schemes: &[&str], default_port: u16) -> Result<Self> {
        let form = format!("is not of the form {}://user:password@host:port", schemes[0]);
        let bad = || form.clone();
        let (scheme, rest) = text.trim().split_once("://").context(bad)?;
        if !schemes.contains(&scheme) {
            return Err(Error::new(format!("{form}: the scheme `{scheme}` is not supported")));
        }
        let split = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(split);
        let (login, place) = authority.rsplit_once('@').context(bad)?;
        let (user, password) = login.split_once(':').context(bad)?;
        let (host, port) = match place.rsplit_once(':') {
            // The last colon of `[::1]` is no port's.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok().context(bad)?),
            Some(_) | None => (place, default_port),
        };
        let login = Login { user: decoded(user).context(bad)?, password: decoded(password).context(bad)? };
        if login.user.is_empty() || login.password.is_empty() || host.is_empty() {
            return Err(Error::new(form));
        }
        Ok(Self { scheme: scheme.to_owned(), login, host: host.to_owned(), port, rest: rest.to_owned() })
    }

    /// The same without the login.
    pub fn bare(&self) -> String {
        format!("{}://{}:{}{}", self.scheme, self.host, self.port, self.rest)
    }

    /// The host as the system's resolver takes it.
    pub fn plain_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

/// `%40` is `@`.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(others.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &others[2..];
        } else {
            bytes.push(*first);
            rest = others;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_taken_out_and_decoded() {
        let url = Url::parse("postgres://ann:p%40ss%3A@db.example/wechess?a=b", &["postgres"], 5432).unwrap();
        assert_eq!((url.login.user.as_str(), url.login.password.as_str()), ("ann", "p@ss:"));
        assert_eq!(url.bare(), "postgres://db.example:5432/wechess?a=b");
        let six = Url::parse("nats://u:p@[::1]:4223", &["nats"], 4222).unwrap();
        assert_eq!((six.plain_host(), six.port, six.rest.as_str()), ("::1", 4223, ""));
        assert_eq!(Url::parse("nats://u:p@[::1]", &["nats"], 4222).unwrap().port, 4222);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for bad in [
            "hunter2",
            "nats://host:1",
            "nats://u@host",
            "http://u:hunter2@host",
            "nats://u:hunter2@host:x",
            "nats://u:%zz@host",
            "nats://:hunter2@host",
            "nats://u:hunter2@",
        ] {
            let error = Url::parse(bad, &["nats"], 4222).unwrap_err().to_string();
            assert!(error.contains("nats://user:password@host:port") && !error.contains("hunter2"), "{bad}: {error}");
        }
    }
}

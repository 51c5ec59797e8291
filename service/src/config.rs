//! Settings come from environment variables; all faults are told at once.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::str::FromStr;

use event_schema::names::Namespace;

/// A value that must not be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Everything that is wrong with the environment.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// One sentence for each variable.
    pub faults: Vec<String>,
}

impl Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} fault(s):", self.faults.len())?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for ConfigError {}

/// Reads variables and remembers every fault. An empty value counts as missing.
pub struct Env {
    fixed: Option<HashMap<String, String>>,
    faults: Vec<String>,
}

impl Env {
    /// The variables of this process.
    pub fn from_process() -> Self {
        Self { fixed: None, faults: Vec::new() }
    }

    /// These variables and no others (tests).
    pub fn from_pairs(pairs: &[(&str, &str)]) -> Self {
        let fixed = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { fixed: Some(fixed), faults: Vec::new() }
    }

    /// A required text; empty, with a fault noted, when it is missing.
    pub fn text(&mut self, name: &'static str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.fault(format!("{name} is missing"));
            String::new()
        })
    }

    /// A text that may be missing.
    pub fn optional(&mut self, name: &'static str) -> Option<String> {
        let value = match &self.fixed {
            Some(fixed) => fixed.get(name).cloned(),
            None => match std::env::var(name) {
                Ok(value) => Some(value),
                Err(std::env::VarError::NotPresent) => None,
                Err(std::env::VarError::NotUnicode(_)) => {
                    self.fault(format!("{name} is not UTF-8"));
                    None
                }
            },
        };
        value.filter(|text| !text.is_empty())
    }

    /// A value of a type; `default` when it is missing, a fault when there is no default either. `None` only with a
    /// fault noted, which names the variable, its value and what is wrong with it.
    pub fn parse<T: FromStr<Err: Display>>(&mut self, name: &'static str, default: Option<T>) -> Option<T> {
        match (self.optional(name), default) {
            (Some(text), _) => text.parse().map_err(|e| self.fault(format!("{name}=`{text}`: {e}"))).ok(),
            (None, Some(default)) => Some(default),
            (None, None) => {
                self.fault(format!("{name} is missing"));
                None
            }
        }
    }

    /// A required secret of a type. Its fault never shows the value, so the type's error must not either.
    pub fn parse_secret<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<T> {
        self.text_or_none(name)?.parse().map_err(|e| self.fault(format!("{name}: {e}"))).ok()
    }

    /// A secret text that may be missing.
    pub fn secret(&mut self, name: &'static str) -> Option<Secret> {
        self.optional(name).map(Secret)
    }

    /// Notes a fault that the caller found (for example two variables that contradict each other).
    pub fn fault(&mut self, sentence: String) {
        self.faults.push(sentence);
    }

    /// All faults, if there are any.
    pub fn finish(self) -> Result<(), ConfigError> {
        if self.faults.is_empty() { Ok(()) } else { Err(ConfigError { faults: self.faults }) }
    }

    fn text_or_none(&mut self, name: &'static str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }
}

/// How to reach NATS.
#[derive(Clone, Debug)]
pub struct NatsConfig {
    /// `nats://host:port`, several separated by commas.
    pub url: String,
    /// The login, if the server asks for one.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
}

/// How to reach Elasticsearch.
#[derive(Clone, Debug)]
pub struct Elasticsearch {
    /// `http://host:port`.
    pub url: String,
    /// The login, if the server asks for one.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
}

impl Elasticsearch {
    /// `WECHESS_ELASTICSEARCH_URL`, `_USER`, `_PASSWORD`.
    pub fn read(env: &mut Env) -> Self {
        Self {
            url: env.text("WECHESS_ELASTICSEARCH_URL").trim_end_matches('/').to_owned(),
            user: env.optional("WECHESS_ELASTICSEARCH_USER"),
            password: env.secret("WECHESS_ELASTICSEARCH_PASSWORD"),
        }
    }
}

/// The settings that every service has.
#[derive(Clone, Debug)]
pub struct Common {
    /// `WECHESS_BIND`: listen address; port 0 takes any free one.
    pub bind: SocketAddr,
    /// `WECHESS_NAMESPACE`.
    pub namespace: Namespace,
    /// `WECHESS_NATS_URL`, `_USER`, `_PASSWORD`.
    pub nats: NatsConfig,
    /// `WECHESS_CORS_ORIGINS`: origins separated by commas, or `*`.
    pub cors_origins: Vec<String>,
    /// `WECHESS_DEVELOPMENT`: development settings.
    pub development: bool,
    /// `WECHESS_LOG`: filter of the log.
    pub log: String,
}

impl Common {
    /// Reads them; what is missing or bad has a stand-in and a fault in `env`.
    pub fn read(env: &mut Env) -> Self {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let origins = env.optional("WECHESS_CORS_ORIGINS").unwrap_or_default();
        Self {
            bind: env.parse("WECHESS_BIND", None).unwrap_or(nowhere),
            namespace: env.parse("WECHESS_NAMESPACE", Some(Namespace::default())).unwrap_or_default(),
            nats: NatsConfig {
                url: env.text("WECHESS_NATS_URL"),
                user: env.optional("WECHESS_NATS_USER"),
                password: env.secret("WECHESS_NATS_PASSWORD"),
            },
            cors_origins: origins.split(',').map(str::trim).filter(|o| !o.is_empty()).map(str::to_owned).collect(),
            development: env.parse("WECHESS_DEVELOPMENT", Some(false)).unwrap_or_default(),
            log: env.optional("WECHESS_LOG").unwrap_or_else(|| "info".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_listed_and_no_secret_is_shown() {
        let mut env = Env::from_pairs(&[
            ("WECHESS_BIND", "nowhere"),
            ("WECHESS_NAMESPACE", "Not A Word"),
            ("WECHESS_MASTER_KEY", "hunter2"),
            ("WECHESS_DEVELOPMENT", "perhaps"),
        ]);
        Common::read(&mut env);
        let key = env.parse_secret::<crate::seal::MasterKey>("WECHESS_MASTER_KEY");
        let text = env.finish().unwrap_err().to_string();
        assert!(key.is_none());
        for part in [
            "5 fault(s)",
            "WECHESS_BIND=`nowhere`: invalid socket address",
            "WECHESS_NAMESPACE=`Not A Word`",
            "WECHESS_NATS_URL is missing",
            "WECHESS_DEVELOPMENT=`perhaps`",
            "WECHESS_MASTER_KEY: ",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("hunter2"));
    }

    #[test]
    fn the_common_settings_are_read() {
        let mut env = Env::from_pairs(&[
            ("WECHESS_BIND", "127.0.0.1:0"),
            ("WECHESS_NATS_URL", "nats://127.0.0.1:4222"),
            ("WECHESS_NATS_PASSWORD", "hunter2"),
            ("WECHESS_CORS_ORIGINS", "http://a.test, http://b.test"),
            ("WECHESS_NAMESPACE", ""),
        ]);
        let common = Common::read(&mut env);
        assert_eq!(env.finish(), Ok(()));
        assert_eq!(common.cors_origins, ["http://a.test", "http://b.test"]);
        assert_eq!((common.log.as_str(), common.namespace.schema().as_str()), ("info", "wechess"));
        assert!(!format!("{common:?}").contains("hunter2"));
        assert_eq!(common.nats.password.unwrap().expose(), "hunter2");
    }
}

//! Settings of the projector.

use event_schema::views;
use service::config::{Common, Elasticsearch, Env};
use service::seal::MasterKey;
use tokio_postgres::config::SslMode;

/// The event stream's size when nothing else is said: 1 GiB.
const STREAM_MAX_BYTES: i64 = 1 << 30;

/// Documents compared with the log each second when nothing else is said.
const AUDIT_PER_SECOND: f64 = 1.0;
const AUDIT_MOST: f64 = 10_000.0;

/// Everything that the projector must be told.
#[derive(Clone)]
pub struct Config {
    /// What every service is told.
    pub common: Common,
    /// `WECHESS_DATABASE_URL`: the log, with the login that may only read.
    pub database: tokio_postgres::Config,
    /// `WECHESS_ELASTICSEARCH_URL`, `_USER`, `_PASSWORD`.
    pub elasticsearch: Elasticsearch,
    /// `WECHESS_MASTER_KEY`: opens the data keys.
    pub master_key: MasterKey,
    /// `WECHESS_STREAM_MAX_BYTES`: the event stream is a window of this size; the log is whole.
    pub stream_max_bytes: i64,
    /// `WECHESS_AUDIT_PER_SECOND`: so many documents, of all views together, are compared with the log; 0 for none.
    pub audit_per_second: f64,
    /// `WECHESS_VIEWS`: only these views and what they are joined from (comma list); all when it is missing.
    pub views: Option<Vec<String>>,
}

impl Config {
    /// Reads the settings; an error lists all faults.
    pub fn from_env(mut env: Env) -> Result<Self, service::config::ConfigError> {
        let common = Common::read(&mut env);
        let database = env.parse_secret::<tokio_postgres::Config>("WECHESS_DATABASE_URL");
        let elasticsearch = Elasticsearch::read(&mut env);
        let master_key = env.parse_secret::<MasterKey>("WECHESS_MASTER_KEY");
        let stream_max_bytes =
            env.parse("WECHESS_STREAM_MAX_BYTES", Some(STREAM_MAX_BYTES)).unwrap_or(STREAM_MAX_BYTES);
        let audit_per_second = env.parse("WECHESS_AUDIT_PER_SECOND", Some(AUDIT_PER_SECOND)).unwrap_or_default();
        if !(0.0..=AUDIT_MOST).contains(&audit_per_second) {
            env.fault(format!("WECHESS_AUDIT_PER_SECOND=`{audit_per_second}` is not between 0 and {AUDIT_MOST}"));
        }
        let views = env.optional("WECHESS_VIEWS").map(|list| view_names(&mut env, &list));
        if let Err(error) = url_of(&elasticsearch.url)
            && !elasticsearch.url.is_empty()
        {
            env.fault(format!("WECHESS_ELASTICSEARCH_URL=`{}`: {error}", elasticsearch.url));
        }
        env.finish()?;
        let (Some(mut database), Some(master_key)) = (database, master_key) else {
            return Err(service::config::ConfigError { faults: vec!["the configuration is incomplete".to_owned()] });
        };
        database.application_name("wechess projector").connect_timeout(std::time::Duration::from_secs(3));
        if database.get_ssl_mode() == SslMode::Prefer {
            database.ssl_mode(SslMode::Disable); // No TLS is compiled in: `prefer` must not fail, `require` must.
        }
        Ok(Self { common, database, elasticsearch, master_key, stream_max_bytes, audit_per_second, views })
    }
}

/// The view names in the list; unknown ones are faults.
fn view_names(env: &mut Env, list: &str) -> Vec<String> {
    let names: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    for name in names.iter().filter(|name| views::by_name(name).is_none()) {
        let known: Vec<&str> = views::tables().map(|table| table.name).collect();
        env.fault(format!("WECHESS_VIEWS: `{name}` is none of {}", known.join(", ")));
    }
    names.into_iter().map(str::to_owned).collect()
}

fn url_of(text: &str) -> Result<elasticsearch::http::Url, String> {
    elasticsearch::http::Url::parse(text).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_listed() {
        let env = Env::from_pairs(&[
            ("WECHESS_BIND", "127.0.0.1:0"),
            ("WECHESS_NATS_URL", "nats://127.0.0.1:4222"),
            ("WECHESS_DATABASE_URL", "postgres://nobody:secret@127.0.0.1:notaport/wechess"),
            ("WECHESS_ELASTICSEARCH_URL", "nowhere"),
            ("WECHESS_VIEWS", "chessGame, nothing"),
        ]);
        let text = Config::from_env(env).err().map(|e| e.to_string()).unwrap_or_default();
        for part in [
            "WECHESS_DATABASE_URL",
            "WECHESS_ELASTICSEARCH_URL=`nowhere`",
            "WECHESS_MASTER_KEY",
            "`nothing` is none of",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("secret"));
    }
}

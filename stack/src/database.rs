//! One login at a PostgreSQL, through PostgreSQL's own tools. The password goes through the environment, never through
//! the arguments, which anyone can see.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::error::{Context, Error, Result};
use crate::url::Url;

/// The tools with a login.
#[derive(Debug, Clone)]
pub struct Database {
    distribution: PathBuf,
    url: Url,
}

impl Database {
    /// The tools in the distribution's folder, with the login in this URL.
    pub fn new(distribution: &Path, url: &str) -> Result<Self> {
        let url = Url::parse(url, &["postgres", "postgresql"], 5432).context(|| "a URL of PostgreSQL".into())?;
        Ok(Self { distribution: distribution.to_path_buf(), url })
    }

    /// Where it is, without the login.
    pub fn place(&self) -> String {
        self.url.bare()
    }

    /// Who logs in.
    pub fn user(&self) -> &str {
        &self.url.login.user
    }

    /// The folder of the distribution.
    pub fn distribution(&self) -> &Path {
        &self.distribution
    }

    /// One of the tools, told where to go and who is asking.
    pub fn command(&self, program: &str) -> Command {
        let mut command = tool(&self.distribution, program);
        command
            .args(["-d", &self.url.bare()])
            .env("PGUSER", &self.url.login.user)
            .env("PGPASSWORD", &self.url.login.password)
            .env("PGCONNECT_TIMEOUT", "5")
            .env("PGTZ", "UTC");
        command
    }

    /// What a query answers: its rows, columns apart by `|`.
    pub fn ask(&self, sql: &str) -> Result<String> {
        let mut command = self.command("psql");
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        Ok(String::from_utf8_lossy(&run(&mut command)?.stdout).trim().to_owned())
    }

    /// Whether there is a schema of this name.
    pub fn has_schema(&self, name: &str) -> Result<bool> {
        Ok(self.ask(&format!("select 1 from pg_namespace where nspname = '{name}'"))? == "1")
    }
}

/// One of the tools of a distribution, told nothing yet.
pub fn tool(distribution: &Path, program: &str) -> Command {
    let mut command = Command::new(distribution.join("bin").join(program));
    command.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// Runs a tool to its end; an error with its own words when it fails.
pub fn run(command: &mut Command) -> Result<Output> {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default().display().to_string();
    let output = command.output().context(|| format!("cannot run {name}"))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(Error::new(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

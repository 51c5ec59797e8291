//! Passwords and keys of one run folder: made once, kept there, readable by the owner only.

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use serde::{Deserialize, Serialize};

use crate::error::{Context, Result};
use crate::files;

/// Everything secret of one stack.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secrets {
    /// PostgreSQL's superuser `postgres`.
    pub postgres_admin: String,
    /// PostgreSQL's `wechess_owner`.
    pub postgres_owner: String,
    /// PostgreSQL's `wechess_command_api`.
    pub postgres_command_api: String,
    /// PostgreSQL's `wechess_projector`.
    pub postgres_projector: String,
    /// NATS's `command_api`.
    pub nats_command_api: String,
    /// NATS's `projector`.
    pub nats_projector: String,
    /// NATS's `query_bff`.
    pub nats_query_bff: String,
    /// NATS's `admin`, for the stack and its tests only.
    pub nats_admin: String,
    /// Elasticsearch's `wechess_projector`.
    pub elasticsearch_projector: String,
    /// Elasticsearch's `wechess_query_bff`.
    pub elasticsearch_query_bff: String,
    /// Elasticsearch's `wechess_admin`, for the stack and its tests only.
    pub elasticsearch_admin: String,
    /// Base64 of 32 bytes: wraps data keys and signing keys.
    pub master_key: String,
    /// Base64 of 32 bytes: signs the cursors of query-bff. Made anew where a folder of before has none.
    #[serde(default)]
    pub cursor_key: String,
    /// The password of the superAdmin that command-api makes at its first start.
    pub super_admin: String,
}

impl Secrets {
    /// The secrets kept in `folder`, made if there are none.
    pub fn load_or_make(folder: &Path) -> Result<Self> {
        let path = folder.join("secrets.json");
        if path.exists() {
            let mut kept: Self = serde_json::from_str(&files::read(&path)?)
                .context(|| format!("cannot understand {}", path.display()))?;
            if kept.cursor_key.is_empty() {
                kept.cursor_key = key()?;
                kept.save(folder)?;
            }
            return Ok(kept);
        }
        let secrets = Self {
            postgres_admin: password()?,
            postgres_owner: password()?,
            postgres_command_api: password()?,
            postgres_projector: password()?,
            nats_command_api: password()?,
            nats_projector: password()?,
            nats_query_bff: password()?,
            nats_admin: password()?,
            elasticsearch_projector: password()?,
            elasticsearch_query_bff: password()?,
            elasticsearch_admin: password()?,
            master_key: key()?,
            cursor_key: key()?,
            super_admin: format!("Wc-{}", password()?),
        };
        secrets.save(folder)?;
        Ok(secrets)
    }

    /// Keeps them in `folder`.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context(|| "cannot print the secrets".into())?;
        files::write_private(&folder.join("secrets.json"), text.as_bytes())
    }
}

/// `N` bytes from the kernel's random source.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let got = rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty())
        .context(|| "the kernel gives no random bytes".into())?;
    if got == N { Ok(bytes) } else { random() }
}

/// 32 random bytes in base64.
fn key() -> Result<String> {
    Ok(base64::engine::general_purpose::STANDARD.encode(random::<32>()?))
}

/// 128 random bits in hexadecimal: safe in URLs, shells and configuration files.
fn password() -> Result<String> {
    let mut text = String::with_capacity(32);
    for byte in random::<16>()? {
        write!(text, "{byte:02x}").context(|| "cannot print a password".into())?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_made_once_and_differ() {
        let folder = std::env::temp_dir().join(format!("wechess-secrets-{}", std::process::id()));
        files::make_folder(&folder).unwrap();
        let first = Secrets::load_or_make(&folder).unwrap();
        let second = Secrets::load_or_make(&folder).unwrap();
        assert_eq!(first.master_key, second.master_key);
        assert_eq!((&first.cursor_key, first.cursor_key.len()), (&second.cursor_key, 44));
        Secrets { cursor_key: String::new(), ..first.clone() }.save(&folder).unwrap();
        let made = Secrets::load_or_make(&folder).unwrap().cursor_key;
        assert_eq!(made, Secrets::load_or_make(&folder).unwrap().cursor_key, "a folder of before gets one, for good");
        assert_ne!(first.nats_admin, first.nats_projector);
        assert_eq!(first.postgres_owner.len(), 32);
        files::remove_folder(&folder).unwrap();
    }
}

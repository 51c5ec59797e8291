//! The keys that sign access tokens: made once under a lock, kept wrapped, served by id as long as tokens of them live.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event_schema::wire::PublicKey;
use futures_util::future::BoxFuture;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use service::SourceError;
use service::seal::MasterKey;
use service::token::{Claims, KeySource};
use uuid::Uuid;

use crate::es::history::ReadError;
use crate::es::log::Log;

/// Signs tokens with the current key.
pub struct Signer {
    /// The `kid`.
    pub key_id: String,
    /// The public part.
    pub public_pem: String,
    key: EncodingKey,
}

/// A signing key cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read or kept.
    #[error("signing keys cannot be read or kept")]
    Read(#[from] ReadError),
    /// It cannot be made.
    #[error("a signing key cannot be made")]
    Make,
    /// The stored key does not open: another master key?
    #[error("the stored signing key does not open; was WECHESS_MASTER_KEY changed?")]
    Unwrap(#[from] service::seal::SealError),
    /// It does not sign.
    #[error("a token cannot be signed")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

impl From<tokio_postgres::Error> for KeyError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Read(error.into())
    }
}

impl Signer {
    /// The current key: the newest that is not retired, made now if there is none. One process makes it.
    pub async fn open(log: &Log, master: &MasterKey) -> Result<Self, KeyError> {
        let schema = &log.schema;
        let mut client = log.pool.get().await.map_err(ReadError::from)?;
        let transaction = client.transaction().await?;
        transaction.execute("select pg_advisory_xact_lock(hashtext($1))", &[&format!("{schema}.signing_keys")]).await?;
        let newest = format!(
            "select key_id, wrapped, public_pem from {schema}.signing_keys where retired_at is null order by made_at desc limit 1"
        );
        let signer = match transaction.query_opt(&newest, &[]).await? {
            Some(row) => {
                let (key_id, wrapped): (String, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
                let pem = master.unwrap(&label(&key_id), &wrapped)?;
                Self { key: EncodingKey::from_rsa_pem(&pem)?, key_id, public_pem: row.try_get(2)? }
            }
            None => {
                let key_id = Uuid::new_v4().simple().to_string();
                let (private_pem, public_pem) = make()?;
                let wrapped = master.wrap(&label(&key_id), private_pem.as_bytes());
                let insert =
                    format!("insert into {schema}.signing_keys (key_id, wrapped, public_pem) values ($1, $2, $3)");
                transaction.execute(&insert, &[&key_id, &wrapped, &public_pem]).await?;
                Self { key: EncodingKey::from_rsa_pem(private_pem.as_bytes())?, key_id, public_pem }
            }
        };
        transaction.commit().await?;
        Ok(signer)
    }

    /// The token of these claims.
    pub fn sign(&self, claims: &Claims) -> Result<String, KeyError> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.key_id.clone());
        Ok(jsonwebtoken::encode(&header, claims, &self.key)?)
    }
}

fn label(key_id: &str) -> String {
    format!("signing/{key_id}")
}

/// A new RSA-2048 key: private (PKCS 8) and public (SubjectPublicKeyInfo) as PEM.
fn make() -> Result<(String, String), KeyError> {
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Make)?;
    let private: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Make)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| KeyError::Make)?;
    Ok((pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", public.as_ref())))
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Public keys by id, from the database.
#[derive(Clone)]
pub struct PublicKeys {
    log: Log,
    current: Arc<str>,
}

impl PublicKeys {
    /// `current` is the key that signs now.
    pub fn new(log: Log, current: &str) -> Self {
        Self { log, current: current.into() }
    }

    /// The key of that id; without one, the current key.
    pub async fn find(&self, key_id: Option<&str>) -> Result<Option<PublicKey>, ReadError> {
        let key_id = key_id.unwrap_or(&self.current);
        let client = self.log.pool.get().await?;
        let sql = format!("select public_pem from {}.signing_keys where key_id = $1", self.log.schema);
        let row = client.query_opt(&sql, &[&key_id]).await?;
        row.map(|row| Ok(PublicKey { key_id: key_id.to_owned(), key_data: row.try_get(0)? })).transpose()
    }
}

impl KeySource for PublicKeys {
    fn public_key(&self, key_id: String) -> BoxFuture<'_, Result<Option<String>, SourceError>> {
        Box::pin(async move {
            let found = self.find(Some(&key_id)).await.map_err(|e| SourceError::new("postgres", e))?;
            Ok(found.map(|key| key.key_data))
        })
    }
}

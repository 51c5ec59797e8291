//! Access tokens: where a request carries one, and whether it is one of ours.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use event_schema::ids::{SessionId, UserId};
use futures_util::future::BoxFuture;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use moka::Expiry;
use moka::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::error::SourceError;

/// The name of the token's header and cookie.
pub const TOKEN_NAME: &str = "wechess-access-token";

/// The query parameter that carries the token, for clients that can set no header.
pub const TOKEN_PARAMETER: &str = "access_token";

/// The token of a request. Places in the contract's order, the first found wins: query `access_token`,
/// `Authorization: Bearer`, header [`TOKEN_NAME`], cookie [`TOKEN_NAME`]. An empty value is no token.
pub fn token_of(req: &HttpRequest) -> Option<String> {
    let found = |text: &str| Some(text.trim()).filter(|t| !t.is_empty()).map(str::to_owned);
    query_token(req.query_string())
        .and_then(|token| found(&token))
        .or_else(|| req.headers().get(AUTHORIZATION)?.to_str().ok().and_then(bearer).and_then(found))
        .or_else(|| req.headers().get(TOKEN_NAME)?.to_str().ok().and_then(found))
        .or_else(|| req.cookie(TOKEN_NAME).and_then(|cookie| found(cookie.value())))
}

fn query_token(query: &str) -> Option<String> {
    if !query.contains(TOKEN_PARAMETER) {
        return None;
    }
    let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(query).ok()?;
    pairs.into_inner().into_iter().find(|(name, _)| name == TOKEN_PARAMETER).map(|(_, token)| token)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// What a token says. Its JSON is the token's payload (`sub`, `userId`, `sessionId`, `keyId`, `iat`, `exp`), so the
/// signer serialises this very type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Payload", into = "Payload")]
pub struct Claims {
    /// Who.
    pub user_id: UserId,
    /// In which session.
    pub session_id: SessionId,
    /// The `kid` of the key that signed it.
    pub key_id: String,
    /// Made, in seconds since 1970.
    pub iat: i64,
    /// Ends, in seconds since 1970.
    pub exp: i64,
}

/// The token's payload: a wire contract.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    sub: UserId,
    user_id: UserId,
    session_id: SessionId,
    key_id: String,
    iat: i64,
    exp: i64,
}

impl From<Claims> for Payload {
    fn from(claims: Claims) -> Self {
        Self {
            sub: claims.user_id,
            user_id: claims.user_id,
            session_id: claims.session_id,
            key_id: claims.key_id,
            iat: claims.iat,
            exp: claims.exp,
        }
    }
}

impl TryFrom<Payload> for Claims {
    type Error = &'static str;
    fn try_from(payload: Payload) -> Result<Self, &'static str> {
        if payload.sub != payload.user_id {
            return Err("`sub` and `userId` differ");
        }
        Ok(Self {
            user_id: payload.user_id,
            session_id: payload.session_id,
            key_id: payload.key_id,
            iat: payload.iat,
            exp: payload.exp,
        })
    }
}

/// Knows public keys by their id.
pub trait KeySource: Send + Sync {
    /// The key as PEM (SubjectPublicKeyInfo); `None` when there is no such key.
    fn public_key(&self, key_id: String) -> BoxFuture<'_, Result<Option<String>, SourceError>>;
}

/// Why a token was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It is no valid token of ours; the reason is for the log.
    #[error("the token is not valid: {0}")]
    Invalid(String),
    /// Its key is not known here and who knows it does not answer.
    #[error("the key of the token cannot be asked for")]
    Unavailable(#[from] SourceError),
}

type TokenHash = [u8; SHA256_OUTPUT_LEN];

/// How many verified tokens are remembered.
const TOKENS: u64 = 50_000;
/// How many keys are remembered; there is one per rotation.
const KEYS: u64 = 256;
/// How long the answer "no such key" is remembered.
const UNKNOWN_KEY: Duration = Duration::from_secs(5);
/// How long a key is remembered.
const KNOWN_KEY: Duration = Duration::from_secs(3600);

/// Verifies access tokens: RS256 only, a `kid` of ours, not expired (no leeway). Remembers verified tokens until they
/// expire, under their SHA-256. Clones share what is remembered.
#[derive(Clone)]
pub struct Verifier {
    source: Arc<dyn KeySource>,
    keys: Cache<String, Option<Arc<DecodingKey>>>,
    tokens: Cache<TokenHash, Arc<Claims>>,
    rules: Arc<Validation>,
}

impl Verifier {
    /// Asks `source` for the keys it does not know yet.
    pub fn new(source: Arc<dyn KeySource>) -> Self {
        let mut rules = Validation::new(Algorithm::RS256);
        rules.leeway = 0;
        rules.set_required_spec_claims(&["exp", "sub"]);
        Self {
            source,
            keys: Cache::builder().max_capacity(KEYS).expire_after(KeyLife).build(),
            tokens: Cache::builder().max_capacity(TOKENS).expire_after(UntilExpiry).build(),
            rules: Arc::new(rules),
        }
    }

    /// The claims of a valid token.
    pub async fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let hash = hash_of(token);
        if let Some(claims) = self.tokens.get(&hash) {
            return if claims.exp > now() { Ok(Claims::clone(&claims)) } else { Err(expired()) };
        }
        let header = jsonwebtoken::decode_header(token).map_err(|e| TokenError::Invalid(e.to_string()))?;
        if header.alg != Algorithm::RS256 {
            return Err(TokenError::Invalid(format!("algorithm {:?} is not RS256", header.alg)));
        }
        let key_id = header.kid.ok_or_else(|| TokenError::Invalid("it names no key (`kid`)".into()))?;
        let key = self.key(&key_id).await?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &self.rules)
            .map_err(|e| {
                if *e.kind() == ErrorKind::ExpiredSignature { expired() } else { TokenError::Invalid(e.to_string()) }
            })?
            .claims;
        if claims.key_id != key_id {
            return Err(TokenError::Invalid("`kid` and `keyId` differ".into()));
        }
        if claims.exp <= now() {
            return Err(expired());
        }
        self.tokens.insert(hash, Arc::new(claims.clone()));
        Ok(claims)
    }

    async fn key(&self, key_id: &str) -> Result<Arc<DecodingKey>, TokenError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if key_id.is_empty() || key_id.len() > 64 || !key_id.bytes().all(plain) {
            return Err(TokenError::Invalid("`kid` is no key id".into()));
        }
        let known = match self.keys.get(key_id) {
            Some(known) => known,
            None => {
                let pem = self.source.public_key(key_id.to_owned()).await?;
                let parsed = pem.map(|pem| DecodingKey::from_rsa_pem(pem.as_bytes()).map(Arc::new)).transpose();
                let key = parsed.map_err(|e| SourceError::new("the source of public keys", e))?;
                self.keys.insert(key_id.to_owned(), key.clone());
                key
            }
        };
        known.ok_or_else(|| TokenError::Invalid(format!("there is no key `{key_id}`")))
    }
}

fn expired() -> TokenError {
    TokenError::Invalid("it has expired".into())
}

fn hash_of(token: &str) -> TokenHash {
    let mut hash = [0; SHA256_OUTPUT_LEN];
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

/// A verified token is remembered until it expires.
struct UntilExpiry;

impl Expiry<TokenHash, Arc<Claims>> for UntilExpiry {
    fn expire_after_create(&self, _: &TokenHash, claims: &Arc<Claims>, _: Instant) -> Option<Duration> {
        Some(Duration::from_secs(u64::try_from(claims.exp - now()).unwrap_or(0)))
    }
}

/// A key is remembered for long, its absence for a moment.
struct KeyLife;

impl Expiry<String, Option<Arc<DecodingKey>>> for KeyLife {
    fn expire_after_create(&self, _: &String, key: &Option<Arc<DecodingKey>>, _: Instant) -> Option<Duration> {
        Some(if key.is_some() { KNOWN_KEY } else { UNKNOWN_KEY })
    }
}

#[cfg(test)]
pub(crate) mod tests;

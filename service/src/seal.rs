//! Sealing of personal data: AES-256-GCM under a data key per person; data keys wrapped under the master key.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use event_schema::envelope::Recorded;
use event_schema::personal::{SEALED, personal_fields};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::SourceError;

/// Something cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Wrong key, wrong place, or changed bytes.
    #[error("sealed {0} does not open: wrong key, wrong place or damaged")]
    Closed(String),
    /// It does not look like something sealed.
    #[error("{0} is not in sealed form")]
    Form(String),
    /// The data key is not there to seal with.
    #[error("there is no data key `{0}` to seal with")]
    NoKey(String),
    /// Only text can be sealed.
    #[error("personal field `{0}` is no text")]
    NotText(String),
    /// The keys cannot be asked for.
    #[error("data keys cannot be read")]
    Source(#[from] SourceError),
}

/// The master key: 32 bytes from configuration.
#[derive(Clone)]
pub struct MasterKey {
    wrapping: Arc<RandomizedNonceKey>,
    root: hmac::Key,
}

/// The text is no key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a master key is the base64 of 32 bytes (`openssl rand -base64 32` makes one)")]
pub struct NotAMasterKey;

impl FromStr for MasterKey {
    type Err = NotAMasterKey;
    fn from_str(text: &str) -> Result<Self, NotAMasterKey> {
        let bytes = BASE64.decode(text.trim().trim_end_matches('=')).map_err(|_| NotAMasterKey)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| NotAMasterKey)?;
        let root = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        let wrapping = hmac::sign(&root, b"wechess wrapping key v1");
        Ok(Self { wrapping: Arc::new(cipher(wrapping.as_ref())), root })
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(***)")
    }
}

impl MasterKey {
    /// Makes a data key. The wrapped form is what is stored; it opens only under the same id.
    pub fn new_data_key(&self, key_id: &str) -> (DataKey, Vec<u8>) {
        let mut bytes = [0; 32];
        random(&mut bytes);
        (DataKey(Arc::new(cipher(&bytes))), self.wrap(&data_key_label(key_id), &bytes))
    }

    /// A data key from its stored form.
    pub fn unwrap_key(&self, key_id: &str, wrapped: &[u8]) -> Result<DataKey, SealError> {
        let label = data_key_label(key_id);
        let bytes = self.unwrap(&label, wrapped)?;
        if bytes.len() == 32 { Ok(DataKey(Arc::new(cipher(&bytes)))) } else { Err(SealError::Form(label)) }
    }

    /// Seals any secret; it opens only under the same label.
    pub fn wrap(&self, label: &str, secret: &[u8]) -> Vec<u8> {
        seal(&self.wrapping, label, secret)
    }

    /// Opens what [`MasterKey::wrap`] made.
    pub fn unwrap(&self, label: &str, wrapped: &[u8]) -> Result<Vec<u8>, SealError> {
        open(&self.wrapping, label, label, wrapped)
    }

    /// A keyed hash (HMAC-SHA-256 under a key of its own for each label).
    pub fn hmac(&self, label: &str, data: impl AsRef<[u8]>) -> [u8; 32] {
        let key = hmac::sign(&self.root, format!("wechess hmac key v1 {label}").as_bytes());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()), data.as_ref());
        let mut out = [0; 32];
        out.copy_from_slice(tag.as_ref());
        out
    }
}

/// The key of one person's data.
#[derive(Clone)]
pub struct DataKey(Arc<RandomizedNonceKey>);

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(***)")
    }
}

impl DataKey {
    /// `sealed:<key id>:<base64>`; `aad` is the place, and it opens only there.
    pub fn seal_text(&self, key_id: &str, aad: &str, plain: &str) -> String {
        format!("{SEALED}{key_id}:{}", BASE64.encode(seal(&self.0, aad, plain.as_bytes())))
    }

    /// The text that [`DataKey::seal_text`] sealed at this place.
    pub fn open_text(&self, aad: &str, sealed: &str) -> Result<String, SealError> {
        let (_, body) = parts(sealed).ok_or_else(|| SealError::Form(aad.to_owned()))?;
        let bytes = BASE64.decode(body).map_err(|_| SealError::Form(aad.to_owned()))?;
        String::from_utf8(open(&self.0, aad, aad, &bytes)?).map_err(|_| SealError::Form(aad.to_owned()))
    }
}

/// Knows data keys by their id.
pub trait KeyRing: Send + Sync {
    /// The key; `None` when it was destroyed.
    fn key(&self, key_id: &str) -> BoxFuture<'_, Result<Option<DataKey>, SourceError>>;
}

/// Replaces every sealed personal field of an event by its text, or by null when its key was destroyed.
pub async fn open_event(ring: &dyn KeyRing, event: &mut Recorded) -> Result<(), SealError> {
    let Value::Object(data) = &mut event.data else { return Ok(()) };
    for (field, _) in personal_fields(&event.category, event.stream_id, data) {
        let Some(sealed) = data.get(field).and_then(Value::as_str).filter(|text| text.starts_with(SEALED)) else {
            continue;
        };
        let place = place(event.stream_id, field);
        let (key_id, _) = parts(sealed).ok_or_else(|| SealError::Form(place.clone()))?;
        let text = match ring.key(key_id).await? {
            Some(key) => Value::String(key.open_text(&place, sealed)?),
            None => Value::Null,
        };
        data.insert(field.to_owned(), text);
    }
    Ok(())
}

/// Seals the personal fields of an event's data, in place. `key_of` gives the data key of a key id
/// ([`event_schema::personal::user_key`]).
pub fn seal_fields<'k>(
    category: &str,
    stream: Uuid,
    data: &mut Map<String, Value>,
    key_of: impl Fn(&str) -> Option<&'k DataKey>,
) -> Result<(), SealError> {
    for (field, key_id) in personal_fields(category, stream, data) {
        let plain = data.get(field).and_then(Value::as_str).ok_or_else(|| SealError::NotText(field.to_owned()))?;
        let key = key_of(&key_id).ok_or_else(|| SealError::NoKey(key_id.clone()))?;
        let sealed = key.seal_text(&key_id, &place(stream, field), plain);
        data.insert(field.to_owned(), Value::String(sealed));
    }
    Ok(())
}

/// Where a sealed field stands; what is sealed there opens only there.
fn place(stream: Uuid, field: &str) -> String {
    format!("{stream}/{field}")
}

/// The key id and the base64 of a sealed text. Key ids may hold colons.
fn parts(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix(SEALED)?.rsplit_once(':')
}

fn data_key_label(key_id: &str) -> String {
    format!("data key {key_id}")
}

fn cipher(key: &[u8]) -> RandomizedNonceKey {
    RandomizedNonceKey::new(&AES_256_GCM, key).expect("every key here has 32 bytes, the only thing that is checked")
}

fn random(bytes: &mut [u8]) {
    rand::fill(bytes).expect("aws-lc ends the process rather than return when the system has no randomness");
}

/// Nonce, ciphertext and tag.
fn seal(key: &RandomizedNonceKey, aad: &str, plain: &[u8]) -> Vec<u8> {
    let mut body = plain.to_vec();
    let nonce = key
        .seal_in_place_append_tag(Aad::from(aad.as_bytes()), &mut body)
        .expect("AES-GCM refuses only texts of 64 GiB and more");
    [nonce.as_ref().as_slice(), &body].concat()
}

fn open(key: &RandomizedNonceKey, aad: &str, what: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let form = || SealError::Form(what.to_owned());
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or_else(form)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| form())?;
    let mut body = body.to_vec();
    let plain = key
        .open_in_place(nonce, Aad::from(aad.as_bytes()), &mut body)
        .map_err(|_| SealError::Closed(what.to_owned()))?;
    Ok(plain.to_vec())
}

#[cfg(test)]
mod tests;

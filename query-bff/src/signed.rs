//! Opaque tokens that clients carry for us: cursors of lists, places in aggregates, exports to be resumed. What a token
//! holds is ours alone to write: it is signed, and bound to its kind, so nobody makes one and none fits elsewhere.
//!
//! `base64url(version ‖ HMAC-SHA-256(version, kind, payload) ‖ payload)` with the payload as JSON. It is signed, not
//! encrypted: nothing may stand in it that its bearer must not know.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Raised when the form of tokens changes: those of another version are refused as such.
const VERSION: u8 = 1;
/// Bytes of a signature.
const TAG: usize = 32;
/// Bytes of a key at least.
const KEY: usize = 32;
/// Characters of a token at most: what is longer is none of ours. A query string has room for one and for all else.
pub const MAX_TOKEN: usize = service::http::URI_LIMIT / 5 * 4;

/// Signs tokens; the same in every process of the service. `WECHESS_CURSOR_KEY`.
#[derive(Clone)]
pub struct Signer(hmac::Key);

/// The text is no key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a cursor key is the base64 of at least 32 bytes (`openssl rand -base64 32` makes one)")]
pub struct NotAKey;

/// Why a token was not opened.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refused {
    /// Changed, cut, signed with another key, or made for something else.
    #[error("it was not made here for this")]
    NotOurs,
    /// Made by another version of this program.
    #[error("it was made by another version of this service")]
    Version,
}

impl FromStr for Signer {
    type Err = NotAKey;
    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let bytes = STANDARD_NO_PAD.decode(text.trim().trim_end_matches('=')).map_err(|_| NotAKey)?;
        if bytes.len() < KEY {
            return Err(NotAKey);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(***)")
    }
}

impl Signer {
    /// A token of this kind (`list`, `aggregate`, ...) that holds `payload`.
    pub fn seal(&self, kind: &str, payload: &impl Serialize) -> Result<String, serde_json::Error> {
        let payload = serde_json::to_vec(payload)?;
        let mut token = Vec::with_capacity(1 + TAG + payload.len());
        token.push(VERSION);
        token.extend_from_slice(self.tag(kind, &payload).as_ref());
        token.extend_from_slice(&payload);
        Ok(URL_SAFE_NO_PAD.encode(token))
    }

    /// What [`Signer::seal`] put into a token of this kind.
    pub fn open<T: DeserializeOwned>(&self, kind: &str, token: &str) -> Result<T, Refused> {
        if token.len() > MAX_TOKEN {
            return Err(Refused::NotOurs);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Refused::NotOurs)?;
        let (version, rest) = bytes.split_first().ok_or(Refused::NotOurs)?;
        if *version != VERSION {
            return Err(Refused::Version);
        }
        let (tag, payload) = rest.split_at_checked(TAG).ok_or(Refused::NotOurs)?;
        hmac::verify(&self.0, &signed(kind, payload), tag).map_err(|_| Refused::NotOurs)?;
        // Signed and yet of another shape: another version that kept its number.
        serde_json::from_slice(payload).map_err(|_| Refused::Version)
    }

    /// A keyed digest that tells questions apart; nobody without the key can tell one from its digest.
    pub fn digest(&self, kind: &str, data: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(&hmac::sign(&self.0, &labelled(b"digest", kind, data)).as_ref()[..TAG / 2])
    }

    fn tag(&self, kind: &str, payload: &[u8]) -> hmac::Tag {
        hmac::sign(&self.0, &signed(kind, payload))
    }
}

fn signed(kind: &str, payload: &[u8]) -> Vec<u8> {
    labelled(&[b't', VERSION], kind, payload)
}

/// No two of these are the same bytes: a kind has no U+0000.
fn labelled(label: &[u8], kind: &str, data: &[u8]) -> Vec<u8> {
    [label, b"\0", kind.as_bytes(), b"\0", data].concat()
}

#[cfg(test)]
pub(crate) fn signer() -> Signer {
    Signer(hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_opens_as_what_it_is_and_nothing_else() {
        let token = signer().seal("list", &("a", 7)).unwrap();
        assert_eq!(signer().open::<(String, u32)>("list", &token), Ok(("a".to_owned(), 7)));
        assert_eq!(signer().open::<(String, u32)>("export", &token), Err(Refused::NotOurs));
        assert_eq!(signer().open::<u32>("list", &token), Err(Refused::Version));
        let other: Signer = STANDARD_NO_PAD.encode([8; 32]).parse().unwrap();
        assert_eq!(other.open::<(String, u32)>("list", &token), Err(Refused::NotOurs));
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    }

    #[test]
    fn another_version_is_told_apart() {
        let mut bytes = URL_SAFE_NO_PAD.decode(signer().seal("list", &1).unwrap()).unwrap();
        bytes[0] = VERSION + 1;
        assert_eq!(signer().open::<u32>("list", &URL_SAFE_NO_PAD.encode(bytes)), Err(Refused::Version));
    }

    #[test]
    fn keys_are_base64_of_enough_bytes_and_never_shown() {
        for bad in ["", "x", "not base64 !", &STANDARD_NO_PAD.encode([1; 31])] {
            assert_eq!(bad.parse::<Signer>().err(), Some(NotAKey), "{bad}");
        }
        let key = STANDARD_NO_PAD.encode([1; 48]);
        assert_eq!(format!("{:?}", key.parse::<Signer>().unwrap()), "Signer(***)");
        assert!(format!("{key}==").parse::<Signer>().is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_changed_byte_passes(text in ".{0,40}", at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let token = signer().seal("list", &text).unwrap();
            prop_assert_eq!(signer().open::<String>("list", &token), Ok(text));
            let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
            let place = at.index(bytes.len());
            bytes[place] ^= 1 << bit;
            let changed = URL_SAFE_NO_PAD.encode(&bytes);
            prop_assert!(signer().open::<String>("list", &changed).is_err());
            prop_assert!(signer().open::<String>("list", &token[..at.index(token.len())]).is_err());
        }

        #[test]
        fn whatever_is_sent_is_refused(text in ".{0,200}") {
            prop_assert!(signer().open::<String>("list", &text).is_err());
        }
    }
}

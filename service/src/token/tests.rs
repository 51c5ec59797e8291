use actix_web::cookie::Cookie;
use actix_web::test::TestRequest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use event_schema::ids::{SessionId, UserId};
use jsonwebtoken::{EncodingKey, Header};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A signing key and its public PEM. Small keys are slow enough to make; every test shares these two.
pub(crate) struct Signer {
    key: EncodingKey,
    pem: String,
}

pub(crate) static OURS: LazyLock<Signer> = LazyLock::new(Signer::new);
static FOREIGN: LazyLock<Signer> = LazyLock::new(Signer::new);

impl Signer {
    fn new() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let armour = |label: &str, der: &[u8]| {
            format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
        };
        let key = EncodingKey::from_rsa_pem(armour("PRIVATE KEY", private.as_ref()).as_bytes()).unwrap();
        Self { key, pem: armour("PUBLIC KEY", public.as_ref()) }
    }

    pub(crate) fn sign(&self, kid: Option<&str>, claims: &Claims) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }
}

/// Knows the key `k1`; counts how often it is asked.
#[derive(Default)]
pub(crate) struct Keys {
    pub(crate) asked: AtomicUsize,
    pub(crate) down: std::sync::atomic::AtomicBool,
}

impl KeySource for Keys {
    fn public_key(&self, key_id: String) -> BoxFuture<'_, Result<Option<String>, SourceError>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if self.down.load(Ordering::SeqCst) {
                return Err(SourceError::new("the test", "down"));
            }
            Ok((key_id == "k1").then(|| OURS.pem.clone()))
        })
    }
}

pub(crate) fn claims(seconds: i64) -> Claims {
    Claims {
        user_id: UserId(uuid::Uuid::from_u128(1)),
        session_id: SessionId(uuid::Uuid::from_u128(2)),
        key_id: "k1".into(),
        iat: now() - 10,
        exp: now() + seconds,
    }
}

fn verifier() -> (Arc<Keys>, Verifier) {
    let keys = Arc::new(Keys::default());
    (keys.clone(), Verifier::new(keys))
}

async fn refusal(token: &str) -> String {
    match verifier().1.verify(token).await {
        Err(TokenError::Invalid(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_place_wins() {
    let cookie = || TestRequest::default().cookie(Cookie::new(TOKEN_NAME, "cookie"));
    let header = || cookie().insert_header((TOKEN_NAME, "header"));
    let bearer = || header().insert_header((AUTHORIZATION, "bearer  authorization"));
    let query = || bearer().uri("/?x=1&access_token=query");
    let found = |request: TestRequest| token_of(&request.to_http_request());
    assert_eq!(found(query()).as_deref(), Some("query"));
    assert_eq!(found(bearer()).as_deref(), Some("authorization"));
    assert_eq!(found(header()).as_deref(), Some("header"));
    assert_eq!(found(cookie()).as_deref(), Some("cookie"));
    assert_eq!(found(TestRequest::default()), None);
    assert_eq!(found(cookie().uri("/?access_token=")).as_deref(), Some("cookie"));
    assert_eq!(found(cookie().insert_header((AUTHORIZATION, "Basic abc"))).as_deref(), Some("cookie"));
}

#[actix_web::test]
async fn a_token_of_ours_is_verified_once() {
    let (keys, verifier) = verifier();
    let claims = claims(60);
    let token = OURS.sign(Some("k1"), &claims);
    for _ in 0..3 {
        assert_eq!(verifier.verify(&token).await.unwrap(), claims);
    }
    keys.down.store(true, Ordering::SeqCst);
    assert_eq!(verifier.verify(&token).await.unwrap(), claims);
    assert_eq!(keys.asked.load(Ordering::SeqCst), 1);
}

#[actix_web::test]
async fn whatever_is_not_ours_is_refused() {
    let good = OURS.sign(Some("k1"), &claims(60));
    let (head, tail) = good.split_once('.').unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"k1"}"#);
    let hmac = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"k1"}"#);
    let payload = tail.split_once('.').unwrap().0;
    assert_eq!(refusal(&OURS.sign(Some("k1"), &claims(0))).await, "it has expired");
    assert_eq!(refusal(&OURS.sign(Some("k1"), &claims(-3600))).await, "it has expired");
    assert_eq!(refusal(&FOREIGN.sign(Some("k1"), &claims(60))).await, "InvalidSignature");
    assert_eq!(refusal(&OURS.sign(None, &claims(60))).await, "it names no key (`kid`)");
    assert_eq!(refusal(&OURS.sign(Some("k2"), &claims(60))).await, "there is no key `k2`");
    assert_eq!(refusal(&OURS.sign(Some("../k1"), &claims(60))).await, "`kid` is no key id");
    assert_eq!(refusal(&format!("{hmac}.{tail}")).await, "algorithm HS256 is not RS256");
    for broken in [format!("{none}.{payload}."), format!("{head}.{payload}."), String::new(), "a.b.c".into()] {
        refusal(&broken).await;
    }
}

#[actix_web::test]
async fn without_the_source_of_keys_nobody_can_tell() {
    let (keys, verifier) = verifier();
    keys.down.store(true, Ordering::SeqCst);
    let token = OURS.sign(Some("k1"), &claims(60));
    assert!(matches!(verifier.verify(&token).await, Err(TokenError::Unavailable(_))));
    keys.down.store(false, Ordering::SeqCst);
    assert!(verifier.verify(&token).await.is_ok());
}

#[actix_web::test]
async fn a_remembered_token_ends_with_its_time() {
    let (_, verifier) = verifier();
    let token = OURS.sign(Some("k1"), &claims(1));
    assert!(verifier.verify(&token).await.is_ok());
    let limit = std::time::Instant::now() + Duration::from_secs(5);
    while verifier.verify(&token).await.is_ok() {
        assert!(std::time::Instant::now() < limit, "it still is accepted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn the_payload_is_the_contracts() {
    let told = serde_json::to_value(claims(60)).unwrap();
    assert_eq!(told["sub"], told["userId"]);
    let names: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(names, ["sub", "userId", "sessionId", "keyId", "iat", "exp"]);
}

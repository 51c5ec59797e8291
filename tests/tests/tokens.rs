//! Which tokens are accepted, where, and which are not.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use service::seal::MasterKey;
use wechess_tests::servers::stack;
use wechess_tests::{Actor, App, direct, story};

const PATH: &str = "/auth-api/v1/users";

/// What a token says: the payload, not checked.
fn payload(token: &str) -> Value {
    let middle = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(middle).expect("base64")).expect("JSON")
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()).expect("seconds")
}

/// The system's own signing key, opened with the master key that only the deployment has.
async fn signing_key(app: &App) -> (String, Vec<u8>) {
    let sql = format!("select key_id, wrapped from {}.signing_keys", app.namespace.schema());
    let row = direct::owner().await.query_one(&sql, &[]).await.expect("one key");
    let (id, wrapped): (String, Vec<u8>) = (row.get(0), row.get(1));
    let master: MasterKey = stack().credentials.master_key.parse().expect("a master key");
    let pem = master.unwrap(&format!("signing/{id}"), &wrapped).expect("the key opens");
    (id, pem)
}

fn signed(key_id: &str, pem: &[u8], claims: &Value) -> String {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(key_id.to_owned());
    encode(&header, claims, &EncodingKey::from_rsa_pem(pem).expect("a key")).expect("signed")
}

/// A key that is nobody's, as PEM.
fn foreign_key() -> String {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = pair.as_der().expect("DER");
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()))
}

/// Both services refuse this token in the same words.
async fn refused(ann: &Actor, token: &str) {
    let who = ann.with_token(token);
    let told = "a valid access token is needed; log in for one";
    assert_eq!(who.get(PATH).await.refused(401, "errMsg_userNotAuthenticated"), told);
    let answer = who.view("GET", "/bff-api/user/list").send().await;
    assert_eq!(answer.refused(401, "errMsg_userNotAuthenticated"), told);
}

#[test]
fn tokens_that_are_none_are_refused() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        for token in ["", "x", "a.b.c", "null", &ann.token[..ann.token.len() - 4]] {
            refused(&ann, token).await;
        }
        let mut parts: Vec<&str> = ann.token.split('.').collect();
        let mut claims = payload(&ann.token);
        claims["userId"] = app.admin().await.id.into();
        claims["sub"] = claims["userId"].clone();
        let forged = URL_SAFE_NO_PAD.encode(claims.to_string());
        parts[1] = &forged;
        refused(&ann, &parts.join(".")).await;
    });
}

#[test]
fn an_expired_token_is_refused_though_its_session_lives() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        let (key_id, pem) = signing_key(&app).await;
        let mut claims = payload(&ann.token);
        assert_eq!((&claims["keyId"], &claims["sub"]), (&json!(key_id), &json!(ann.id)));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 30 * 24 * 3600);
        ann.with_token(&signed(&key_id, &pem, &claims)).get(PATH).await.is(200);
        claims["exp"] = (now() - 1).into();
        refused(&ann, &signed(&key_id, &pem, &claims)).await;
    });
}

#[test]
fn a_token_of_another_key_is_refused() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        let claims = payload(&ann.token);
        let (own, foreign) = (claims["keyId"].as_str().unwrap(), foreign_key());
        refused(&ann, &signed(own, foreign.as_bytes(), &claims)).await;
        let mut unknown = claims.clone();
        unknown["keyId"] = "nobody".into();
        refused(&ann, &signed("nobody", foreign.as_bytes(), &unknown)).await;
    });
}

#[test]
fn the_algorithm_is_not_the_clients_choice() {
    story(async |app: App| {
        let ann = app.user("ann").await;
        let claims = payload(&ann.token);
        let key_id = claims["keyId"].as_str().unwrap();
        let middle = ann.token.split('.').nth(1).unwrap();
        let none = URL_SAFE_NO_PAD.encode(json!({"typ": "JWT", "alg": "none", "kid": key_id}).to_string());
        refused(&ann, &format!("{none}.{middle}.")).await;
        let public = app.stranger().get("/auth-api/publickey").await.is(200)["keyData"].clone();
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(key_id.to_owned());
        let secret = EncodingKey::from_secret(public.as_str().unwrap().as_bytes());
        refused(&ann, &encode(&header, &claims, &secret).unwrap()).await;
    });
}

#[test]
fn the_first_place_of_a_token_wins() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let who = async |query: &str, bearer: &str, header: &str, cookie: &str| {
            let mut request = app.stranger().request("GET", &format!("/currentuser{query}"));
            for (name, value) in [("Authorization", bearer), ("wechess-access-token", header), ("Cookie", cookie)] {
                if !value.is_empty() {
                    request = request.header(name, value);
                }
            }
            request.send().await.body["userId"].as_str().unwrap_or_default().to_owned()
        };
        let (a, b) = (&ann.token, &bob.token);
        let (bearer, cookie) = (format!("Bearer {b}"), format!("wechess-access-token={b}"));
        assert_eq!(who(&format!("?access_token={a}"), &bearer, b, &cookie).await, ann.id);
        assert_eq!(who("", &format!("bearer {a}"), b, &cookie).await, ann.id);
        assert_eq!(who("", "", a, &cookie).await, ann.id);
        assert_eq!(who("", "", "", &cookie).await, bob.id);
        assert_eq!(who("?access_token=wrong", &bearer, "", "").await, "", "the first one counts, even a wrong one");
        let answer = app.stranger().view("GET", &format!("/bff-api/user/list?access_token={a}")).send().await;
        assert_eq!(answer.is(200)["statusCode"], 200);
    });
}

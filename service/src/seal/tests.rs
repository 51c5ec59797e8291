use std::collections::HashMap;

use chrono::Utc;
use event_schema::ids::CommandId;
use event_schema::personal::user_key;
use serde_json::json;

use super::*;

fn master() -> MasterKey {
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".parse().unwrap()
}

struct Ring(HashMap<String, DataKey>);

impl KeyRing for Ring {
    fn key(&self, key_id: &str) -> BoxFuture<'_, Result<Option<DataKey>, SourceError>> {
        let key = self.0.get(key_id).cloned();
        Box::pin(async move { Ok(key) })
    }
}

#[test]
fn a_master_key_is_32_bytes() {
    for bad in ["", "hunter2", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg=="] {
        assert_eq!(bad.parse::<MasterKey>().unwrap_err(), NotAMasterKey, "{bad}");
    }
    assert_eq!(format!("{:?}", master()), "MasterKey(***)");
}

#[test]
fn a_text_opens_only_at_its_place_and_with_its_key() {
    let (key, wrapped) = master().new_data_key("user:1");
    let (other, _) = master().new_data_key("user:2");
    let sealed = key.seal_text("user:1", "s/email", "ann@example.org");
    assert!(sealed.starts_with("sealed:user:1:") && !sealed.contains("ann"));
    assert_ne!(sealed, key.seal_text("user:1", "s/email", "ann@example.org"));
    let again = master().unwrap_key("user:1", &wrapped).unwrap();
    assert_eq!(again.open_text("s/email", &sealed).unwrap(), "ann@example.org");
    assert!(matches!(again.open_text("s/fullname", &sealed), Err(SealError::Closed(_))));
    assert!(matches!(other.open_text("s/email", &sealed), Err(SealError::Closed(_))));
    assert!(matches!(master().unwrap_key("user:2", &wrapped), Err(SealError::Closed(_))));
    for broken in ["", "sealed:x", "sealed:x:", "sealed:x:!!", "ann@example.org"] {
        assert!(matches!(key.open_text("s/email", broken), Err(SealError::Form(_))), "{broken}");
    }
}

#[test]
fn secrets_wrap_and_hashes_differ_by_label() {
    let wrapped = master().wrap("signing key k1", b"secret");
    assert_eq!(master().unwrap("signing key k1", &wrapped).unwrap(), b"secret");
    assert!(master().unwrap("signing key k2", &wrapped).is_err());
    assert_eq!(master().hmac("a", "x"), master().hmac("a", b"x"));
    assert_ne!(master().hmac("a", "x"), master().hmac("b", "x"));
}

#[tokio::test]
async fn events_are_sealed_opened_and_erased() {
    let stream = Uuid::from_u128(7);
    let id = user_key(stream);
    let (key, _) = master().new_data_key(&id);
    let plain = json!({"email": "ann@example.org", "fullname": "sealed:Ann", "avatar": null, "roleId": "user",
        "emailVerified": false});
    let mut data = plain.as_object().unwrap().clone();
    assert!(matches!(seal_fields("user", stream, &mut data, |_| None), Err(SealError::NoKey(_))));
    seal_fields("user", stream, &mut data, |asked| (asked == id).then_some(&key)).unwrap();
    assert!(data["email"].as_str().unwrap().starts_with(SEALED) && data["avatar"].is_null());
    assert_eq!(data["roleId"], "user");
    let sealed = recorded(stream, Value::Object(data));

    let mut opened = sealed.clone();
    open_event(&Ring([(id, key)].into()), &mut opened).await.unwrap();
    assert_eq!(opened.data, plain);

    let mut erased = sealed;
    open_event(&Ring(HashMap::new()), &mut erased).await.unwrap();
    assert_eq!((&erased.data["email"], &erased.data["fullname"]), (&Value::Null, &Value::Null));
    assert_eq!(erased.data["roleId"], "user");
}

fn recorded(stream: Uuid, data: Value) -> Recorded {
    Recorded {
        position: 1,
        stream_id: stream,
        version: 1,
        category: "user".into(),
        kind: "UserRegistered".into(),
        schema: 1,
        command_id: CommandId::new(),
        ordinal: 0,
        correlation_id: stream,
        causation_id: None,
        actor_id: None,
        recorded_at: Utc::now(),
        data,
    }
}

//! Who asks for what, once: command ids from idempotency keys, and the fingerprint of a request.

use event_schema::ids::CommandId;
use serde_json::Value;
use service::seal::MasterKey;
use uuid::Uuid;

use super::aggregate::Actor;

/// A command on its way to a decision.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its id. The same id never runs twice.
    pub command: CommandId,
    /// Whether the client named it (an `Idempotency-Key`), so that a retry may come.
    pub keyed: bool,
    /// HMAC of route and body: the same key with another body is refused.
    pub fingerprint: Option<String>,
    /// The first command of the chain.
    pub correlation: Uuid,
    /// What led to it.
    pub causation: Option<Uuid>,
    /// Who.
    pub actor: Actor,
}

impl Request {
    /// A command of the system itself with a given id: repeating it does nothing.
    pub fn system(command: CommandId) -> Self {
        Self { command, keyed: true, fingerprint: None, correlation: command.0, causation: None, actor: Actor::System }
    }

    /// A command without an idempotency key.
    pub fn once(actor: Actor) -> Self {
        let command = CommandId::new();
        Self { command, keyed: false, fingerprint: None, correlation: command.0, causation: None, actor }
    }

    /// A command whose client may retry it. `scope` is the actor's id, or the body's hash without one.
    pub fn keyed(actor: Actor, key: &str, route: &str, body: &Value, master: &MasterKey) -> Self {
        let fingerprint = fingerprint(route, body, master);
        let scope = actor.user_id().map_or_else(|| fingerprint.clone(), |id| id.to_string());
        let command = command_id(&scope, route, key, master);
        let fingerprint = Some(fingerprint);
        Self { command, keyed: true, fingerprint, correlation: command.0, causation: None, actor }
    }

    /// What stands in the meta of the first event.
    pub fn meta(&self) -> Option<String> {
        self.fingerprint.as_ref().map(|print| serde_json::json!({"fingerprint": print}).to_string())
    }
}

/// Body fields whose values are secrets: left out of the fingerprint.
const SECRET_FIELDS: &[&str] = &["password", "oldPassword", "newPassword", "secretCode"];

fn fingerprint(route: &str, body: &Value, master: &MasterKey) -> String {
    let mut shown = body.clone();
    if let Some(map) = shown.as_object_mut() {
        map.retain(|name, _| !SECRET_FIELDS.contains(&name.as_str()));
        map.sort_keys();
    }
    let digest = master.hmac("fingerprint", format!("{route}\n{shown}").as_bytes());
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// UUID v7 layout: the time bits of a key that is itself a UUID v7 (then the index on command ids stays dense),
/// otherwise bits of the hash.
fn command_id(scope: &str, route: &str, key: &str, master: &MasterKey) -> CommandId {
    let digest = master.hmac("command", format!("{scope}\n{route}\n{key}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    if let Ok(uuid) = Uuid::parse_str(key)
        && uuid.get_version_num() == 7
    {
        bytes[..6].copy_from_slice(&uuid.as_bytes()[..6]);
    }
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    CommandId(Uuid::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use event_schema::auth::user::Role;
    use event_schema::ids::UserId;
    use serde_json::json;

    fn master() -> MasterKey {
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".parse().unwrap()
    }

    fn keyed(user: u128, key: &str, body: &Value) -> Request {
        Request::keyed(Actor::User(UserId(Uuid::from_u128(user)), Role::User), key, "createGame", body, &master())
    }

    #[test]
    fn a_key_is_scoped_by_actor_and_not_by_body() {
        let (one, two) = (json!({"a": 1}), json!({"a": 2}));
        assert_eq!(keyed(1, "k", &one).command, keyed(1, "k", &two).command);
        assert_ne!(keyed(1, "k", &one).fingerprint, keyed(1, "k", &two).fingerprint);
        assert_ne!(keyed(1, "k", &one).command, keyed(2, "k", &one).command);
    }

    #[test]
    fn secrets_and_the_order_of_keys_leave_the_fingerprint_alone() {
        let (one, two) = (json!({"a": 1, "b": 2, "password": "x"}), json!({"b": 2, "a": 1, "password": "y"}));
        assert_eq!(keyed(1, "k", &one).fingerprint, keyed(1, "k", &two).fingerprint);
    }

    #[test]
    fn a_v7_key_gives_its_time_to_the_command() {
        let key = Uuid::now_v7();
        let command = keyed(1, &key.to_string(), &json!({})).command;
        assert_eq!(command.0.as_bytes()[..6], key.as_bytes()[..6]);
        assert_eq!(command.0.get_version_num(), 7);
    }
}

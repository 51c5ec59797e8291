//! Registering: a person, a guest, a guest who becomes a person, the superAdmin of the first start.

use event_schema::auth::user::{Role, USER, User, UserEvent};
use event_schema::ids::UserId;
use event_schema::object::{Kind, Object};
use event_schema::personal::user_key;
use serde_json::{Map, Value};
use service::ApiError;
use uuid::Uuid;

use super::account::{Account, active, email_key, normal_email};
use super::avatar::default_avatar;
use super::password::PasswordError;
use crate::app::App;
use crate::es::aggregate::{Actor, Command, Context, Decision, Rejection};
use crate::es::effect::Effect;
use crate::es::store::Done;
use crate::http::body::{Param, optional, required};
use crate::http::call::Call;
use crate::http::read::rendered;
use crate::http::rows::Access;
use crate::http::write::Write;

/// The kind of secret that a password hash is. Stored.
pub const PASSWORD: &str = "password";
/// The shortest password in characters (NIST SP 800-63B asks for at least 8).
const SHORTEST: usize = 8;
/// The longest in bytes: more only burns time.
const LONGEST: usize = 512;

/// Makes an account, or gives a guest's account an e-mail and a password.
pub struct Register {
    email: Option<String>,
    fullname: String,
    avatar: Option<String>,
    role: Role,
    hash: Option<String>,
}

impl Register {
    /// A guest: no e-mail, no password.
    pub fn guest(fullname: Option<&str>, id: Uuid) -> Self {
        let short = id.simple().to_string();
        let fullname = fullname.map_or_else(|| format!("Guest {}", &short[26..]), str::to_owned);
        Self { email: None, fullname, avatar: None, role: Role::Guest, hash: None }
    }

    /// The superAdmin from configuration. The address is in normal form.
    pub fn super_admin(email: String, hash: String) -> Self {
        Self {
            email: Some(email),
            fullname: "superAdmin".into(),
            avatar: None,
            role: Role::SuperAdmin,
            hash: Some(hash),
        }
    }

    fn avatar(&self, stream: Uuid) -> String {
        let seed = self.email.clone().unwrap_or_else(|| stream.to_string());
        self.avatar.clone().unwrap_or_else(|| default_avatar(&seed))
    }

    fn secrets(&self, mut decision: Decision<UserEvent>, stream: Uuid) -> Decision<UserEvent> {
        if let Some(email) = &self.email {
            decision = decision.with(Effect::ClaimKey { key: email_key(email), stream });
        }
        if let Some(hash) = &self.hash {
            let id = stream.to_string();
            decision = decision.with(Effect::PutSecret { kind: PASSWORD, id, data: hash.clone(), expires_at: None });
        }
        decision
    }
}

impl Command for Register {
    type Aggregate = Account;

    fn decide(&self, state: &Account, cx: &Context) -> Result<Decision<UserEvent>, Rejection> {
        let (fullname, avatar) = (Some(self.fullname.clone()), Some(self.avatar(cx.stream)));
        match &state.0 {
            None => {
                let user = User {
                    email: self.email.clone(),
                    fullname,
                    avatar,
                    role_id: self.role,
                    email_verified: self.role == Role::SuperAdmin,
                };
                let decision = Decision::from(vec![UserEvent::UserRegistered(user)])
                    .with(Effect::MakeKey { key_id: user_key(cx.stream) });
                Ok(self.secrets(decision, cx.stream))
            }
            Some(stored) if stored.object.role_id == Role::Guest && stored.active && self.email.is_some() => {
                let upgraded = UserEvent::GuestUpgraded { email: self.email.clone(), fullname, avatar };
                Ok(self.secrets(Decision::from(vec![upgraded]), cx.stream))
            }
            Some(_) => Err(Rejection::conflict(
                "errMsg_AlreadyRegistered",
                "this account is registered already; log out to register another one",
            )),
        }
    }

    fn key_taken(&self, _: &str) -> Rejection {
        let email = self.email.clone().unwrap_or_default();
        Rejection::invalid(
            "errMsg_EmailAlreadyRegistered",
            format!("`{email}` is registered already; log in, or use another address"),
        )
        .at("/email")
    }
}

impl Write for Register {
    const BODY: &'static [Param] = &[
        required("email", Kind::String, "The address to log in with.").at_most(254),
        required("password", Kind::String, "8 characters at least.").at_most(LONGEST),
        required("fullname", Kind::String, "Shown to other players.").at_most(100),
        optional("avatar", Kind::String, "URL of a picture; an identicon without one."),
    ];
    const SHOWS: &'static Object = &USER;
    const ABOUT: &'static str = "Registers a user; a guest who calls it keeps his id and his history.";
    const ACCESS: Access = Access::Public;

    async fn prepare(call: &Call) -> Result<(Uuid, Self), ApiError> {
        let mut faults = Vec::new();
        let mut wrong = |name: &str, message: &str| {
            faults.push(service::Fault {
                pointer: format!("/{name}"),
                code: format!("errMsg_{name}IsNotValid"),
                message: format!("`{name}` {message}"),
            });
        };
        let email = normal_email(call.text("email").unwrap_or_default());
        if email.is_none() {
            wrong("email", "must be an e-mail address");
        }
        let password = call.text("password").unwrap_or_default();
        if password.chars().count() < SHORTEST {
            wrong("password", "must have at least 8 characters");
        }
        let fullname = call.text("fullname").unwrap_or_default().trim().to_owned();
        if fullname.is_empty() {
            wrong("fullname", "must not be empty");
        }
        let avatar = call.text("avatar").map(str::to_owned);
        if avatar.as_ref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
            wrong("avatar", "must be an http or https URL");
        }
        if !faults.is_empty() {
            return Err(ApiError::faults(faults));
        }
        let hash = Some(call.app.passwords.hash(password).await.map_err(of_password)?);
        let guest = call.maybe_caller().filter(|caller| caller.role == Role::Guest);
        let stream = guest.map_or_else(|| call.request.command.derive("user"), |caller| caller.user_id.0);
        Ok((stream, Self { email, fullname, avatar, role: Role::User, hash }))
    }

    fn answer(done: &Done<Account>, _: &Call) -> Option<Map<String, Value>> {
        rendered(&done.loaded)
    }

    /// An upgraded guest has another role: every cache forgets his sessions.
    async fn after(done: &Done<Account>, call: &Call) {
        if done.loaded.version > 1 {
            call.app.user_changed(UserId(done.loaded.stream)).await;
        }
    }
}

/// What a password that cannot be hashed now is over HTTP.
pub fn of_password(error: PasswordError) -> ApiError {
    match error {
        PasswordError::Busy => ApiError::unavailable("too many logins at once; nothing was changed, try again", error),
        PasswordError::Hash(_) | PasswordError::Threads(_) | PasswordError::Gone => ApiError::internal(error),
    }
}

/// Makes the superAdmin of the configuration, once. A changed password in the configuration changes nothing.
pub async fn ensure_super_admin(app: &App, email: &str, password: &str) -> Result<(), SuperAdminError> {
    use crate::es::request::Request;
    let email = normal_email(email).ok_or(SuperAdminError::Email)?;
    // The id comes from the address and the log, so that two processes at once make one user.
    let seed = event_schema::ids::CommandId(app.store.log.id);
    let command = event_schema::ids::CommandId(seed.derive(&format!("superAdmin/{email}")));
    let stream = command.derive("user");
    // A log that came out of a backup has another id, and its superAdmin the id that the log before gave him.
    let holder = app.session_rows.credentials(&email_key(&email)).await?.map(|(user, _)| user.0);
    let known = app.store.load::<Account>(holder.unwrap_or(stream)).await?;
    if active(&known).is_some_and(|user| user.role_id == Role::SuperAdmin) {
        return Ok(());
    }
    let hash = app.passwords.hash(password).await?;
    let request = Request { actor: Actor::System, ..Request::system(command) };
    match app.store.transact(stream, &Register::super_admin(email, hash), &request).await {
        Ok(_) => Ok(()),
        Err(failure) => Err(SuperAdminError::Failure(failure)),
    }
}

/// The superAdmin could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SuperAdminError {
    /// The configured address is none.
    #[error("WECHESS_SUPERADMIN_EMAIL is not an e-mail address")]
    Email,
    /// It cannot be looked up.
    #[error("the superAdmin cannot be looked up")]
    Read(#[from] crate::es::history::ReadError),
    /// The password cannot be hashed.
    #[error("the superAdmin's password cannot be hashed")]
    Password(#[from] PasswordError),
    /// The log refused.
    #[error("the superAdmin cannot be registered")]
    Failure(#[source] crate::es::store::Failure),
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;
    use event_schema::ids::CommandId;
    use event_schema::stored::Stored;

    fn context() -> Context {
        let command = CommandId::new();
        Context { actor: Actor::Anonymous, now: Utc::now(), command, stream: command.derive("user") }
    }

    fn person() -> Register {
        let email = Some("ann@example.com".to_owned());
        Register { email, fullname: "Ann".into(), avatar: None, role: Role::User, hash: Some("$argon2id$".into()) }
    }

    fn given(events: &[UserEvent]) -> Account {
        events
            .iter()
            .fold(Account::default(), |state, event| crate::es::aggregate::Plain(Stored::apply(state.0, event, None)))
    }

    #[test]
    fn a_person_gets_a_key_an_address_and_a_password_in_one_item() {
        let decision = person().decide(&Account::default(), &context()).unwrap();
        assert!(matches!(&decision.events[..], [UserEvent::UserRegistered(user)] if user.role_id == Role::User));
        assert!(matches!(
            &decision.effects[..],
            [Effect::MakeKey { .. }, Effect::ClaimKey { .. }, Effect::PutSecret { kind: "password", .. }]
        ));
    }

    #[test]
    fn a_guest_has_no_secret_and_becomes_a_person_once() {
        let cx = context();
        let guest = Register::guest(None, cx.stream).decide(&Account::default(), &cx).unwrap();
        assert!(matches!(&guest.effects[..], [Effect::MakeKey { .. }]));
        let upgraded = person().decide(&given(&guest.events), &cx).unwrap();
        assert!(matches!(&upgraded.events[..], [UserEvent::GuestUpgraded { .. }]));
        let twice = person().decide(&given(&[guest.events[0].clone(), upgraded.events[0].clone()]), &cx);
        assert_eq!(twice.unwrap_err().code, "errMsg_AlreadyRegistered");
    }
}

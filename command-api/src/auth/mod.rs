//! Accounts, sessions and tokens.

pub mod account;
pub mod avatar;
pub mod keys;
pub mod login;
pub mod password;
pub mod register;
pub mod session;

use event_schema::auth::user::Role;
use event_schema::object::Kind;
use serde_json::{Value, json};

use crate::http::limits;
use crate::http::query::Filter;
use crate::http::rows::{Access, Action, Routes};
use account::Account;
use register::Register;

/// The documented root of the service.
pub const PREFIX: &str = "/auth-api";

/// Filters of listUsers.
const USER_FILTERS: &[Filter] = &[
    Filter { name: "email", kind: Kind::String },
    Filter { name: "fullname", kind: Kind::String },
    Filter { name: "roleId", kind: Kind::Enum(Role::OPTIONS) },
];

/// The rows of the service (contract 1.4 to 1.7).
pub fn routes(r: &mut Routes) {
    r.get::<Account>("getUser", "/v1/users/{userId}", "admins, or the user himself");
    r.list::<Account>("listUsers", "/v1/users", "admins all, everybody else his own record", USER_FILTERS);
    let brief = r.special(
        "getBriefUser",
        "GET",
        "/v1/briefuser/{userId}",
        Action::Get,
        &event_schema::auth::user::USER,
        |call| Box::pin(account::brief(call)),
    );
    brief.access = Access::Public;
    brief.about = "What everybody may know of a user: id, fullname, avatar, isActive.";
    let register =
        r.create::<Register>("registerUser", "/v1/registeruser", "public; with a guest's token it upgrades the guest");
    register.limit = Some(limits::REGISTER);
    let guest = r.raw("registerGuest", "POST", "/v1/registerguest", session_schema, |call| {
        Box::pin(login::register_guest(call))
    });
    guest.access = Access::Public;
    guest.status = 201;
    guest.limit = Some(limits::REGISTER);
    guest.body = login::GUEST_BODY;
    guest.about = "Makes a guest and logs him in.";
    let login = r.raw("login", "POST", "/login", session_schema, |call| Box::pin(login::login(call)));
    login.access = Access::Public;
    login.limit = Some(limits::LOGIN);
    login.body = login::LOGIN_BODY;
    login.about =
        "Logs in: the session in the body, the token in it, in a cookie and in the header wechess-access-token.";
    let page = r.raw("loginPage", "GET", "/login", || json!({"type": "string"}), |call| Box::pin(login::page(call)));
    page.access = Access::Public;
    page.about = "A page to try the login with.";
    let logout = r.raw("logout", "POST", "/logout", || json!({"type": "object"}), |call| Box::pin(login::logout(call)));
    logout.access = Access::Public;
    logout.about = "Ends the session; always 200.";
    let relogin = r.raw("relogin", "GET", "/relogin", session_schema, |call| Box::pin(login::relogin(call)));
    relogin.access = Access::Public;
    relogin.about = "A new session for the bearer of a valid token; the old one ends.";
    let key = r.raw("publickey", "GET", "/publickey", key_schema, |call| Box::pin(login::public_key(call)));
    key.access = Access::Public;
    key.extra = &["keyId"];
    key.about = "The public key that verifies access tokens.";
}

/// The rows that every service has at its root (contract 1.7).
pub fn common_routes(r: &mut Routes) {
    let row = r.raw("currentuser", "GET", "/currentuser", session_schema, |call| Box::pin(login::current_user(call)));
    row.access = Access::Public;
    row.about = "The session of the bearer of the token.";
}

fn session_schema() -> Value {
    let text = json!({"type": ["string", "null"]});
    json!({"type": "object", "properties": {
        "sessionId": text, "userId": text, "email": text, "fullname": text, "avatar": text, "roleId": text,
        "tenantId": text, "emailVerified": {"type": "boolean"}, "accessToken": text, "expiresIn": {"type": "integer"},
    }})
}

fn key_schema() -> Value {
    json!({"type": "object", "properties": {"keyId": {"type": "string"}, "keyData": {"type": "string"}}})
}

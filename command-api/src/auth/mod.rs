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
use service::document::closed;

use crate::http::limits;
use crate::http::query::Filter;
use crate::http::rows::{Access, Action, Answer, Routes};
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
    brief.only = account::BRIEF;
    brief.about = "What everybody may know of a user: id, fullname, avatar, isActive.";
    let register =
        r.create::<Register>("registerUser", "/v1/registeruser", "public; with a guest's token it upgrades the guest");
    register.limit = Some(limits::REGISTER);
    let guest = r.raw("registerGuest", "POST", "/v1/registerguest", Answer::Schema(session_schema), |call| {
        Box::pin(login::register_guest(call))
    });
    guest.access = Access::Public;
    guest.status = 201;
    guest.limit = Some(limits::REGISTER);
    guest.body = login::GUEST_BODY;
    guest.about = "Makes a guest and logs him in.";
    let session = Answer::Schema(session_schema);
    let login = r.raw("login", "POST", "/login", session, |call| Box::pin(login::login(call)));
    login.access = Access::Public;
    login.errors = &[401];
    login.limit = Some(limits::LOGIN);
    login.body = login::LOGIN_BODY;
    login.about =
        "Logs in: the session in the body, the token in it, in a cookie and in the header wechess-access-token.";
    let page = r.raw("loginPage", "GET", "/login", Answer::Text("text/html"), |call| Box::pin(login::page(call)));
    page.access = Access::Public;
    page.about = "A page to try the login with.";
    let ended = Answer::Schema(logout_schema);
    let logout = r.raw("logout", "POST", "/logout", ended, |call| Box::pin(login::logout(call)));
    logout.access = Access::Public;
    logout.about = "Ends the session; always 200.";
    let relogin = r.raw("relogin", "GET", "/relogin", session, |call| Box::pin(login::relogin(call)));
    relogin.access = Access::Public;
    relogin.others = login::PLAIN;
    relogin.about = "A new session for the bearer of a valid token; the old one ends.";
    let pem = Answer::Schema(key_schema);
    let key = r.raw("publickey", "GET", "/publickey", pem, |call| Box::pin(login::public_key(call)));
    key.access = Access::Public;
    key.errors = &[404];
    key.extra = &["keyId"];
    key.about = "The public key that verifies access tokens.";
}

/// The rows that every service has at its root (contract 1.7).
pub fn common_routes(r: &mut Routes) {
    let session = Answer::Schema(session_schema);
    let row = r.raw("currentuser", "GET", "/currentuser", session, |call| Box::pin(login::current_user(call)));
    row.access = Access::Public;
    row.others = login::PLAIN;
    row.about = "The session of the bearer of the token.";
}

fn session_schema() -> Value {
    let (id, text) = (json!({"type": "string", "format": "uuid"}), json!({"type": ["string", "null"]}));
    closed(json!({
        "sessionId": id, "userId": id, "email": text, "fullname": text, "avatar": text,
        "roleId": {"type": "string", "enum": Role::OPTIONS}, "emailVerified": {"type": "boolean"}, "tenantId": text,
        "accessToken": {"type": "string"}, "expiresIn": {"type": "integer"},
    }))
}

fn key_schema() -> Value {
    closed(json!({"keyId": {"type": "string"}, "keyData": {"type": "string", "description": "PEM"}}))
}

fn logout_schema() -> Value {
    closed(json!({"status": {"const": "OK"}, "message": {"type": "string"}}))
}

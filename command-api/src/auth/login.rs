//! The session routes (contract 1.5 and 1.7): their answers are no envelopes.

use actix_web::HttpResponse;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::{ContentType, HeaderName, HeaderValue};
use event_schema::auth::user::User;
use event_schema::ids::{SessionId, UserId};
use event_schema::object::Kind;
use serde_json::{Value, json};
use service::ApiError;
use service::document::{Other, closed};
use service::token::{Claims, TOKEN_NAME};

use super::account::{Account, active, email_key, normal_email};
use super::register::{Register, of_password};
use super::session::LIFE;
use crate::es::request::Request;
use crate::es::state::Loaded;
use crate::http::body::{Param, optional};
use crate::http::call::Call;
use crate::http::envelope::covered;
use crate::http::error::{of_failure, of_read};

/// Either name of the e-mail; `username` wins.
pub const LOGIN_BODY: &[Param] = &[
    optional("username", Kind::String, "The e-mail address."),
    optional("email", Kind::String, "The e-mail address, if there is no username."),
    optional("password", Kind::String, "The password."),
];

/// A guest may bring a name.
pub const GUEST_BODY: &[Param] = &[optional("fullname", Kind::String, "Shown to other players.").at_most(100)];

/// POST /login.
pub async fn login(call: Call) -> Result<HttpResponse, ApiError> {
    let (name, password) = (call.text("username").or(call.text("email")), call.text("password"));
    let (Some(name), Some(password)) = (name, password) else {
        return Err(ApiError::new(
            400,
            "errMsg_MissingCredentials",
            "`username` (or `email`) and `password` are required",
        ));
    };
    let rows = &call.app.session_rows;
    let known = match normal_email(name) {
        Some(email) => rows.credentials(&email_key(&email)).await.map_err(of_read)?,
        None => None,
    };
    let (user, hash) = known.map_or((None, None), |(user, hash)| (Some(user), hash));
    let fits = call.app.passwords.verify(password, hash).await.map_err(of_password)?;
    // One answer for a wrong user and a wrong password: nobody learns which addresses are registered.
    let wrong = || ApiError::new(401, "errMsg_WrongUserOrPassword", "wrong username or password");
    let user = user.filter(|_| fits).ok_or_else(wrong)?;
    let loaded: Loaded<Account> = call.app.store.load(user.0).await.map_err(of_read)?;
    let account = active(&loaded).ok_or_else(wrong)?;
    begin(&call, user, account, 200).await
}

/// POST /v1/registerguest.
pub async fn register_guest(call: Call) -> Result<HttpResponse, ApiError> {
    let fullname = call.text("fullname").map(str::trim).filter(|name| !name.is_empty());
    let request = Request::once(call.request.actor);
    let id = request.command.derive("user");
    let done = call.app.store.transact(id, &Register::guest(fullname, id), &request).await.map_err(of_failure)?;
    let account = active(&done.loaded).ok_or_else(|| ApiError::internal("a new guest is not there"))?;
    let mut answer = begin(&call, UserId(id), account, 201).await?;
    covered(&call, done.position, &mut answer);
    Ok(answer)
}

/// GET /relogin: a new session; the old one ends.
pub async fn relogin(call: Call) -> Result<HttpResponse, ApiError> {
    let refused = || plain_refusal("Cannot relogin");
    let Some(caller) = call.maybe_caller() else { return Ok(refused()) };
    let loaded: Loaded<Account> = call.app.store.load(caller.user_id.0).await.map_err(of_read)?;
    let Some(account) = active(&loaded) else { return Ok(refused()) };
    let answer = begin(&call, caller.user_id, account, 200).await?;
    end(&call, caller.session_id).await?;
    Ok(answer)
}

/// POST /logout: always 200.
pub async fn logout(call: Call) -> Result<HttpResponse, ApiError> {
    if let Some(caller) = call.maybe_caller() {
        end(&call, caller.session_id).await?;
    }
    let mut gone = cookie(&call, String::new());
    gone.make_removal();
    Ok(HttpResponse::Ok().cookie(gone).json(json!({"status": "OK", "message": "User logged out successfully"})))
}

/// GET /currentuser.
pub async fn current_user(call: Call) -> Result<HttpResponse, ApiError> {
    let Some(caller) = call.maybe_caller() else { return Ok(plain_refusal("No login found")) };
    let loaded: Loaded<Account> = call.app.store.load(caller.user_id.0).await.map_err(of_read)?;
    let Some(account) = active(&loaded) else { return Ok(plain_refusal("No login found")) };
    Ok(HttpResponse::Ok().json(session_object(caller.session_id, caller.user_id, account, &caller.token)))
}

/// GET /publickey.
pub async fn public_key(call: Call) -> Result<HttpResponse, ApiError> {
    let found = call.app.public_keys.find(call.query.first("keyId")).await.map_err(of_read)?;
    let key = found.ok_or_else(|| ApiError::new(404, "errMsg_KeyNotFound", "there is no such key"))?;
    Ok(HttpResponse::Ok().json(key))
}

/// GET /login: a page to try the login with.
pub async fn page(_: Call) -> Result<HttpResponse, ApiError> {
    const PAGE: &str = include_str!("login.html");
    // The page is a constant: there is nothing in it that could be injected.
    const POLICY: &str =
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";
    Ok(HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header(("Content-Security-Policy", POLICY))
        .body(PAGE))
}

/// The contract's 401 of the session routes, for the documents.
pub const PLAIN: &[Other] = &[Other {
    status: 401,
    about: "Nobody is logged in.",
    body: Some(|| closed(json!({"status": {"const": "ERR"}, "message": {"type": "string"}}))),
}];

/// [`PLAIN`], as it is answered.
fn plain_refusal(message: &str) -> HttpResponse {
    HttpResponse::Unauthorized().json(json!({"status": "ERR", "message": message}))
}

async fn end(call: &Call, session: SessionId) -> Result<(), ApiError> {
    call.app.session_rows.end(session).await.map_err(of_read)?;
    call.app.session_ended(session).await;
    Ok(())
}

/// Begins a session and answers with it: body, cookie and header carry the token.
async fn begin(call: &Call, user: UserId, account: &User, status: u16) -> Result<HttpResponse, ApiError> {
    let (session, expires_at) = call.app.session_rows.begin(user).await.map_err(of_read)?;
    let signer = &call.app.signer;
    let (iat, exp) = ((expires_at - LIFE).timestamp(), expires_at.timestamp());
    let claims = Claims { user_id: user, session_id: session, key_id: signer.key_id.clone(), iat, exp };
    let token = signer.sign(&claims).map_err(ApiError::internal)?;
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or(actix_web::http::StatusCode::OK);
    let mut response = HttpResponse::build(status)
        .cookie(cookie(call, token.clone()))
        .json(session_object(session, user, account, &token));
    if let Ok(value) = HeaderValue::from_str(&token) {
        response.headers_mut().insert(HeaderName::from_static(TOKEN_NAME), value);
    }
    Ok(response)
}

/// HTTP-only; `Secure` except in development, where there is no TLS.
fn cookie(call: &Call, token: String) -> Cookie<'static> {
    Cookie::build(TOKEN_NAME, token)
        .path("/")
        .http_only(true)
        .secure(!call.app.development)
        .same_site(SameSite::Lax)
        .max_age(actix_web::cookie::time::Duration::seconds(LIFE.num_seconds()))
        .finish()
}

fn session_object(session: SessionId, user: UserId, account: &User, token: &str) -> Value {
    json!({
        "sessionId": session,
        "userId": user,
        "email": account.email,
        "fullname": account.fullname,
        "avatar": account.avatar,
        "roleId": account.role_id,
        "emailVerified": account.email_verified,
        "tenantId": Value::Null,
        "accessToken": token,
        "expiresIn": LIFE.num_seconds(),
    })
}

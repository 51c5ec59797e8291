//! A user as a stream: the aggregate, what the API shows of it, and to whom.

use std::sync::Arc;

use actix_web::HttpResponse;
use event_schema::auth::user::User;
use event_schema::stored::Stored;
use serde_json::json;
use service::ApiError;
use service::sessions::Caller;
use uuid::Uuid;

use crate::es::aggregate::Plain;
use crate::es::state::Loaded;
use crate::http::call::Call;
use crate::http::envelope;
use crate::http::error::of_read;
use crate::http::predicate::Predicate;
use crate::http::query::Query;
use crate::http::read::Readable;

/// The aggregate of category `user`.
pub type Account = Plain<User>;

impl Readable for Account {
    /// Admins all, everybody else his own record (contract README, row 36).
    fn scope(caller: &Caller, _: &Query) -> Predicate {
        if caller.role.is_admin() { Predicate::And(Vec::new()) } else { Predicate::Id(caller.user_id.0) }
    }

    fn may_read(loaded: &Loaded<Self>, caller: &Caller, _: &Query) -> bool {
        caller.role.is_admin() || loaded.stream == caller.user_id.0
    }
}

/// The user, if there is an active one.
pub fn active(loaded: &Loaded<Account>) -> Option<&User> {
    loaded.state.0.as_ref().filter(|stored| stored.active).map(|stored: &Stored<User>| &stored.object)
}

/// The account of an active user.
pub async fn find(call: &Call, id: Uuid) -> Result<Option<Arc<Account>>, ApiError> {
    let loaded: Loaded<Account> = call.app.store.load(id).await.map_err(of_read)?;
    Ok(active(&loaded).is_some().then_some(loaded.state))
}

/// What everybody may know of a user.
pub const BRIEF: &[&str] = &["id", "fullname", "avatar", "isActive"];

/// GET /v1/briefuser/{userId}.
pub async fn brief(call: Call) -> Result<HttpResponse, ApiError> {
    let id = call.path_id()?;
    let loaded: Loaded<Account> = call.app.store.load(id).await.map_err(of_read)?;
    let Some(stored) = &loaded.state.0 else {
        return Err(ApiError::not_found(format!("there is no user `{id}`")));
    };
    let values = [json!(id), json!(stored.object.fullname), json!(stored.object.avatar), json!(stored.active)];
    let shown = BRIEF.iter().map(|name| (*name).to_owned()).zip(values).collect();
    Ok(envelope::one(&call, shown))
}

/// The unique key of an e-mail address. Stored: never change it.
pub fn email_key(email: &str) -> String {
    format!("user.email:{email}")
}

/// An address as it is compared and kept: trimmed, lower case. `None` if it is none.
pub fn normal_email(text: &str) -> Option<String> {
    let email = text.trim().to_lowercase();
    let (local, domain) = email.rsplit_once('@')?;
    let plain = !local.is_empty()
        && local.len() <= 64
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.');
    let clean = email.len() <= 254 && !email.contains(|c: char| c.is_whitespace() || c.is_control());
    (plain && clean).then_some(email)
}

#[cfg(test)]
mod tests {
    use super::normal_email;

    #[test]
    fn addresses_are_compared_in_one_form() {
        assert_eq!(normal_email(" Ann@Example.COM "), Some("ann@example.com".into()));
        for bad in ["", "ann", "ann@", "@example.com", "ann@example", "a b@example.com", "ann@.com"] {
            assert_eq!(normal_email(bad), None, "{bad}");
        }
    }
}

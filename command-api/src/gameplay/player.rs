//! Players as they enter a game.

use event_schema::auth::user::Role;
use event_schema::ids::UserId;
use service::ApiError;

use crate::auth::account;
use crate::http::call::Call;

/// Who enters, and whether he is a guest at that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Player {
    /// Who.
    pub id: UserId,
    /// Whether he is a guest.
    pub guest: bool,
}

/// The player that a field of the body names: an existing, active user. None when the field is absent.
pub async fn named(call: &Call, field: &'static str) -> Result<Option<Player>, ApiError> {
    let Some(id) = call.id(field) else { return Ok(None) };
    match account::find(call, id).await?.and_then(|account| account.0.as_ref().map(|user| user.object.role_id)) {
        Some(role) => Ok(Some(Player { id: UserId(id), guest: role == Role::Guest })),
        None => {
            let (code, told) =
                (format!("errMsg_{field}IsNotAUser"), format!("`{field}`: there is no active user `{id}`"));
            Err(ApiError::new(400, code.clone(), told.clone()).fault(format!("/{field}"), code, told))
        }
    }
}

//! Players as they enter a game.

use event_schema::auth::user::Role;
use event_schema::ids::UserId;
use service::ApiError;

use crate::auth::account::Account;
use crate::es::aggregate::Aggregate;
use crate::http::call::Call;
use crate::http::error::of_read;

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
    let account = call.app.store.load::<Account>(id).await.map_err(of_read)?;
    match account.state.stored() {
        Some(user) if user.active => Ok(Some(Player { id: UserId(id), guest: user.object.role_id == Role::Guest })),
        Some(_) | None => {
            let (code, told) =
                (format!("errMsg_{field}IsNotAUser"), format!("`{field}`: there is no active user `{id}`"));
            Err(ApiError::new(400, code.clone(), told.clone()).fault(format!("/{field}"), code, told))
        }
    }
}

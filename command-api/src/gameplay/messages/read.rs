//! Who reads what was said: who is in the room now, so that a second player reads what was said before he came.

use actix_web::HttpResponse;
use service::ApiError;
use uuid::Uuid;

use super::Message;
use crate::es::state::Loaded;
use crate::gameplay::read::there;
use crate::http::call::Call;
use crate::http::error::of_read;
use crate::http::read;

/// Serves listGameHubMessages. Each room that the filter names must be the caller's.
pub async fn list(call: Call) -> Result<HttpResponse, ApiError> {
    let rooms: Vec<Uuid> = call.query.all("roomId").filter_map(|text| Uuid::parse_str(text).ok()).collect();
    for room in rooms {
        must_be_in(&call, room).await?;
    }
    read::list::<Message>(call).await
}

/// Serves getGameHubMessage.
pub async fn get(call: Call) -> Result<HttpResponse, ApiError> {
    let loaded: Loaded<Message> = call.app.store.load(call.path_id()?).await.map_err(of_read)?;
    if let Some(stored) = &loaded.state.0 {
        must_be_in(&call, stored.object.room_id.0).await?;
    }
    read::get::<Message>(call).await
}

/// Refuses to change what was said in the room of a game that is deleted, as to read it: it is there for admins only.
pub async fn room_is_there(call: &Call) -> Result<(), ApiError> {
    let loaded: Loaded<Message> = call.app.store.load(call.path_id()?).await.map_err(of_read)?;
    match &loaded.state.0 {
        Some(stored) => there(call, stored.object.room_id.0).await.map(|_| ()),
        None => Ok(()),
    }
}

/// Refuses a caller who neither plays the game nor is an admin.
async fn must_be_in(call: &Call, room: Uuid) -> Result<(), ApiError> {
    let (game, caller) = (there(call, room).await?, call.caller()?);
    if caller.role.is_admin() || game.is_player(caller.user_id) {
        return Ok(());
    }
    Err(ApiError::forbidden(format!("what is said in the room of chessGame `{room}` is not yours to read")))
}

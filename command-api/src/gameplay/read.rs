//! Who sees which game, and how.

use event_schema::gameplay::chess_game::ChessGame;
use event_schema::gameplay::game_event::{GameMode, GameResult, GameStatus, GameType, PendingInvitation};
use event_schema::object::Kind;
use event_schema::openings;
use serde_json::{Map, Value, json};
use service::ApiError;
use service::document::closed;
use service::sessions::Caller;
use uuid::Uuid;

use super::game::{Game, is_code, not_found, takes_part};
use super::moves;
use crate::es::aggregate::Aggregate;
use crate::es::state::Loaded;
use crate::http::call::Call;
use crate::http::error::{of_read, of_rejection};
use crate::http::predicate::Predicate;
use crate::http::query::{Filter, Query};
use crate::http::read::{Readable, rendered};

/// The query parameter that opens a private game.
pub const CODE: &str = "invitationCode";
/// Who is invited.
const INVITATIONS: &str = "invitations";
/// The filter that finds imported games.
const IMPORTER: &str = "importedById";

/// Filters of listGames.
pub const FILTERS: &[Filter] = &[
    Filter { name: "status", kind: Kind::Enum(GameStatus::OPTIONS) },
    Filter { name: CODE, kind: Kind::String },
    Filter { name: "playerWhiteId", kind: Kind::Id },
    Filter { name: "playerBlackId", kind: Kind::Id },
    Filter { name: "createdById", kind: Kind::Id },
    Filter { name: "mode", kind: Kind::Enum(GameMode::OPTIONS) },
    Filter { name: "gameType", kind: Kind::Enum(GameType::OPTIONS) },
    Filter { name: "result", kind: Kind::Enum(GameResult::OPTIONS) },
    Filter { name: IMPORTER, kind: Kind::Id },
];

impl Readable for Game {
    /// Admins all; everybody else his own, open public ones, open private ones whose exact code he gives, and imported
    /// ones when he asks for those of an admin. The filter `invitationCode` itself compares in part and without case, so it
    /// only ever narrows this.
    fn scope(caller: &Caller, query: &Query) -> Predicate {
        if caller.role.is_admin() {
            return Predicate::And(Vec::new());
        }
        let me = || vec![caller.user_id.to_string()];
        let open =
            |what| Predicate::And(vec![Predicate::Is("status", vec![GameStatus::Pending.as_str().into()]), what]);
        let codes: Vec<String> = query.all(CODE).map(str::to_owned).collect();
        Predicate::Or(vec![
            Predicate::Is("playerWhiteId", me()),
            Predicate::Is("playerBlackId", me()),
            Predicate::Is("createdById", me()),
            open(Predicate::Is("mode", vec![GameMode::Public.as_str().into()])),
            open(Predicate::Is(CODE, codes)),
            Predicate::Is(IMPORTER, query.all(IMPORTER).map(str::to_lowercase).collect()),
        ])
    }

    fn may_read(loaded: &Loaded<Self>, caller: &Caller, query: &Query) -> bool {
        let Some(stored) = loaded.state.stored() else { return false };
        let game = &stored.object;
        let reads = sees(game, caller) || game.is_invited(caller.user_id) || game.imported_by_id.is_some();
        reads || is_open_to(game, query.first(CODE))
    }

    /// The code, and who is invited, are for those who take part; who is invited himself sees that he is.
    fn show(loaded: &Loaded<Self>, viewer: Option<&Caller>) -> Option<Map<String, Value>> {
        let mut shown = rendered(loaded)?;
        let game = &loaded.state.stored()?.object;
        if !viewer.is_some_and(|viewer| sees(game, viewer)) {
            shown.insert(CODE.into(), Value::Null);
            let own = |pending: &&PendingInvitation| viewer.is_some_and(|v| v.user_id == pending.recipient_id);
            shown.insert(INVITATIONS.into(), json!(game.invitations.iter().filter(own).collect::<Vec<_>>()));
        }
        Some(shown)
    }

    async fn extend(call: &Call, loaded: &Loaded<Self>, shown: &mut Map<String, Value>) -> Result<(), ApiError> {
        let played = moves::of_game(&call.app.store.log, loaded).await.map_err(of_read)?;
        let opening = played.iter().rev().find_map(|(played, _)| openings::by_fen(&played.fen));
        shown.insert("moves".into(), moves::history(&played));
        shown.insert("opening".into(), opening.map(|opening| opening.name).into());
        shown.insert("eco".into(), opening.map(|opening| opening.eco).into());
        Ok(())
    }
}

/// What getGame shows besides the game, for the documents.
pub fn more() -> Map<String, Value> {
    let text = || json!({"type": ["string", "null"]});
    let played = json!({"type": "array", "items": closed(Value::Object(moves::brief_schema()))});
    [("moves", played), ("opening", text()), ("eco", text())]
        .map(|(name, schema)| (name.to_owned(), schema))
        .into_iter()
        .collect()
}

/// A game as it is now; a deleted one is there for admins only.
pub async fn there(call: &Call, id: Uuid) -> Result<ChessGame, ApiError> {
    let loaded: Loaded<Game> = call.app.store.load(id).await.map_err(of_read)?;
    let sees_deleted = call.caller()?.role.is_admin();
    let visible = loaded.state.stored().filter(|stored| stored.active || sees_deleted);
    visible.map(|stored| stored.object.clone()).ok_or_else(|| of_rejection(&not_found(id)))
}

/// Whether everything about the game is this caller's to see.
fn sees(game: &ChessGame, caller: &Caller) -> bool {
    caller.role.is_admin() || takes_part(game, caller.user_id)
}

/// Whether somebody who does not play in it may see it, to join it (contract README, row 32).
fn is_open_to(game: &ChessGame, code: Option<&str>) -> bool {
    game.status == GameStatus::Pending && (game.mode == GameMode::Public || is_code(game, code))
}

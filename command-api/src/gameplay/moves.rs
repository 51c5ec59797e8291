//! The moves of games, read from their events.

use actix_web::HttpResponse;
use event_schema::envelope::{At, Recorded};
use event_schema::event::DomainEvent;
use event_schema::gameplay::game_event::GameEvent;
use event_schema::gameplay::game_move::{CHESS_GAME_MOVE, ChessGameMove};
use event_schema::object::Kind;
use event_schema::stored::{EventObject, event_bookkeeping, fields_of};
use serde_json::{Map, Value, json};
use service::ApiError;
use service::document::fields_schema;
use uuid::Uuid;

use super::game::{Game, takes_part};
use super::read;
use crate::es::history::{COLUMNS, ReadError, recorded};
use crate::es::log::Log;
use crate::es::state::Loaded;
use crate::es::store::DELETED;
use crate::http::call::Call;
use crate::http::envelope::{self, Paging};
use crate::http::error::of_read;
use crate::http::predicate::Sql;
use crate::http::query::{DEEPEST, Filter, Page};
use crate::http::read::readable;

/// Filters of listGameMoves.
pub const FILTERS: &[Filter] = &[Filter { name: "gameId", kind: Kind::Id }];

/// A move as the API shows it.
pub fn shown(played: &ChessGameMove, at: &At) -> Map<String, Value> {
    CHESS_GAME_MOVE.render(&fields_of(played), &event_bookkeeping(at), |_| true)
}

/// What was played up to the loaded version.
pub async fn of_game(log: &Log, game: &Loaded<Game>) -> Result<Vec<(ChessGameMove, At)>, ReadError> {
    let sql = format!(
        "select {COLUMNS} from {}.events where stream_id = $1 and version <= $2 and type = 'MovePlayed' order by version",
        log.schema
    );
    let client = log.pool.get().await?;
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query(&statement, &[&game.stream, &game.version]).await?;
    rows.iter().map(|row| played(&recorded(row)?)).collect()
}

/// The array `moves` of getGame.
pub fn history(moves: &[(ChessGameMove, At)]) -> Value {
    moves.iter().map(brief).collect()
}

/// What it says of each move.
const BRIEF: [&str; 6] = ["moveNumber", "moveNotation", "moveTime", "movedById", "moveTimestamp", "remainingMs"];

/// The JSON Schemas of [`BRIEF`].
pub fn brief_schema() -> Map<String, Value> {
    fields_schema(&CHESS_GAME_MOVE, &BRIEF.map(|name| (name, name)))
}

fn brief((played, _): &(ChessGameMove, At)) -> Value {
    let values = [
        json!(played.move_number),
        json!(played.move_notation),
        json!(played.move_time),
        json!(played.moved_by_id),
        json!(played.move_timestamp),
        json!(played.remaining_ms),
    ];
    BRIEF.into_iter().map(str::to_owned).zip(values).collect()
}

/// The move that a recorded event is.
fn played(row: &Recorded) -> Result<(ChessGameMove, At), ReadError> {
    let (event, at) = (GameEvent::from_recorded(row)?, row.at());
    ChessGameMove::from_event(&event, &at).map(|played| (played, at)).ok_or_else(|| {
        let told = format!("event {} at position {} is no move", row.kind, row.position);
        ReadError::Json(serde::de::Error::custom(told))
    })
}

/// Whose moves are listed.
#[derive(Debug, PartialEq)]
enum Scope {
    /// Everybody's.
    All,
    /// Those of the games that this user plays.
    PlayedBy(Uuid),
    /// Those of these games.
    Games(Vec<Uuid>),
}

/// Serves listGameMoves.
pub async fn list(call: Call) -> Result<HttpResponse, ApiError> {
    let page = call.query.page().map_err(ApiError::faults)?;
    let scope = scope(&call).await?;
    let (rows, total) = rows(&call.app.store.log, &scope, page).await.map_err(of_read)?;
    if page.number == 0 && total > DEEPEST {
        let told = format!("{total} moves match; `pageNumber=0` gives at most {DEEPEST}: name a `gameId` or use pages");
        return Err(ApiError::new(400, "errMsg_tooManyRows", told));
    }
    let moves = rows.iter().map(|(played, at)| Value::Object(shown(played, at))).collect();
    Ok(envelope::many(&call, moves, Paging { number: page.number, rows: page.rows, total }))
}

/// The games that the filter names, each of which the caller must take part in; without a filter his own, or all.
async fn scope(call: &Call) -> Result<Scope, ApiError> {
    let caller = call.caller()?;
    if call.query.first("gameId").is_none() {
        let all = caller.role.is_admin();
        return Ok(if all { Scope::All } else { Scope::PlayedBy(caller.user_id.0) });
    }
    let ids: Vec<Uuid> = call.query.all("gameId").filter_map(|text| Uuid::parse_str(text).ok()).collect();
    for id in &ids {
        let game = read::there(call, *id).await?;
        if !caller.role.is_admin() && !takes_part(&game, caller.user_id) && game.imported_by_id.is_none() {
            return Err(ApiError::forbidden(format!("the moves of chessGame `{id}` are not yours to read")));
        }
    }
    Ok(Scope::Games(ids))
}

/// A page of moves by game, then number, and how many there are in all.
async fn rows(log: &Log, scope: &Scope, page: Page) -> Result<(Vec<(ChessGameMove, At)>, i64), ReadError> {
    let mut sql = Sql::new(&log.schema);
    let schema = &log.schema;
    let condition = match scope {
        Scope::All => "true".to_owned(),
        Scope::Games(ids) => format!("stream_id = any({})", sql.param(ids.clone())),
        Scope::PlayedBy(user) => format!(
            "stream_id in (select i.stream_id from {schema}.object_index i where i.kind = {} \
             and i.field in ('playerWhiteId', 'playerBlackId') and i.value = {} and not exists (select 1 from \
             {schema}.object_index d where d.stream_id = i.stream_id and d.field = '{DELETED}'))",
            sql.param(GameEvent::CATEGORY),
            sql.param(user.to_string())
        ),
    };
    let (limit, offset) = match page.number {
        0 => (DEEPEST, 0),
        number => (page.rows, (number - 1) * page.rows),
    };
    let category = sql.param(GameEvent::CATEGORY);
    let from = format!("from {schema}.events where category = {category} and type = 'MovePlayed' and {condition}");
    let client = log.pool.get().await?;
    let total: i64 = client.query_one(&format!("select count(*) {from}"), &sql.params()).await?.try_get(0)?;
    let text = format!("select {COLUMNS} {from} order by stream_id, version limit {limit} offset {offset}");
    let rows = client.query(&text, &sql.params()).await?;
    let mut moves = Vec::with_capacity(rows.len());
    for read in rows.iter().map(|row| recorded(row).and_then(|row| played(&row))) {
        // Of the games that somebody names he gets all moves or an error.
        let kept = if matches!(scope, Scope::Games(_)) { Some(read) } else { readable(read) };
        moves.extend(kept.transpose()?);
    }
    Ok((moves, total))
}

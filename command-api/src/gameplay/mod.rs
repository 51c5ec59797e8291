//! Games of chess.

pub mod clock;
pub mod create;
pub mod delete;
pub mod ending;
pub mod game;
pub mod intent;
pub mod machine;
pub mod moves;
pub mod pgn;
pub mod play;
pub mod player;
pub mod read;
pub mod rules;
pub mod saving;
#[cfg(test)]
mod tests;
pub mod timers;
pub mod update;

use event_schema::gameplay::game_move::CHESS_GAME_MOVE;
use serde_json::json;

use crate::http::rows::{Action, Routes};
use create::CreateGame;
use delete::DeleteGame;
use game::Game;
use play::CreateGameMove;
use update::UpdateGame;

/// The documented root of the service.
pub const PREFIX: &str = "/gameplay-api";

/// The rows of the service (contract 1.8), in the contract's order.
pub fn routes(r: &mut Routes) {
    r.create::<CreateGame>(
        "createGame",
        "/v1/game",
        "every logged-in user, guests included; a non-admin only games that he plays",
    );
    let update = r.update::<UpdateGame>(
        "updateGame",
        "/v1/game/{chessGameId}",
        "its players, admins, and who joins an open game",
    );
    update.extra = &[read::CODE];
    r.delete::<DeleteGame>("deleteGame", "/v1/game/{chessGameId}", "admins");
    let get = r.get::<Game>(
        "getGame",
        "/v1/game/{chessGameId}",
        "its players, admins; an open game: everybody, or who has its code",
    );
    get.extra = &[read::CODE];
    get.about =
        "Reads a game with its `moves`; `invitationCode` opens a private game that waits for its second player.";
    let pgn = r.raw(
        "getGamePgn",
        "GET",
        "/v1/game/{chessGameId}/pgn",
        || json!({"type": "string", "contentMediaType": "application/x-chess-pgn"}),
        |call| Box::pin(pgn::serve(call)),
    );
    pgn.extra = &[read::CODE];
    pgn.who = "whoever reads the game";
    pgn.about = "The game as PGN: tags, moves, and clocks as `[%clk]` comments.";
    let who = "its players; admins all; open public games: everybody; open private ones: who gives the exact `invitationCode`";
    r.list::<Game>("listGames", "/v1/games", who, read::FILTERS);
    r.create::<CreateGameMove>("createGameMove", "/v1/gamemove", "the player to move, or an admin for him");
    let moves = r.special("listGameMoves", "GET", "/v1/gamemoves", Action::List, &CHESS_GAME_MOVE, |call| {
        Box::pin(moves::list(call))
    });
    moves.filters = moves::FILTERS;
    moves.who = "the players of the game; admins all";
    moves.about = "Lists moves by game and number; without `gameId` those of the caller's own games.";
}

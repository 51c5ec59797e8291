//! Games of chess.

pub mod board_theme;
pub mod clock;
pub mod create;
pub mod custom_board;
pub mod delete;
pub mod ending;
pub mod game;
pub mod import;
pub mod intent;
pub mod invitation;
pub mod machine;
pub mod messages;
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
pub mod user_preference;

use event_schema::gameplay::board_theme::BoardTheme;
use event_schema::gameplay::custom_board::CustomBoard;
use event_schema::gameplay::game_move::CHESS_GAME_MOVE;
use event_schema::gameplay::invitation::CHESS_GAME_INVITATION;
use event_schema::gameplay::user_preference::UserPreference;

use crate::es::aggregate::{Plain, Rejection};
use crate::es::joint::Both;
use crate::http::record::{Create, Delete, Update};
use crate::http::rows::{Access, Action, Answer, Routes};
use create::CreateGame;
use delete::DeleteGame;
use game::Game;
use invitation::delete::DeleteInvitation;
use invitation::send::SendInvitation;
use invitation::update::UpdateInvitation;
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
        "its players, who is invited, admins; an open game: everybody, or who has its code; an imported one: everybody",
    );
    get.extra = &[read::CODE];
    get.more = read::more;
    get.about =
        "Reads a game with its `moves`; `invitationCode` opens a private game that waits for its second player.";
    let pgn =
        r.raw("getGamePgn", "GET", "/v1/game/{chessGameId}/pgn", Answer::Text("application/x-chess-pgn"), |call| {
            Box::pin(pgn::serve(call))
        });
    pgn.extra = &[read::CODE];
    pgn.errors = &[404];
    pgn.who = "whoever reads the game";
    pgn.about = "The game as PGN: tags, moves, and clocks as `[%clk]` comments.";
    let who = "its players; admins all; open public games: everybody; open private ones: who gives the exact `invitationCode`";
    r.list::<Game>("listGames", "/v1/games", who, read::FILTERS);
    let played =
        r.create::<CreateGameMove>("createGameMove", "/v1/gamemove", "the player to move, or an admin for him");
    played.more = play::more;
    let moves = r.special("listGameMoves", "GET", "/v1/gamemoves", Action::List, &CHESS_GAME_MOVE, |call| {
        Box::pin(moves::list(call))
    });
    moves.filters = moves::FILTERS;
    moves.errors = &[404];
    moves.who = "the players of the game; of imported ones everybody; admins all";
    moves.about = "Lists moves by game and number; without `gameId` those of the caller's own games.";
    invitations(r);
    let report = Answer::Schema(import::report::schema);
    let import = r.raw("importGames", "POST", "/v1/games/import", report, |call| Box::pin(import::serve(call)));
    import.access = Access::Admins;
    import.who = "admins";
    import.about = import::ABOUT;
    import.body = import::BODY;
    import.body_limit = import::BODY_LIMIT;
    import.text = Some(import::PGN);
    records(r);
}

/// How players find each other for private games.
fn invitations(r: &mut Routes) {
    let one = "/v1/gameinvitation/{chessGameInvitationId}";
    r.create::<Both<SendInvitation>>(
        "createGameInvitation",
        "/v1/gameinvitation",
        "who plays in the game or made it, guests included",
    );
    r.update::<Both<UpdateInvitation>>("updateGameInvitation", one, "its sender, its recipient, admins");
    r.delete::<Both<DeleteInvitation>>("deleteGameInvitation", one, "admins");
    let (name, path) = ("listGameInvitations", "/v1/gameinvitations");
    let list =
        r.special(name, "GET", path, Action::List, &CHESS_GAME_INVITATION, |call| Box::pin(invitation::list(call)));
    list.filters = invitation::FILTERS;
    list.who = "its sender and its recipient; by `gameId` the players of the game; admins all";
    list.about = "Lists invitations, newest first.";
}

/// What players keep besides games.
fn records(r: &mut Routes) {
    const CREATOR: &str = "its creator";
    const SEEN: &str = "published ones: everybody; others: their creator and admins";
    r.create::<Create<CustomBoard>>("createCustomBoard", "/v1/customboards", "every logged-in user");
    r.list::<Plain<CustomBoard>>("listCustomBoards", "/v1/customboards", SEEN, custom_board::FILTERS);
    r.get::<Plain<CustomBoard>>("getCustomBoard", "/v1/customboards/{customBoardId}", SEEN);
    r.update::<Update<CustomBoard>>("updateCustomBoard", "/v1/customboards/{customBoardId}", CREATOR);
    r.delete::<Delete<CustomBoard>>("deleteCustomBoard", "/v1/customboards/{customBoardId}", "its creator and admins");
    r.create::<Create<BoardTheme>>("createBoardTheme", "/v1/boardthemes", "every logged-in user");
    r.list::<Plain<BoardTheme>>("listBoardThemes", "/v1/boardthemes", SEEN, board_theme::FILTERS);
    r.update::<Update<BoardTheme>>("updateBoardTheme", "/v1/boardthemes/{boardThemeId}", CREATOR);
    r.delete::<Delete<BoardTheme>>("deleteBoardTheme", "/v1/boardthemes/{boardThemeId}", CREATOR);
    let (one, own) = ("/v1/userpreferences/{userPreferenceId}", "the user himself");
    r.create::<Create<UserPreference>>("createUserPreference", "/v1/userpreferences", own);
    r.update::<Update<UserPreference>>("updateUserPreference", one, own);
    r.get::<Plain<UserPreference>>("getUserPreference", one, "the user himself and admins");
    let who = "each user his own; admins all";
    r.list::<Plain<UserPreference>>("listUserPreferences", "/v1/userpreferences", who, user_preference::FILTERS);
}

/// A name as it is kept: without spaces around it, and not empty.
fn name_of(text: &str) -> Result<String, Rejection> {
    let name = text.trim();
    if name.is_empty() {
        return Err(Rejection::invalid("errMsg_nameIsNotValid", "`name` must not be empty").at("/name"));
    }
    Ok(name.to_owned())
}

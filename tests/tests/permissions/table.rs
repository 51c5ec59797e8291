//! Who may do what: one case a line. A gameplay route without a case fails the test; a new route, or a new situation of
//! one, is a new line here, and its object a new [`Scene`].

use serde_json::{Value, json};
use wechess_tests::Actor;

use super::stage::{Scene, Stage, Who, board, opened_by, said, theirs, theme};

/// What a try must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The documented success.
    Success,
    /// The same, and the object is in the list.
    Sees,
    /// The same, and it is not.
    Misses,
    /// This refusal.
    Refused(u16),
}

const OK: Expect = Expect::Success;
const SEE: Expect = Expect::Sees;
const NOT: Expect = Expect::Misses;
const NO: Expect = Expect::Refused(403);
const WHO: Expect = Expect::Refused(401);
const LATE: Expect = Expect::Refused(409);
const GONE: Expect = Expect::Refused(404);

/// A situation of a route, and what it comes to for everybody.
pub struct Case {
    /// The route's name.
    pub route: &'static str,
    /// What the situation is.
    pub told: &'static str,
    /// What it is tried on.
    pub scene: Scene,
    /// For each column.
    pub expected: [Expect; 8],
    /// The query string, with its question mark.
    pub query: fn(&Stage<'_>) -> String,
    /// The body.
    pub body: fn(&Stage<'_>, &Actor) -> Value,
}

impl Case {
    fn query(mut self, query: fn(&Stage<'_>) -> String) -> Self {
        self.query = query;
        self
    }

    fn body(mut self, body: fn(&Stage<'_>, &Actor) -> Value) -> Self {
        self.body = body;
        self
    }
}

fn case(route: &'static str, told: &'static str, scene: Scene, expected: [Expect; 8]) -> Case {
    Case { route, told, scene, expected, query: |_| String::new(), body: |_, _| Value::Null }
}

/// Everything. The columns: owner, participant, invited, stranger, guest, admin, superAdmin, without a token.
pub fn cases() -> Vec<Case> {
    let played = [games(), changes(), finished(), deleted(), imported(), moves(), invitations(), messages()];
    played.into_iter().chain([boards(), themes(), preferences()]).flatten().collect()
}

#[rustfmt::skip]
fn games() -> Vec<Case> {
    let code = |stage: &Stage<'_>| format!("?invitationCode={}", stage.code);
    vec![
        case("createGame", "one that he plays", Scene::Nothing, [OK, OK, OK, OK, OK, OK, OK, WHO])
            .body(|_, who| opened_by(who)),
        case("createGame", "one of owner and participant", Scene::Nothing, [OK, OK, NO, NO, NO, OK, OK, WHO])
            .body(|stage, _| theirs(stage)),
        case("getGame", "played", Scene::Game, [OK, OK, NO, NO, NO, OK, OK, WHO]),
        case("getGame", "open and public", Scene::OpenGame, [OK, OK, OK, OK, OK, OK, OK, WHO]),
        case("getGame", "open and private", Scene::InvitedGame, [OK, NO, OK, NO, NO, OK, OK, WHO]),
        case("getGame", "open and private, with its code", Scene::PrivateGame, [OK, OK, OK, OK, OK, OK, OK, WHO])
            .query(code),
        case("getGamePgn", "open and private", Scene::InvitedGame, [OK, NO, OK, NO, NO, OK, OK, WHO]),
        case("getGamePgn", "played", Scene::Game, [OK, OK, NO, NO, NO, OK, OK, WHO]),
        case("getGamePgn", "open and public", Scene::OpenGame, [OK, OK, OK, OK, OK, OK, OK, WHO]),
        case("listGames", "played", Scene::Game, [SEE, SEE, NOT, NOT, NOT, SEE, SEE, WHO]),
        case("listGames", "open and public", Scene::OpenGame, [SEE, SEE, SEE, SEE, SEE, SEE, SEE, WHO]),
        case("listGames", "open and private", Scene::InvitedGame, [SEE, NOT, NOT, NOT, NOT, SEE, SEE, WHO]),
        case("listGames", "open and private, by its code", Scene::PrivateGame, [SEE, SEE, SEE, SEE, SEE, SEE, SEE, WHO])
            .query(code),
        case("deleteGame", "played", Scene::Game, [NO, NO, NO, NO, NO, OK, OK, WHO]),
        case("importGames", "one game", Scene::Nothing, [NO, NO, NO, NO, NO, OK, OK, WHO])
            .body(|_, _| json!({"pgn": "1. e4 *"})),
    ]
}

#[rustfmt::skip]
fn changes() -> Vec<Case> {
    let join = |_: &Stage<'_>, who: &Actor| json!({"playerBlackId": who.id});
    let code = |stage: &Stage<'_>| format!("?invitationCode={}", stage.code);
    vec![
        case("updateGame", "joining an open one", Scene::OpenGame, [LATE, OK, OK, OK, OK, OK, OK, WHO]).body(join),
        case("updateGame", "joining a private one", Scene::InvitedGame, [LATE, NO, NO, NO, NO, OK, OK, WHO])
            .body(join),
        case("updateGame", "joining by its code", Scene::PrivateGame, [LATE, OK, OK, OK, OK, OK, OK, WHO])
            .query(code).body(join),
        case("updateGame", "joining by a code in the body", Scene::PrivateGame, [LATE, OK, OK, OK, OK, OK, OK, WHO])
            .body(|stage, who| json!({"playerBlackId": who.id, "invitationCode": stage.code})),
        case("updateGame", "joining a full one", Scene::Game, [LATE, OK, LATE, LATE, LATE, LATE, LATE, WHO])
            .body(join),
        case("updateGame", "offering a draw", Scene::Game, [OK, OK, NO, NO, NO, NO, NO, WHO])
            .body(|_, _| json!({"result": "draw"})),
        case("updateGame", "answering the owner's offer", Scene::OfferedDraw, [LATE, OK, NO, NO, NO, NO, NO, WHO])
            .body(|_, _| json!({"drawAnswer": "accepted"})),
        case("updateGame", "resigning for Black", Scene::Game, [NO, OK, NO, NO, NO, NO, NO, WHO])
            .body(|_, _| json!({"result": "whiteWin"})),
        case("updateGame", "resigning for White", Scene::Game, [OK, NO, NO, NO, NO, NO, NO, WHO])
            .body(|_, _| json!({"result": "blackWin"})),
        case("updateGame", "aborting", Scene::Game, [OK, OK, NO, NO, NO, NO, NO, WHO])
            .body(|_, _| json!({"result": "aborted"})),
        case("updateGame", "asking to save for White", Scene::Game, [OK, NO, NO, NO, NO, NO, NO, WHO])
            .body(|_, _| json!({"saveRequestWhite": true})),
        case("updateGame", "taking back White's wish to save", Scene::SaveAsked, [OK, NO, NO, NO, NO, NO, NO, WHO])
            .body(|_, _| json!({"saveRequestWhite": false})),
        case("updateGame", "agreeing to White's wish to save", Scene::SaveAsked, [LATE, OK, NO, NO, NO, NO, NO, WHO])
            .body(|_, _| json!({"saveAnswer": "accepted"})),
        case("updateGame", "asking to resume", Scene::PausedGame, [OK, OK, NO, NO, NO, NO, NO, WHO])
            .body(|_, _| json!({"status": "active"})),
        case("updateGame", "reporting", Scene::Game, [OK, OK, NO, NO, NO, OK, OK, WHO])
            .body(|_, _| json!({"reportStatus": "reported"})),
        case("updateGame", "reviewing", Scene::Game, [NO, NO, NO, NO, NO, OK, OK, WHO])
            .body(|_, _| json!({"reportStatus": "underReview"})),
        case("updateGame", "terminating", Scene::Game, [NO, NO, NO, NO, NO, OK, OK, WHO])
            .body(|_, who| json!({"status": "terminated", "terminatedById": who.id})),
        case("updateGame", "terminating as aborted", Scene::Game, [NO, NO, NO, NO, NO, OK, OK, WHO])
            .body(|_, _| json!({"status": "terminated", "result": "aborted"})),
    ]
}

#[rustfmt::skip]
fn finished() -> Vec<Case> {
    vec![
        case("getGame", "finished", Scene::FinishedGame, [OK, OK, NO, NO, NO, OK, OK, WHO]),
        case("updateGame", "offering a draw in a finished one", Scene::FinishedGame, [LATE, LATE, NO, NO, NO, NO, NO, WHO])
            .body(|_, _| json!({"result": "draw"})),
        case("updateGame", "terminating a finished one", Scene::FinishedGame, [NO, NO, NO, NO, NO, LATE, LATE, WHO])
            .body(|_, _| json!({"status": "terminated"})),
        case("updateGame", "reporting a finished one", Scene::FinishedGame, [OK, OK, NO, NO, NO, OK, OK, WHO])
            .body(|_, _| json!({"reportStatus": "reported"})),
        case("createGameMove", "in a finished one", Scene::FinishedGame, [LATE, LATE, NO, NO, NO, LATE, LATE, WHO])
            .body(|stage, _| json!({"gameId": stage.id, "moveNumber": 1, "moveNotation": "e4"})),
        case("createGameHubMessage", "in a finished one", Scene::FinishedGame, [LATE, LATE, NO, NO, NO, NO, NO, WHO])
            .body(|stage, _| said(&stage.id)),
    ]
}

#[rustfmt::skip]
fn deleted() -> Vec<Case> {
    let (gone, for_admins) =
        ([GONE, GONE, GONE, GONE, GONE, GONE, GONE, WHO], |how| [GONE, GONE, GONE, GONE, GONE, how, how, WHO]);
    vec![
        case("getGame", "deleted", Scene::DeletedGame, for_admins(OK)),
        case("getGamePgn", "deleted", Scene::DeletedGame, for_admins(OK)),
        case("listGameMoves", "of a deleted one", Scene::DeletedGame, for_admins(SEE)).query(of_game),
        case("listGames", "deleted", Scene::DeletedGame, [NOT, NOT, NOT, NOT, NOT, NOT, NOT, WHO]),
        case("updateGame", "reporting a deleted one", Scene::DeletedGame, gone)
            .body(|_, _| json!({"reportStatus": "reported"})),
        case("deleteGame", "deleted", Scene::DeletedGame, gone),
        case("createGameMove", "in a deleted one", Scene::DeletedGame, gone)
            .body(|stage, _| json!({"gameId": stage.id, "moveNumber": 2, "moveNotation": "e5"})),
        case("createGameHubMessage", "in a deleted one", Scene::DeletedGame, gone).body(|stage, _| said(&stage.id)),
    ]
}

#[rustfmt::skip]
fn imported() -> Vec<Case> {
    let (everybody, seen) = ([OK, OK, OK, OK, OK, OK, OK, WHO], [SEE, SEE, SEE, SEE, SEE, SEE, SEE, WHO]);
    let by_importer = |stage: &Stage<'_>| format!("?importedById={}", stage.cast.get(Who::SuperAdmin).id);
    vec![
        case("getGame", "imported", Scene::ImportedGame, everybody),
        case("getGamePgn", "imported", Scene::ImportedGame, everybody),
        case("listGameMoves", "of an imported one", Scene::ImportedGame, seen).query(of_game),
        case("listGames", "imported", Scene::ImportedGame, [NOT, NOT, NOT, NOT, NOT, SEE, SEE, WHO]),
        case("listGames", "imported, by its importer", Scene::ImportedGame, seen).query(by_importer),
        case("updateGame", "reporting an imported one", Scene::ImportedGame, [NO, NO, NO, NO, NO, OK, OK, WHO])
            .body(|_, _| json!({"reportStatus": "reported"})),
        case("createGameMove", "in an imported one", Scene::ImportedGame, [NO, NO, NO, NO, NO, LATE, LATE, WHO])
            .body(|stage, _| json!({"gameId": stage.id, "moveNumber": 4, "moveNotation": "Nf6"})),
    ]
}

/// The filter of what belongs to the game.
fn of_game(stage: &Stage<'_>) -> String {
    format!("?gameId={}", stage.id)
}

#[rustfmt::skip]
fn moves() -> Vec<Case> {
    vec![
        case("createGameMove", "White is to move", Scene::Game, [OK, LATE, NO, NO, NO, OK, OK, WHO])
            .body(|stage, _| json!({"gameId": stage.id, "moveNumber": 1, "moveNotation": "e4"})),
        case("listGameMoves", "of the game", Scene::GameWithMove, [SEE, SEE, NO, NO, NO, SEE, SEE, WHO]).query(of_game),
        case("listGameMoves", "his own", Scene::GameWithMove, [SEE, SEE, NOT, NOT, NOT, SEE, SEE, WHO])
            .query(|_| "?pageNumber=0".into()),
    ]
}

#[rustfmt::skip]
fn invitations() -> Vec<Case> {
    vec![
        case("createGameInvitation", "to a private game", Scene::PrivateGame, [OK, NO, NO, NO, NO, NO, NO, WHO])
            .body(|stage, _| json!({"gameId": stage.id, "recipientId": stage.cast.get(Who::Invited).id})),
        case("updateGameInvitation", "accepting", Scene::Invitation, [NO, NO, OK, NO, NO, NO, NO, WHO])
            .body(|_, _| json!({"status": "accepted"})),
        case("updateGameInvitation", "declining", Scene::Invitation, [NO, NO, OK, NO, NO, NO, NO, WHO])
            .body(|_, _| json!({"status": "declined"})),
        case("updateGameInvitation", "taking it back", Scene::Invitation, [OK, NO, NO, NO, NO, OK, OK, WHO])
            .body(|_, _| json!({"status": "cancelled"})),
        case("updateGameInvitation", "another end", Scene::Invitation, [OK, NO, NO, NO, NO, OK, OK, WHO])
            .body(|_, _| json!({"expiresAt": chrono::Utc::now() + chrono::TimeDelta::days(2)})),
        case("listGameInvitations", "to the game", Scene::InvitedGame, [SEE, NOT, SEE, NOT, NOT, SEE, SEE, WHO])
            .query(of_game),
        case("deleteGameInvitation", "pending", Scene::Invitation, [NO, NO, NO, NO, NO, OK, OK, WHO]),
        case("listGameInvitations", "pending", Scene::Invitation, [SEE, NOT, SEE, NOT, NOT, SEE, SEE, WHO]),
    ]
}

#[rustfmt::skip]
fn messages() -> Vec<Case> {
    vec![
        case("createGameHubMessage", "in the room of the game", Scene::Game, [OK, OK, NO, NO, NO, NO, NO, WHO])
            .body(|stage, _| said(&stage.id)),
        case("listGameHubMessages", "the owner's", Scene::Message, [SEE, SEE, NOT, NOT, NOT, SEE, SEE, WHO]),
        case("listGameHubMessages", "of the room", Scene::Room, [SEE, SEE, NO, NO, NO, SEE, SEE, WHO])
            .query(|stage| format!("?roomId={}", stage.id)),
        case("getGameHubMessage", "the owner's", Scene::Message, [OK, OK, NO, NO, NO, OK, OK, WHO]),
        case("updateGameHubMessage", "editing the owner's", Scene::Message, [OK, NO, NO, NO, NO, OK, OK, WHO])
            .body(|_, _| json!({"content": {"body": "hello"}})),
        case("updateGameHubMessage", "moderating", Scene::Message, [NO, NO, NO, NO, NO, OK, OK, WHO])
            .body(|_, _| json!({"status": "rejected"})),
        case("deleteGameHubMessage", "the owner's", Scene::Message, [OK, NO, NO, NO, NO, OK, OK, WHO]),
    ]
}

#[rustfmt::skip]
fn boards() -> Vec<Case> {
    vec![
        case("createCustomBoard", "his own", Scene::Nothing, [OK, OK, OK, OK, OK, OK, OK, WHO])
            .body(|_, _| board(false)),
        case("createCustomBoard", "for the owner", Scene::Nothing, [OK, NO, NO, NO, NO, OK, OK, WHO])
            .body(|stage, _| for_owner(stage, board(false))),
        case("getCustomBoard", "unpublished", Scene::Board, [OK, NO, NO, NO, NO, OK, OK, WHO]),
        case("getCustomBoard", "published", Scene::PublishedBoard, [OK, OK, OK, OK, OK, OK, OK, WHO]),
        case("listCustomBoards", "unpublished", Scene::Board, [SEE, NOT, NOT, NOT, NOT, SEE, SEE, WHO]),
        case("listCustomBoards", "published", Scene::PublishedBoard, [SEE, SEE, SEE, SEE, SEE, SEE, SEE, WHO]),
        case("updateCustomBoard", "published", Scene::PublishedBoard, [OK, NO, NO, NO, NO, NO, NO, WHO])
            .body(|_, _| json!({"name": "another"})),
        case("deleteCustomBoard", "published", Scene::PublishedBoard, [OK, NO, NO, NO, NO, OK, OK, WHO]),
    ]
}

#[rustfmt::skip]
fn themes() -> Vec<Case> {
    vec![
        case("createBoardTheme", "his own", Scene::Nothing, [OK, OK, OK, OK, OK, OK, OK, WHO]).body(|_, _| theme()),
        case("createBoardTheme", "for the owner", Scene::Nothing, [OK, NO, NO, NO, NO, OK, OK, WHO])
            .body(|stage, _| for_owner(stage, theme())),
        case("listBoardThemes", "unpublished", Scene::Theme, [SEE, NOT, NOT, NOT, NOT, SEE, SEE, WHO]),
        case("listBoardThemes", "published", Scene::PublishedTheme, [SEE, SEE, SEE, SEE, SEE, SEE, SEE, WHO]),
        case("updateBoardTheme", "published", Scene::PublishedTheme, [OK, NO, NO, NO, NO, NO, NO, WHO])
            .body(|_, _| json!({"name": "another"})),
        case("deleteBoardTheme", "published", Scene::PublishedTheme, [OK, NO, NO, NO, NO, NO, NO, WHO]),
    ]
}

/// The same in the owner's name.
fn for_owner(stage: &Stage<'_>, mut body: Value) -> Value {
    body["createdById"] = json!(stage.cast.owner().id);
    body
}

/// The first one comes first: nobody has a preference yet.
#[rustfmt::skip]
fn preferences() -> Vec<Case> {
    vec![
        case("createUserPreference", "his own", Scene::Nothing, [OK, OK, OK, OK, OK, OK, OK, WHO])
            .body(|_, _| json!({"soundEnabled": false})),
        case("createUserPreference", "a second one", Scene::Nothing, [LATE, LATE, LATE, LATE, LATE, LATE, LATE, WHO])
            .body(|_, _| json!({"soundEnabled": true})),
        case("createUserPreference", "for the owner", Scene::Nothing, [LATE, NO, NO, NO, NO, NO, NO, WHO])
            .body(|stage, _| json!({"userId": stage.cast.owner().id})),
        case("getUserPreference", "the owner's", Scene::Preference, [OK, NO, NO, NO, NO, OK, OK, WHO]),
        case("listUserPreferences", "the owner's", Scene::Preference, [SEE, NOT, NOT, NOT, NOT, SEE, SEE, WHO]),
        case("updateUserPreference", "the owner's", Scene::Preference, [OK, NO, NO, NO, NO, NO, NO, WHO])
            .body(|_, _| json!({"premoveEnabled": true})),
    ]
}

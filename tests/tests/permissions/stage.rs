//! Who tries the routes, and on what: the people are made once, the object anew for each try.

use futures_util::future::join3;
use serde_json::{Value, json};
use wechess_tests::{Actor, System, direct};

use crate::import::{MOVES, game, import, unique};

/// Who tries: the columns of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Made the object; plays White.
    Owner,
    /// Plays Black.
    Participant,
    /// Is invited to the game.
    Invited,
    /// A registered user who has nothing to do with it.
    Stranger,
    /// A guest who has nothing to do with it.
    Guest,
    /// An admin who has nothing to do with it.
    Admin,
    /// The one from the configuration.
    SuperAdmin,
    /// Without a token.
    Nobody,
}

/// The columns in their order.
pub const EVERYBODY: [Who; 8] =
    [Who::Owner, Who::Participant, Who::Invited, Who::Stranger, Who::Guest, Who::Admin, Who::SuperAdmin, Who::Nobody];

/// The people.
pub struct Cast([Actor; 8]);

impl Cast {
    /// Fresh people.
    pub async fn of(system: &System) -> Self {
        let (owner, participant, invited) =
            join3(system.user("owner"), system.user("participant"), system.user("invited")).await;
        let (stranger, guest, admin) = join3(system.user("stranger"), system.guest(), system.user("admin")).await;
        direct::make_admin(&admin).await;
        Self([owner, participant, invited, stranger, guest, admin, system.admin().await, system.stranger()])
    }

    /// The person of a column.
    pub fn get(&self, who: Who) -> &Actor {
        &self.0[who as usize]
    }

    /// The person of [`Who::Owner`].
    pub fn owner(&self) -> &Actor {
        self.get(Who::Owner)
    }
}

/// What a try is made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Nothing yet: the route makes it.
    Nothing,
    /// A game of owner and participant, White to move.
    Game,
    /// The same after White's first move.
    GameWithMove,
    /// The game, in which the owner offers a draw.
    OfferedDraw,
    /// The game, which the owner asks to save.
    SaveAsked,
    /// The game, saved by both.
    PausedGame,
    /// The game, which the owner has resigned.
    FinishedGame,
    /// The game after White's first move, deleted by an admin.
    DeletedGame,
    /// A game that was played elsewhere, imported by the superAdmin.
    ImportedGame,
    /// A public game that waits for its second player.
    OpenGame,
    /// A private one; its code is in [`Stage::code`].
    PrivateGame,
    /// A private one to which somebody is invited.
    InvitedGame,
    /// His invitation.
    Invitation,
    /// What the owner said in the room of his game with the participant.
    Message,
    /// The game in whose room he said it.
    Room,
    /// A custom board that only its owner sees.
    Board,
    /// One that everybody sees.
    PublishedBoard,
    /// A theme that only its owner sees.
    Theme,
    /// One that everybody sees.
    PublishedTheme,
    /// The owner's preference; there is one for ever.
    Preference,
}

/// An object to try on.
pub struct Stage<'a> {
    /// The people.
    pub cast: &'a Cast,
    /// Its id; empty when there is none.
    pub id: String,
    /// The code of a private game; empty otherwise.
    pub code: String,
    /// Whether it is deleted.
    pub deleted: bool,
}

const INVITATIONS: &str = "/gameplay-api/v1/gameinvitation";
const MESSAGES: &str = "/gameplay-api/v1/v1/gameHub-messages";
const BOARDS: &str = "/gameplay-api/v1/customboards";
const THEMES: &str = "/gameplay-api/v1/boardthemes";
const PREFERENCES: &str = "/gameplay-api/v1/userpreferences";

impl Scene {
    /// Makes the object.
    pub async fn set(self, cast: &Cast) -> Stage<'_> {
        let owner = cast.owner();
        let stage = |object: &Value| Stage {
            cast,
            id: object["id"].as_str().unwrap_or_default().to_owned(),
            code: object["invitationCode"].as_str().unwrap_or_default().to_owned(),
            deleted: false,
        };
        match self {
            Self::Nothing => stage(&Value::Null),
            Self::Game => stage(&json!({"id": owner.create_game(cast.get(Who::Participant)).await.id})),
            Self::GameWithMove => {
                let game = owner.create_game(cast.get(Who::Participant)).await;
                game.play("e4").await;
                stage(&json!({"id": game.id}))
            }
            Self::OfferedDraw => stage(&changed(cast, &[(Who::Owner, json!({"result": "draw"}))]).await),
            Self::SaveAsked => stage(&changed(cast, &[(Who::Owner, json!({"saveRequestWhite": true}))]).await),
            Self::PausedGame => {
                let agreed = (Who::Participant, json!({"saveAnswer": "accepted"}));
                stage(&changed(cast, &[(Who::Owner, json!({"saveRequestWhite": true})), agreed]).await)
            }
            Self::FinishedGame => stage(&changed(cast, &[(Who::Owner, json!({"result": "blackWin"}))]).await),
            Self::DeletedGame => {
                let game = owner.create_game(cast.get(Who::Participant)).await;
                game.play("e4").await;
                let one = format!("/gameplay-api/v1/game/{}", game.id);
                Stage { deleted: true, ..stage(cast.get(Who::SuperAdmin).delete(&one).await.data()) }
            }
            Self::ImportedGame => {
                let report = import(cast.get(Who::SuperAdmin), &game(&unique("Hamppe"), MOVES)).await;
                stage(&json!({"id": report.is(200)["games"][0]["gameId"]}))
            }
            Self::OpenGame => stage(&owner.open_game("public").await),
            Self::PrivateGame => stage(&owner.open_game("private").await),
            Self::InvitedGame => {
                let game = owner.open_game("private").await;
                invitation(cast, &game).await;
                stage(&game)
            }
            Self::Invitation => stage(&invitation(cast, &owner.open_game("private").await).await),
            Self::Message => stage(&message(cast).await),
            Self::Room => stage(&json!({"id": message(cast).await["roomId"]})),
            Self::Board => stage(owner.post(BOARDS, &board(false)).await.data()),
            Self::PublishedBoard => stage(owner.post(BOARDS, &board(true)).await.data()),
            Self::Theme => stage(owner.post(THEMES, &theme()).await.data()),
            Self::PublishedTheme => {
                let theme = owner.post(THEMES, &theme()).await;
                let path = format!("{THEMES}/{}", theme.data()["id"].as_str().unwrap_or_default());
                stage(owner.patch(&path, &json!({"isPublished": true})).await.data())
            }
            Self::Preference => {
                let there = owner.get(PREFERENCES).await;
                match there.data().get(0) {
                    Some(preference) => stage(preference),
                    None => stage(owner.post(PREFERENCES, &json!({})).await.data()),
                }
            }
        }
    }
}

/// The game after these requests.
async fn changed(cast: &Cast, requests: &[(Who, Value)]) -> Value {
    let game = cast.owner().create_game(cast.get(Who::Participant)).await;
    for (who, body) in requests {
        cast.get(*who).update_game(&game.id, body.clone()).await.is(200);
    }
    json!({"id": game.id})
}

/// What the owner said in the room of the game.
async fn message(cast: &Cast) -> Value {
    let game = cast.owner().create_game(cast.get(Who::Participant)).await;
    cast.owner().post(MESSAGES, &said(&game.id)).await.data().clone()
}

async fn invitation(cast: &Cast, game: &Value) -> Value {
    let body = json!({"gameId": game["id"], "recipientId": cast.get(Who::Invited).id});
    cast.owner().post(INVITATIONS, &body).await.data().clone()
}

/// The body of something said in this room.
pub fn said(room: &str) -> Value {
    json!({"roomId": room, "content": {"body": "hi"}})
}

/// The body of a custom board.
pub fn board(published: bool) -> Value {
    json!({"name": "b", "fen": "8/8/8/4k3/8/4K3/4P3/8 w - - 0 1", "isPublished": published, "category": "endgame"})
}

/// The body of a board theme.
pub fn theme() -> Value {
    json!({"name": "t", "lightSquare": "#ffffff", "darkSquare": "#000000"})
}

/// The body of a game that this player opens.
pub fn opened_by(who: &Actor) -> Value {
    json!({"playerWhiteId": who.id, "mode": "public", "gameType": "untimed"})
}

/// The body of a game of owner and participant.
pub fn theirs(stage: &Stage<'_>) -> Value {
    let (white, black) = (&stage.cast.owner().id, &stage.cast.get(Who::Participant).id);
    json!({"playerWhiteId": white, "playerBlackId": black, "mode": "public", "gameType": "untimed"})
}

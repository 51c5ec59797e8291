//! What writers keep besides games, whom they invite, and games that stand still for a while.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Game, Hall, Player, id_of, key};
use crate::check::acknowledged::Mark;
use crate::client::Answer;

/// An invitation that waits for its answer.
#[derive(Clone, Debug)]
pub struct Invited {
    /// The invitation.
    pub id: Uuid,
    /// Its game, which waits for its second player.
    pub game: Game,
    /// Who may be that.
    pub recipient: Player,
}

impl Hall {
    /// Makes a board, or gives his own one another name, which nobody else uses; its id.
    pub async fn save_board(&self, player: &Player, board: Option<Uuid>) -> Option<Uuid> {
        let name = Uuid::now_v7().simple().to_string();
        let reply = match board {
            Some(id) => {
                let path = format!("/gameplay-api/v1/customboards/{id}");
                self.command(player, "PATCH", &path, &key(), json!({"name": name})).await
            }
            None => {
                let fen = "8/8/8/4k3/8/4K3/4P3/8 w - - 0 1";
                let body = json!({"name": name, "fen": fen, "isPublished": true, "category": "endgame"});
                self.command(player, "POST", "/gameplay-api/v1/customboards", &key(), body).await
            }
        };
        let answer = self.good(reply, player.id, "CustomBoardSaved", || format!("board {name}"))?;
        let id = id_of(&answer, "customBoard")?;
        self.acknowledged(Mark::new(id, "CustomBoardSaved", name), &answer);
        Some(id)
    }

    /// Makes a player's preferences, of whom nobody has two, or changes them; their id.
    pub async fn save_preference(&self, player: &Player, known: Option<Uuid>, sound: bool) -> Option<Uuid> {
        let (one, body) = ("/gameplay-api/v1/userpreferences", json!({"soundEnabled": sound}));
        let reply = match known {
            Some(id) => self.command(player, "PATCH", &format!("{one}/{id}"), &key(), body).await,
            None => self.command(player, "POST", one, &key(), body).await,
        };
        let what = || format!("preferences of {}", player.id);
        let answer = self.good(reply, player.id, "UserPreferenceSaved", what)?;
        let id = id_of(&answer, "userPreference")?;
        self.acknowledged(Mark::new(id, "UserPreferenceSaved", sound.to_string()), &answer);
        Some(id)
    }

    /// A private game of the sender's, and an invitation to it.
    pub async fn invite(&self, sender: &Player, recipient: &Player) -> Option<Invited> {
        let mut game = self.create_as(sender, None, &json!({"mode": "private"})).await?;
        let body = json!({"gameId": game.id, "recipientId": recipient.id});
        let reply = self.command(sender, "POST", "/gameplay-api/v1/gameinvitation", &key(), body).await;
        let what = || format!("an invitation to game {}", game.id);
        let answer = self.good(reply, sender.id, "InvitationSent", what)?;
        let id = id_of(&answer, "chessGameInvitation")?;
        self.both(&answer, [Mark::new(id, "InvitationSent", ""), Mark::new(game.id, "PlayerInvited", "")]);
        game.token = answer.token;
        Some(Invited { id, game, recipient: recipient.clone() })
    }

    /// The recipient accepts or declines; the game if he plays.
    pub async fn answer_invitation(&self, invited: Invited, accepts: bool) -> Option<Game> {
        let Invited { id, mut game, recipient } = invited;
        let (status, kind, on_game) = if accepts {
            ("accepted", "InvitationAccepted", Mark::new(game.id, "PlayerJoined", recipient.id.to_string()))
        } else {
            ("declined", "InvitationDeclined", Mark::new(game.id, "PlayerUninvited", ""))
        };
        let path = format!("/gameplay-api/v1/gameinvitation/{id}");
        let reply = self.command(&recipient, "PATCH", &path, &key(), json!({"status": status})).await;
        let answer = self.good(reply, recipient.id, kind, || format!("invitation {id} {status}"))?;
        self.both(&answer, [Mark::new(id, kind, ""), on_game]);
        (game.black, game.token) = (Some(recipient), answer.token);
        accepts.then_some(game)
    }

    /// A player asks for what needs both players, or agrees to it: to save the game (`true`), or to resume it. `kind` is
    /// the event that this must make.
    pub async fn wish(&self, game: &mut Game, white: bool, save: bool, kind: &'static str) -> bool {
        let Some(player) = (if white { Some(game.white.clone()) } else { game.black.clone() }) else { return false };
        let field = if white { "saveRequestWhite" } else { "saveRequestBlack" };
        let path = format!("/gameplay-api/v1/game/{}", game.id);
        let body = Value::Object([(field.to_owned(), json!(save))].into_iter().collect());
        let reply = self.command(&player, "PATCH", &path, &key(), body).await;
        let Some(answer) = self.good(reply, player.id, kind, || format!("{kind} in game {}", game.id)) else {
            game.over = true;
            return false;
        };
        self.acknowledged(Mark::new(game.id, kind, player.id.to_string()), &answer);
        game.token = answer.token;
        true
    }

    /// Writes down what one command did to two streams: its answer has the version of one of them only.
    fn both(&self, answer: &Answer, marks: [Mark; 2]) {
        for mark in marks {
            self.acknowledged(mark, &Answer { version: None, ..answer.clone() });
        }
    }
}

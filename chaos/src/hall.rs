//! What writers do, and what they write down: every acknowledged answer, every outcome that stays open.

mod records;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use stack::error::Result;
use uuid::Uuid;

use crate::check::acknowledged::{Acknowledged, Mark, Notes};
use crate::chess::Position;
use crate::client::{Answer, Ask, Client, Reply};
use crate::finding::Finding;

/// The password of everybody.
const PASSWORD: &str = "correct horse battery";

/// Somebody with a token.
#[derive(Clone, Debug)]
pub struct Player {
    /// His id.
    pub id: Uuid,
    /// His token.
    pub token: String,
}

/// A game as its players know it.
#[derive(Clone, Debug)]
pub struct Game {
    /// Its id.
    pub id: Uuid,
    /// White.
    pub white: Player,
    /// Black.
    pub black: Option<Player>,
    /// The position.
    pub position: Position,
    /// Half-moves played.
    pub moves: u32,
    /// The token of its last answer.
    pub token: Option<String>,
    /// Whether it is over.
    pub over: bool,
}

/// Where everybody writes, and what is known of it.
pub struct Hall {
    /// The client.
    pub client: Client,
    command_api: String,
    query_bff: String,
    notes: Mutex<Notes>,
    findings: Mutex<Vec<Finding>>,
}

/// The id of the object that an answer shows under this name.
fn id_of(answer: &Answer, name: &str) -> Option<Uuid> {
    answer.body[name]["id"].as_str()?.parse().ok()
}

/// A key that nobody used.
pub fn key() -> String {
    Uuid::now_v7().to_string()
}

impl Hall {
    /// A hall in front of these two services.
    pub fn new(command_api: String, query_bff: String) -> Result<Self> {
        let (notes, findings) = (Mutex::default(), Mutex::default());
        Ok(Self { client: Client::new()?, command_api, query_bff, notes, findings })
    }

    /// Where its command-api is.
    pub fn command_api(&self) -> &str {
        &self.command_api
    }

    /// Takes over what another hall of the same system wrote down.
    pub fn absorb(&self, other: &Self) {
        let other = other.notes().clone();
        let mut notes = self.notes();
        notes.acknowledged.extend(other.acknowledged);
        notes.open.extend(other.open);
        notes.players.extend(other.players);
    }

    /// What was written down.
    pub fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was found on the way.
    pub fn findings(&self) -> Vec<Finding> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes a finding.
    pub fn find(&self, finding: Finding) {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).push(finding);
    }

    fn differs(&self, what: String, detail: String) {
        self.find(Finding::AnswerDiffers { what, detail });
    }

    /// Writes an acknowledgement down.
    fn acknowledged(&self, mark: Mark, answer: &Answer) {
        let (position, version) = (answer.position(), answer.version);
        self.notes().acknowledged.push(Acknowledged { mark, position, version });
    }

    /// An answer that had to be good; a refusal is a finding, an open outcome is noted.
    fn good(&self, reply: Reply, actor: Uuid, kind: &'static str, what: impl FnOnce() -> String) -> Option<Answer> {
        match reply {
            Reply::Done(answer) => Some(answer),
            Reply::Refused(answer) => {
                self.find(Finding::Refused { what: what(), answer: answer.told() });
                None
            }
            Reply::Open => {
                self.notes().open.push((actor, kind));
                None
            }
        }
    }

    async fn command(&self, player: &Player, method: &'static str, path: &str, key: &str, body: Value) -> Reply {
        let url = format!("{}{path}", self.command_api);
        let ask = Ask { method, url, token: &player.token, key: Some(key), since: None, body: Some(body) };
        self.client.ask(&ask).await
    }

    async fn session(&self, path: &str, body: Value) -> Option<Player> {
        let url = format!("{}{path}", self.command_api);
        let ask = Ask { method: "POST", url, token: "", key: None, since: None, body: Some(body) };
        let answer = self.good(self.client.ask(&ask).await, Uuid::nil(), "UserRegistered", || path.to_owned())?;
        let id = answer.body["userId"].as_str()?.parse().ok()?;
        let player = Player { id, token: answer.body["accessToken"].as_str()?.to_owned() };
        self.notes().players.insert(id);
        Some(player)
    }

    /// A new guest. (A retry makes another one: this route knows no keys.)
    pub async fn guest(&self, name: &str) -> Option<Player> {
        let player = self.session("/auth-api/v1/registerguest", json!({"fullname": name})).await?;
        let mark = Mark::new(player.id, "UserRegistered", "");
        self.notes().acknowledged.push(Acknowledged { mark, position: None, version: None });
        Some(player)
    }

    /// A new registered user, logged in; with a guest, that guest upgraded.
    pub async fn registered(&self, name: &str, guest: Option<&Player>) -> Option<Player> {
        let email = format!("{name}-{}@example.com", Uuid::now_v7().simple());
        let body = json!({"email": email, "password": PASSWORD, "fullname": name});
        let nobody = Player { id: Uuid::nil(), token: String::new() };
        let (caller, kind) = guest.map_or((&nobody, "UserRegistered"), |guest| (guest, "GuestUpgraded"));
        let reply = self.command(caller, "POST", "/auth-api/v1/registeruser", &key(), body).await;
        let answer = self.good(reply, caller.id, kind, || format!("registration of {email}"))?;
        let id = id_of(&answer, "user")?;
        self.acknowledged(Mark::new(id, kind, ""), &answer);
        self.session("/auth-api/login", json!({"username": email, "password": PASSWORD})).await
    }

    /// A new game of White's: against somebody, or open to all.
    pub async fn create(&self, white: &Player, black: Option<&Player>) -> Option<Game> {
        self.create_as(white, black, &json!({})).await
    }

    /// The same with these fields in place of a public game without a clock.
    pub async fn create_as(&self, white: &Player, black: Option<&Player>, more: &Value) -> Option<Game> {
        let mut body = json!({"playerWhiteId": white.id, "mode": "public", "gameType": "untimed"});
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        if let Some(black) = black {
            body["playerBlackId"] = json!(black.id);
        }
        let reply = self.command(white, "POST", "/gameplay-api/v1/game", &key(), body).await;
        let answer = self.good(reply, white.id, "GameCreated", || format!("a game of {}", white.id))?;
        let id = id_of(&answer, "chessGame")?;
        self.acknowledged(Mark::new(id, "GameCreated", ""), &answer);
        let (white, black, token) = (white.clone(), black.cloned(), answer.token);
        Some(Game { id, white, black, position: Position::start(), moves: 0, token, over: false })
    }

    /// Several want to join an open game at once: one of them must.
    pub async fn join(&self, game: &mut Game, players: &[Player]) -> bool {
        let path = format!("/gameplay-api/v1/game/{}", game.id);
        let ask = async |player: &Player| {
            let body = json!({"playerBlackId": player.id});
            self.command(player, "PATCH", &path, &key(), body).await
        };
        let replies = futures_util::future::join_all(players.iter().map(ask)).await;
        let mut refused = String::new();
        for (player, reply) in players.iter().zip(replies) {
            match reply {
                Reply::Done(answer) => {
                    let mark = Mark::new(game.id, "PlayerJoined", player.id.to_string());
                    self.acknowledged(mark, &answer);
                    game.black = Some(player.clone());
                    game.token = answer.token;
                }
                Reply::Refused(answer) => refused = answer.told(),
                Reply::Open => {
                    self.notes().open.push((player.id, "PlayerJoined"));
                    game.over = true;
                }
            }
        }
        if game.black.is_none() && !game.over {
            self.find(Finding::Refused { what: format!("joining game {}", game.id), answer: refused });
        }
        game.black.is_some() && !game.over
    }

    /// Sends a move.
    pub async fn send_move(&self, game: &Game, uci: &str, key: &str) -> Reply {
        let mover = if game.position.white_moves() { Some(&game.white) } else { game.black.as_ref() };
        let Some(mover) = mover else { return Reply::Open };
        let body = json!({"gameId": game.id, "moveNumber": game.moves + 1, "moveNotation": uci});
        self.command(mover, "POST", "/gameplay-api/v1/gamemove", key, body).await
    }

    /// Takes over the reply to a move that had to be good.
    pub fn moved(&self, game: &mut Game, uci: &str, reply: Reply) -> bool {
        let mover = if game.position.white_moves() {
            game.white.id
        } else {
            game.black.as_ref().map_or(game.white.id, |b| b.id)
        };
        let what = || format!("move {} {uci} in game {}", game.moves + 1, game.id);
        let Some(answer) = self.good(reply, mover, "MovePlayed", what) else {
            game.over = true;
            return false;
        };
        let shown = &answer.body["chessGameMove"];
        if shown["uci"] != uci || shown["moveNumber"] != game.moves + 1 {
            self.differs(what(), format!("answered {} {}", shown["moveNumber"], shown["uci"]));
        }
        let Some(after) = game.position.after(uci) else { return false };
        self.acknowledged(Mark::new(game.id, "MovePlayed", format!("{} {uci}", game.moves + 1)), &answer);
        game.over = shown["gameStatus"] == "completed";
        (game.position, game.moves, game.token) = (after, game.moves + 1, answer.token);
        true
    }

    /// Offers a draw, in a game in which no offer stands and none may be claimed.
    pub async fn offer_draw(&self, game: &mut Game, player: &Player, key: &str) -> bool {
        let path = format!("/gameplay-api/v1/game/{}", game.id);
        let reply = self.command(player, "PATCH", &path, key, json!({"result": "draw"})).await;
        let what = || format!("a draw offered in game {}", game.id);
        let Some(answer) = self.good(reply, player.id, "DrawOffered", what) else {
            game.over = true;
            return false;
        };
        let ended = answer.body["chessGame"]["status"] == "completed";
        let mark = if ended {
            Mark::new(game.id, "GameEnded", "draw")
        } else {
            Mark::new(game.id, "DrawOffered", player.id.to_string())
        };
        self.acknowledged(mark, &answer);
        (game.over, game.token) = (ended, answer.token);
        !ended
    }

    /// A player resigns.
    pub async fn resign(&self, game: &mut Game, white: bool) {
        let loser = if white { Some(&game.white) } else { game.black.as_ref() };
        let Some(loser) = loser.cloned() else { return };
        let result = if white { "blackWin" } else { "whiteWin" };
        let path = format!("/gameplay-api/v1/game/{}", game.id);
        let reply = self.command(&loser, "PATCH", &path, &key(), json!({"result": result})).await;
        game.over = true;
        if let Some(answer) = self.good(reply, loser.id, "GameEnded", || format!("resignation in game {}", game.id)) {
            self.acknowledged(Mark::new(game.id, "GameEnded", result), &answer);
        }
    }

    /// Saves a filter under a name that nobody else uses; its id.
    pub async fn save_filter(&self, player: &Player) -> Option<Uuid> {
        let name = Uuid::now_v7().simple().to_string();
        let (url, key) = (format!("{}/bff-api/chessGame/filters", self.query_bff), key());
        let body = Some(json!({"filterName": name, "conditions": {"status": "active"}}));
        let ask = Ask { method: "POST", url, token: &player.token, key: Some(&key), since: None, body };
        let answer = self.good(self.client.ask(&ask).await, player.id, "FilterSaved", || format!("filter {name}"))?;
        let id: Uuid = answer.body["filterId"].as_str()?.parse().ok()?;
        self.acknowledged(Mark::new(id, "FilterSaved", name), &Answer { version: None, ..answer });
        Some(id)
    }

    /// Deletes a filter. (This route knows no keys: a retry finds it gone, and that is as good.)
    pub async fn delete_filter(&self, player: &Player, filter: Uuid) {
        let url = format!("{}/bff-api/chessGame/filters/{filter}", self.query_bff);
        let ask = Ask { method: "DELETE", url, token: &player.token, key: None, since: None, body: None };
        let position = match self.client.ask(&ask).await {
            Reply::Done(answer) => answer.position(),
            Reply::Refused(answer) if answer.status == 404 => None,
            other @ (Reply::Refused(_) | Reply::Open) => {
                self.good(other, player.id, "FilterDeleted", || format!("deletion of filter {filter}"));
                return;
            }
        };
        let mark = Mark::new(filter, "FilterDeleted", "");
        self.notes().acknowledged.push(Acknowledged { mark, position, version: None });
    }

    /// Reads a game where it was written, and in its view with the token of its last answer: both must have every move.
    pub async fn read(&self, game: &Game) {
        let places = [
            (format!("{}/gameplay-api/v1/game/{}", self.command_api, game.id), "chessGame", None),
            (format!("{}/bff-api/chessGame/{}", self.query_bff, game.id), "item", game.token.as_deref()),
        ];
        for (url, name, since) in places {
            let ask = Ask { method: "GET", url, token: &game.white.token, key: None, since, body: None };
            // A read may be refused while something is down; it must not be wrong.
            let Some(answer) = self.client.once(&ask).await.filter(|answer| answer.status == 200) else { continue };
            if answer.body[name]["moveCount"] != game.moves {
                let detail = format!("shows {} moves of {}", answer.body[name]["moveCount"], game.moves);
                self.differs(format!("{} {}", ask.method, ask.url), detail);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Answer {
        Answer { status, body: json!({"message": "errMsg_No"}), token: Some("log:7".into()), version: Some(2) }
    }

    #[test]
    fn a_refusal_is_a_finding_and_an_open_outcome_is_noted() {
        let hall = Hall::new(String::new(), String::new()).unwrap();
        let good = |reply| hall.good(reply, Uuid::nil(), "MovePlayed", || "a move".into()).is_some();
        assert!(good(Reply::Done(answer(201))) && !good(Reply::Open) && !good(Reply::Refused(answer(409))));
        assert_eq!(hall.notes().open, [(Uuid::nil(), "MovePlayed")]);
        let told: Vec<String> = hall.findings().iter().map(ToString::to_string).collect();
        assert_eq!(told, ["Refused: a move -> 409 errMsg_No "]);
    }

    #[test]
    fn an_answer_with_another_move_differs_and_one_with_this_move_is_acknowledged() {
        let hall = Hall::new(String::new(), String::new()).unwrap();
        let white = Player { id: Uuid::from_u128(2), token: String::new() };
        let black = Some(Player { id: Uuid::from_u128(3), token: String::new() });
        let (position, token) = (Position::start(), None);
        let mut game = Game { id: Uuid::from_u128(1), white, black, position, moves: 0, token, over: false };
        let moved = |uci| Answer { body: json!({"chessGameMove": {"uci": uci, "moveNumber": 1}}), ..answer(201) };
        assert!(hall.moved(&mut game.clone(), "e2e4", Reply::Done(moved("d2d4"))));
        assert_eq!(hall.findings().len(), 1);
        assert!(hall.moved(&mut game, "e2e4", Reply::Done(moved("e2e4"))));
        assert_eq!((hall.findings().len(), game.moves, game.position.white_moves()), (1, 1, false));
        let acknowledged = hall.notes().acknowledged[1].clone();
        assert_eq!((acknowledged.position, acknowledged.version), (Some(7), Some(2)));
        assert_eq!(acknowledged.mark, Mark::new(game.id, "MovePlayed", "1 e2e4"));
    }
}

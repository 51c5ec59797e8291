//! The games at their boards: made, played move by move, ended, each by its own players.

use serde_json::{Value, json};

use super::client::{Answer, Ask, Client, Login};
use super::crowd::Pace;
use super::pgn::Score;
use super::plan::Planned;
use crate::error::{Context, Error, Result};
use crate::screen::Task;

/// A player who is logged in.
#[derive(Debug)]
pub struct Player {
    /// His id.
    pub id: String,
    /// His session.
    pub login: Login,
}

/// What all games share.
#[derive(Debug)]
pub struct Hall<'a> {
    /// The connections.
    pub client: &'a Client,
    /// The gameplay service's URL.
    pub gameplay: String,
    /// All players, in the order of their accounts.
    pub players: &'a [Player],
    /// How fast moves are played.
    pub pace: Pace,
}

/// A game that was made.
#[derive(Debug, Clone)]
pub struct Board<'a> {
    /// What is played.
    pub game: &'a Planned,
    /// Its id.
    pub id: String,
    /// How many of its half-moves are played.
    pub played: usize,
    /// Whether it ended.
    pub over: bool,
    /// Why it cannot go on.
    pub fault: Option<String>,
}

impl<'a> Hall<'a> {
    /// Makes a game, or finds it as an earlier run left it.
    pub fn open(&self, game: &'a Planned) -> Result<Board<'a>> {
        let (white, black) = (self.player(game.white)?, self.player(game.black)?);
        let mut body =
            json!({"playerWhiteId": white.id, "playerBlackId": black.id, "mode": "public", "gameType": game.kind});
        if let Some(fen) = &game.fen {
            body["initialFEN"] = json!(fen);
        }
        if game.kind != "untimed" {
            // Played at the pace of this machine and not of the players: nobody's flag may fall.
            body["timeControl"] = json!({"initialMs": 86_400_000, "incrementMs": 0});
        }
        let (url, key) = (format!("{}/v1/game", self.gameplay), game.keys.step("create", 0));
        let answer = self.client.as_user(&white.login, &Ask::send("POST", &url, &body).keyed(&key))?;
        let mut board = Board { game, id: String::new(), played: 0, over: false, fault: None };
        let answer = match answer.ok(|| format!("{} cannot be made", game.title)) {
            Ok(answer) => answer,
            Err(error) => return Ok(Board { fault: Some(error.to_string()), ..board }),
        };
        let id = answer.body["chessGame"]["id"].as_str();
        board.id = id.context(|| format!("{}: the answer has no chessGame.id", game.title))?.to_owned();
        if answer.replayed {
            self.resume(&mut board, &white.login)?;
        }
        Ok(board)
    }

    /// What was played already must be what the file says.
    fn resume(&self, board: &mut Board<'_>, white: &Login) -> Result<()> {
        let url = format!("{}/v1/game/{}", self.gameplay, board.id);
        let answer = self.client.as_user(white, &Ask::get(&url))?;
        let answer = answer.ok(|| format!("{} cannot be read", board.game.title))?;
        let moves = answer.body["chessGame"]["moves"].as_array();
        let moves = moves.context(|| format!("{}: the answer has no chessGame.moves", board.game.title))?;
        let played = |(san, made): (&String, &Value)| bare(san) == bare(made["moveNotation"].as_str().unwrap_or(""));
        if moves.len() > board.game.moves.len() || !board.game.moves.iter().zip(moves).all(played) {
            board.fault = Some(format!("{}: other moves than the file's were played in it", board.game.title));
        }
        board.played = moves.len();
        Ok(())
    }

    /// Plays what is left. The last move of an earlier run is sent again: it is answered as it was then, and tells how
    /// far the log is.
    pub fn play(&self, mut board: Board<'a>, task: &Task) -> Result<Board<'a>> {
        let from = board.played.saturating_sub(1);
        task.add(from);
        for (index, san) in board.game.moves.iter().enumerate().skip(from) {
            if board.fault.is_some() {
                break;
            }
            if board.over {
                let told = format!(
                    "{} ended by the rules after {index} half-moves, not {}",
                    board.game.title,
                    board.game.moves.len()
                );
                board.fault = Some(told);
                break;
            }
            self.pace.turn();
            let body = json!({"gameId": board.id, "moveNumber": index + 1, "moveNotation": san});
            let (url, key) = (format!("{}/v1/gamemove", self.gameplay), board.game.keys.step("move", index + 1));
            let player = self.player(self.to_move(board.game, index))?;
            let answer = self.client.as_user(&player.login, &Ask::send("POST", &url, &body).keyed(&key))?;
            match answer.ok(|| format!("{}: half-move {} ({san})", board.game.title, index + 1)) {
                Ok(answer) => {
                    board.over = answer.body["chessGameMove"]["gameStatus"] == "completed";
                    board.played = board.played.max(index + 1);
                }
                Err(error) => board.fault = Some(error.to_string()),
            }
            task.add(1);
        }
        Ok(board)
    }

    /// Ends a game that the board did not end: the loser resigns, or both agree to a draw. One that the file leaves
    /// open stays open.
    pub fn end(&self, mut board: Board<'a>, task: &Task) -> Result<Board<'a>> {
        task.add(1);
        if board.over || board.fault.is_some() {
            return Ok(board);
        }
        let game = board.game;
        let answers = match game.score {
            Score::Open => return Ok(board),
            Score::White => vec![self.result(&board, game.black, "whiteWin")?],
            Score::Black => vec![self.result(&board, game.white, "blackWin")?],
            Score::Draw => {
                // Where the rules give him the draw this claims it; elsewhere it is an offer.
                let mover = self.to_move(game, game.moves.len());
                let other = if mover == game.white { game.black } else { game.white };
                let first = self.result(&board, mover, "draw")?;
                let offered = first.status == 200 && first.body["chessGame"]["status"] != "completed";
                if offered { vec![first, self.result(&board, other, "draw")?] } else { vec![first] }
            }
        };
        for answer in answers {
            match answer.ok(|| format!("{} cannot be ended", game.title)) {
                Ok(answer) => board.over = answer.body["chessGame"]["status"] == "completed",
                Err(error) => board.fault = Some(error.to_string()),
            }
        }
        if !board.over && board.fault.is_none() {
            board.fault = Some(format!("{} did not end", game.title));
        }
        Ok(board)
    }

    fn result(&self, board: &Board<'_>, by: usize, result: &str) -> Result<Answer> {
        let side = if by == board.game.white { "white" } else { "black" };
        let url = format!("{}/v1/game/{}", self.gameplay, board.id);
        let key = board.game.keys.step(&format!("{result} by {side}"), board.game.moves.len() + 1);
        self.client.as_user(&self.player(by)?.login, &Ask::send("PATCH", &url, &json!({"result": result})).keyed(&key))
    }

    /// Who plays the half-move with this index.
    fn to_move(&self, game: &Planned, index: usize) -> usize {
        let black_begins = game.fen.as_ref().is_some_and(|fen| fen.split(' ').nth(1) == Some("b"));
        if index.is_multiple_of(2) ^ black_begins { game.white } else { game.black }
    }

    fn player(&self, place: usize) -> Result<&'a Player> {
        self.players.get(place).ok_or_else(|| Error::new(format!("there is no player {place}")))
    }
}

/// SAN without the signs that writers set differently.
fn bare(san: &str) -> &str {
    san.trim_end_matches(['+', '#'])
}

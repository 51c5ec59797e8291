//! What players do.

use serde_json::{Value, json};

use crate::{Actor, Answer, eventually};

/// A game between two of our actors.
#[derive(Clone)]
pub struct Game {
    /// Its id.
    pub id: String,
    /// White.
    pub white: Actor,
    /// Black.
    pub black: Actor,
}

impl Actor {
    /// Starts a game with him as White.
    pub async fn create_game(&self, black: &Actor) -> Game {
        self.create_game_from(black, json!({})).await
    }

    /// Starts a game with more in the body (`initialFEN`, `mode`).
    pub async fn create_game_from(&self, black: &Actor, more: Value) -> Game {
        let mut body =
            json!({"playerWhiteId": self.id, "playerBlackId": black.id, "mode": "public", "gameType": "untimed"});
        merge(&mut body, more);
        let game = self.post("/gameplay-api/v1/game", &body).await.is(201)["chessGame"].clone();
        Game { id: game["id"].as_str().expect("an id").to_owned(), white: self.clone(), black: black.clone() }
    }

    /// Starts a game with so many milliseconds for each and no increment.
    pub async fn create_timed_game(&self, black: &Actor, initial: i64) -> Game {
        let control = json!({"initialMs": initial, "incrementMs": 0});
        self.create_game_from(black, json!({"gameType": "blitz", "timeControl": control})).await
    }

    /// Opens a game that waits for its second player; the game as he sees it.
    pub async fn open_game(&self, mode: &str) -> Value {
        let body = json!({"playerWhiteId": self.id, "mode": mode, "gameType": "untimed"});
        self.post("/gameplay-api/v1/game", &body).await.is(201)["chessGame"].clone()
    }

    /// Reads a game.
    pub async fn game(&self, id: &str) -> Answer {
        self.get(&format!("/gameplay-api/v1/game/{id}")).await
    }

    /// Changes a game.
    pub async fn update_game(&self, id: &str, body: Value) -> Answer {
        self.patch(&format!("/gameplay-api/v1/game/{id}"), &body).await
    }

    /// Plays a move with its number.
    pub async fn play(&self, game: &str, number: u32, notation: &str) -> Answer {
        self.post("/gameplay-api/v1/gamemove", &move_body(game, number, notation)).await
    }
}

impl Game {
    /// Both play these moves in turn, from move `first`; the last answer.
    pub async fn play_from(&self, first: u32, moves: &str) -> Answer {
        let mut last = None;
        for (number, notation) in (first..).zip(moves.split_whitespace()) {
            let mover = if number % 2 == 1 { &self.white } else { &self.black };
            let answer = mover.play(&self.id, number, notation).await;
            answer.is(201);
            last = Some(answer);
        }
        last.expect("at least one move")
    }

    /// Both play these moves in turn; the last answer.
    pub async fn play(&self, moves: &str) -> Answer {
        self.play_from(1, moves).await
    }

    /// The game as White sees it.
    pub async fn state(&self) -> Value {
        self.white.game(&self.id).await.is(200)["chessGame"].clone()
    }

    /// The game once it has ended by itself.
    pub async fn over(&self) -> Value {
        eventually("the game ends by itself", async || {
            let state = self.state().await;
            (state["status"] == "completed").then_some(state)
        })
        .await
    }
}

/// The body of a move.
pub fn move_body(game: &str, number: u32, notation: &str) -> Value {
    json!({"gameId": game, "moveNumber": number, "moveNotation": notation})
}

/// Puts the fields of `more` into `body`.
pub fn merge(body: &mut Value, more: Value) {
    if let (Value::Object(body), Value::Object(more)) = (body, more) {
        body.extend(more);
    }
}

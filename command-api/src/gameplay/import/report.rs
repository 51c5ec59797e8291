//! What an import says of each game.

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// So many faults of a game are told.
pub const MOST_FAULTS: usize = 20;

/// What is wrong with a game, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// The line of the text.
    pub line: usize,
    /// The tag.
    pub tag: Option<String>,
    /// The half-move, from 1.
    pub half_move: Option<usize>,
    /// `errMsg_...`: stable, for programs.
    pub code: &'static str,
    /// For people: the thing, the value, what is expected.
    pub message: String,
}

impl Fault {
    /// The text itself cannot be read there.
    pub fn of_text(fault: &chess_pgn::Fault) -> Self {
        let message = fault.told.clone();
        Self { line: fault.line, tag: None, half_move: fault.ply, code: "errMsg_PgnIsNotReadable", message }
    }

    /// A tag does not say what it must.
    pub fn of_tag(line: usize, tag: &str, message: String) -> Self {
        Self { line, tag: Some(tag.to_owned()), half_move: None, code: "errMsg_TagIsNotValid", message }
    }

    /// Something is wrong with a half-move.
    pub fn of_move(line: usize, half_move: usize, code: &'static str, message: String) -> Self {
        Self { line, tag: None, half_move: Some(half_move), code, message }
    }

    /// Something is wrong with the game as a whole.
    pub fn of_game(line: usize, code: &'static str, message: String) -> Self {
        Self { line, tag: None, half_move: None, code, message }
    }
}

/// What became of a game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// It is there now.
    Imported,
    /// It was there.
    Already,
    /// It has faults; nothing of it was taken.
    Refused,
}

/// One game of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Which game of the text, from 1.
    pub index: usize,
    /// The line where it begins.
    pub line: usize,
    /// White's name.
    pub white: Option<String>,
    /// Black's name.
    pub black: Option<String>,
    /// What became of it.
    pub status: Status,
    /// Its id here.
    pub game_id: Option<Uuid>,
    /// Its half-moves.
    pub plies: Option<usize>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

/// What became of all games of a text, in their order.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// One line for each.
    pub lines: Vec<Line>,
    /// The position that covers all of them; 0 when none was imported.
    pub position: i64,
}

impl Report {
    /// How many have this status.
    pub fn count(&self, status: Status) -> usize {
        self.lines.iter().filter(|line| line.status == status).count()
    }

    /// The answer.
    pub fn body(&self) -> Value {
        json!({
            "status": "OK",
            "statusCode": 200,
            "total": self.lines.len(),
            "imported": self.count(Status::Imported),
            "already": self.count(Status::Already),
            "refused": self.count(Status::Refused),
            "games": self.lines,
        })
    }
}

/// The JSON Schema of the answer.
pub fn schema() -> Value {
    let (number, text) = (json!({"type": "integer"}), json!({"type": ["string", "null"]}));
    let maybe = json!({"type": ["integer", "null"]});
    json!({"type": "object", "properties": {
        "status": {"const": "OK"}, "statusCode": {"const": 200},
        "total": number, "imported": number, "already": number, "refused": number,
        "games": {"type": "array", "items": {"type": "object", "properties": {
            "index": number, "line": number, "white": text, "black": text,
            "status": {"type": "string", "enum": ["imported", "already", "refused"]},
            "gameId": {"type": ["string", "null"], "format": "uuid"}, "plies": maybe,
            "faults": {"type": "array", "items": {"type": "object", "properties": {
                "line": number, "tag": text, "halfMove": maybe,
                "code": {"type": "string"}, "message": {"type": "string"},
            }}},
        }}},
    }})
}

//! What the content of a message looks like, by its type.

use event_schema::gameplay::hub_message::MessageType;
use serde_json::{Map, Value};

/// The longest words in characters.
pub const LONGEST_BODY: usize = 500;
/// The most bytes of a content as JSON.
pub const MOST_BYTES: usize = 4096;
/// The longest notation of a move in characters.
const LONGEST_NOTATION: usize = 16;

/// For the documents.
pub const ABOUT: &str = "An object of at most 4096 bytes. `text`, `system`: `{body}`, 1 to 500 characters; `chessMove`: \
                         `{moveNotation, moveNumber?}`; else anything, `{}` too.";

/// What is wrong with it, if anything.
pub fn fault(kind: MessageType, content: &Value) -> Option<String> {
    let Value::Object(fields) = content else {
        return Some(format!("`content` of a `{}` must be an object, such as {{\"body\":\"hello\"}}", kind.as_str()));
    };
    let bytes = content.to_string().len();
    if bytes > MOST_BYTES {
        return Some(format!("`content` has {bytes} bytes as JSON; at most {MOST_BYTES} are possible"));
    }
    match kind {
        MessageType::Text | MessageType::System => words(fields),
        MessageType::ChessMove => chess_move(fields),
        MessageType::DrawOffer
        | MessageType::DrawAccepted
        | MessageType::DrawDeclined
        | MessageType::Resignation
        | MessageType::SaveRequest
        | MessageType::SaveAccepted
        | MessageType::SaveDeclined
        | MessageType::ResumeRequest
        | MessageType::ResumeAccepted
        | MessageType::ResumeDeclined => None,
    }
}

fn words(fields: &Map<String, Value>) -> Option<String> {
    let body = fields.get("body").and_then(Value::as_str).unwrap_or_default();
    let fits = !body.trim().is_empty() && body.chars().count() <= LONGEST_BODY;
    (!fits).then(|| format!("`content.body` must be a text, not blank, of at most {LONGEST_BODY} characters"))
}

fn chess_move(fields: &Map<String, Value>) -> Option<String> {
    let notation = fields.get("moveNotation").and_then(Value::as_str).unwrap_or_default();
    if !(1..=LONGEST_NOTATION).contains(&notation.trim().chars().count()) {
        return Some(format!(
            "`content.moveNotation` must be a move such as Nf3, of at most {LONGEST_NOTATION} characters"
        ));
    }
    let number = fields.get("moveNumber").filter(|number| number.as_u64().is_none_or(|number| number == 0));
    number.map(|number| format!("`content.moveNumber` must be a whole number from 1, not {number}"))
}

//! `chessGameDetailView`: the list view's document of a game, with the pictures of the players and all its moves.

use event_schema::envelope::Recorded;
use event_schema::event::{DecodeError, DomainEvent};
use event_schema::gameplay::game_event::{GameEvent, MovePlayed};
use event_schema::object::instant;
use event_schema::stored::Document;
use event_schema::views::Composed;
use event_schema::views::chess_game_detail::CHESS_GAME_DETAIL_VIEW;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Projection;
use super::chess_game_list::ChessGameList;

/// The fold.
pub struct ChessGameDetail;

impl Projection for ChessGameDetail {
    const VIEW: &'static Composed = &CHESS_GAME_DETAIL_VIEW;
    /// The list view's fold is part of this one.
    const REVISION: u32 = ChessGameList::REVISION + 1;
    const OWN_STREAM: bool = true;
    const CATEGORIES: &'static [&'static str] = ChessGameList::CATEGORIES;

    fn keys(event: &Recorded) -> Result<Vec<Uuid>, DecodeError> {
        ChessGameList::keys(event)
    }

    fn fold(
        id: Uuid,
        prior: Option<&Map<String, Value>>,
        recorded: &Recorded,
    ) -> Result<Option<Document>, DecodeError> {
        let Some(mut document) = ChessGameList::fold(id, prior, recorded)? else { return Ok(None) };
        let known = |name: &str| prior.and_then(|prior| prior.get(name)).cloned();
        for name in ["playerWhiteAvatar", "playerBlackAvatar"] {
            document.fields.insert(name.to_owned(), known(name).unwrap_or(Value::Null));
        }
        let mut moves = known("moves").filter(Value::is_array).unwrap_or_else(|| json!([]));
        if let (GameEvent::MovePlayed(played), Some(moves)) =
            (GameEvent::from_recorded(recorded)?, moves.as_array_mut())
        {
            moves.push(shown(&played));
        }
        document.fields.insert("moves".to_owned(), moves);
        Ok(Some(document))
    }
}

/// A move as its game shows it.
fn shown(played: &MovePlayed) -> Value {
    json!({
        "moveNumber": played.move_number,
        "moveNotation": played.san,
        "uci": played.uci,
        "fen": played.fen,
        "moveTime": played.move_time,
        "remainingMs": played.remaining_ms,
        "movedById": played.by,
        "moveTimestamp": instant(played.at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{created, ended, played};
    use crate::views::tests::{fields_are_the_table_s, folded};

    #[test]
    fn a_game_shows_its_moves_in_order_and_how_it_ended() {
        let document = folded::<ChessGameDetail>(&[
            created(1),
            played(2, 1, "e4", "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1"),
            played(3, 2, "c5", "rnbqkbnr/pp1ppppp/8/2p5/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2"),
            ended(4),
        ]);
        insta::assert_json_snapshot!("chess_game_detail", document.unwrap().fields);
    }

    #[test]
    fn a_game_of_300_moves_is_one_document_of_bounded_size() {
        let fen = "r1bq1rk1/pppp1ppp/2n2n2/2b1p3/2B1P3/2NP1N2/PPP2PPP/R1BQ1RK1 w - - 100 300";
        let moves = (1..=600).map(|number| played(i64::from(number) + 1, number, "Nbxd7+", fen));
        let events: Vec<Recorded> = std::iter::once(created(1)).chain(moves).collect();
        let document = folded::<ChessGameDetail>(&events).unwrap();
        let numbers = document.fields["moves"].as_array().unwrap().iter().map(|played| played["moveNumber"].as_u64());
        assert!(numbers.eq((1..=600).map(Some)));
        let bytes = json!(document.fields).to_string().len();
        assert!(bytes < 200_000, "{bytes} bytes");
    }

    #[test]
    fn its_fields_are_exactly_the_table_s() {
        fields_are_the_table_s(CHESS_GAME_DETAIL_VIEW.table, &folded::<ChessGameDetail>(&[created(1)]).unwrap());
    }

    #[test]
    fn what_the_worker_filled_in_stays() {
        let mut document = folded::<ChessGameDetail>(&[created(1)]).unwrap();
        document.fields.insert("playerBlackAvatar".to_owned(), json!("https://example.com/b.png"));
        let next = ChessGameDetail::fold(document.id, Some(&document.fields), &ended(2)).unwrap().unwrap();
        assert_eq!(next.fields["playerBlackAvatar"], "https://example.com/b.png");
    }
}

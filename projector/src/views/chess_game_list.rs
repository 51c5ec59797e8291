//! `chessGameListView`: the game as its mirror has it, with its last move, its players' names, the tags of an imported
//! one, and the dimensions that analysts ask for.

use event_schema::envelope::Recorded;
use event_schema::event::{DecodeError, DomainEvent};
use event_schema::gameplay::chess_game::ChessGame;
use event_schema::gameplay::game_event::GameEvent;
use event_schema::gameplay::imported::{TAG_FIELDS, Tags};
use event_schema::object::instant;
use event_schema::stored::{Document, Mirror, fields_of, mirror};
use event_schema::views::Composed;
use event_schema::views::chess_game_list::{CHESS_GAME_LIST_ADDITIONS, CHESS_GAME_LIST_VIEW};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Projection;
use super::dimensions::{self, GameDimensions, put_ratings};

/// The game's own part is folded as its mirror folds it.
const GAME: Mirror = mirror::<ChessGame>();

/// The fold.
pub struct ChessGameList;

impl Projection for ChessGameList {
    const VIEW: &'static Composed = &CHESS_GAME_LIST_VIEW;
    const REVISION: u32 = 3 + dimensions::REVISION;
    const OWN_STREAM: bool = true;
    const CATEGORIES: &'static [&'static str] = &[GameEvent::CATEGORY];

    fn keys(event: &Recorded) -> Result<Vec<Uuid>, DecodeError> {
        Ok(vec![event.stream_id])
    }

    fn fold(_: Uuid, prior: Option<&Map<String, Value>>, recorded: &Recorded) -> Result<Option<Document>, DecodeError> {
        let Some(mut document) = (GAME.fold)(prior, recorded)? else { return Ok(None) };
        let event = GameEvent::from_recorded(recorded)?;
        // What this view adds to the game is carried along from event to event.
        for name in CHESS_GAME_LIST_ADDITIONS.iter().chain(TAG_FIELDS).map(|field| field.name) {
            document.fields.insert(name.to_owned(), prior.and_then(|p| p.get(name)).cloned().unwrap_or(Value::Null));
        }
        let mut dimensions = GameDimensions::of(Self::VIEW.table.name, prior)?;
        dimensions.evolve(&event);
        dimensions.put(&mut document.fields);
        if let GameEvent::GameImported(imported) = &event {
            tell(&mut document.fields, &imported.tags);
        }
        if let GameEvent::MovePlayed(played) = &event {
            document.fields.insert("lastMove".to_owned(), json!(played.san));
        }
        put_ratings(&mut document.fields);
        Ok(Some(document))
    }
}

/// What the PGN said. Its names stand where those of accounts do: its players have none.
fn tell(fields: &mut Map<String, Value>, tags: &Tags) {
    let told = fields_of(tags);
    for name in TAG_FIELDS.iter().map(|field| field.name) {
        fields.insert(name.to_owned(), told.get(name).cloned().unwrap_or(Value::Null));
    }
    fields.insert("givenTermination".to_owned(), json!(tags.termination));
    fields.insert("playedAt".to_owned(), json!(tags.played_at.map(instant)));
    fields.insert("playerWhiteName".to_owned(), json!(tags.white));
    fields.insert("playerBlackName".to_owned(), json!(tags.black));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{created, ended, game, imported, played};
    use crate::views::tests::{fields_are_the_table_s, folded};

    fn fold(events: &[Recorded]) -> Document {
        folded::<ChessGameList>(events).unwrap()
    }

    #[test]
    fn a_game_shows_its_moves_and_the_deepest_named_position() {
        let document = fold(&[
            created(1),
            played(2, 1, "e4", "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1"),
            played(3, 2, "c5", "rnbqkbnr/pp1ppppp/8/2p5/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2"),
            played(4, 3, "h4", "rnbqkbnr/pp1ppppp/8/2p5/4P2P/8/PPPP1PP1/RNBQKBNR b KQkq - 0 2"),
            ended(5),
        ]);
        assert_eq!(document.id, game());
        insta::assert_json_snapshot!("chess_game_list", document.fields);
    }

    #[test]
    fn an_imported_game_shows_what_its_pgn_said_and_is_everybodys() {
        let document =
            fold(&[imported(1), played(2, 1, "e4", "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1")]);
        assert_eq!(document.readers, json!(["*"]));
        insta::assert_json_snapshot!("imported", document.fields);
    }

    #[test]
    fn its_fields_are_exactly_the_table_s() {
        fields_are_the_table_s(CHESS_GAME_LIST_VIEW.table, &fold(&[created(1)]));
    }

    #[test]
    fn the_names_that_the_worker_filled_in_stay() {
        let mut document = fold(&[created(1)]);
        document.fields.insert("playerWhiteName".to_owned(), json!("Ann"));
        let next = ChessGameList::fold(game(), Some(&document.fields), &ended(2)).unwrap().unwrap();
        assert_eq!(next.fields["playerWhiteName"], "Ann");
    }
}

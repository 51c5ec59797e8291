//! `playerGameView`: a game from the side of each of its players. Every event of a game concerns both documents.

use event_schema::envelope::Recorded;
use event_schema::event::{DecodeError, DomainEvent};
use event_schema::gameplay::game_event::{GameCreated, GameEvent, GameMode, GameStatus, GameType};
use event_schema::gameplay::imported::GameImported;
use event_schema::ids::{GameId, UserId};
use event_schema::stored::{Document, Readers, fields_of, object_of};
use event_schema::views::Composed;
use event_schema::views::dimensions::{Winner, rating_band};
use event_schema::views::player_game::{Colour, Outcome, PLAYER_GAME_VIEW};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::dimensions::{self, GameDimensions};
use super::{Projection, bookkeeping};

/// The fold.
pub struct PlayerGame;

impl Projection for PlayerGame {
    const VIEW: &'static Composed = &PLAYER_GAME_VIEW;
    const REVISION: u32 = dimensions::REVISION;
    const OWN_STREAM: bool = true;
    const CATEGORIES: &'static [&'static str] = &[GameEvent::CATEGORY];

    /// The game that it names, if that is its game: an id does not tell its game.
    fn streams(id: Uuid, document: Option<&Map<String, Value>>) -> Vec<Uuid> {
        let game = document.and_then(|fields| fields.get("gameId")?.as_str()?.parse::<GameId>().ok());
        game.map(|game| game.0).filter(|game| colour_of(id, *game).is_some()).into_iter().collect()
    }

    fn keys(event: &Recorded) -> Result<Vec<Uuid>, DecodeError> {
        Ok(Colour::BOTH.map(|colour| colour.document_of(event.stream_id)).to_vec())
    }

    fn fold(
        id: Uuid,
        prior: Option<&Map<String, Value>>,
        recorded: &Recorded,
    ) -> Result<Option<Document>, DecodeError> {
        let (table, event) = (PLAYER_GAME_VIEW.table, GameEvent::from_recorded(recorded)?);
        let known = prior.map(|prior| object_of::<Side>(table.name, table.fields.iter(), prior)).transpose()?;
        let begun =
            known.or_else(|| Side::begin(GameId(recorded.stream_id), colour_of(id, recorded.stream_id)?, &event));
        let Some(mut side) = begun else { return Ok(None) };
        let mut dimensions = GameDimensions::of(table.name, prior)?;
        dimensions.evolve(&event);
        side.evolve(&event);
        side.judge(dimensions.winner);
        let there = prior.is_none_or(|prior| prior.get("isActive") == Some(&Value::Bool(true)));
        let active = there && !matches!(event, GameEvent::GameDeleted { .. });
        let book = bookkeeping(id, prior, recorded, active);
        let mut fields = table.render(&fields_of(&side), &book, |field| field.in_views());
        dimensions.put(&mut fields);
        Ok(Some(Document { id, fields, live: true, readers: side.readers(active).to_value() }))
    }
}

/// The side of a game that has a document of this id.
fn colour_of(id: Uuid, game: Uuid) -> Option<Colour> {
    Colour::BOTH.into_iter().find(|colour| colour.document_of(game) == id)
}

/// The view's own fields. The names of players with accounts are filled in by the worker and carried along.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Side {
    game_id: GameId,
    player_id: Option<UserId>,
    player_name: Option<String>,
    colour: Colour,
    opponent_id: Option<UserId>,
    opponent_name: Option<String>,
    rating: Option<i32>,
    opponent_rating: Option<i32>,
    rating_difference: Option<i32>,
    rating_band: Option<String>,
    opponent_rating_band: Option<String>,
    outcome: Option<Outcome>,
    score: Option<f64>,
    status: GameStatus,
    mode: GameMode,
    game_type: GameType,
    imported_by_id: Option<UserId>,
    event: Option<String>,
}

impl Side {
    fn begin(game: GameId, colour: Colour, event: &GameEvent) -> Option<Self> {
        if let GameEvent::GameImported(imported) = event {
            return Some(Self::imported(game, colour, imported));
        }
        if let GameEvent::GameCreated(created) = event { Some(Self::created(game, colour, created)) } else { None }
    }

    fn created(game: GameId, colour: Colour, created: &GameCreated) -> Self {
        let (white, black) = (Some(created.player_white_id), created.player_black_id);
        let (player_id, opponent_id) = of_sides(colour, white, black);
        Self {
            game_id: game,
            player_id,
            player_name: None,
            colour,
            opponent_id,
            opponent_name: None,
            rating: None,
            opponent_rating: None,
            rating_difference: None,
            rating_band: None,
            opponent_rating_band: None,
            outcome: None,
            score: None,
            status: if black.is_some() { GameStatus::Active } else { GameStatus::Pending },
            mode: created.mode,
            game_type: created.game_type,
            imported_by_id: None,
            event: None,
        }
    }

    fn imported(game: GameId, colour: Colour, imported: &GameImported) -> Self {
        let tags = &imported.tags;
        let (player_name, opponent_name) = of_sides(colour, tags.white.clone(), tags.black.clone());
        let (rating, opponent_rating) = of_sides(colour, tags.white_elo, tags.black_elo);
        let band = |rating: Option<i32>| rating.and_then(|rating| rating_band(rating.into())).map(str::to_owned);
        Self {
            player_name,
            opponent_name,
            rating,
            opponent_rating,
            rating_difference: rating.zip(opponent_rating).map(|(own, other)| own - other),
            rating_band: band(rating),
            opponent_rating_band: band(opponent_rating),
            status: GameStatus::Completed,
            imported_by_id: Some(imported.imported_by_id),
            event: tags.event.clone(),
            ..Self::created(game, colour, &imported.beginning())
        }
    }

    fn evolve(&mut self, event: &GameEvent) {
        match event {
            GameEvent::PlayerJoined { player_black_id, .. } => {
                let joined = match self.colour {
                    Colour::White => &mut self.opponent_id,
                    Colour::Black => &mut self.player_id,
                };
                *joined = Some(*player_black_id);
                self.status = GameStatus::Active;
            }
            GameEvent::GamePaused { .. } => self.status = GameStatus::Paused,
            GameEvent::GameResumed { .. } => self.status = GameStatus::Active,
            GameEvent::GameTerminated { .. } => self.status = GameStatus::Terminated,
            GameEvent::GameEnded { .. } => self.status = GameStatus::Completed,
            GameEvent::GameCreated(_)
            | GameEvent::GameImported(_)
            | GameEvent::MovePlayed(_)
            | GameEvent::PlayerInvited(_)
            | GameEvent::PlayerUninvited(_)
            | GameEvent::DrawOffered { .. }
            | GameEvent::DrawDeclined { .. }
            | GameEvent::SaveRequested { .. }
            | GameEvent::SaveWithdrawn { .. }
            | GameEvent::SaveDeclined { .. }
            | GameEvent::ResumeRequested { .. }
            | GameEvent::ResumeWithdrawn { .. }
            | GameEvent::ResumeDeclined { .. }
            | GameEvent::ReportChanged { .. }
            | GameEvent::GameDeleted { .. } => {}
        }
    }

    /// Says what the end of the game is to this side.
    fn judge(&mut self, winner: Option<Winner>) {
        let outcome = winner.map(|winner| match (winner, self.colour) {
            (Winner::White, Colour::White) | (Winner::Black, Colour::Black) => Outcome::Win,
            (Winner::White, Colour::Black) | (Winner::Black, Colour::White) => Outcome::Loss,
            (Winner::Draw, Colour::White | Colour::Black) => Outcome::Draw,
            (Winner::None, Colour::White | Colour::Black) => Outcome::None,
        });
        self.outcome = outcome;
        self.score = outcome.and_then(|outcome| match outcome {
            Outcome::Win => Some(1.0),
            Outcome::Draw => Some(0.5),
            Outcome::Loss => Some(0.0),
            Outcome::None => None,
        });
    }

    /// The two players; everybody, of an imported game; only admins, before both are there and when it is deleted.
    fn readers(&self, active: bool) -> Readers {
        match (self.player_id, self.opponent_id) {
            (Some(_), Some(_)) if active && self.imported_by_id.is_some() => Readers::Everybody,
            (Some(player), Some(opponent)) if active => Readers::Users(vec![player.0, opponent.0]),
            (Some(_) | None, Some(_) | None) => Readers::Users(Vec::new()),
        }
    }
}

/// What concerns White and what concerns Black, as own and as the opponent's.
fn of_sides<T>(colour: Colour, white: T, black: T) -> (T, T) {
    match colour {
        Colour::White => (white, black),
        Colour::Black => (black, white),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{created, deleted, ended, game, imported, joined, opened, played, terminated};
    use crate::views::tests::{fields_are_the_table_s, folded_as};
    use serde_json::json;

    const FEN: &str = "rnbqkbnr/pp1ppppp/8/2p5/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2";

    fn both(events: &[Recorded]) -> [Document; 2] {
        Colour::BOTH.map(|colour| folded_as::<PlayerGame>(colour.document_of(game()), events).unwrap())
    }

    fn seen(documents: &[Document; 2], names: &[&str]) -> Value {
        json!(documents.each_ref().map(|document| names.iter().map(|name| &document.fields[*name]).collect::<Vec<_>>()))
    }

    #[test]
    fn the_type_is_its_table() {
        let side = Side::begin(GameId(game()), Colour::White, &GameEvent::from_recorded(&created(1)).unwrap()).unwrap();
        let names: Vec<String> = fields_of(&side).keys().cloned().collect();
        assert_eq!(names, PLAYER_GAME_VIEW.table.fields.iter().map(|field| field.name).collect::<Vec<_>>());
    }

    #[test]
    fn each_side_of_a_game_has_its_document() {
        let documents = both(&[created(1), played(2, 1, "e4", FEN), played(3, 2, "c5", FEN), ended(5)]);
        documents.iter().for_each(|document| fields_are_the_table_s(PLAYER_GAME_VIEW.table, document));
        assert!(documents.iter().all(|side| side.readers.as_array().is_some_and(|readers| readers.len() == 2)));
        insta::assert_json_snapshot!("player_game", documents.map(|document| document.fields));
    }

    #[test]
    fn an_imported_game_has_names_and_ratings_and_is_everybodys() {
        let documents = both(&[imported(1), played(2, 1, "e4", FEN)]);
        assert!(documents.iter().all(|side| side.readers == json!(["*"])));
        let names = ["playerName", "opponentName", "rating", "opponentRating", "ratingBand", "score", "status"];
        let wanted = json!([
            ["Anderssen", "Kieseritzky", 2600, null, "2600-2799", 1.0, "completed"],
            ["Kieseritzky", "Anderssen", null, 2600, null, 0.0, "completed"],
        ]);
        assert_eq!(seen(&documents, &names), wanted);
    }

    #[test]
    fn a_side_that_nobody_has_taken_is_seen_by_admins_alone() {
        let waiting = both(&[opened(1)]);
        assert_eq!(
            seen(&waiting, &["playerId", "status"]),
            json!([[Uuid::from_u128(1), "pending"], [null, "pending"]])
        );
        assert!(waiting.iter().all(|side| side.readers == json!([])));
        let met = both(&[opened(1), joined(2)]);
        let (white, black) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(seen(&met, &["playerId", "opponentId"]), json!([[white, black], [black, white]]));
        assert_eq!(met.map(|side| side.readers), [json!([white, black]), json!([black, white])]);
    }

    #[test]
    fn what_does_not_count_has_no_score_and_what_is_deleted_no_readers() {
        let over = both(&[created(1), played(2, 1, "e4", FEN), terminated(3)]);
        assert_eq!(
            seen(&over, &["outcome", "score", "status"]),
            json!([["none", null, "terminated"], ["none", null, "terminated"]])
        );
        let gone = both(&[created(1), ended(2), deleted(3)]);
        assert_eq!(seen(&gone, &["isActive", "outcome"]), json!([[false, "win"], [false, "loss"]]));
        assert!(gone.iter().all(|side| side.readers == json!([])));
    }

    #[test]
    fn a_document_tells_its_stream_and_a_strange_one_does_not() {
        let id = Colour::Black.document_of(game());
        let fields = |game: Uuid| Map::from_iter([("gameId".to_owned(), json!(game))]);
        assert_eq!(PlayerGame::streams(id, Some(&fields(game()))), [game()]);
        assert!(
            PlayerGame::streams(id, Some(&fields(Uuid::nil()))).is_empty() && PlayerGame::streams(id, None).is_empty()
        );
    }
}

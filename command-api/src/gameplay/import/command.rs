//! Importing one game: all of it, or nothing.

use event_schema::gameplay::game_event::{GameEvent, MovePlayed};
use event_schema::gameplay::imported::GameImported;

use crate::es::aggregate::{Aggregate, Command, Context, Decision, Rejection};
use crate::gameplay::game::Game;

/// A game that was played elsewhere, checked by the rules. Its stream's id derives from what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportGame {
    /// Its first event; whoever issues the command is the importer.
    pub beginning: GameImported,
    /// Its moves.
    pub moves: Vec<MovePlayed>,
}

impl Command for ImportGame {
    type Aggregate = Game;

    /// A game that is there already stays as it is, deleted ones too.
    fn decide(&self, state: &Game, cx: &Context) -> Result<Decision<GameEvent>, Rejection> {
        let Some(admin) = cx.actor.user_id().filter(|_| cx.actor.is_admin()) else {
            return Err(Rejection::forbidden("errMsg_forbidden", "only admins import games"));
        };
        if state.stored().is_some() {
            return Ok(Vec::new().into());
        }
        let beginning = GameImported { imported_by_id: admin, ..self.beginning.clone() };
        let moves = self.moves.iter().cloned().map(GameEvent::MovePlayed);
        Ok(std::iter::once(GameEvent::GameImported(Box::new(beginning))).chain(moves).collect::<Vec<_>>().into())
    }
}

//! deleteGame: an admin takes a game out of sight. It disappears for users and stays for admins.

use event_schema::gameplay::chess_game::CHESS_GAME;
use event_schema::gameplay::game_event::GameEvent;
use event_schema::object::Object;
use serde_json::{Map, Value};
use service::ApiError;
use uuid::Uuid;

use super::game::Game;
use super::timers;
use crate::es::aggregate::{Command, Context, Decision, Rejection};
use crate::es::store::Done;
use crate::http::body::Param;
use crate::http::call::Call;
use crate::http::read::shown;
use crate::http::write::Write;

/// Deletes a game, in whatever state it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeleteGame;

impl Command for DeleteGame {
    type Aggregate = Game;

    fn decide(&self, state: &Game, cx: &Context) -> Result<Decision<GameEvent>, Rejection> {
        state.existing(cx)?;
        match cx.actor.user_id().filter(|_| cx.actor.is_admin()) {
            None => Err(Rejection::forbidden("errMsg_forbidden", "only admins delete games")),
            Some(by) => {
                let events = vec![GameEvent::GameDeleted { by, at: state.clock(cx.now) }];
                Ok(Decision { events, effects: timers::cancelled(state, cx) })
            }
        }
    }
}

impl Write for DeleteGame {
    const BODY: &'static [Param] = &[];
    const SHOWS: &'static Object = &CHESS_GAME;
    const ABOUT: &'static str = "Deletes a game softly: users see it no more, admins do.";

    async fn prepare(call: &Call) -> Result<(Uuid, Self), ApiError> {
        Ok((call.path_id()?, Self))
    }

    fn answer(done: &Done<Game>, call: &Call) -> Option<Map<String, Value>> {
        shown(done, call)
    }
}

//! createGameHubMessage: a route of ours, since the document has none that makes a message.

use chrono::SubsecRound;
use event_schema::gameplay::chess_game::ChessGame;
use event_schema::gameplay::hub_message::{
    GAME_HUB_MESSAGE, GameHubMessage, GameHubMessageEvent, MessageStatus, MessageType,
};
use event_schema::ids::{GameId, UserId};
use event_schema::object::Object;
use serde_json::{Map, Value};
use service::ApiError;
use uuid::Uuid;

use super::Message;
use crate::auth::account;
use crate::es::aggregate::{Command, Context, Decision, Rejection};
use crate::es::store::Done;
use crate::gameplay::game::{Game, not_found};
use crate::gameplay::machine::{Act, must_allow};
use crate::http::body::Param;
use crate::http::call::Call;
use crate::http::error::of_read;
use crate::http::read::shown;
use crate::http::record::Rules;
use crate::http::write::Write;

/// Somebody says something in the room of a game.
#[derive(Clone, Debug, PartialEq)]
pub struct PostMessage {
    /// The room: a game's id.
    pub room: GameId,
    /// That game as it was looked up; none: there is none, or it is deleted.
    pub game: Option<ChessGame>,
    /// Who is said to speak; none: the actor.
    pub sender: Option<UserId>,
    /// The actor's name as it was looked up.
    pub name: Option<String>,
    /// The actor's picture as it was looked up.
    pub avatar: Option<String>,
    /// What it is about.
    pub message_type: MessageType,
    /// What is said.
    pub content: Value,
}

impl Command for PostMessage {
    type Aggregate = Message;

    fn decide(&self, state: &Message, cx: &Context) -> Result<Decision<GameHubMessageEvent>, Rejection> {
        if state.0.is_some() {
            return Ok(Vec::new().into()); // Its id derives from the command: this is a retry.
        }
        let game = self.game.as_ref().ok_or_else(|| not_found(self.room.0))?;
        self.may_speak(game, cx)?;
        must_allow(game, Act::Speak, cx.now)?;
        let message = GameHubMessage {
            room_id: self.room,
            sender_id: cx.actor.user_id(),
            sender_name: self.name.clone(),
            sender_avatar: self.avatar.clone(),
            message_type: self.message_type,
            content: self.content.clone(),
            timestamp: cx.now.trunc_subsecs(3),
            status: MessageStatus::Approved,
            player_white_id: game.player_white_id,
            player_black_id: game.player_black_id,
        };
        Ok(vec![GameHubMessageEvent::MessagePosted(message.checked()?)].into())
    }
}

impl PostMessage {
    /// Players speak for themselves, admins and the system for the system.
    fn may_speak(&self, game: &ChessGame, cx: &Context) -> Result<(), Rejection> {
        let forbidden = |told: &str| Rejection::forbidden("errMsg_forbidden", told);
        if self.message_type == MessageType::System {
            if !cx.actor.is_admin() {
                return Err(forbidden("only admins send messages of type `system`").at("/messageType"));
            }
        } else if !cx.actor.user_id().is_some_and(|user| game.is_player(user)) {
            return Err(forbidden("only the two players of a game speak in its room"));
        }
        if self.sender.is_some() && self.sender != cx.actor.user_id() {
            return Err(forbidden("`senderId` must be you; leave it out").at("/senderId"));
        }
        Ok(())
    }
}

impl Write for PostMessage {
    const BODY: &'static [Param] = GameHubMessage::CREATE;
    const SHOWS: &'static Object = &GAME_HUB_MESSAGE;
    const ABOUT: &'static str =
        "Says something in the room of a game; sender, name, picture and time are the server's.";

    async fn prepare(call: &Call) -> Result<(Uuid, Self), ApiError> {
        let room = GameId(call.id("roomId").unwrap_or_default());
        let loaded = call.app.store.load::<Game>(room.0).await.map_err(of_read)?;
        let account = account::find(call, call.caller()?.user_id.0).await?;
        let profile = account.as_ref().and_then(|account| account.0.as_ref()).map(|stored| &stored.object);
        let command = Self {
            room,
            game: loaded.state.existing_now().cloned(),
            sender: call.id("senderId").map(UserId),
            name: profile.and_then(|user| user.fullname.clone()),
            avatar: profile.and_then(|user| user.avatar.clone()),
            message_type: call.word("messageType").unwrap_or(MessageType::Text),
            content: call.body.get("content").cloned().unwrap_or_default(),
        };
        Ok((call.request.command.derive(GAME_HUB_MESSAGE.name), command))
    }

    fn answer(done: &Done<Message>, call: &Call) -> Option<Map<String, Value>> {
        shown(done, call)
    }
}

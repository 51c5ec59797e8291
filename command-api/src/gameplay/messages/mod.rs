//! What is said in the room of a game: its two players speak and read, admins read and moderate.

pub mod content;
pub mod post;
pub mod read;
#[cfg(test)]
mod tests;

use event_schema::event::DomainEvent;
use event_schema::gameplay::game_event::GameEvent;
use event_schema::gameplay::hub_message::{GAME_HUB_MESSAGE, GameHubMessage, MessageStatus, MessageType};
use event_schema::ids::UserId;
use event_schema::object::Kind;
use service::ApiError;
use service::sessions::Caller;

use crate::es::aggregate::{Actor, Plain, Rejection};
use crate::http::body::{Param, optional, required};
use crate::http::call::Call;
use crate::http::limits;
use crate::http::predicate::{Other, Predicate};
use crate::http::query::Filter;
use crate::http::record::{Change, Delete, Rules, Update, owns};
use crate::http::rows::{Action, Routes};
use post::PostMessage;

/// The aggregate of category `gameHubMessage`.
pub type Message = Plain<GameHubMessage>;

/// The documented root, with the doubled `/v1` of the contract, and the plain one (contract README, row 14).
pub const PREFIXES: &[&str] = &["/gameplay-api/v1", super::PREFIX];

const ALL: &str = "/v1/gameHub-messages";
const ONE: &str = "/v1/gameHub-messages/{id}";

/// The rows of the rooms' messages.
pub fn routes(r: &mut Routes) {
    let post = r.create::<PostMessage>(
        "createGameHubMessage",
        ALL,
        "the players of the game, until it is over; what is of type `system`: admins",
    );
    post.limit = Some(limits::MESSAGES);
    let list = r
        .special("listGameHubMessages", "GET", ALL, Action::List, &GAME_HUB_MESSAGE, |call| Box::pin(read::list(call)));
    list.filters = FILTERS;
    list.errors = &[404];
    list.who = "the players of the game; admins all";
    list.about = "Lists messages, newest first; without `roomId` those of the caller's own games.";
    let get =
        r.special("getGameHubMessage", "GET", ONE, Action::Get, &GAME_HUB_MESSAGE, |call| Box::pin(read::get(call)));
    get.who = "the players of the game; admins";
    get.about = "Reads one message.";
    r.delete::<Delete<GameHubMessage>>("deleteGameHubMessage", ONE, "its sender and admins");
    r.update::<Update<GameHubMessage>>("updateGameHubMessage", ONE, "its sender; admins, who alone set `status`");
}

/// Filters of listGameHubMessages.
const FILTERS: &[Filter] = &[
    Filter { name: "roomId", kind: Kind::Id },
    Filter { name: "senderId", kind: Kind::Id },
    Filter { name: "senderName", kind: Kind::String },
    Filter { name: "senderAvatar", kind: Kind::String },
    Filter { name: "messageType", kind: Kind::Enum(MessageType::OPTIONS) },
    Filter { name: "content", kind: Kind::Json },
    Filter { name: "timestamp", kind: Kind::String },
    Filter { name: "status", kind: Kind::Enum(MessageStatus::OPTIONS) },
];

const CONTENT: Param = required("content", Kind::Json, content::ABOUT);

impl Rules for GameHubMessage {
    const CREATE: &'static [Param] = &[
        required("roomId", Kind::Id, "The game."),
        optional("messageType", Kind::Enum(MessageType::OPTIONS), "`text` if it is left out."),
        CONTENT,
        optional("senderId", Kind::Id, "You."),
        optional("senderName", Kind::String, "Ignored: yours."),
        optional("senderAvatar", Kind::String, "Ignored: yours."),
        optional("timestamp", Kind::String, "Ignored: the server's."),
        optional("status", Kind::Enum(MessageStatus::OPTIONS), "Ignored: `approved`."),
    ];
    const UPDATE: &'static [Param] =
        &[CONTENT.if_sent(), optional("status", Kind::Enum(MessageStatus::OPTIONS), "Moderation: admins set it.")];
    const OWNER: &'static str = "senderId";

    fn owner(&self) -> Option<UserId> {
        self.sender_id
    }

    fn checked(self) -> Result<Self, Rejection> {
        match content::fault(self.message_type, &self.content) {
            None => Ok(self),
            Some(told) => Err(Rejection::invalid("errMsg_contentIsNotValid", told).at("/content")),
        }
    }

    fn allows(&self, change: Change, actor: Actor) -> bool {
        match change {
            Change::Update | Change::Delete => owns(self, actor) || actor.is_admin(),
        }
    }

    /// Nobody moderates himself.
    fn may_become(&self, after: &Self, actor: Actor) -> Result<(), Rejection> {
        if after.status == self.status || actor.is_admin() {
            return Ok(());
        }
        let told = format!("`status` is moderation and stays `{}`: only admins set it", self.status.as_str());
        Err(Rejection::forbidden("errMsg_forbidden", told).at("/status"))
    }

    /// Of the games that he plays: what is approved, and his own.
    fn seen_by(caller: &Caller) -> Predicate {
        let columns = &["playerWhiteId", "playerBlackId"];
        let own_game = Other { kind: GameEvent::CATEGORY, columns, value: caller.user_id.to_string() };
        let approved = Predicate::Is("status", vec![MessageStatus::Approved.as_str().to_owned()]);
        let own = Predicate::Is(Self::OWNER, vec![caller.user_id.to_string()]);
        Predicate::And(vec![Predicate::RefersTo("roomId", own_game), Predicate::Or(vec![approved, own])])
    }

    async fn in_reach(call: &Call) -> Result<(), ApiError> {
        read::room_is_there(call).await
    }

    /// Who is in the room, which [`read`] sees to.
    fn is_seen_by(&self, caller: &Caller) -> bool {
        self.is_public() || self.owner() == Some(caller.user_id)
    }
}

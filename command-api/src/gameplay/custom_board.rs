//! Custom boards: the creator changes his own; he and admins delete.

use event_schema::gameplay::custom_board::{BoardCategory, CustomBoard};
use event_schema::ids::UserId;
use event_schema::object::Kind;
use serde_json::{Map, Value};
use service::ApiError;

use super::player;
use super::rules::Position;
use crate::es::aggregate::{Actor, Rejection};
use crate::http::body::{Param, optional, required};
use crate::http::call::Call;
use crate::http::query::Filter;
use crate::http::record::{Change, Rules, owns};

const NAME: Param = required("name", Kind::String, "What you call it.").at_most(100);
const FEN: Param = required("fen", Kind::String, "A legal position.").at_most(256);
const DESCRIPTION: Param = optional("description", Kind::Text, "More about it.").at_most(4000);
const PUBLISHED: Param = required("isPublished", Kind::Boolean, "Whether everybody sees it.");
const CATEGORY: Param = required("category", Kind::Enum(BoardCategory::OPTIONS), "What it is for.");

/// Filters of listCustomBoards.
pub const FILTERS: &[Filter] = &[
    Filter { name: "isPublished", kind: Kind::Boolean },
    Filter { name: "category", kind: Kind::Enum(BoardCategory::OPTIONS) },
    Filter { name: "createdById", kind: Kind::Id },
];

impl Rules for CustomBoard {
    const CREATE: &'static [Param] = &[
        NAME,
        FEN,
        DESCRIPTION,
        PUBLISHED,
        CATEGORY,
        optional("createdById", Kind::Id, "You; an admin may name another user."),
    ];
    const UPDATE: &'static [Param] = &[
        NAME.if_sent(),
        FEN.if_sent(),
        DESCRIPTION,
        PUBLISHED.if_sent(),
        CATEGORY.if_sent(),
        optional("createdById", Kind::Id, "Cannot be changed."),
    ];
    const OWNER: &'static str = "createdById";
    const PUBLISHED: Option<&'static str> = Some("isPublished");

    fn defaults() -> Map<String, Value> {
        Map::new()
    }

    fn owner(&self) -> Option<UserId> {
        Some(self.created_by_id)
    }

    fn is_published(&self) -> bool {
        self.is_published
    }

    fn checked(mut self) -> Result<Self, Rejection> {
        self.name = super::name_of(&self.name)?;
        let position = Position::from_fen(&self.fen).map_err(|fault| {
            Rejection::invalid("errMsg_fenIsNotValid", format!("`fen` is no legal position: {fault}")).at("/fen")
        })?;
        self.fen = position.fen();
        Ok(self)
    }

    fn allows(&self, change: Change, actor: Actor) -> bool {
        match change {
            Change::Update => owns(self, actor),
            Change::Delete => owns(self, actor) || actor.is_admin(),
        }
    }

    async fn look_up(call: &Call) -> Result<(), ApiError> {
        player::named(call, Self::OWNER).await.map(|_| ())
    }
}

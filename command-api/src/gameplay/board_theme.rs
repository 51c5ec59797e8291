//! Board themes: only the creator changes or deletes his own, admins too have no say (contract README, row 35). Those
//! that come with the system belong to nobody.

use event_schema::gameplay::board_theme::{BoardTheme, PRESETS};
use event_schema::ids::{CommandId, UserId};
use event_schema::object::Kind;
use serde_json::{Map, Value, json};
use service::ApiError;

use super::player;
use crate::app::App;
use crate::es::aggregate::{Actor, Plain, Rejection};
use crate::es::request::Request;
use crate::es::state::Loaded;
use crate::es::store::Failure;
use crate::http::body::{Param, optional, required};
use crate::http::call::Call;
use crate::http::error::of_read;
use crate::http::query::{Filter, Query};
use crate::http::read::Readable;
use crate::http::record::{Change, Create, Rules, owns};

const NAME: Param = required("name", Kind::String, "What you call it.").at_most(100);
const LIGHT: Param = colour_of("lightSquare");
const DARK: Param = colour_of("darkSquare");

const fn colour_of(name: &'static str) -> Param {
    required(name, Kind::String, "A colour: #rrggbb or #rgb.").at_most(7)
}

/// Filters of listBoardThemes.
pub const FILTERS: &[Filter] =
    &[Filter { name: "isPublished", kind: Kind::Boolean }, Filter { name: "createdById", kind: Kind::Id }];

impl Rules for BoardTheme {
    const CREATE: &'static [Param] =
        &[NAME, LIGHT, DARK, optional("createdById", Kind::Id, "You; an admin may name another user.")];
    const UPDATE: &'static [Param] = &[
        NAME.if_sent(),
        LIGHT.if_sent(),
        DARK.if_sent(),
        optional("isPublished", Kind::Boolean, "Whether everybody sees it."),
    ];
    const OWNER: &'static str = "createdById";
    const PUBLISHED: Option<&'static str> = Some("isPublished");

    fn defaults() -> Map<String, Value> {
        Map::from_iter([("isPublished".to_owned(), json!(false))])
    }

    fn owner(&self) -> Option<UserId> {
        self.created_by_id
    }

    fn is_published(&self) -> bool {
        self.is_published
    }

    fn checked(mut self) -> Result<Self, Rejection> {
        self.name = super::name_of(&self.name)?;
        self.light_square = colour("lightSquare", "/lightSquare", &self.light_square)?;
        self.dark_square = colour("darkSquare", "/darkSquare", &self.dark_square)?;
        Ok(self)
    }

    fn allows(&self, change: Change, actor: Actor) -> bool {
        match change {
            Change::Update | Change::Delete => owns(self, actor),
        }
    }

    async fn look_up(call: &Call) -> Result<(), ApiError> {
        player::named(call, Self::OWNER).await.map(|_| ())
    }
}

/// `#rrggbb` in lower case.
fn colour(name: &str, pointer: &'static str, text: &str) -> Result<String, Rejection> {
    let digits = text.strip_prefix('#').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let full = match digits.map(str::len) {
        Some(6) => digits.map(str::to_owned),
        Some(3) => digits.map(|digits| digits.chars().flat_map(|digit| [digit, digit]).collect()),
        Some(_) | None => None,
    };
    full.map(|digits: String| format!("#{}", digits.to_ascii_lowercase())).ok_or_else(|| {
        let told = format!("`{name}` must be a colour such as #b58863, not `{text}`");
        Rejection::invalid("errMsg_colourIsNotValid", told).at(pointer)
    })
}

/// Where the ids of the presets come from: the same in every system, so that two processes at once make one each, and a
/// log that came out of a backup has them already.
const SEED: CommandId = CommandId(uuid::uuid!("0196c2a4-3c00-7000-8000-000000000000"));

/// Makes the themes that every system has.
pub async fn ensure_presets(app: &App) -> Result<(), Failure> {
    for (name, light, dark) in PRESETS {
        let command = CommandId(SEED.derive(&format!("boardTheme/{name}")));
        let theme = BoardTheme {
            name: (*name).to_owned(),
            light_square: (*light).to_owned(),
            dark_square: (*dark).to_owned(),
            is_published: true,
            created_by_id: None,
        };
        let request = Request { actor: Actor::System, ..Request::system(command) };
        app.store.transact(command.derive("boardTheme"), &Create(theme), &request).await?;
    }
    Ok(())
}

/// The body's `activeThemeId` must be a theme that the caller sees, or empty.
pub async fn named(call: &Call) -> Result<(), ApiError> {
    const FIELD: &str = "activeThemeId";
    let Some(text) = call.text(FIELD).filter(|text| !text.is_empty()) else { return Ok(()) };
    let seen = match text.parse() {
        Ok(id) => {
            let theme: Loaded<Plain<BoardTheme>> = call.app.store.load(id).await.map_err(of_read)?;
            let active = theme.state.0.as_ref().is_some_and(|stored| stored.active);
            active && Plain::<BoardTheme>::may_read(&theme, call.caller()?, &Query::default())
        }
        Err(_) => false,
    };
    if seen {
        return Ok(());
    }
    let (code, told) = ("errMsg_activeThemeIdIsNotValid", "`activeThemeId` must be the id of a theme that you see");
    Err(ApiError::new(400, code, told).fault(format!("/{FIELD}"), code, told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_has_one_form() {
        for (text, form) in [("#B58863", Some("#b58863")), ("#fa0", Some("#ffaa00")), ("#ffff", None), ("red", None)] {
            assert_eq!(colour("c", "/c", text).ok().as_deref(), form, "{text}");
        }
        assert!(colour("c", "/c", "#ggg").is_err() && colour("c", "/c", "b58863").is_err());
    }

    #[test]
    fn the_presets_are_in_their_one_form() {
        for (name, light, dark) in PRESETS {
            assert_eq!(super::super::name_of(name).unwrap(), *name);
            assert_eq!(
                (colour("c", "/c", light).unwrap(), colour("c", "/c", dark).unwrap()),
                ((*light).into(), (*dark).into())
            );
        }
    }
}

//! The views: which documents an event concerns, and what it makes of them. Pure.
//!
//! Mirrors come from the tables, without code of their own; a composed view is one file here and one row below.

mod chess_game_detail;
mod chess_game_list;
mod dimensions;
mod game_terminated;
mod invitation_notification;
mod player_game;
mod player_profile;

use event_schema::envelope::Recorded;
use event_schema::event::DecodeError;
use event_schema::object::{Bookkeeping, Object};
use event_schema::stored::{Document, Made, Mirror, Whole};
use event_schema::views::{Composed, Join, MIRRORS, WAITING};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::keys::Item;

/// A composed view's fold. Its joined fields are filled by the worker; the fold carries them along.
pub trait Projection {
    /// Its table and joins.
    const VIEW: &'static Composed;
    /// Raised when the fold changes: the view is made anew.
    const REVISION: u32;
    /// Whether each document is made of the events of one stream, from its first one on.
    const OWN_STREAM: bool;
    /// The streams whose events make this document; `document` is what is known of it. None: nothing tells, and only
    /// one of its events shows its stream.
    fn streams(id: Uuid, _document: Option<&Map<String, Value>>) -> Vec<Uuid> {
        vec![id]
    }
    /// The categories of the events that concern it. Those of its joined objects are not among them.
    const CATEGORIES: &'static [&'static str];
    /// The documents that this event changes.
    fn keys(event: &Recorded) -> Result<Vec<Uuid>, DecodeError>;
    /// The document of this id after an event; `None` deletes it, or leaves it absent.
    fn fold(id: Uuid, prior: Option<&Map<String, Value>>, event: &Recorded) -> Result<Option<Document>, DecodeError>;
}

type Streams = fn(Uuid, Option<&Map<String, Value>>) -> Vec<Uuid>;
type ComposedFold = fn(Uuid, Option<&Map<String, Value>>, &Recorded) -> Result<Option<Document>, DecodeError>;

#[derive(Clone, Copy)]
enum Folding {
    Mirror(event_schema::stored::Fold),
    Composed(ComposedFold),
}

#[derive(Clone, Copy)]
enum Keys {
    /// At most one document for each event.
    Mirror(fn(&Recorded) -> Result<Option<Uuid>, DecodeError>),
    Composed(fn(&Recorded) -> Result<Vec<Uuid>, DecodeError>),
}

/// Where the events of a document are.
#[derive(Clone, Copy)]
pub enum Sources {
    /// It is one event, which has its id.
    Event,
    /// In these streams, by its id and what is known of it; none where that does not tell.
    Streams(Streams),
}

/// One view, as the worker sees it.
#[derive(Clone)]
pub struct View {
    /// Its table.
    pub table: &'static Object,
    /// Fields filled from documents of other views.
    pub joins: &'static [Join],
    /// What its objects are parts of.
    pub whole: Option<&'static Whole>,
    /// The revision of its fold.
    pub revision: u32,
    /// Where the events of a document are.
    pub sources: Sources,
    own_stream: bool,
    categories: Vec<&'static str>,
    keys: Keys,
    folding: Folding,
}

/// Every view: the mirrors, then the composed ones.
pub fn registry() -> Vec<View> {
    let composed = [
        View::composed::<chess_game_list::ChessGameList>(),
        View::composed::<chess_game_detail::ChessGameDetail>(),
        View::composed::<invitation_notification::InvitationNotification>(),
        View::composed::<game_terminated::GameTerminated>(),
        View::composed::<player_game::PlayerGame>(),
        View::composed::<player_profile::PlayerProfile>(),
    ];
    MIRRORS.iter().map(View::mirror).chain(composed).chain(WAITING.iter().map(|view| View::waiting(view))).collect()
}

/// The views of these names and those that they are joined from; all of them without names.
pub fn selected(names: Option<&[String]>) -> Vec<View> {
    let named = |view: &View| names.is_none_or(|names| names.iter().any(|n| n.eq_ignore_ascii_case(view.table.name)));
    let all = registry();
    let joined: Vec<&str> = all.iter().filter(|v| named(v)).flat_map(View::asked).map(|table| table.name).collect();
    all.iter().filter(|view| named(view) || joined.contains(&view.table.name)).cloned().collect()
}

/// The mirror of an object.
pub fn mirror_of(table: &Object) -> Option<&'static Mirror> {
    MIRRORS.iter().find(|mirror| mirror.table.name == table.name)
}

impl View {
    fn mirror(mirror: &'static Mirror) -> Self {
        Self {
            table: mirror.table,
            joins: &[],
            whole: mirror.whole,
            revision: 1,
            sources: match mirror.made {
                Made::OfItsStream => Sources::Streams(|id, _| vec![id]),
                Made::OfOneEvent => Sources::Event,
            },
            own_stream: true,
            categories: vec![mirror.category],
            keys: Keys::Mirror(mirror.key),
            folding: Folding::Mirror(mirror.fold),
        }
    }

    fn composed<P: Projection>() -> Self {
        Self {
            table: P::VIEW.table,
            joins: P::VIEW.joins,
            whole: None,
            revision: P::REVISION,
            sources: Sources::Streams(P::streams),
            own_stream: P::OWN_STREAM,
            categories: P::CATEGORIES.to_vec(),
            keys: Keys::Composed(P::keys),
            folding: Folding::Composed(P::fold),
        }
    }

    /// A view of which no event is declared yet.
    fn waiting(view: &'static Composed) -> Self {
        Self {
            table: view.table,
            joins: view.joins,
            whole: None,
            revision: 0,
            sources: Sources::Streams(|_, _| Vec::new()),
            own_stream: false,
            categories: Vec::new(),
            keys: Keys::Composed(|_| Ok(Vec::new())),
            folding: Folding::Composed(|_, _, _| Ok(None)),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.table.name
    }

    /// The documents that an event concerns. An event that cannot be read concerns one: that of its stream, or, in a
    /// view of events, its own.
    pub fn keys(&self, item: &Item) -> Vec<Uuid> {
        let event = &item.event;
        if !self.categories.contains(&event.category.as_str()) {
            return Vec::new();
        }
        match self.keys {
            Keys::Mirror(key) => key(event).map_or_else(|_| vec![event.id()], |id| id.into_iter().collect()),
            Keys::Composed(keys) => keys(event).unwrap_or_else(|_| vec![event.stream_id]),
        }
    }

    /// Whether a document that this event concerns begins with it, so that there is nothing to read first. If there is
    /// something after all (a redelivery), the write meets a conflict.
    pub fn begins(&self, id: Uuid, item: &Item) -> bool {
        self.own_stream && (item.event.id() == id || item.event.version == 1)
    }

    /// The document of this id after an event.
    pub fn fold(&self, id: Uuid, prior: Option<&Map<String, Value>>, item: &Item) -> Result<Option<Document>, String> {
        if let Some(fault) = &item.fault {
            return Err(fault.clone());
        }
        let folded = match self.folding {
            Folding::Mirror(fold) => fold(prior, &item.event),
            Folding::Composed(fold) => fold(id, prior, &item.event),
        };
        folded.map_err(|e| e.to_string())
    }

    /// The tables whose objects are asked for facts: those of its joins and that of the whole, some of them twice.
    pub fn asked(&self) -> impl Iterator<Item = &'static Object> {
        self.joins.iter().map(|join| join.of).chain(self.whole.map(|whole| whole.table))
    }

    /// Whether a document that is folded lacks what other objects say.
    pub fn asks(&self) -> bool {
        !self.joins.is_empty() || self.whole.is_some_and(|whole| !whole.comes_first)
    }

    /// The object that was asked for facts and may answer another thing after this event. An object's first event
    /// changes none: nothing refers to an object before it is there.
    pub fn joined_change(&self, item: &Item) -> Option<(&'static Object, Uuid)> {
        if item.event.version == 1 {
            return None;
        }
        let whole = self.whole.filter(|whole| whole.changed_by.contains(&item.event.kind.as_str()));
        let tables = self.joins.iter().map(|join| join.of).chain(whole.map(|whole| whole.table));
        tables.into_iter().find_map(|table| {
            let mirror = mirror_of(table).filter(|m| m.category == item.event.category)?;
            (mirror.key)(&item.event).ok().flatten().map(|id| (table, id))
        })
    }
}

/// The bookkeeping of a composed view's document after an event that concerns it.
fn bookkeeping(id: Uuid, prior: Option<&Map<String, Value>>, recorded: &Recorded, active: bool) -> Bookkeeping {
    let known = |name: &str| prior.and_then(|prior| prior.get(name)?.as_str());
    Bookkeeping {
        id,
        is_active: active,
        record_version: recorded.version,
        created_at: known("createdAt").and_then(|time| time.parse().ok()).unwrap_or(recorded.recorded_at),
        updated_at: recorded.recorded_at,
        owner: prior.map_or(recorded.actor_id, |_| known("_owner").and_then(|id| id.parse().ok())),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use event_schema::event::CATEGORIES;
    use event_schema::views::COMPOSED;

    /// The document that a projection makes of the events that concern it.
    pub fn folded<P: Projection>(events: &[Recorded]) -> Option<Document> {
        folded_as::<P>(events.first()?.stream_id, events)
    }

    /// The same of one of the documents that they concern.
    pub fn folded_as<P: Projection>(id: Uuid, events: &[Recorded]) -> Option<Document> {
        let concerns = |event: &&Recorded| P::keys(event).unwrap().contains(&id);
        let step = |prior: Option<Document>, event| P::fold(id, prior.as_ref().map(|d| &d.fields), event).unwrap();
        events.iter().filter(concerns).fold(None, step)
    }

    /// Its fields are those of the table, with the companions, and no others.
    pub fn fields_are_the_table_s(table: &Object, document: &Document) {
        let with_companion = |f: &event_schema::object::Field| std::iter::once(f.name.to_owned()).chain(f.companion());
        let declared: std::collections::BTreeSet<String> = table.view_fields().flat_map(with_companion).collect();
        let shown: std::collections::BTreeSet<String> = document.fields.keys().cloned().collect();
        assert_eq!(shown, declared);
    }

    #[test]
    fn every_view_of_the_tables_is_projected() {
        let names: Vec<&str> = registry().iter().map(View::name).collect();
        for table in event_schema::views::tables() {
            assert!(names.contains(&table.name), "{} has no fold", table.name);
        }
        assert_eq!(names.len(), MIRRORS.len() + COMPOSED.len() + WAITING.len());
    }

    #[test]
    fn categories_are_declared_and_joined_ones_stand_apart() {
        for view in registry() {
            for category in &view.categories {
                assert!(CATEGORIES.contains(category), "{}: {category}", view.name());
                assert!(view.joins.iter().all(|j| mirror_of(j.of).unwrap().category != *category), "{}", view.name());
            }
            if let Some(whole) = view.whole {
                assert!(view.table.field(whole.by).is_some() && mirror_of(whole.table).is_some(), "{}", view.name());
            }
            for join in view.joins {
                assert!(view.table.field(join.field).is_some() && view.table.field(join.by).is_some());
                assert!(join.of.field(join.shown).is_some_and(event_schema::object::Field::in_views));
            }
        }
    }

    #[test]
    fn a_view_that_waits_for_its_events_takes_none_of_the_others() {
        let waiting: Vec<View> = WAITING.iter().map(|view| View::waiting(view)).collect();
        let items = crate::testing::history(2, 3);
        assert!(waiting.iter().all(|view| items.iter().all(|item| view.keys(item).is_empty())));
    }

    #[test]
    fn a_selection_brings_what_it_is_joined_from() {
        let names = |list: &[&str]| {
            let list: Vec<String> = list.iter().map(|n| (*n).to_owned()).collect();
            selected(Some(&list)).iter().map(View::name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["CHESSGAMELISTVIEW"]), ["user", "chessGameListView"]);
        assert_eq!(names(&["chessGame"]), ["chessGame"]);
        assert_eq!(names(&["chessGameMove"]), ["chessGame", "chessGameMove"]);
        assert_eq!(selected(None).len(), registry().len());
    }

    #[test]
    fn only_what_may_change_the_readers_of_its_parts_is_a_change_of_a_whole() {
        let view = |name: &str| registry().into_iter().find(|view| view.name() == name).unwrap();
        let changes = |name: &str, event: Recorded| view(name).joined_change(&crate::testing::item(event)).is_some();
        let game = [crate::testing::opened(1), crate::testing::joined(2), crate::testing::deleted(3)];
        let moved = crate::testing::played(4, 1, "e4", "8/8/8/8/8/8/8/8 w - - 0 1");
        let of = |name: &str| game.clone().map(|event| changes(name, event));
        assert_eq!(of("chessGameMove"), [false, false, true]);
        assert_eq!(of("gameHubMessage"), [false, true, true]);
        assert!(!changes("gameHubMessage", moved.clone()) && !changes("chessGameMove", moved));
        assert!(view("gameHubMessage").asks() && !view("chessGameMove").asks());
    }

    #[test]
    fn mappings_are_strict_and_pinned() {
        let mappings: Map<String, Value> =
            registry().iter().map(|view| (view.name().to_owned(), view.table.mapping())).collect();
        assert!(mappings.values().all(|mapping| mapping["dynamic"] == "strict"));
        insta::assert_json_snapshot!("mappings", mappings);
    }
}

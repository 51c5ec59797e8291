//! `savedFilter`: a filter of the query service that a user keeps under a name.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::DomainEvent;
use crate::ids::UserId;
use crate::object::{Deletion, Object, any, id, string};
use crate::stored::{DataObject, Readers};

/// Per user, per view (contract README, row 4).
pub const SAVED_FILTER: Object = Object {
    name: "savedFilter",
    plural: "savedFilters",
    deletion: Deletion::Hard,
    admins_read_all: false,
    fields: &[string("indexName").listed(), string("filterName").searched(), any("conditions"), id("userId").listed()],
    additions: &[],
};

/// The state of a saved filter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedFilter {
    /// The view, as its table names it.
    pub index_name: String,
    /// What the user calls it.
    pub filter_name: Option<String>,
    /// The filter: the query grammar's JSON.
    pub conditions: Value,
    /// Whose.
    pub user_id: UserId,
}

/// Stored: past tense, never renamed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum SavedFilterEvent {
    /// This is the filter now.
    FilterSaved(SavedFilter),
    /// It is gone.
    FilterDeleted {},
}

impl DomainEvent for SavedFilterEvent {
    const CATEGORY: &'static str = "savedFilter";

    fn schema(_: &str) -> i16 {
        1
    }

    fn upcast(_: &str, _: i16, data: Value) -> Value {
        data
    }
}

impl DataObject for SavedFilter {
    const TABLE: &'static Object = &SAVED_FILTER;
    type Event = SavedFilterEvent;

    fn begin(event: &SavedFilterEvent) -> Option<Self> {
        match event {
            SavedFilterEvent::FilterSaved(filter) => Some(filter.clone()),
            SavedFilterEvent::FilterDeleted {} => None,
        }
    }

    fn evolve(&mut self, event: &SavedFilterEvent) {
        match event {
            SavedFilterEvent::FilterSaved(filter) => *self = filter.clone(),
            SavedFilterEvent::FilterDeleted {} => {}
        }
    }

    fn deletes(event: &SavedFilterEvent) -> bool {
        match event {
            SavedFilterEvent::FilterSaved(_) => false,
            SavedFilterEvent::FilterDeleted {} => true,
        }
    }

    fn readers(&self, _: uuid::Uuid) -> Readers {
        Readers::Users(vec![self.user_id.0])
    }
}

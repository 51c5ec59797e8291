//! `savedFilter`: a filter of the query service that a user keeps under a name.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::user::Role;
use crate::event::DomainEvent;
use crate::ids::UserId;
use crate::object::{Deletion, Object, ReadBy, any, choice, id, string};
use crate::record::{Record, RecordEvent};
use crate::stored::Readers;

/// Per user, per view (contract README, row 4).
pub const SAVED_FILTER: Object = Object {
    name: "savedFilter",
    plural: "savedFilters",
    deletion: Deletion::Hard,
    read_by: ReadBy::only("who saved it; every user of the role that it is shared with"),
    fields: &[
        string("indexName").listed(),
        string("filterName").searched(),
        any("conditions"),
        id("userId").listed(),
        choice("sharedWith", Role::OPTIONS),
    ],
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
    /// Everybody of this role may use it.
    pub shared_with: Option<Role>,
}

/// Stored: what happens to a `savedFilter`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum SavedFilterEvent {
    /// This is the value now. Schema 2 has `sharedWith`; before, nothing was shared.
    FilterSaved(SavedFilter),
    /// It is gone.
    FilterDeleted {},
}

impl DomainEvent for SavedFilterEvent {
    const CATEGORY: &'static str = "savedFilter";

    fn schema(kind: &str) -> i16 {
        if kind == "FilterSaved" { 2 } else { 1 }
    }

    fn upcast(kind: &str, schema: i16, mut data: Value) -> Value {
        if let ("FilterSaved", 1, Some(map)) = (kind, schema, data.as_object_mut()) {
            map.insert("sharedWith".to_owned(), json!(null));
        }
        data
    }
}

impl RecordEvent for SavedFilterEvent {
    type Value = SavedFilter;

    fn saved(value: SavedFilter) -> Self {
        Self::FilterSaved(value)
    }

    fn deleted() -> Self {
        Self::FilterDeleted {}
    }

    fn value(&self) -> Option<&SavedFilter> {
        match self {
            Self::FilterSaved(value) => Some(value),
            Self::FilterDeleted {} => None,
        }
    }
}

impl Record for SavedFilter {
    const TABLE: &'static Object = &SAVED_FILTER;
    type Event = SavedFilterEvent;

    fn readers(&self, _: Uuid) -> Readers {
        match self.shared_with {
            None => Readers::Users(vec![self.user_id.0]),
            Some(role) => Readers::UserAndRole(self.user_id.0, role),
        }
    }
}

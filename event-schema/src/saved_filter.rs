//! `savedFilter`: a filter of the query service that a user keeps under a name.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::ids::UserId;
use crate::object::{Deletion, Object, ReadBy, any, id, string};
use crate::record::{Record, record_events};
use crate::stored::Readers;

/// Per user, per view (contract README, row 4).
pub const SAVED_FILTER: Object = Object {
    name: "savedFilter",
    plural: "savedFilters",
    deletion: Deletion::Hard,
    read_by: ReadBy::only("who saved it; every user of the role that it is shared with"),
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

record_events!(SavedFilterEvent of SavedFilter in "savedFilter": FilterSaved, FilterDeleted);

impl Record for SavedFilter {
    const TABLE: &'static Object = &SAVED_FILTER;
    type Event = SavedFilterEvent;

    fn readers(&self, _: Uuid) -> Readers {
        Readers::Users(vec![self.user_id.0])
    }
}

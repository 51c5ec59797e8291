//! Views as the query service sees them: their columns in the order of answers, read off the tables once.

use std::sync::LazyLock;

use event_schema::object::{Bookkeeping, Kind, Object};
use event_schema::views;
use serde_json::Map;

/// A column that clients may see: a field of the table, or the companion number of an enum.
#[derive(Debug, PartialEq)]
pub struct Column {
    /// The name in answers, filters and sorts.
    pub name: String,
    /// How its values look.
    pub kind: Kind,
    /// Whether `q` and the text operators search it (in its sub-field `.text`).
    pub searched: bool,
    /// For the companion number of an enum: how many words there are.
    pub companion_of: Option<usize>,
}

impl Column {
    /// Whether lists may be sorted by it.
    pub fn sortable(&self) -> bool {
        self.kind != Kind::Json
    }

    /// The sub-field that holds its words.
    pub fn words(&self) -> String {
        format!("{}.text", self.name)
    }
}

/// A view and its columns.
#[derive(Debug)]
pub struct View {
    /// Its table.
    pub table: &'static Object,
    /// Its columns in the order of answers. What is not here is unknown to clients.
    pub columns: Vec<Column>,
}

impl View {
    fn new(table: &'static Object) -> Self {
        let nil = Bookkeeping {
            id: uuid::Uuid::nil(),
            is_active: true,
            record_version: 0,
            created_at: chrono::DateTime::UNIX_EPOCH,
            updated_at: chrono::DateTime::UNIX_EPOCH,
            owner: None,
        };
        // The order of answers is the order in which the table renders.
        let order = table.render(&Map::new(), &nil, |field| field.in_views());
        let columns = order.keys().filter_map(|name| column(table, name)).collect();
        Self { table, columns }
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns that `q` searches.
    pub fn searched(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.searched)
    }

    /// Whether this role reads every document of the view.
    pub fn read_whole_by(&self, role: event_schema::auth::user::Role) -> bool {
        self.table.admins_read_all && role.is_admin()
    }
}

fn column(table: &'static Object, name: &str) -> Option<Column> {
    if let Some(field) = table.field(name) {
        return Some(Column { name: name.to_owned(), kind: field.kind, searched: field.searched, companion_of: None });
    }
    let field = table.all_fields().find(|field| field.companion().as_deref() == Some(name))?;
    match field.kind {
        Kind::Enum(words) => {
            let companion_of = Some(words.len());
            Some(Column { name: name.to_owned(), kind: Kind::Integer, searched: false, companion_of })
        }
        Kind::String
        | Kind::Text
        | Kind::Id
        | Kind::Boolean
        | Kind::Integer
        | Kind::Double
        | Kind::Date
        | Kind::Json => None,
    }
}

/// Every view.
pub static VIEWS: LazyLock<Vec<View>> = LazyLock::new(|| views::tables().map(View::new).collect());

/// The view of that name; names in URLs are compared without case.
pub fn by_name(name: &str) -> Option<&'static View> {
    VIEWS.iter().find(|view| view.table.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_and_withheld_fields_are_no_columns() {
        for view in VIEWS.iter() {
            for name in ["password", "invitationCode", "_live", "_readers", "_position", "_state"] {
                assert!(view.column(name).is_none(), "{}.{name}", view.table.name);
            }
            for name in ["id", "isActive", "recordVersion", "createdAt", "updatedAt", "_owner"] {
                assert!(view.column(name).is_some(), "{}.{name}", view.table.name);
            }
        }
    }

    #[test]
    fn every_column_is_mapped() {
        for view in VIEWS.iter() {
            let mapping = view.table.mapping();
            for column in &view.columns {
                assert!(mapping["properties"].get(&column.name).is_some(), "{}.{}", view.table.name, column.name);
            }
        }
    }

    #[test]
    fn companions_stand_beside_their_enum() {
        let view = by_name("CHESSgame").unwrap();
        let at = view.columns.iter().position(|c| c.name == "status").unwrap();
        assert_eq!(view.columns[at + 1].name, "status_idx");
        assert_eq!(view.columns[at + 1].companion_of, Some(5));
    }
}

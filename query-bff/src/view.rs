//! Views as the query service sees them: their columns in the order of answers, read off the tables once.

use std::sync::LazyLock;

use event_schema::auth::user::Role;
use event_schema::object::{Bookkeeping, Field, Kind, Object};
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
    /// The least role that may use it: its field's rule.
    pub least_role: Role,
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
    columns: Vec<Column>,
}

/// Why there is no column of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoColumn {
    /// Nobody has one: it does not exist, or it is hidden.
    Unknown,
    /// It exists, for other roles.
    NotForRole,
}

impl View {
    /// The view of a table.
    pub(crate) fn new(table: &'static Object) -> Self {
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

    /// The column of that name as far as this role may use it.
    ///
    /// **This and [`View::columns_for`] are the only doors to columns.** Filters, `q`, sorts, facets, aggregates,
    /// exports, projections, schemas and records all come through them, so a field rule holds everywhere or nowhere.
    /// Requests use [`crate::query::fields::field`], which also notes the fault.
    pub fn column_for(&self, role: Role, name: &str) -> Result<&Column, NoColumn> {
        let column = self.columns.iter().find(|column| column.name == name).ok_or(NoColumn::Unknown)?;
        if role.is_at_least(column.least_role) { Ok(column) } else { Err(NoColumn::NotForRole) }
    }

    /// The columns that this role may use, in the order of answers. What is not here is unknown to clients of the role.
    pub fn columns_for(&self, role: Role) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(move |column| role.is_at_least(column.least_role))
    }

    /// The columns that `q` searches for this role.
    pub fn searched_for(&self, role: Role) -> impl Iterator<Item = &Column> {
        self.columns_for(role).filter(|column| column.searched)
    }

    /// The unique column in which every order ends; every view has it for everybody.
    pub fn id(&self) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == "id")
    }

    /// Whether this role reads every document of the view.
    pub fn read_whole_by(&self, role: Role) -> bool {
        self.table.read_by.whole_by(role)
    }
}

fn column(table: &'static Object, name: &str) -> Option<Column> {
    let of = |field: &Field, kind, searched, companion_of| Column {
        name: name.to_owned(),
        kind,
        searched,
        companion_of,
        least_role: field.least_role,
    };
    if let Some(field) = table.field(name) {
        return Some(of(field, field.kind, field.searched, None));
    }
    let field = table.all_fields().find(|field| field.companion().as_deref() == Some(name))?;
    match field.kind {
        Kind::Enum(words) => Some(of(field, Kind::Integer, false, Some(words.len()))),
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

/// A view with fields for admins only.
#[cfg(test)]
pub(crate) fn ruled() -> &'static View {
    use event_schema::object::{Deletion, ReadBy, choice, string};
    static TABLE: Object = Object {
        name: "ruled",
        plural: "ruleds",
        deletion: Deletion::Soft,
        read_by: ReadBy::admins_and("nobody"),
        fields: &[string("name").searched(), choice("level", &["low", "high"]).for_admins()],
        additions: &[&[string("email").searched().for_admins()]],
    };
    static VIEW: LazyLock<View> = LazyLock::new(|| View::new(&TABLE));
    &VIEW
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_and_withheld_fields_are_no_columns() {
        for view in VIEWS.iter() {
            for name in ["password", "invitationCode", "_live", "_readers", "_position", "_state"] {
                let found = view.column_for(Role::SuperAdmin, name);
                assert_eq!(found, Err(NoColumn::Unknown), "{}.{name}", view.table.name);
            }
            for name in ["id", "isActive", "recordVersion", "createdAt", "updatedAt", "_owner"] {
                assert!(view.column_for(Role::Guest, name).is_ok(), "{}.{name}", view.table.name);
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
    fn a_field_of_a_role_is_not_there_for_a_lower_one() {
        let view = ruled();
        let names = |role| view.columns_for(role).map(|column| column.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names(Role::Admin)[..4], ["id", "name", "level", "level_idx"]);
        assert_eq!(names(Role::SuperAdmin), names(Role::Admin));
        assert_eq!(names(Role::User)[..3], ["id", "name", "isActive"]);
        assert_eq!(names(Role::Guest), names(Role::User));
        for name in ["email", "level", "level_idx"] {
            assert_eq!(view.column_for(Role::User, name), Err(NoColumn::NotForRole), "{name}");
            assert!(view.column_for(Role::Admin, name).is_ok(), "{name}");
        }
        let searched = |role| view.searched_for(role).map(|column| column.name.as_str()).collect::<Vec<_>>();
        assert_eq!((searched(Role::User), searched(Role::Admin)), (vec!["name"], vec!["name", "email"]));
        assert!(!view.read_whole_by(Role::User) && view.read_whole_by(Role::SuperAdmin));
    }

    #[test]
    fn companions_stand_beside_their_enum() {
        let view = by_name("CHESSgame").unwrap();
        let at = view.columns.iter().position(|c| c.name == "status").unwrap();
        assert_eq!(view.columns[at + 1].name, "status_idx");
        assert_eq!(view.columns[at + 1].companion_of, Some(5));
    }
}

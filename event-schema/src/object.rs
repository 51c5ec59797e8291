//! The table of a data object or view: declared once, read by the envelope, the lists, the mappings, the filters, the
//! documents and the tests.

use serde_json::{Map, Value, json};

use crate::auth::user::Role;

/// Text of more UTF-16 units than these is not indexed as a keyword: filters and sorts see it as missing.
pub const IGNORE_ABOVE: usize = 8191;

/// How a field's values look. Words of the contract, section 1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Short text; list filters match it in part and without case.
    String,
    /// Long text.
    Text,
    /// A UUID; filters match it exactly.
    Id,
    /// true or false.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Double,
    /// An instant, RFC 3339 with milliseconds, UTC.
    Date,
    /// Any JSON; shown, never filtered.
    Json,
    /// One of these words; answers carry `<name>_idx` beside it.
    Enum(&'static [&'static str]),
}

/// Where a field may be shown at all. Who may see the object is another matter (`Object::mirror` readers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// In answers and views.
    Everywhere,
    /// In answers of the command API to those who may; in no view (codes).
    CommandOnly,
    /// Nowhere: the key is there, the value is null (passwords).
    Withheld,
}

/// Whose data key seals a personal field (design: destroying the key is the hard delete).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOf {
    /// `user:<id of the stream>`.
    Stream,
    /// `user:<value of this field>`.
    Field(&'static str),
}

/// One field of a table.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name in JSON, in events, state rows, answers and views.
    pub name: &'static str,
    /// How its values look.
    pub kind: Kind,
    /// Where it may be shown.
    pub shown: Shown,
    /// Sealed in events under this key.
    pub personal: Option<KeyOf>,
    /// A filter column of command API lists (`object_index`).
    pub listed: bool,
    /// Searched by `q` and text operators of the query service.
    pub searched: bool,
    /// The least role that may use it in views: see it, and filter, sort, count or group by it. For others a view is as
    /// if it held nothing there.
    pub least_role: Role,
}

/// Who reads the documents of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadBy {
    /// The least role that reads every document; without one nobody does by his role.
    pub whole: Option<Role>,
    /// Whom the documents name as their readers, in words for people.
    pub named: &'static str,
}

impl ReadBy {
    /// Admins read all, others what names them.
    pub const fn admins_and(named: &'static str) -> Self {
        Self { whole: Some(Role::Admin), named }
    }

    /// Everybody, admins too, reads only what names him.
    pub const fn only(named: &'static str) -> Self {
        Self { whole: None, named }
    }

    /// Every logged-in user reads all there is: what somebody must not see is no document of such a view.
    pub const fn everybody() -> Self {
        Self { whole: Some(Role::Guest), named: "every logged-in user" }
    }

    /// Whether this role reads every document.
    pub fn whole_by(self, role: Role) -> bool {
        self.whole.is_some_and(|least| role.is_at_least(least))
    }
}

/// A table: a data object of the contract, or a composed view.
#[derive(Debug)]
pub struct Object {
    /// Singular: `dataName` of single answers, the view's name, `<name>` of the index.
    pub name: &'static str,
    /// Plural: `dataName` of lists.
    pub plural: &'static str,
    /// Soft deletion shows `isActive` before `recordVersion`, hard deletion after `_owner`.
    pub deletion: Deletion,
    /// Who reads the documents of its view.
    pub read_by: ReadBy,
    /// The contract's fields in the contract's order.
    pub fields: &'static [Field],
    /// Our own additions, shown after `_owner`.
    pub additions: &'static [&'static [Field]],
}

/// What deleting means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The record stays, inactive; admins see it.
    Soft,
    /// The content goes; a tombstone stays.
    Hard,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    let least_role = Role::Guest;
    Field { name, kind, shown: Shown::Everywhere, personal: None, listed: false, searched: false, least_role }
}
/// A short text.
pub const fn string(name: &'static str) -> Field {
    field(name, Kind::String)
}
/// A long text.
pub const fn text(name: &'static str) -> Field {
    field(name, Kind::Text)
}
/// A UUID.
pub const fn id(name: &'static str) -> Field {
    field(name, Kind::Id)
}
/// true or false.
pub const fn boolean(name: &'static str) -> Field {
    field(name, Kind::Boolean)
}
/// A whole number.
pub const fn integer(name: &'static str) -> Field {
    field(name, Kind::Integer)
}
/// A number.
pub const fn double(name: &'static str) -> Field {
    field(name, Kind::Double)
}
/// An instant.
pub const fn date(name: &'static str) -> Field {
    field(name, Kind::Date)
}
/// Any JSON.
pub const fn any(name: &'static str) -> Field {
    field(name, Kind::Json)
}
/// One of these words.
pub const fn choice(name: &'static str, words: &'static [&'static str]) -> Field {
    field(name, Kind::Enum(words))
}

impl Field {
    /// Seals it in events under this key.
    pub const fn personal(mut self, key: KeyOf) -> Self {
        self.personal = Some(key);
        self
    }
    /// Makes it a filter of command API lists.
    pub const fn listed(mut self) -> Self {
        self.listed = true;
        self
    }
    /// Lets `q` and the text operators search it.
    pub const fn searched(mut self) -> Self {
        self.searched = true;
        self
    }
    /// Only admins may use it in views.
    pub const fn for_admins(mut self) -> Self {
        self.least_role = Role::Admin;
        self
    }
    /// Keeps it out of every view.
    pub const fn command_only(mut self) -> Self {
        self.shown = Shown::CommandOnly;
        self
    }
    /// Shows its key with null, everywhere.
    pub const fn withheld(mut self) -> Self {
        self.shown = Shown::Withheld;
        self
    }
    /// Whether views hold it.
    pub fn in_views(&self) -> bool {
        self.shown == Shown::Everywhere
    }
    /// The name of its companion number, for enums.
    pub fn companion(&self) -> Option<String> {
        matches!(self.kind, Kind::Enum(_)).then(|| format!("{}_idx", self.name))
    }

    /// Puts its value among `values` into a document as it is shown, its companion beside it.
    pub fn put(&self, values: &Map<String, Value>, out: &mut Map<String, Value>) {
        let value = match self.shown {
            Shown::Withheld => Value::Null,
            Shown::Everywhere | Shown::CommandOnly => values.get(self.name).cloned().unwrap_or(Value::Null),
        };
        let time = if self.kind == Kind::Date { value.as_str().and_then(|text| text.parse().ok()) } else { None };
        let value = time.map_or(value, |time| json!(instant(time)));
        let index = match (self.kind, value.as_str()) {
            (Kind::Enum(words), Some(word)) => json!(words.iter().position(|w| *w == word)),
            _ => Value::Null,
        };
        out.insert(self.name.to_owned(), value);
        if let Some(companion) = self.companion() {
            out.insert(companion, index);
        }
    }

    /// The Elasticsearch mapping of its values. Text that is searched has a `.text` sub-field.
    fn mapping(&self) -> Value {
        match self.kind {
            Kind::String | Kind::Text if self.searched => json!({"type": "keyword", "ignore_above": IGNORE_ABOVE,
                "fields": {"text": {"type": "text", "index_prefixes": {"min_chars": 1, "max_chars": 10}}}}),
            Kind::String | Kind::Text => json!({"type": "keyword", "ignore_above": IGNORE_ABOVE}),
            Kind::Id | Kind::Enum(_) => json!({"type": "keyword"}),
            Kind::Boolean => json!({"type": "boolean"}),
            Kind::Integer => json!({"type": "long"}),
            Kind::Double => json!({"type": "double"}),
            Kind::Date => json!({"type": "date"}),
            Kind::Json => json!({"type": "object", "enabled": false}),
        }
    }
}

/// What every object carries besides its fields.
pub const BOOKKEEPING: &[Field] =
    &[id("id"), boolean("isActive"), integer("recordVersion"), date("createdAt"), date("updatedAt"), id("_owner")];

/// Hidden fields of every document: never shown, never filtered on by clients.
pub mod hidden {
    /// Position of the last event folded in; also the document's external version.
    pub const POSITION: &str = "_position";
    /// false for tombstones, checkpoints and parked documents: every query filters on true.
    pub const LIVE: &str = "_live";
    /// Who may read it: ids of users, [`of_role`], or [`EVERYBODY`].
    pub const READERS: &str = "_readers";
    /// Every logged-in user.
    pub const EVERYBODY: &str = "*";
    /// JSON of the projector's own documents in the index (checkpoint, parked).
    pub const STATE: &str = "_state";

    /// Every logged-in user of exactly this role, as [`READERS`] names them.
    pub fn of_role(role: super::Role) -> String {
        format!("role:{}", role.as_str())
    }
}

impl Object {
    /// The contract's fields, then ours.
    pub fn all_fields(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().chain(self.additions.iter().flat_map(|group| group.iter()))
    }

    /// The field of that name among its own and the bookkeeping ones.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.all_fields().chain(BOOKKEEPING).find(|f| f.name == name)
    }

    /// What clients of the query service may see: bookkeeping and every field that views hold.
    pub fn view_fields(&self) -> impl Iterator<Item = &'static Field> {
        self.all_fields().chain(BOOKKEEPING).filter(|f| f.in_views())
    }

    /// The Elasticsearch mapping of its view: strict, so an undeclared field is refused by the server.
    pub fn mapping(&self) -> Value {
        let mut properties = Map::new();
        for field in self.view_fields() {
            properties.insert(field.name.to_owned(), field.mapping());
            if let Some(companion) = field.companion() {
                properties.insert(companion, json!({"type": "byte"}));
            }
        }
        properties.insert(hidden::POSITION.into(), json!({"type": "long"}));
        properties.insert(hidden::LIVE.into(), json!({"type": "boolean"}));
        properties.insert(hidden::READERS.into(), json!({"type": "keyword"}));
        properties.insert(hidden::STATE.into(), json!({"type": "object", "enabled": false}));
        json!({"dynamic": "strict", "properties": properties})
    }

    /// Puts `values` (this table's fields by name) and the bookkeeping into the contract's order, enum companions
    /// added, withheld values null, absent values null. Fields for which `keep` says no are left out.
    pub fn render(
        &self,
        values: &Map<String, Value>,
        book: &Bookkeeping,
        keep: impl Fn(&Field) -> bool,
    ) -> Map<String, Value> {
        let mut out = Map::with_capacity(self.fields.len() + 12);
        out.insert("id".into(), json!(book.id));
        for field in self.fields.iter().filter(|f| keep(f)) {
            field.put(values, &mut out);
        }
        if self.deletion == Deletion::Soft {
            out.insert("isActive".into(), json!(book.is_active));
        }
        out.insert("recordVersion".into(), json!(book.record_version));
        out.insert("createdAt".into(), json!(instant(book.created_at)));
        out.insert("updatedAt".into(), json!(instant(book.updated_at)));
        out.insert("_owner".into(), json!(book.owner));
        if self.deletion == Deletion::Hard {
            out.insert("isActive".into(), json!(book.is_active));
        }
        for field in self.additions.iter().flat_map(|group| group.iter()).filter(|f| keep(f)) {
            field.put(values, &mut out);
        }
        out
    }
}

/// The part of an answer that the log knows and no aggregate writes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bookkeeping {
    /// The object's id.
    pub id: uuid::Uuid,
    /// false when deleted.
    pub is_active: bool,
    /// The stream's version (1 for objects made of one event).
    pub record_version: i32,
    /// When its first event was recorded.
    pub created_at: chrono::DateTime<chrono::Utc>,
    /// When its last event was recorded.
    pub updated_at: chrono::DateTime<chrono::Utc>,
    /// The actor of its first event.
    pub owner: Option<uuid::Uuid>,
}

/// RFC 3339 in UTC with milliseconds: the one form of instants in answers and views.
pub fn instant(time: chrono::DateTime<chrono::Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// Whether it stands in a leap second (`23:59:60`): it would be printed as one, and Elasticsearch knows none. Whoever reads
/// times of others refuses it.
pub fn is_leap_second(time: &impl chrono::Timelike) -> bool {
    time.nanosecond() >= 1_000_000_000
}

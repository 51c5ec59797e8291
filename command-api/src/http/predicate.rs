//! Which objects a list shows: filters and what the caller may see, as one condition over the list columns.

use event_schema::object::Object;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::es::store::DELETED;

/// A condition on a state row `s`.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    /// All of these (none: everything).
    And(Vec<Predicate>),
    /// Any of these (none: nothing).
    Or(Vec<Predicate>),
    /// The column has one of these values.
    Is(&'static str, Vec<String>),
    /// The column contains one of these, without case.
    Contains(&'static str, Vec<String>),
    /// The column has no value.
    Missing(&'static str),
    /// The object itself.
    Id(Uuid),
    /// As `Contains`, of a field that is no list column: looked for in the state row of a [`Plain`] object.
    ///
    /// [`Plain`]: crate::es::aggregate::Plain
    InState(&'static str, Vec<String>),
    /// As `Missing`, of such a field.
    NotInState(&'static str),
    /// The column holds the id of an object like this.
    RefersTo(&'static str, Other),
}

/// An object that is not deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct Other {
    /// Its category.
    pub kind: &'static str,
    /// One of these columns of it
    pub columns: &'static [&'static str],
    /// has this value.
    pub value: String,
}

impl Predicate {
    /// The same with the fields that are no list columns of this table looked for in the state rows.
    pub fn in_rows_of(self, table: &Object) -> Self {
        let listed = |name: &str| table.field(name).is_some_and(|field| field.listed);
        match self {
            Self::Contains(field, values) if !listed(field) => Self::InState(field, values),
            Self::Missing(field) if !listed(field) => Self::NotInState(field),
            Self::And(all) => Self::And(all.into_iter().map(|one| one.in_rows_of(table)).collect()),
            Self::Or(any) => Self::Or(any.into_iter().map(|one| one.in_rows_of(table)).collect()),
            Self::Is(..)
            | Self::Contains(..)
            | Self::Missing(_)
            | Self::Id(_)
            | Self::InState(..)
            | Self::NotInState(_)
            | Self::RefersTo(..) => self,
        }
    }
}

/// SQL text with its parameters.
pub struct Sql {
    schema: String,
    params: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Sql {
    /// No parameter yet.
    pub fn new(schema: &str) -> Self {
        Self { schema: schema.to_owned(), params: Vec::new() }
    }

    /// Adds a parameter and names its place.
    pub fn param(&mut self, value: impl ToSql + Sync + Send + 'static) -> String {
        self.params.push(Box::new(value));
        format!("${}", self.params.len())
    }

    /// The parameters for a query.
    pub fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.params.iter().map(|p| &**p as &(dyn ToSql + Sync)).collect()
    }

    /// The condition as SQL over `<row>.stream_id`.
    pub fn condition(&mut self, predicate: &Predicate, row: &str) -> String {
        match predicate {
            Predicate::And(all) if all.is_empty() => "true".into(),
            Predicate::Or(any) if any.is_empty() => "false".into(),
            Predicate::And(all) => self.joined(all, " and ", row),
            Predicate::Or(any) => self.joined(any, " or ", row),
            Predicate::Is(field, values) => {
                let value = self.param(values.clone());
                self.column(field, &format!("i.value = any({value}::text[])"), row)
            }
            Predicate::Contains(field, values) => {
                let value = self.param(parts(values));
                self.column(field, &format!("i.value ilike any({value}::text[])"), row)
            }
            Predicate::Missing(field) => format!("not {}", self.column(field, "true", row)),
            Predicate::Id(id) => {
                let id = self.param(*id);
                format!("{row}.stream_id = {id}")
            }
            Predicate::InState(field, values) => {
                let (field, value) = (self.param(field.to_owned()), self.param(parts(values)));
                format!("{} ilike any({value}::text[])", in_state(row, &field))
            }
            Predicate::NotInState(field) => {
                let field = self.param(field.to_owned());
                format!("{} is null", in_state(row, &field))
            }
            Predicate::RefersTo(field, other) => {
                let (kind, value) = (self.param(other.kind), self.param(other.value.clone()));
                let columns = self.param(other.columns.to_vec());
                let schema = &self.schema;
                let gone = format!(
                    "select 1 from {schema}.object_index d where d.stream_id = o.stream_id and d.field = '{DELETED}'"
                );
                let others = format!(
                    "select o.stream_id::text from {schema}.object_index o where o.kind = {kind} \
                     and o.field = any({columns}::text[]) and o.value = {value} and not exists ({gone})"
                );
                self.column(field, &format!("i.value in ({others})"), row)
            }
        }
    }

    fn joined(&mut self, parts: &[Predicate], word: &str, row: &str) -> String {
        let parts: Vec<String> = parts.iter().map(|p| self.condition(p, row)).collect();
        format!("({})", parts.join(word))
    }

    fn column(&mut self, field: &str, test: &str, row: &str) -> String {
        let field = self.param(field.to_owned());
        let schema = &self.schema;
        format!(
            "exists (select 1 from {schema}.object_index i where i.stream_id = {row}.stream_id and i.field = {field} and {test})"
        )
    }
}

/// The text of a field in the state row of a plain object.
fn in_state(row: &str, field: &str) -> String {
    format!("({row}.state::jsonb #>> array['object', {field}::text])")
}

/// Patterns of texts that have these within.
fn parts(values: &[String]) -> Vec<String> {
    values.iter().map(|value| format!("%{}%", escape(value))).collect()
}

/// Takes the meaning from the characters that LIKE gives one.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_parameters_and_never_text() {
        let mut sql = Sql::new("wechess");
        let evil = "x' or true --".to_owned();
        let text = sql
            .condition(&Predicate::And(vec![Predicate::Is("status", vec![evil.clone()]), Predicate::Or(vec![])]), "s");
        assert!(!text.contains(&evil) && text.ends_with("and false)"), "{text}");
        assert_eq!(sql.params().len(), 2);
        assert_eq!(escape("50%_\\"), "50\\%\\_\\\\");
    }

    #[test]
    fn what_is_no_list_column_is_looked_for_in_the_state() {
        use event_schema::gameplay::hub_message::GAME_HUB_MESSAGE;
        let asked = |field| {
            Predicate::And(vec![Predicate::Or(vec![Predicate::Missing(field), Predicate::Contains(field, vec![])])])
        };
        assert_eq!(asked("status").in_rows_of(&GAME_HUB_MESSAGE), asked("status"));
        let inside = vec![Predicate::NotInState("content"), Predicate::InState("content", vec![])];
        assert_eq!(asked("content").in_rows_of(&GAME_HUB_MESSAGE), Predicate::And(vec![Predicate::Or(inside)]));
    }
}

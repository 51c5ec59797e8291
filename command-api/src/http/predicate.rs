//! Which objects a list shows: filters and what the caller may see, as one condition over the list columns.

use tokio_postgres::types::ToSql;
use uuid::Uuid;

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
                let value = self.param(values.iter().map(|v| format!("%{}%", escape(v))).collect::<Vec<_>>());
                self.column(field, &format!("i.value ilike any({value}::text[])"), row)
            }
            Predicate::Missing(field) => format!("not {}", self.column(field, "true", row)),
            Predicate::Id(id) => {
                let id = self.param(*id);
                format!("{row}.stream_id = {id}")
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
}

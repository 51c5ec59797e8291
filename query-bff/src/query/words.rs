//! `q`: words that a view's text fields are searched for.

use event_schema::auth::user::Role;
use serde_json::{Value, json};

use crate::view::{Column, View};

/// The words of `q` and where they are looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    text: String,
    columns: Vec<&'static Column>,
    tolerant: bool,
}

/// Terms that one mistyped word may stand for.
const MAX_TERMS: u32 = 1_000;

impl Words {
    /// These words in the text fields that the role may use; none when there are no such fields.
    ///
    /// Typing errors are forgiven only where the role reads the whole view: which terms are near to a word depends on
    /// all documents of an index, so elsewhere hidden ones would shape the answer.
    pub fn new(view: &'static View, role: Role, text: &str) -> Option<Self> {
        let columns: Vec<&'static Column> = view.searched_for(role).collect();
        let tolerant = view.read_whole_by(role);
        (!columns.is_empty()).then(|| Self { text: text.to_owned(), columns, tolerant })
    }

    /// The clause: all words, the last one as a beginning, in one field; or all nearly so.
    pub fn clause(&self) -> Value {
        let fields: Vec<String> = self.columns.iter().map(|column| column.words()).collect();
        let exact = json!({"multi_match":
            {"query": self.text, "type": "bool_prefix", "operator": "and", "fields": fields}});
        if !self.tolerant {
            return exact;
        }
        let near = json!({"multi_match": {"query": self.text, "type": "best_fields", "operator": "and", "fields": fields,
            "fuzziness": "AUTO", "prefix_length": 1, "max_expansions": MAX_TERMS}});
        json!({"bool": {"should": [exact, near], "minimum_should_match": 1}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{by_name, ruled};

    #[test]
    fn typing_errors_are_forgiven_only_to_who_reads_the_whole_view() {
        let games = by_name("chessGameListView").unwrap();
        let tolerant = |role| Words::new(games, role, "carl").unwrap().clause().to_string().contains("fuzziness");
        assert!(!tolerant(Role::Guest) && !tolerant(Role::User) && tolerant(Role::Admin) && tolerant(Role::SuperAdmin));
    }

    #[test]
    fn only_fields_of_the_role_are_searched() {
        let fields = |role| Words::new(ruled(), role, "x").unwrap().clause().to_string();
        assert!(!fields(Role::User).contains("email") && fields(Role::Admin).contains("email.text"));
        assert!(Words::new(by_name("chessGameMove").unwrap(), Role::User, "x").is_none());
    }
}

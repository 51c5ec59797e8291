//! What is read live, and by whom.

use std::collections::HashMap;

use event_schema::object::hidden;
use event_schema::wire::Change;
use serde_json::{Value, json};
use service::sessions::Caller;
use uuid::Uuid;

use super::event::Name;
use super::feed::Source;
use crate::answer;
use crate::es::{Found, Row};
use crate::page::Page;
use crate::query::compile::{Order, ReadRule, query};
use crate::query::expr::Filter;
use crate::query::matches::Matcher;
use crate::signed::Signer;
use crate::view::{Column, View};

/// What is read, and by whom.
pub struct Subject {
    /// Who reads.
    pub caller: Caller,
    /// Which view.
    pub view: &'static View,
    /// What he may see.
    pub rule: ReadRule,
    /// How many documents the list shows.
    pub page: Page,
    /// In which order.
    pub sort: Vec<(&'static Column, Order)>,
    /// Their fields.
    pub fields: Vec<&'static Column>,
    /// What he asks for, for Elasticsearch ...
    pub filter: Option<Filter>,
    /// ... and for documents in memory.
    pub matcher: Option<Matcher>,
}

impl Subject {
    /// Tells apart what is read, and with which rights: only the same goes on where it stopped. Another role, filter, order
    /// or field is not the same, nor is another `now`: documents may have left it meanwhile, which nothing would tell.
    pub fn digest(&self, signer: &Signer) -> String {
        let order: Vec<(&str, &str)> =
            self.sort.iter().map(|(column, order)| (column.name.as_str(), order.as_str())).collect();
        let fields: Vec<&str> = self.fields.iter().map(|column| column.name.as_str()).collect();
        let query = query(&self.rule, self.filter.as_ref(), None);
        let what = json!([self.view.table.name, query, order, self.page.limit, fields]).to_string();
        signer.digest("live", what.as_bytes())
    }

    /// The document as he sees it, if he does.
    fn shown(&self, source: &Source) -> Option<Value> {
        let fits = self.rule.allows(source) && self.matcher.as_ref().is_none_or(|matcher| matcher.matches(source));
        fits.then(|| Value::Object(answer::item(&self.fields, source)))
    }

    /// What a change is to him. `had` is what is known beyond `old`: the list showed a newer state.
    pub fn event(&self, change: &Change<Source>, had: bool) -> Option<(Name, Value)> {
        let old = change.old.as_ref().and_then(|old| self.shown(old));
        match (old, self.shown(&change.new)) {
            (None, None) if !had => None,
            (_, None) => Some((Name::Leave, json!({"id": change.id}))),
            (None, Some(item)) => {
                Some((if had { Name::Change } else { Name::Enter }, json!({"id": change.id, "item": item})))
            }
            // Something changed that he does not see.
            (Some(old), Some(item)) if old == item && !had => None,
            (Some(_), Some(item)) => Some((Name::Change, json!({"id": change.id, "item": item}))),
        }
    }
}

/// The documents of a list that are newer than it promises.
pub fn newer(found: &Found, promised: i64) -> HashMap<Uuid, i64> {
    let of = |row: &Row| {
        let document = row.document().ok()?;
        let position = document.read::<i64>(hidden::POSITION).filter(|position| *position > promised)?;
        Some((document.read("id")?, position))
    };
    found.rows.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use event_schema::auth::user::Role;
    use event_schema::ids::{SessionId, UserId};
    use serde_json::value::to_raw_value;

    use super::*;
    use crate::query::expr::{Cond, Scalar};
    use crate::view::by_name;

    fn subject() -> Subject {
        let view = by_name("chessGameListView").unwrap();
        let column = |name| view.column_for(Role::User, name).unwrap();
        let me = UserId(Uuid::from_u128(7));
        let filter = Filter::Is(column("status"), Cond::Eq(Scalar::Word("active")));
        Subject {
            caller: Caller { user_id: me, session_id: SessionId(Uuid::nil()), role: Role::User, token: String::new() },
            view,
            rule: ReadRule::ReadersWith(me, Role::User),
            page: Page { number: 1, limit: 10 },
            sort: Vec::new(),
            fields: vec![column("status"), column("plies")],
            matcher: Some(Matcher::new(filter.clone()).unwrap()),
            filter: Some(filter),
        }
    }

    fn game(status: &str, plies: u32, reader: u128) -> Source {
        let game = json!({"status": status, "plies": plies, "lastMove": plies.to_string(), "_live": true,
            "_readers": [Uuid::from_u128(reader)]});
        game.as_object().unwrap().clone()
    }

    fn told(old: Option<Source>, new: Source, had: bool) -> Option<(Name, Value)> {
        subject().event(&Change { id: Uuid::nil(), position: 1, old, new }, had)
    }

    #[test]
    fn documents_enter_change_and_leave() {
        let item = |plies: u32| json!({"id": Uuid::nil(), "item": {"status": "active", "plies": plies}});
        let gone = || json!({"id": Uuid::nil()});
        assert_eq!(told(None, game("active", 1, 7), false), Some((Name::Enter, item(1))));
        assert_eq!(told(Some(game("paused", 1, 7)), game("active", 1, 7), false), Some((Name::Enter, item(1))));
        assert_eq!(told(Some(game("active", 1, 7)), game("active", 2, 7), false), Some((Name::Change, item(2))));
        assert_eq!(told(Some(game("active", 1, 7)), game("completed", 1, 7), false), Some((Name::Leave, gone())));
        let dead = || json!({"_live": false, "_readers": []}).as_object().unwrap().clone();
        assert_eq!(told(Some(game("active", 1, 7)), dead(), false), Some((Name::Leave, gone())));
        assert_eq!(told(Some(game("paused", 1, 7)), game("completed", 2, 7), false), None);
    }

    #[test]
    fn what_he_may_not_see_does_not_exist_for_him() {
        assert_eq!(told(None, game("active", 1, 8), false), None);
        assert_eq!(told(Some(game("active", 1, 8)), game("active", 2, 8), false), None);
        // He is taken off its readers: it is gone. He becomes one: it is there.
        assert_eq!(told(Some(game("active", 1, 7)), game("active", 2, 8), false).unwrap().0, Name::Leave);
        assert_eq!(told(Some(game("active", 1, 8)), game("active", 2, 7), false).unwrap().0, Name::Enter);
    }

    #[test]
    fn a_change_of_what_is_not_shown_is_none() {
        let mut new = game("active", 1, 7);
        new.insert("lastMove".into(), json!("e4"));
        assert_eq!(told(Some(game("active", 1, 7)), new, false), None);
    }

    #[test]
    fn a_list_that_was_ahead_is_never_taken_back() {
        // The list showed a state between old and new, in which the document fitted.
        assert_eq!(told(Some(game("paused", 1, 7)), game("completed", 3, 7), true).unwrap().0, Name::Leave);
        assert_eq!(told(Some(game("paused", 1, 7)), game("active", 3, 7), true).unwrap().0, Name::Change);
        let mut ahead = game("active", 3, 7);
        ahead.insert("_position".into(), json!(12));
        ahead.insert("id".into(), json!(Uuid::from_u128(1)));
        let found = Found {
            total: 1,
            rows: vec![Row { source: to_raw_value(&ahead).unwrap(), sort: None }],
            ..Found::default()
        };
        assert_eq!(newer(&found, 11), HashMap::from([(Uuid::from_u128(1), 12)]));
        assert_eq!(newer(&found, 12), HashMap::new());
    }

    #[test]
    fn only_the_same_has_the_same_digest() {
        let digest = |change: fn(&mut Subject)| {
            let mut subject = subject();
            change(&mut subject);
            subject.digest(&crate::signed::signer())
        };
        let same = digest(|_| ());
        assert_eq!(same, digest(|subject| subject.caller.token = "another".into()));
        let me = UserId(Uuid::from_u128(7));
        let others: [fn(&mut Subject); 6] = [
            |subject| subject.rule = ReadRule::All,
            |subject| subject.rule = ReadRule::ReadersWith(UserId(Uuid::from_u128(8)), Role::User),
            |subject| subject.filter = None,
            |subject| subject.page.limit = 11,
            |subject| subject.fields.truncate(1),
            |subject| subject.view = by_name("chessGame").unwrap(),
        ];
        for (number, other) in others.into_iter().enumerate() {
            assert_ne!(same, digest(other), "{number}");
        }
        let mut guest = subject();
        guest.rule = ReadRule::ReadersWith(me, Role::Guest);
        assert_ne!(same, guest.digest(&crate::signed::signer()));
    }
}

//! Cursors of lists: where a page begins, as an opaque token. It holds the order's values of one row and its id, so it
//! outlives the index that it was made from; no search context is held open for it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::es::Found;
use crate::page::Page;
use crate::params::{CURSOR, PAGE, Params};
use crate::query::compile::{Order, Window};
use crate::query::faults::{Code, Faults};
use crate::signed::Signer;
use crate::view::{Column, View};

/// The kind of these tokens.
const KIND: &str = "list";

/// A place in a list. The names are short because clients carry it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cursor {
    /// The digest of what was asked: view, read rule, filters, `q` and order.
    #[serde(rename = "q")]
    question: String,
    /// Whether the page ends before the row; else it begins after it.
    #[serde(rename = "b")]
    backwards: bool,
    /// The row's values in the list's order. Without a row: the list's end backwards, its beginning else.
    #[serde(rename = "r")]
    row: Option<Box<RawValue>>,
    /// What `now` was on the first page, in milliseconds; none when nothing was said of it.
    #[serde(rename = "n")]
    pub now: Option<i64>,
}

/// The tokens of the pages around one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// The page after, if there is one.
    pub next: Option<String>,
    /// The page before, if there is one.
    pub previous: Option<String>,
}

/// The cursor of a request, if it has one. A page number beside it is a fault.
pub fn read(params: &Params, signer: &Signer, faults: &mut Faults) -> Option<Cursor> {
    let text = params.get(CURSOR.name).filter(|text| !text.is_empty())?;
    if params.get(PAGE.name).is_some() {
        faults.push("/page", Code::InvalidParameter, "a cursor says where the page begins: leave `page` out");
    }
    match signer.open(KIND, text) {
        Ok(cursor) => Some(cursor),
        Err(refused) => {
            let message = format!("`cursor` cannot be used, {refused}; leave it out to begin anew");
            faults.push("/cursor", Code::InvalidParameter, message);
            None
        }
    }
}

/// What is asked, as cursors tell it apart: the view, the compiled query with the reader's rule, and the order.
pub fn question(signer: &Signer, view: &View, query: &Value, sort: &[(&'static Column, Order)]) -> String {
    let order: Vec<(&str, &str)> = sort.iter().map(|(column, order)| (column.name.as_str(), order.as_str())).collect();
    signer.digest(KIND, format!("{}\0{query}\0{order:?}", view.table.name).as_bytes())
}

/// A page that is being turned: by number or by cursor.
#[derive(Debug)]
pub struct Turn {
    page: Page,
    cursor: Option<Cursor>,
    question: String,
    now: Option<i64>,
}

impl Turn {
    /// The page of this request. A cursor of another question is a fault.
    pub fn new(page: Page, cursor: Option<Cursor>, question: String, now: Option<i64>, faults: &mut Faults) -> Self {
        if cursor.as_ref().is_some_and(|cursor| cursor.question != question) {
            let message = "`cursor` belongs to another question: another view, user, role, filters, q or order; ask as \
                           you asked for it, or leave it out to begin anew";
            faults.push("/cursor", Code::InvalidParameter, message);
        }
        Self { page, cursor, question, now }
    }

    /// The page, if it has a number.
    pub fn page(&self) -> Option<Page> {
        self.cursor.is_none().then_some(self.page)
    }

    /// Rows a page.
    pub fn limit(&self) -> u32 {
        self.page.limit
    }

    /// The rows to ask for; by cursor one more than the page has, which tells whether there are more.
    pub fn window(&self, sort: Vec<(&'static Column, Order)>) -> Window {
        match &self.cursor {
            None => self.page.window(sort),
            Some(cursor) => Window {
                from: 0,
                size: self.page.limit + 1,
                sort,
                after: cursor.row.as_deref().and_then(|row| serde_json::from_str(row.get()).ok()),
                backwards: cursor.backwards,
            },
        }
    }

    /// Brings what was found into the list's order and says what lies around it.
    pub fn settle(&self, found: &mut Found, signer: &Signer) -> Result<Neighbours, serde_json::Error> {
        let (before, after) = match &self.cursor {
            None => self.page.around(found.total, found.rows.len()),
            Some(cursor) => {
                let more = found.rows.len() > self.page.limit as usize;
                found.rows.truncate(self.page.limit as usize);
                if cursor.backwards {
                    found.rows.reverse();
                }
                let behind = cursor.row.is_some() && (found.total > 0);
                if cursor.backwards { (more, behind) } else { (behind, more) }
            }
        };
        let (first, last) = (found.rows.first(), found.rows.last());
        let token = |backwards: bool, row: Option<&crate::es::Row>| {
            let row = row.and_then(|row| row.sort.clone());
            signer.seal(KIND, &Cursor { question: self.question.clone(), backwards, row, now: self.now })
        };
        Ok(Neighbours {
            previous: before.then(|| token(true, first)).transpose()?,
            next: after.then(|| token(false, last)).transpose()?,
        })
    }
}

impl Page {
    /// Whether there are rows before this page and after it, of so many in all, when so many are on it.
    fn around(self, total: u64, rows: usize) -> (bool, bool) {
        let from = u64::from(self.number.saturating_sub(1)) * u64::from(self.limit);
        (from > 0 && total > 0, rows > 0 && from + (rows as u64) < total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::es::Row;
    use crate::signed::signer;
    use crate::view::by_name;
    use event_schema::auth::user::Role;
    use proptest::prelude::*;
    use serde_json::json;
    use serde_json::value::to_raw_value;
    use std::cmp::Ordering;

    /// A row: the value that it is ordered by, and its id.
    type Placed = (Option<i64>, u32);
    type Rows = Vec<Placed>;

    /// What is missing comes last, ties are broken by id.
    fn order(desc: bool) -> impl Fn(&Placed, &Placed) -> Ordering {
        move |a, b| {
            let by_value = match (a.0, b.0) {
                (Some(a), Some(b)) if desc => b.cmp(&a),
                (Some(a), Some(b)) => a.cmp(&b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            };
            by_value.then(a.1.cmp(&b.1))
        }
    }

    fn sort(desc: bool) -> Vec<(&'static Column, Order)> {
        let view = by_name("chessGameListView").unwrap();
        let plies = view.column_for(Role::User, "plies").unwrap();
        vec![(plies, if desc { Order::Desc } else { Order::Asc }), (view.id().unwrap(), Order::Asc)]
    }

    /// What a search of this window finds among these rows.
    fn search(rows: &Rows, desc: bool, window: &Window) -> Found {
        let mut all = rows.clone();
        all.sort_by(order(desc));
        if window.backwards {
            all.reverse();
        }
        let after: Option<Placed> = window.after.clone().map(|row| serde_json::from_value(row).unwrap());
        let begin = after.map_or(window.from as usize, |after| {
            let passed = |row: &&Placed| {
                let way = order(desc)(row, &after);
                way == Ordering::Equal || (way == Ordering::Less) != window.backwards
            };
            all.iter().take_while(passed).count()
        });
        let rows = all.iter().skip(begin).take(window.size as usize).map(|row| Row {
            source: to_raw_value(&json!({"id": row.1})).unwrap(),
            sort: Some(to_raw_value(row).unwrap()),
        });
        Found { total: all.len() as u64, rows: rows.collect(), ..Found::default() }
    }

    fn turn(rows: &Rows, desc: bool, page: Page, cursor: Option<&str>) -> (Vec<u64>, Neighbours) {
        let cursor = cursor.map(|text| signer().open(KIND, text).unwrap());
        let mut faults = Faults::default();
        let turn = Turn::new(page, cursor, "q".to_owned(), None, &mut faults);
        assert!(faults.is_empty());
        let mut found = search(rows, desc, &turn.window(sort(desc)));
        let neighbours = turn.settle(&mut found, &signer()).unwrap();
        (found.rows.iter().map(|row| row.document().unwrap().read("id").unwrap()).collect(), neighbours)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn forward_and_back_is_exactly_the_list(
            values in proptest::collection::vec(proptest::option::of(0i64..4), 0..30),
            limits in proptest::collection::vec(1u32..8, 1..6),
            desc in any::<bool>(),
        ) {
            let rows: Rows = values.into_iter().zip(0..).collect();
            let mut expected = rows.clone();
            expected.sort_by(order(desc));
            let expected: Vec<u64> = expected.iter().map(|row| u64::from(row.1)).collect();
            let mut limit = limits.iter().copied().cycle();
            let mut page = || Page { number: 1, limit: limit.next().unwrap() };
            let (mut seen, mut around) = turn(&rows, desc, page(), None);
            let mut last = seen.len();
            prop_assert_eq!(&around.previous, &None);
            while let Some(next) = around.next.take() {
                let (more, now) = turn(&rows, desc, page(), Some(&next));
                prop_assert!(!more.is_empty() && now.previous.is_some());
                last = more.len();
                seen.extend(more);
                around = now;
            }
            prop_assert_eq!(&seen, &expected);
            let mut back = seen.split_off(seen.len() - last);
            while let Some(previous) = around.previous.take() {
                let (mut more, now) = turn(&rows, desc, page(), Some(&previous));
                prop_assert!(!more.is_empty() && now.next.is_some());
                more.extend(back);
                (back, around) = (more, now);
            }
            prop_assert_eq!(back, expected);
        }
    }

    #[test]
    fn a_place_whose_rows_are_gone_leads_back() {
        let rows: Rows = (0..4).map(|id| (Some(1), id)).collect();
        let page = Page { number: 1, limit: 2 };
        let (_, first) = turn(&rows, false, page, None);
        let fewer: Rows = rows[..2].to_vec();
        let (gone, around) = turn(&fewer, false, page, first.next.as_deref());
        assert!(gone.is_empty() && around.next.is_none());
        assert_eq!(turn(&fewer, false, page, around.previous.as_deref()).0, [0, 1]);
    }

    #[test]
    fn a_numbered_page_has_neighbours_too() {
        let rows: Rows = (0..5).map(|id| (None, id)).collect();
        let (seen, around) = turn(&rows, false, Page { number: 2, limit: 2 }, None);
        assert_eq!(seen, [2, 3]);
        let page = Page { number: 1, limit: 2 };
        assert_eq!(turn(&rows, false, page, around.next.as_deref()).0, [4]);
        assert_eq!(turn(&rows, false, page, around.previous.as_deref()).0, [0, 1]);
        let (none, around) = turn(&rows, false, Page { number: 9, limit: 2 }, None);
        assert!(none.is_empty() && around.next.is_none());
        assert_eq!(turn(&rows, false, page, around.previous.as_deref()).0, [3, 4]);
    }

    #[test]
    fn another_question_is_refused() {
        let made = Cursor { question: "a".into(), backwards: false, row: None, now: None };
        let mut faults = Faults::default();
        Turn::new(Page { number: 1, limit: 2 }, Some(made), "b".into(), None, &mut faults);
        assert_eq!(faults.listed()[0].pointer, "/cursor");
        let view = by_name("chessGame").unwrap();
        let digest =
            |name, query| question(&signer(), by_name(name).unwrap(), &query, &[(view.id().unwrap(), Order::Asc)]);
        assert_eq!(digest("chessGame", json!({"a": 1})), digest("chessGame", json!({"a": 1})));
        assert_ne!(digest("chessGame", json!({"a": 1})), digest("user", json!({"a": 1})));
        assert_ne!(digest("chessGame", json!({"a": 1})), digest("chessGame", json!({"a": 2})));
    }
}

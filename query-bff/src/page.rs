//! Which rows of a list: page, limit, order, projection.

use crate::params::{FIELDS, LIMIT, PAGE, Params, SORT_BY, SORT_ORDER};
use crate::query::compile::{Order, Window};
use crate::query::faults::{Code, Faults, quoted};
use crate::query::fields::field;
use crate::view::{Column, View};
use event_schema::auth::user::Role;

/// The last row that page numbers reach; cursors go beyond it.
pub const MAX_ROWS: u32 = 10_000;

/// Rows a page of a list that names no limit (contract README, row 2).
pub const LIST_ROWS: u32 = 10;
/// Rows a page of "get all" (contract README, row 25).
pub const ALL_ROWS: u32 = 25;

/// A page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub number: u32,
    /// Rows a page.
    pub limit: u32,
}

impl Page {
    /// Reads `page` and `limit`, which is `rows` without one.
    pub fn read(params: &Params, rows: u32, faults: &mut Faults) -> Self {
        let page = Self { number: params.number(&PAGE).unwrap_or(1), limit: params.number(&LIMIT).unwrap_or(rows) };
        if page.number.saturating_mul(page.limit) > MAX_ROWS {
            let message = format!(
                "page {} of {} rows ends beyond row {MAX_ROWS}; go on with the `nextCursor` of a page before",
                page.number, page.limit
            );
            faults.push("/page", Code::InvalidParameter, message);
        }
        page
    }

    /// The rows of this page in this order.
    pub fn window(self, sort: Vec<(&'static Column, Order)>) -> Window {
        let from = self.number.saturating_sub(1).saturating_mul(self.limit);
        Window { from, size: self.limit, sort, ..Window::NOTHING }
    }

    /// How many pages a total makes.
    pub fn count(self, total: u64) -> u64 {
        total.div_ceil(u64::from(self.limit.max(1)))
    }

    /// The next page, if there is one and paging reaches it.
    pub fn next(self, total: u64) -> Option<u64> {
        let next = u64::from(self.number) + 1;
        (next <= self.count(total) && next * u64::from(self.limit) <= u64::from(MAX_ROWS)).then_some(next)
    }

    /// The page before that has rows.
    pub fn previous(self, total: u64) -> Option<u64> {
        Some((u64::from(self.number) - 1).min(self.count(total))).filter(|page| *page > 0)
    }
}

/// Reads `sortBy` and `sortOrder`. The order is total: it ends in the unique id.
pub fn sort(view: &'static View, role: Role, params: &Params, faults: &mut Faults) -> Vec<(&'static Column, Order)> {
    let by = params.get(SORT_BY.name).filter(|text| !text.is_empty());
    let named: Vec<Option<&'static Column>> =
        names(by.unwrap_or("createdAt")).map(|name| sortable(view, role, name, faults)).collect();
    let default = if by.is_some() { Order::Asc } else { Order::Desc };
    let orders: Vec<Order> = match params.get(SORT_ORDER.name).filter(|text| !text.is_empty()) {
        Some(text) => names(text).filter_map(|word| order(word, faults)).collect(),
        None => vec![default],
    };
    if orders.len() > 1 && orders.len() != named.len() {
        let message = format!("`sortOrder` names {} orders for {} fields of `sortBy`", orders.len(), named.len());
        faults.push("/sortOrder", Code::InvalidParameter, message);
    }
    let order_of = |index: usize| orders.get(index).or(orders.first()).copied().unwrap_or(default);
    let mut sort: Vec<(&'static Column, Order)> = Vec::new();
    for (index, column) in named.into_iter().enumerate() {
        let Some(column) = column else { continue };
        if sort.iter().any(|(known, _)| *known == column) {
            faults.push("/sortBy", Code::InvalidParameter, format!("`{}` stands there twice", column.name));
        }
        sort.push((column, order_of(index)));
    }
    if !sort.iter().any(|(column, _)| column.name == "id") {
        sort.extend(view.id().map(|id| (id, Order::Asc)));
    }
    sort
}

/// Reads `fields`: the columns to answer in the order of answers, without it all that the role may see.
pub fn projection(view: &'static View, role: Role, params: &Params, faults: &mut Faults) -> Vec<&'static Column> {
    let all = view.columns_for(role);
    let Some(text) = params.get(FIELDS.name).filter(|text| !text.is_empty()) else { return all.collect() };
    let named: Vec<&Column> = names(text).filter_map(|name| field(view, role, name, "/fields", faults)).collect();
    all.filter(|column| named.contains(column)).collect()
}

/// The names in a list separated by commas.
pub fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

fn sortable(view: &'static View, role: Role, name: &str, faults: &mut Faults) -> Option<&'static Column> {
    let column = field(view, role, name, "/sortBy", faults)?;
    if !column.sortable() {
        let message = format!("`{name}` holds JSON and cannot be sorted by");
        faults.push("/sortBy", Code::OperatorNotAllowed, message);
        return None;
    }
    Some(column)
}

fn order(word: &str, faults: &mut Faults) -> Option<Order> {
    match word.to_ascii_lowercase().as_str() {
        "asc" => Some(Order::Asc),
        "desc" => Some(Order::Desc),
        _ => {
            faults.push(
                "/sortOrder",
                Code::InvalidParameter,
                format!("`sortOrder` is asc or desc, not {}", quoted(word)),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::by_name;

    fn read(query: &str) -> (Page, Vec<(&'static str, Order)>, Vec<String>) {
        let known = [&PAGE, &LIMIT, &SORT_BY, &SORT_ORDER, &FIELDS];
        let mut faults = Faults::default();
        let params = Params::read(query, &known, &mut faults);
        let view = by_name("chessGameListView").unwrap();
        let page = Page::read(&params, LIST_ROWS, &mut faults);
        let sort =
            sort(view, Role::User, &params, &mut faults).into_iter().map(|(c, o)| (c.name.as_str(), o)).collect();
        projection(view, Role::User, &params, &mut faults);
        (page, sort, faults.listed().iter().map(|f| format!("{} {}", f.pointer, f.message)).collect())
    }

    #[test]
    fn defaults_and_bounds() {
        use Order::{Asc, Desc};
        let (page, sort, faults) = read("");
        assert_eq!((page, sort), (Page { number: 1, limit: 10 }, vec![("createdAt", Desc), ("id", Asc)]));
        assert!(faults.is_empty());
        assert!(read("page=100&limit=100").2.is_empty());
        assert!(read("page=1000").2.is_empty());
        for bad in
            ["page=101&limit=100", "page=1001", "page=0", "page=-1", "page=x", "limit=0", "limit=101", "page=1.5"]
        {
            assert_eq!(read(bad).2.len(), 1, "{bad}");
        }
    }

    #[test]
    fn sorts_end_in_the_id() {
        use Order::{Asc, Desc};
        assert_eq!(read("sortBy=opening").1, [("opening", Asc), ("id", Asc)]);
        assert_eq!(read("sortOrder=ASC").1, [("createdAt", Asc), ("id", Asc)]);
        assert_eq!(
            read("sortBy=status_idx,id,plies&sortOrder=desc").1,
            [("status_idx", Desc), ("id", Desc), ("plies", Desc)]
        );
        assert_eq!(read("sortBy=plies,eco&sortOrder=desc,asc").1, [("plies", Desc), ("eco", Asc), ("id", Asc)]);
    }

    #[test]
    fn faults_name_the_way_out() {
        let (_, _, faults) = read("sortBy=opnening,_live&sortOrder=up,asc,desc&fields=id,invitationCode");
        assert_eq!(
            faults,
            [
                "/sortBy `opnening` is no field of chessGameListView, did you mean `opening`?",
                "/sortBy `_live` is no field of chessGameListView",
                "/sortOrder `sortOrder` is asc or desc, not `up`",
                "/fields `invitationCode` is no field of chessGameListView",
            ]
        );
    }

    #[test]
    fn neighbours_of_a_page() {
        let page = |number, limit| Page { number, limit };
        assert_eq!((page(1, 10).count(0), page(1, 10).next(0), page(1, 10).previous(0)), (0, None, None));
        assert_eq!((page(2, 10).count(25), page(2, 10).next(25), page(2, 10).previous(25)), (3, Some(3), Some(1)));
        assert_eq!((page(9, 10).next(25), page(9, 10).previous(25)), (None, Some(3)));
        assert_eq!(page(100, 100).next(20_000), None);
    }
}

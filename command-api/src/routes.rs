//! All routes of the command API: one table, walked by actix, by the documents and by the tests.

use std::sync::LazyLock;

use crate::http::rows::{Routes, Row};
use crate::{auth, gameplay};

/// The documented roots; the default routes answer under each of them and at the root.
pub const PREFIXES: &[&str] = &[auth::PREFIX, gameplay::PREFIX];

/// Every row.
pub static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let mut rows = Vec::new();
    let mut collect = |prefixes: &'static [&'static str], fill: fn(&mut Routes)| {
        let mut routes = Routes::new(prefixes);
        fill(&mut routes);
        rows.extend(routes.into_rows());
    };
    collect(&[auth::PREFIX], auth::routes);
    collect(&[gameplay::PREFIX], gameplay::routes);
    collect(gameplay::messages::PREFIXES, gameplay::messages::routes);
    collect(&["", auth::PREFIX, gameplay::PREFIX], auth::common_routes);
    rows
});

//! The table of read rules and field rules in `docs/api.md`, printed from the views: who reads what is said once.

use event_schema::auth::user::Role;

use crate::view::{VIEWS, View};

const BEGIN: &str = "<!-- read rules, printed from the tables of the views: begin -->\n";
const END: &str = "<!-- read rules: end -->\n";
const HEAD: &str = "| View | Reads every document | Reads documents that name him | Fields for some roles only |\n\
                    |---|---|---|---|\n";

fn roles(least: Role) -> String {
    let all = Role::OPTIONS.iter().filter_map(|word| word.parse::<Role>().ok());
    let words: Vec<&str> = all.filter(|role| role.is_at_least(least)).map(Role::as_str).collect();
    if words.len() == Role::OPTIONS.len() { "every logged-in user".to_owned() } else { words.join(", ") }
}

fn row(view: &View) -> String {
    let whole = view.table.read_by.whole.map_or("nobody".to_owned(), roles);
    let ruled: Vec<String> = view
        .columns_for(Role::SuperAdmin)
        .filter(|column| column.least_role != Role::Guest)
        .map(|column| format!("`{}`: {}", column.name, roles(column.least_role)))
        .collect();
    format!("| `{}` | {whole} | {} | {} |\n", view.table.name, view.table.read_by.named, ruled.join("; "))
}

fn table() -> String {
    VIEWS.iter().map(row).fold(HEAD.to_owned(), |table, row| table + &row)
}

/// With `INSTA_UPDATE=always`, as for snapshots, the table in the document is written anew.
#[test]
fn the_document_says_who_reads_what() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    if written != table() && std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
        std::fs::write(path, format!("{before}{BEGIN}{}{END}{after}", table())).unwrap();
    } else {
        assert_eq!(written, table(), "docs/api.md is behind the views; INSTA_UPDATE=always renews it");
    }
}

#[test]
fn a_field_rule_is_a_part_of_its_row() {
    let expected = "| `ruled` | admin, superAdmin | nobody | `level`: admin, superAdmin; `level_idx`: admin, superAdmin; \
                    `email`: admin, superAdmin |\n";
    assert_eq!(row(crate::view::ruled()), expected);
}

//! Facets: how often each value of a field stands in what a list finds. A facet's own filter is left out of its counts,
//! so that the values beside the chosen one are seen; the read rule never is. One search answers page and facets.

use event_schema::auth::user::Role;
use event_schema::object::Kind;
use serde_json::{Map, Value, json};

use crate::page::names;
use crate::params::{FACETS, Params};
use crate::query::compile::{ReadRule, clause, query};
use crate::query::expr::Filter;
use crate::query::faults::{Code, Faults};
use crate::query::fields::field;
use crate::query::words::Words;
use crate::view::{Column, View};

/// Facets of one list.
pub const MAX_FACETS: usize = 5;
/// Values of one facet: the most frequent ones.
pub const MAX_VALUES: u32 = 50;

/// Reads `facets`.
pub fn read(view: &'static View, role: Role, params: &Params, faults: &mut Faults) -> Vec<&'static Column> {
    let Some(text) = params.get(FACETS.name).filter(|text| !text.is_empty()) else { return Vec::new() };
    let mut facets: Vec<&'static Column> = Vec::new();
    for name in names(text) {
        let Some(column) = field(view, role, name, "/facets", faults) else { continue };
        if let Some(reason) = senseless(column) {
            faults.push("/facets", Code::OperatorNotAllowed, format!("`{name}` makes no facet: {reason}"));
        } else if facets.contains(&column) {
            faults.push("/facets", Code::InvalidParameter, format!("`{name}` stands there twice"));
        } else {
            facets.push(column);
        }
    }
    if facets.len() > MAX_FACETS {
        let message = format!("a list has at most {MAX_FACETS} facets, these are {}", facets.len());
        faults.push("/facets", Code::OverBudget, message);
    }
    facets
}

/// Why values of this column are not worth counting, if they are not.
pub fn senseless(column: &Column) -> Option<&'static str> {
    if column.name == "id" {
        return Some("each record has its own");
    }
    match column.kind {
        Kind::String | Kind::Id | Kind::Boolean | Kind::Enum(_) => None,
        Kind::Integer if column.companion_of.is_some() => Some("use the enum that it numbers"),
        Kind::Integer => None,
        Kind::Text => Some("it holds long text"),
        Kind::Double => Some("it holds numbers of any size"),
        Kind::Date => Some("it holds instants"),
        Kind::Json => Some("it holds JSON"),
    }
}

/// The parts of a search that counts facets beside its page.
#[derive(Debug, PartialEq)]
pub struct Faceted {
    /// The query: all that no facet leaves out.
    pub query: Value,
    /// The facets' own filters, which the page obeys.
    pub post_filter: Value,
    /// A count for each facet.
    pub aggs: Value,
}

/// Compiles a list with facets.
pub fn compile(rule: &ReadRule, filter: Option<&Filter>, q: Option<&Words>, facets: &[&'static Column]) -> Faceted {
    let mut all: Vec<&Filter> = Vec::new();
    if let Some(filter) = filter {
        conjuncts(filter, &mut all);
    }
    let is_own = |filter: &&Filter| filter.only_column().is_some_and(|column| facets.contains(&column));
    let (own, rest): (Vec<&Filter>, Vec<&Filter>) = all.into_iter().partition(is_own);
    let rest = Filter::And(rest.into_iter().cloned().collect());
    let both = |kept: &dyn Fn(&Filter) -> bool| json!({"bool": {"filter": own.iter().filter(|own| kept(own)).map(|own| clause(own)).collect::<Vec<_>>()}});
    let aggs = facets.iter().enumerate().map(|(number, facet)| {
        let field = facet.name.as_str();
        let counted = json!({
            "filter": both(&|own| own.only_column() != Some(*facet)),
            "aggs": {
                "values": {"terms": {"field": field, "size": MAX_VALUES}},
                "missing": {"missing": {"field": field}},
            },
        });
        (key(number), counted)
    });
    Faceted {
        query: query(rule, Some(&rest), q),
        aggs: Value::Object(aggs.collect::<Map<_, _>>()),
        post_filter: both(&|_| true),
    }
}

fn key(number: usize) -> String {
    format!("facet{number}")
}

/// The conditions that are ANDed at the top, however they were nested.
fn conjuncts<'a>(filter: &'a Filter, out: &mut Vec<&'a Filter>) {
    match filter {
        Filter::And(all) => all.iter().for_each(|inner| conjuncts(inner, out)),
        Filter::Or(_) | Filter::Not(_) | Filter::Is(..) => out.push(filter),
    }
}

/// The facets of an answer: `{field, values: [{value, count}], other, missing}` each, most frequent values first.
pub fn shown(facets: &[&'static Column], counted: &Value) -> Vec<Value> {
    let facet = |(number, column): (usize, &&'static Column)| {
        let counted = &counted[key(number)];
        let buckets = counted["values"]["buckets"].as_array().map(Vec::as_slice).unwrap_or_default();
        json!({
            "field": column.name,
            "values": buckets.iter().map(|bucket| value(column, bucket)).collect::<Vec<_>>(),
            "other": counted["values"]["sum_other_doc_count"].as_u64().unwrap_or(0),
            "missing": counted["missing"]["doc_count"].as_u64().unwrap_or(0),
        })
    };
    facets.iter().enumerate().map(facet).collect()
}

fn value(column: &Column, bucket: &Value) -> Value {
    let value = match column.kind {
        // Elasticsearch counts these as 0 and 1.
        Kind::Boolean => json!(bucket["key"].as_i64() == Some(1) || bucket["key"] == json!(true)),
        Kind::String
        | Kind::Text
        | Kind::Id
        | Kind::Integer
        | Kind::Double
        | Kind::Date
        | Kind::Json
        | Kind::Enum(_) => bucket["key"].clone(),
    };
    json!({"value": value, "count": bucket["doc_count"]})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::parse::filters;
    use crate::query::tests::{asker, view};
    use crate::view::ruled;

    fn facets(text: &str, role: Role, view: &'static View) -> (Vec<&'static str>, Vec<String>) {
        let mut faults = Faults::default();
        let query: String = format!("facets={}", text.replace(' ', "%20"));
        let params = Params::read(&query, &[&FACETS], &mut faults);
        let read = read(view, role, &params, &mut faults).into_iter().map(|column| column.name.as_str()).collect();
        (read, faults.listed().iter().map(|fault| format!("{} {}", fault.pointer, fault.message)).collect())
    }

    fn compiled(json: &Value, names: &[&str]) -> Faceted {
        let filter = filters(view(), &asker(), json, "", &mut Faults::default()).unwrap();
        let facets: Vec<_> = names.iter().map(|name| view().column_for(Role::User, name).unwrap()).collect();
        compile(&ReadRule::All, Some(&filter), None, &facets)
    }

    #[test]
    fn a_facet_is_named_once_and_worth_counting() {
        assert_eq!(facets("status, eco", Role::User, view()), (vec!["status", "eco"], vec![]));
        assert_eq!(facets("", Role::User, view()), (vec![], vec![]));
        let (_, told) = facets("statsu,status,status,status_idx,id,createdAt,tags", Role::User, view());
        let expected = [
            "/facets `statsu` is no field of chessGameListView, did you mean `status`?",
            "/facets `status` stands there twice",
            "/facets `status_idx` makes no facet: use the enum that it numbers",
            "/facets `id` makes no facet: each record has its own",
            "/facets `createdAt` makes no facet: it holds instants",
            "/facets `tags` makes no facet: it holds JSON",
        ];
        assert_eq!(told, expected);
        let (_, told) = facets("status,mode,gameType,result,eco,opening", Role::User, view());
        assert_eq!(told, ["/facets a list has at most 5 facets, these are 6"]);
    }

    #[test]
    fn a_field_of_another_role_makes_no_facet() {
        assert_eq!(facets("level", Role::User, ruled()).1, ["/facets `level` of ruled is not for the role user"]);
        assert_eq!(facets("level", Role::Admin, ruled()).0, ["level"]);
    }

    #[test]
    fn its_own_filter_is_left_out_of_its_counts_and_no_other() {
        let status = json!({"term": {"status": "active"}});
        let modes = json!({"bool": {"should": [{"term": {"mode": "public"}}, {"term": {"mode": "private"}}],
            "minimum_should_match": 1}});
        let plies = json!({"range": {"plies": {"gte": 3}}});
        let json = json!({"status": "active", "$and": [{"plies": {"gte": 3}}, {"$or": [{"mode": "public"}, {"mode": "private"}]}]});
        let made = compiled(&json, &["status", "mode", "eco"]);
        let clauses = made.query["bool"]["filter"].as_array().unwrap();
        assert_eq!(clauses, &[json!({"term": {"_live": true}}), json!({"bool": {"filter": [plies]}})]);
        assert_eq!(made.post_filter, json!({"bool": {"filter": [status, modes]}}));
        let filter_of = |number: usize| made.aggs[key(number)]["filter"]["bool"]["filter"].clone();
        assert_eq!(filter_of(0), json!([modes]));
        assert_eq!(filter_of(1), json!([status]));
        assert_eq!(filter_of(2), json!([status, modes]));
        assert_eq!(made.aggs[key(0)]["aggs"]["values"], json!({"terms": {"field": "status", "size": 50}}));
    }

    #[test]
    fn the_read_rule_is_in_the_query_whatever_is_asked() {
        let me = ReadRule::ReadersWith(asker().me, Role::User);
        let status = view().column_for(Role::User, "status").unwrap();
        let made = compile(&me, None, None, &[status]);
        assert_eq!(made.query["bool"]["filter"][1], json!({"terms": {"_readers": [asker().me, "*", "role:user"]}}));
    }

    #[test]
    fn a_condition_on_two_fields_is_nobodys_own() {
        let json = json!({"$or": [{"status": "active"}, {"mode": "public"}], "$not": {"status": "paused"}});
        let made = compiled(&json, &["status", "mode"]);
        assert_eq!(made.post_filter["bool"]["filter"].as_array().unwrap().len(), 1, "only `$not`");
    }

    #[test]
    fn counts_are_shown_typed() {
        let columns: Vec<_> =
            ["status", "saveRequestWhite"].iter().map(|name| view().column_for(Role::User, name).unwrap()).collect();
        let counted = json!({
            "facet0": {"doc_count": 9, "missing": {"doc_count": 2}, "values": {"sum_other_doc_count": 3,
                "buckets": [{"key": "active", "doc_count": 4}]}},
            "facet1": {"missing": {"doc_count": 0}, "values": {"sum_other_doc_count": 0, "buckets": [
                {"key": 0, "key_as_string": "false", "doc_count": 5}, {"key": 1, "key_as_string": "true", "doc_count": 4}]}},
        });
        let expected = json!([
            {"field": "status", "values": [{"value": "active", "count": 4}], "other": 3, "missing": 2},
            {"field": "saveRequestWhite", "values": [{"value": false, "count": 5}, {"value": true, "count": 4}],
             "other": 0, "missing": 0},
        ]);
        assert_eq!(json!(shown(&columns, &counted)), expected);
    }
}

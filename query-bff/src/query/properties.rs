//! Properties: whatever a client sends, nothing panics, and the read rule stays where it is.

use event_schema::auth::user::Role;
use event_schema::ids::UserId;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::compile::{ReadRule, query};
use super::faults::Faults;
use super::operators::{self, Operand, Operator};
use super::parse::filters;
use super::tests::{asker, view};
use super::words::Words;
use crate::view::{Column, View};
use event_schema::object::Kind;

/// A value that the column takes.
fn value(column: &Column) -> BoxedStrategy<Value> {
    match column.kind {
        Kind::String | Kind::Text => "[^\0]{1,20}".prop_map(|text| json!(text)).boxed(),
        Kind::Id => prop_oneof![Just(json!("$me")), any::<u128>().prop_map(|n| json!(Uuid::from_u128(n)))].boxed(),
        Kind::Boolean => any::<bool>().prop_map(|flag| json!(flag)).boxed(),
        Kind::Integer => match column.companion_of {
            Some(words) => (0..words).prop_map(|index| json!(index)).boxed(),
            None => any::<i64>().prop_map(|number| json!(number)).boxed(),
        },
        Kind::Double => any::<i32>().prop_map(|number| json!(number)).boxed(),
        Kind::Date => prop_oneof![
            Just(json!("now")),
            (0u32..4000, "[yMwdhms]", "(/[yMwdhms])?")
                .prop_map(|(n, unit, round)| json!(format!("now-{}{unit}{round}", n / 10))),
            (0i64..4_000_000_000).prop_map(|s| json!(chrono::DateTime::from_timestamp(s, 0).unwrap().to_rfc3339())),
        ]
        .boxed(),
        Kind::Enum(words) => proptest::sample::select(words).prop_map(|word| json!(word.to_uppercase())).boxed(),
        Kind::Json => Just(Value::Null).boxed(),
    }
}

fn operand(operator: &Operator, column: &Column) -> BoxedStrategy<Value> {
    match operator.operand {
        Operand::One => value(column),
        Operand::Many => proptest::collection::vec(value(column), 0..4).prop_map(Value::Array).boxed(),
        Operand::Pair => [value(column), value(column)].prop_map(|ends| json!(ends)).boxed(),
        Operand::Flag => any::<bool>().prop_map(|flag| json!(flag)).boxed(),
        Operand::Pattern => "[^\0]{1,40}".prop_map(|text| json!(text)).boxed(),
        Operand::Words => "[a-z ]{1,40}".prop_map(|text| json!(text)).boxed(),
    }
}

/// One condition in one of the two grammars.
fn leaf(view: &'static View) -> BoxedStrategy<Value> {
    let columns: Vec<&'static Column> =
        view.columns_for(Role::User).filter(|c| operators::names_for(c).next().is_some()).collect();
    let chosen = (proptest::sample::select(columns), any::<prop::sample::Index>(), any::<bool>());
    chosen
        .prop_flat_map(|(column, index, original)| {
            let names: Vec<&'static str> = operators::names_for(column).collect();
            let name = *index.get(&names);
            let operator = operators::by_name(name).unwrap();
            operand(operator, column).prop_map(move |operand| {
                let cond = if original { json!({"operator": name, "value": operand}) } else { json!({name: operand}) };
                json!({column.name.as_str(): cond})
            })
        })
        .boxed()
}

fn expr() -> impl Strategy<Value = Value> {
    leaf(view()).prop_recursive(4, 40, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..3).prop_map(|all| json!({"$and": all})),
            proptest::collection::vec(inner.clone(), 1..3).prop_map(|any| json!({"$or": any})),
            inner.prop_map(|not| json!({"$not": not})),
        ]
    })
}

/// Any JSON, with the words of the grammar among its keys and values.
fn any_json() -> impl Strategy<Value = Value> {
    let mut words: Vec<String> = view().columns_for(Role::User).map(|column| column.name.clone()).collect();
    words.extend(operators::names().map(str::to_owned));
    words.extend(
        ["$and", "$or", "$not", "operator", "value", "values", "_readers", "_live", "now-1d/d", "$me"]
            .map(str::to_owned),
    );
    let word = proptest::sample::select(words);
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|flag| json!(flag)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(|text| json!(text)),
        word.clone().prop_map(|text| json!(text)),
    ];
    scalar.prop_recursive(8, 128, 6, move |inner| {
        let key = prop_oneof![4 => word.clone(), 1 => ".{0,8}".prop_map(|text| text)];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            proptest::collection::vec((key, inner), 0..6)
                .prop_map(|all| Value::Object(all.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The first two clauses are the rule, and nothing of the client's stands beside the one list of clauses.
fn assert_ruled(compiled: &Value) {
    let me = asker().me;
    let bool = compiled.as_object().unwrap();
    assert_eq!(bool.keys().collect::<Vec<_>>(), ["bool"]);
    assert_eq!(bool["bool"].as_object().unwrap().keys().collect::<Vec<_>>(), ["filter"]);
    let clauses = bool["bool"]["filter"].as_array().unwrap();
    assert_eq!(clauses[0], json!({"term": {"_live": true}}));
    assert_eq!(clauses[1], json!({"terms": {"_readers": [me, "*", "role:user"]}}));
    assert!(clauses.len() <= 4);
    for hidden in ["_live", "_readers", "_position", "_state"] {
        assert!(clauses[2..].iter().all(|clause| !names_field(clause, hidden)), "{hidden} in {compiled}");
    }
}

/// Whether a clause is about this field: fields are keys, or the value of `field`.
fn names_field(clause: &Value, field: &str) -> bool {
    match clause {
        Value::Object(map) => map
            .iter()
            .any(|(key, inner)| key == field || (key == "field" && inner == field) || names_field(inner, field)),
        Value::Array(list) => list.iter().any(|inner| names_field(inner, field)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn rule() -> ReadRule {
    ReadRule::ReadersWith(UserId(asker().me.0), Role::User)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_grammar_makes_is_accepted_and_ruled(json in expr(), q in proptest::option::of("[^\0]{1,30}")) {
        let mut faults = Faults::default();
        let filter = filters(view(), &asker(), &json, "/filters", &mut faults);
        let told: Vec<_> = faults.listed().iter().map(|fault| fault.message.clone()).collect();
        prop_assert!(told.is_empty(), "{json}: {told:?}");
        let words = q.and_then(|q| Words::new(view(), Role::User, &q));
        assert_ruled(&query(&rule(), filter.as_ref(), words.as_ref()));
    }

    #[test]
    fn whatever_is_sent_is_parsed_or_refused(json in any_json()) {
        let mut faults = Faults::default();
        let filter = filters(view(), &asker(), &json, "", &mut faults);
        prop_assert_eq!(filter.is_some(), faults.is_empty());
        if let Some(filter) = filter {
            assert_ruled(&query(&rule(), Some(&filter), None));
        }
    }

    #[test]
    fn whatever_is_written_as_a_date_is_read_or_refused(text in "(now)?.{0,24}", math in "now[-+0-9yMwdhHms/é]{0,12}") {
        super::dates::parse(&text, asker().now);
        super::dates::parse(&math, asker().now);
    }
}

//! Generated requests.

use futures_util::{StreamExt, stream};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use wechess_tests::{Actor, App};

use super::plain::{self, assert_same};
use super::{event, pages};

/// Requests that are asked at the same time.
const SIDE_BY_SIDE: usize = 4;
const ZONES: &[&str] = &["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"];
const INTERVALS: &[&str] = &["hour", "day", "week", "month", "quarter", "year"];
const NUMBERS: &[&str] = &["plies", "whiteElo", "blackElo", "result_idx"];

/// A filter in a form that the plain count understands as well.
fn filter(event: String) -> BoxedStrategy<Value> {
    let extra = prop_oneof![
        3 => Just(json!({})),
        2 => select(vec!["whiteWin", "blackWin", "draw"]).prop_map(|word| json!({"result": word})),
        2 => (1..9).prop_map(|plies| json!({"plies": {"gte": plies}})),
        1 => (1200..2100).prop_map(|elo| json!({"whiteElo": {"lt": elo}})),
        1 => Just(json!({"whiteElo": null})),
        1 => Just(json!({"plies": {"gte": 1000}})),
    ];
    extra
        .prop_map(move |mut extra| {
            extra["event"] = json!(event);
            extra
        })
        .boxed()
}

fn dimension() -> BoxedStrategy<Value> {
    let value = select(vec![
        "eco",
        "opening",
        "result",
        "whiteElo",
        "playedAt",
        "isActive",
        "plies",
        "whiteTitle",
        "result_idx",
    ])
    .prop_map(|field| json!({"field": field}));
    let interval = (select(INTERVALS), select(ZONES))
        .prop_map(|(interval, zone)| json!({"field": "playedAt", "interval": interval, "timeZone": zone}));
    let numbers = (select(vec![("plies", 10), ("whiteElo", 2200)]), prop::collection::btree_set(0u32..1000, 2..5))
        .prop_map(|((field, most), cuts)| {
            ranges(field, cuts.into_iter().map(|cut| json!(cut * most / 1000)).collect())
        });
    let dates = prop::collection::btree_set(2020u32..2028, 2..4).prop_map(|years| {
        ranges("playedAt", years.into_iter().map(|year| json!(format!("{year}-03-26T01:30:00Z"))).collect())
    });
    prop_oneof![4 => value, 3 => interval, 2 => numbers, 1 => dates].boxed()
}

/// Ranges between cuts, the outer ones open.
fn ranges(field: &str, mut cuts: Vec<Value>) -> Value {
    cuts.dedup();
    let mut all = vec![json!({"to": cuts[0]})];
    all.extend(cuts.windows(2).map(|ends| json!({"from": ends[0], "to": ends[1]})));
    all.push(json!({"from": cuts[cuts.len() - 1], "name": "beyond"}));
    json!({"field": field, "ranges": all})
}

fn metric() -> BoxedStrategy<Value> {
    prop_oneof![
        Just(json!({"count": true})),
        select(vec!["eco", "playerBlackName", "result", "whiteElo", "playedAt"])
            .prop_map(|field| json!({"distinct": field})),
        (select(vec!["avg", "sum", "min", "max"]), select(NUMBERS)).prop_map(|(f, field)| json!({f: field})),
        select(vec!["min", "max"]).prop_map(|f| json!({f: "playedAt"})),
        select(vec!["whiteWin", "draw"]).prop_map(|word| json!({"ratio": {"of": {"result": word}}})),
        (1..9).prop_map(|plies| json!({"ratio": {"of": {"plies": {"gte": plies}}}})),
        select(NUMBERS).prop_map(|field| json!({"percentiles": field, "percents": [10, 50, 99.5]})),
    ]
    .boxed()
}

/// A whole request; `having` and `orderBy` name numbers that are exact.
fn request(event: &str) -> impl Strategy<Value = Value> + use<> {
    let parts = (
        filter(event.to_owned()),
        prop::collection::vec(dimension(), 0..4),
        prop::collection::vec(metric(), 1..5),
        any::<bool>(),
        prop::collection::vec((any::<Index>(), any::<bool>()), 0..3),
        prop::option::of((any::<Index>(), select(vec!["gt", "gte", "lt", "lte", "eq", "ne"]), 0u32..12)),
        1usize..40,
    );
    parts.prop_map(|(filters, dimensions, metrics, missing, order, having, limit)| {
        let mut body = json!({"filters": filters, "missing": missing, "totals": true, "limit": limit});
        let mut columns = Vec::new();
        for (index, mut dimension) in dimensions.into_iter().enumerate() {
            dimension["name"] = json!(format!("d{index}"));
            columns.push(json!({"dimension": dimension["name"]}));
            body["groupBy"]
                .as_array_mut()
                .map(|all| all.push(dimension.clone()))
                .unwrap_or_else(|| body["groupBy"] = json!([dimension]));
        }
        let named: Map<String, Value> = metrics.iter().enumerate().map(|(i, m)| (format!("m{i}"), m.clone())).collect();
        let exact: Vec<&String> =
            named.iter().filter(|(_, m)| m.get("percentiles").is_none()).map(|(name, _)| name).collect();
        columns.extend(exact.iter().map(|name| json!({"metric": name})));
        if !columns.is_empty() {
            let mut steps: Vec<Value> = Vec::new();
            for (index, falling) in order {
                let mut step = index.get(&columns).clone();
                if steps
                    .iter()
                    .any(|known| known["metric"] == step["metric"] && known["dimension"] == step["dimension"])
                {
                    continue;
                }
                step["order"] = json!(if falling { "desc" } else { "asc" });
                steps.push(step);
            }
            body["orderBy"] = json!(steps);
        }
        let numbers: Vec<&String> = exact
            .into_iter()
            .filter(|name| !named[*name].to_string().contains("playedAt") || named[*name].get("distinct").is_some())
            .collect();
        if let (Some((index, op, bound)), false) = (having, numbers.is_empty()) {
            body["having"] = json!({index.get(&numbers).as_str(): {op: bound}});
        }
        body["metrics"] = Value::Object(named);
        body
    })
}

/// How many combinations its ranges make, what is missing included.
fn combinations(body: &Value) -> usize {
    let dimensions = body["groupBy"].as_array().into_iter().flatten();
    dimensions.filter_map(|dimension| Some(dimension["ranges"].as_array()?.len() + 1)).product()
}

/// Asks for an aggregate, and computes it from the documents; how many groups there are.
async fn check(who: &Actor, documents: &[Value], body: &Value) -> usize {
    // Everything is there already: nothing is waited for.
    let answer = who.view("POST", super::PATH).json(body).answered().await;
    if combinations(body) > 64 {
        assert_eq!(answer.faults(), ["/groupBy errMsg_overBudget"], "{body}");
        return 0;
    }
    let expected = plain::aggregate(documents, body);
    assert_eq!(answer.is(200)["documents"], expected.documents, "{body}");
    assert_same(body, &answer.body["totals"], &expected.totals);
    let rows = pages(who, super::PATH, body).await;
    assert_eq!(rows.len(), expected.rows.len(), "{body}: {rows:?}");
    for (row, expected) in rows.iter().zip(&expected.rows) {
        assert_same(body, row, expected);
    }
    rows.len()
}

/// Asks for so many generated aggregates over so many games, several side by side.
pub async fn compare(app: &App, games: usize, requests: usize) {
    let (event, eve) = event(app, games).await;
    let documents = eve.find("chessGameListView", &json!({"event": event})).await;
    assert_eq!(documents.len(), games);
    let mut runner = TestRunner::deterministic();
    let strategy = request(&event);
    let bodies: Vec<Value> =
        (0..requests).map(|_| strategy.new_tree(&mut runner).expect("a request").current()).collect();
    let (eve, documents) = (&eve, &documents);
    let checked = stream::iter(&bodies).map(|body| check(eve, documents, body)).buffer_unordered(SIDE_BY_SIDE);
    let groups: usize = checked.fold(0, |sum, groups| async move { sum + groups }).await;
    assert!(groups > requests * 3, "{groups} groups say little");
}

//! Bodies to plans and searches, answers to rows; what is wrong told at once.

use serde_json::{Value, json};

use super::compile;
use super::document;
use super::group::found;
use super::plan::{After, Plan, read};
use super::reader::Reading;
use super::render::{answer, page};
use super::{Turn, digest};
use crate::query::faults::Faults;
use crate::query::tests::{asker, view};
use crate::signed::signer;

/// The plan, or the faults as `pointer message`.
fn try_plan(body: &Value) -> Result<Plan, Vec<String>> {
    let mut faults = Faults::default();
    let plan = read(&mut Reading { view: view(), asker: &asker(), faults: &mut faults, spoilt: Vec::new() }, body);
    match plan.filter(|_| faults.is_empty()) {
        Some(plan) => Ok(plan),
        None => Err(faults.listed().iter().map(|f| format!("{} {}", f.pointer, f.message)).collect()),
    }
}

#[track_caller]
fn plan(body: Value) -> Plan {
    try_plan(&body).unwrap_or_else(|faults| panic!("{body}: {faults:?}"))
}

#[track_caller]
fn faults(body: Value, expected: &[&str]) {
    assert_eq!(try_plan(&body).err().unwrap_or_default(), expected, "{body}");
}

fn aggregations(plan: &Plan, after: Option<&After>) -> Value {
    compile::body(plan, json!({"bool": {"filter": []}}), after)["aggs"].clone()
}

#[test]
fn values_and_intervals_become_one_composite() {
    let plan = plan(json!({
        "groupBy": [{"field": "eco"}, {"field": "createdAt", "interval": "month", "timeZone": "Europe/Berlin", "name": "month"}],
        "missing": true,
        "metrics": {"n": {"count": true}, "mean": {"avg": "plies"}, "players": {"distinct": "playerWhiteId"},
            "wins": {"ratio": {"of": {"result": "whiteWin"}}}, "length": {"percentiles": "plies", "percents": [95, 50]}},
        "limit": 5,
    }));
    let histogram = json!({"field": "createdAt", "calendar_interval": "month", "time_zone": "Europe/Berlin",
        "missing_bucket": true, "missing_order": "last"});
    let sources = json!([
        {"d0": {"terms": {"field": "eco", "missing_bucket": true, "missing_order": "last"}}},
        {"d1": {"date_histogram": histogram}},
    ]);
    let percentiles =
        json!({"field": "plies", "percents": [50.0, 95.0], "keyed": false, "tdigest": {"compression": 300}});
    let metrics = json!({
        "m1": {"avg": {"field": "plies"}},
        "m2": {"cardinality": {"field": "playerWhiteId", "precision_threshold": 40_000}},
        "m3": {"filter": {"term": {"result": "whiteWin"}}},
        "m4": {"percentiles": percentiles},
    });
    let expected = json!({"c0": {"composite": {"size": 6, "sources": sources}, "aggs": metrics}});
    assert_eq!(aggregations(&plan, None), expected);
    let body = compile::body(&plan, json!("q"), None);
    assert_eq!((&body["size"], &body["track_total_hits"], &body["query"]), (&json!(0), &json!(true), &json!("q")));
}

#[test]
fn words_within_words_are_nested_unless_a_page_goes_on_or_they_are_too_many() {
    let asked =
        json!({"groupBy": [{"field": "result"}, {"field": "eco"}], "metrics": {"mean": {"avg": "plies"}}, "limit": 5});
    let with = |more: Value| {
        let mut body = asked.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        plan(body)
    };
    let level = |field: &str, inner: &Value| json!({"terms": {"field": field, "size": 6, "order": {"_key": "asc"}}, "aggs": inner});
    let numbers = json!({"m0": {"avg": {"field": "plies"}}});
    let without = with(json!({"missing": false}));
    let inner = json!({"d1": level("eco", &numbers)});
    assert_eq!(aggregations(&without, None), json!({"d0": level("result", &inner)}));
    let first = with(json!({"missing": true}));
    let inner = json!({"d1": level("eco", &numbers), "x1": {"missing": {"field": "eco"}, "aggs": numbers}});
    let expected = json!({"d0": level("result", &inner), "x0": {"missing": {"field": "result"}, "aggs": inner}});
    assert_eq!(aggregations(&first, None), expected);

    let mean = |documents: u64, mean: f64| json!({"doc_count": documents, "m0": {"value": mean}});
    let of = |key: &str, mut bucket: Value| {
        bucket["key"] = json!(key);
        bucket
    };
    let eco = |buckets: Value, missing: Value| json!({"doc_count": 9, "d1": {"buckets": buckets}, "x1": missing});
    let answer = json!({"hits": {"total": {"value": 9}}, "aggregations": {
        "d0": {"buckets": [of("draw", eco(json!([of("A00", mean(2, 1.0)), of("B00", mean(3, 2.0))]), mean(0, 0.0)))]},
        "x0": eco(json!([]), mean(4, 3.0)),
    }});
    let groups = found(&first, &answer).unwrap().groups;
    let shown: Vec<String> = groups.iter().map(|group| format!("{:?} {:?}", group.keys, group.numbers)).collect();
    assert_eq!(
        shown,
        [
            r#"[Text("draw"), Text("A00")] [Some(1.0)]"#,
            r#"[Text("draw"), Text("B00")] [Some(2.0)]"#,
            "[Missing, Missing] [Some(3.0)]"
        ]
    );

    let last = After::Keys(0, groups[0].own_keys(&first));
    assert!(aggregations(&first, Some(&last))["c0"].is_object(), "a page that goes on");
    for other in [
        json!({"groupBy": [{"field": "eco"}, {"field": "playerWhiteId"}]}),
        json!({"groupBy": [{"field": "eco"}, {"field": "plies"}]}),
        json!({"groupBy": [{"field": "eco"}], "metrics": {"players": {"distinct": "playerWhiteId"}}}),
        json!({"limit": 10_000}),
    ] {
        assert!(aggregations(&with(other.clone()), None)["c0"].is_object(), "{other}");
    }
}

#[test]
fn each_combination_of_ranges_is_a_filter_around_the_rest() {
    let ranges = json!([{"to": 20, "name": "short"}, {"from": 20, "to": 40}]);
    let grouped = plan(json!({"groupBy": [{"field": "eco"}, {"field": "plies", "ranges": ranges}], "missing": true}));
    let all = aggregations(&grouped, None);
    let names: Vec<&String> = all.as_object().unwrap().keys().collect();
    assert_eq!(names, ["c0", "c1", "c2"]);
    let range = |ends: Value| json!({"bool": {"filter": [{"bool": {"filter": [{"range": {"plies": ends}}]}}]}});
    assert_eq!(all["c0"]["filter"], range(json!({"lt": 20})));
    assert_eq!(
        all["c1"]["filter"]["bool"]["filter"][0]["bool"]["filter"],
        json!([{"range": {"plies": {"gte": 20}}}, {"range": {"plies": {"lt": 40}}}])
    );
    assert_eq!(
        all["c2"]["filter"]["bool"]["filter"][0],
        json!({"bool": {"must_not": [{"exists": {"field": "plies"}}]}})
    );
    assert_eq!(all["c0"]["aggs"]["g"]["composite"]["sources"].as_array().unwrap().len(), 1);

    let after = After::Keys(1, json!({"d0": "B20"}).as_object().unwrap().clone());
    let rest = aggregations(&grouped, Some(&after));
    assert_eq!(rest.as_object().unwrap().keys().collect::<Vec<_>>(), ["c1", "c2"]);
    assert_eq!(rest["c1"]["aggs"]["g"]["composite"]["after"], json!({"d0": "B20"}));
    assert_eq!(rest["c2"]["aggs"]["g"]["composite"].get("after"), None);

    let only = plan(json!({"groupBy": [{"field": "plies", "ranges": ranges}], "metrics": {"mean": {"avg": "plies"}}}));
    assert_eq!(aggregations(&only, None)["c0"]["aggs"], json!({"m0": {"avg": {"field": "plies"}}}));
    let after = After::Keys(0, serde_json::Map::new());
    assert_eq!(aggregations(&only, Some(&after)).as_object().unwrap().keys().collect::<Vec<_>>(), ["c1"]);
}

/// The rows of a plan for these buckets of `c0`.
fn rows(body: Value, buckets: Value) -> Value {
    let plan = plan(body);
    let totals = json!({"doc_count": 9, "m0": {"value": 5.0}, "m1": {"doc_count": 3}});
    let all = json!({"hits": {"total": {"value": 9}}, "aggregations": {"c0": {"buckets": buckets}, "t": totals}});
    let page = page(&plan, found(&plan, &all).unwrap(), None).unwrap();
    answer(&plan, &page.found, page.groups, &page.rows, page.next.map(|after| format!("{after:?}")))
}

fn bucket(eco: Value, count: u64, mean: Value, wins: u64) -> Value {
    json!({"key": {"d0": eco}, "doc_count": count, "m0": {"value": mean}, "m1": {"doc_count": wins}})
}

fn three() -> Value {
    json!([
        bucket(json!("A00"), 4, json!(30.0), 1),
        bucket(json!("B20"), 2, Value::Null, 2),
        bucket(Value::Null, 1, json!(10.5), 0)
    ])
}

fn asked(more: Value) -> Value {
    let mut body = json!({"groupBy": [{"field": "eco"}], "missing": true,
        "metrics": {"mean": {"avg": "plies"}, "wins": {"ratio": {"of": {"result": "whiteWin"}}}, "games": {"count": true}}});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[test]
fn buckets_become_rows_in_the_order_of_keys() {
    let shown = rows(asked(json!({"totals": true})), three());
    assert_eq!(
        shown.to_string(),
        concat!(
            r#"{"status":"OK","statusCode":200,"documents":9,"groups":3,"pageItem":3,"items":["#,
            r#"{"eco":"A00","mean":30.0,"wins":0.25,"games":4},{"eco":"B20","mean":null,"wins":1.0,"games":2},"#,
            r#"{"eco":null,"mean":10.5,"wins":0.0,"games":1}],"#,
            r#""totals":{"mean":5.0,"wins":0.3333333333333333,"games":9},"nextCursor":null}"#
        )
    );
    let page = rows(asked(json!({"limit": 2})), three());
    assert_eq!((&page["groups"], &page["pageItem"], &page["totals"]), (&Value::Null, &json!(2), &Value::Null));
    assert!(page["nextCursor"].as_str().unwrap().contains("B20"), "{page}");
}

#[test]
fn having_and_order_look_at_all_groups() {
    let ecos = |more: Value| -> Vec<Value> {
        rows(asked(more), three())["items"].as_array().unwrap().iter().map(|row| row["eco"].clone()).collect()
    };
    let order = |by: Value| ecos(json!({"orderBy": [by]}));
    assert_eq!(order(json!({"metric": "wins", "order": "desc"})), [json!("B20"), json!("A00"), Value::Null]);
    assert_eq!(order(json!({"metric": "mean"})), [Value::Null, json!("A00"), json!("B20")], "null last");
    assert_eq!(
        order(json!({"metric": "mean", "order": "desc"})),
        [json!("A00"), Value::Null, json!("B20")],
        "null last"
    );
    assert_eq!(order(json!({"dimension": "eco", "order": "desc"})), [json!("B20"), json!("A00"), Value::Null]);
    assert_eq!(ecos(json!({"having": {"games": {"gte": 2}, "mean": {"gt": 1}}})), [json!("A00")]);
    let second = rows(asked(json!({"orderBy": [{"metric": "games"}], "limit": 1})), three());
    assert_eq!((&second["groups"], &second["nextCursor"]), (&json!(3), &json!("Rows(1)")));
}

#[test]
fn what_is_asked_is_told_apart_and_its_pages_belong_together() {
    let turn = |query: &str, more: Value, after: Option<After>| {
        let body = asked(more);
        let plan = plan(body.clone());
        Turn { digest: digest(&signer(), view(), &plan, &json!(query), &body), plan, now: 0, after }
    };
    let first = turn("q", json!({}), None);
    for (page, after) in
        [(json!({"limit": 7}), None), (json!({"totals": true}), None), (json!({"cursor": "x"}), Some(After::Rows(100)))]
    {
        let other = turn("q", page, after);
        assert_eq!(other.digest, first.digest, "one cursor leads through all its pages");
        assert_ne!(other.shape(), first.shape(), "and they are different answers");
    }
    let having = |bound: i64| json!({"having": {"games": {"gte": bound}}});
    let others = [
        turn("of another reader", json!({}), None),
        turn("q", json!({"missing": false}), None),
        turn("q", json!({"orderBy": [{"metric": "games"}]}), None),
        turn("q", having(1), None),
        turn("q", having(2), None),
        turn("q", json!({"metrics": {"mean": {"avg": "plies"}}}), None),
        first,
    ];
    for (place, one) in others.iter().enumerate() {
        assert!(others[..place].iter().all(|other| other.digest != one.digest), "{}", one.shape());
    }
}

#[test]
fn dates_are_written_in_their_time_zone() {
    let shown = |dimension: Value, key: i64| {
        let plan = plan(json!({"groupBy": [dimension]}));
        plan.dimensions[0].shown(&plan.dimensions[0].key(&json!(key)).unwrap())
    };
    let of = |interval: &str, zone: &str| json!({"field": "createdAt", "interval": interval, "timeZone": zone});
    // The beginning of 2025-10-26 in Berlin, and the two hours from 02:00 of that day.
    assert_eq!(shown(of("day", "Europe/Berlin"), 1_761_429_600_000), "2025-10-26");
    assert_eq!(shown(of("hour", "Europe/Berlin"), 1_761_436_800_000), "2025-10-26T02:00:00+02:00");
    assert_eq!(shown(of("hour", "Europe/Berlin"), 1_761_440_400_000), "2025-10-26T02:00:00+01:00");
    assert_eq!(shown(of("hour", "UTC"), 1_761_440_400_000), "2025-10-26T01:00:00Z");
    assert_eq!(shown(of("quarter", "UTC"), 1_759_276_800_000), "2025-10-01");
    assert_eq!(shown(json!({"field": "createdAt"}), 1_761_440_400_000), "2025-10-26T01:00:00.000Z");
}

#[test]
fn without_groups_there_is_one_row_of_all() {
    let plan = plan(json!({"metrics": {"last": {"max": "createdAt"}, "n": {"count": true}}}));
    assert_eq!(
        aggregations(&plan, None),
        json!({"t": {"filter": {"match_all": {}}, "aggs": {"m0": {"max": {"field": "createdAt"}}}}})
    );
    let all = json!({"hits": {"total": {"value": 0}}, "aggregations": {"t": {"doc_count": 0, "m0": {"value": null}}}});
    let page = page(&plan, found(&plan, &all).unwrap(), None).unwrap();
    let shown = answer(&plan, &page.found, page.groups, &page.rows, None);
    assert_eq!((&shown["items"], &shown["totals"]), (&json!([{"last": null, "n": 0}]), &Value::Null));
}

#[test]
fn every_fault_is_told_at_once() {
    faults(
        json!({"groupby": [], "groupBy": [{"field": "ecco"}, {"field": "createdAt", "interval": "mont", "timeZone": "Europe/Berlyn"},
            {"field": "eco", "interval": "day"}, {"field": "tags"}], "metrics": {"1x": {"count": true}, "a": {"avg": "eco"},
            "b": {"avg": "plies", "sum": "plies"}, "c": {"percentiles": "plies", "percents": [50, 101]}}, "limit": 0,
            "orderBy": [{"metric": "games"}], "having": {"a": {"over": 3}}}),
        &[
            "/groupby `groupby` is no key here (filters, q, groupBy, missing, metrics, having, orderBy, limit, cursor, totals), \
             did you mean `groupBy`?",
            "/groupBy/0/field `ecco` is no field of chessGameListView, did you mean `eco`?",
            "/groupBy/1/timeZone `Europe/Berlyn` is no time zone of the IANA database, such as `Europe/Berlin`, \
             did you mean `Europe/Berlin`?",
            "/groupBy/1/interval `mont` is no interval (hour, day, week, month, quarter, year), did you mean `month`?",
            "/groupBy/2/interval `eco` holds no dates, so it has no intervals; group by its values or `ranges`",
            "/groupBy/3/field `tags` holds JSON and cannot be grouped by",
            "/metrics/1x `1x` is no name: 1 to 64 of A-Z, a-z, 0-9 and _, with no digit at the beginning",
            "/metrics/a/avg `avg` wants a field of numbers, which `eco` is not",
            "/metrics/b a metric wants exactly one of count, distinct, avg, sum, min, max, percentiles, ratio",
            "/metrics/c/percents/1 expected a number from 0 to 100, not `101`",
            "/limit `limit` is an integer from 1 to 10000, not `0`",
            "/having/a/over `over` is no key here (eq, ne, gt, gte, lt, lte)",
            "/orderBy/0/metric `games` is no metric of this request (c.50)",
        ],
    );
}

#[test]
fn ranges_rise_and_names_are_names_of_one_thing() {
    let ranges = |ranges: Value| json!({"groupBy": [{"field": "plies", "ranges": ranges}]});
    faults(
        ranges(json!([{"from": 10, "to": 20}, {"from": 15}])),
        &[
            "/groupBy/0/ranges/1/from ranges rise and do not overlap: `from` is not less than the `to` of the range before",
        ],
    );
    faults(ranges(json!([{"from": 10, "to": 10}])), &["/groupBy/0/ranges/0/to `to` is greater than `from`"]);
    faults(ranges(json!([{}])), &["/groupBy/0/ranges/0 a range wants `from`, `to` or both"]);
    faults(ranges(json!([])), &["/groupBy/0/ranges expected at least one range such as {\"from\": 0, \"to\": 10}"]);
    faults(
        json!({"groupBy": [{"field": "eco"}], "metrics": {"eco": {"count": true}}}),
        &["/metrics `eco` names two columns of the rows: give one of them another name (`name` in groupBy)"],
    );
    let names =
        |body: Value| plan(body).dimensions[0].ranges().unwrap().iter().map(|r| r.name.clone()).collect::<Vec<_>>();
    assert_eq!(
        names(ranges(json!([{"to": -5}, {"from": -5, "to": 20}, {"from": 20, "name": "long"}]))),
        ["..-5", "-5..20", "long"]
    );
}

#[test]
fn the_example_of_the_documents_is_a_request() {
    let plan = plan(document::example());
    assert_eq!((plan.dimensions.len(), plan.metrics.len(), plan.having.len(), plan.totals), (2, 3, 1, true));
    let schema = document::body(json!({}));
    let keys: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, super::plan::KEYS);
}

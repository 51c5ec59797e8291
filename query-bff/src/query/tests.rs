//! Each operator to Elasticsearch, and what is wrong with a request told at once.

use chrono::{DateTime, Utc};
use event_schema::auth::user::Role;
use event_schema::ids::UserId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::compile::{Order, ReadRule, Window, clause, query, search};
use super::faults::Faults;
use super::parse::filters;
use super::value::Asker;
use super::words::Words;
use crate::view::{View, by_name};

pub(crate) fn asker() -> Asker {
    let now: DateTime<Utc> = "2025-11-22T10:20:30.456Z".parse().unwrap();
    Asker { role: Role::User, me: UserId(Uuid::from_u128(7)), now }
}

pub(crate) fn view() -> &'static View {
    by_name("chessGameListView").unwrap()
}

/// The compiled clause, or the faults as `pointer message`.
fn try_compile(json: &Value) -> Result<Value, Vec<String>> {
    let mut faults = Faults::default();
    let filter = filters(view(), &asker(), json, "/filters", &mut faults);
    assert_eq!(filter.is_some(), faults.is_empty(), "{json}");
    match filter {
        Some(filter) => Ok(clause(&filter)),
        None => Err(faults.listed().iter().map(|f| format!("{} {}", f.pointer, f.message)).collect()),
    }
}

#[track_caller]
fn is(json: Value, expected: Value) {
    assert_eq!(try_compile(&json), Ok(expected), "{json}");
}

#[track_caller]
fn fault(json: Value, expected: &str) {
    assert_eq!(try_compile(&json), Err(vec![expected.to_owned()]), "{json}");
}

const ME: &str = "00000000-0000-0000-0000-000000000007";

#[test]
fn every_operator_of_our_grammar() {
    is(json!({"eco": "B20"}), json!({"term": {"eco": "B20"}}));
    is(json!({"eco": {"eq": "B20"}}), json!({"term": {"eco": "B20"}}));
    is(json!({"eco": {"ne": "B20"}}), json!({"bool": {"must_not": [{"term": {"eco": "B20"}}]}}));
    is(json!({"eco": null}), json!({"bool": {"must_not": [{"exists": {"field": "eco"}}]}}));
    is(json!({"eco": {"eq": null}}), json!({"bool": {"must_not": [{"exists": {"field": "eco"}}]}}));
    is(json!({"eco": {"ne": null}}), json!({"exists": {"field": "eco"}}));
    is(json!({"eco": ["B20", "C50"]}), json!({"terms": {"eco": ["B20", "C50"]}}));
    is(json!({"eco": {"in": []}}), json!({"terms": {"eco": []}}));
    is(json!({"eco": {"nin": ["B20"]}}), json!({"bool": {"must_not": [{"terms": {"eco": ["B20"]}}]}}));
    is(json!({"isActive": [true, false]}), json!({"terms": {"isActive": [true, false]}}));
    is(json!({"isActive": {"nin": [true]}}), json!({"bool": {"must_not": [{"terms": {"isActive": [true]}}]}}));
    is(json!({"eco": {"has": "B20"}}), json!({"term": {"eco": "B20"}}));
    is(json!({"plies": {"gt": 3}}), json!({"range": {"plies": {"gt": 3}}}));
    is(json!({"plies": {"gte": 3}}), json!({"range": {"plies": {"gte": 3}}}));
    is(json!({"plies": {"lt": 3}}), json!({"range": {"plies": {"lt": 3}}}));
    is(json!({"plies": {"lte": 3}}), json!({"range": {"plies": {"lte": 3}}}));
    is(json!({"plies": {"between": [3, 9]}}), json!({"range": {"plies": {"gte": 3, "lte": 9}}}));
    is(json!({"plies": {"between": [null, 9]}}), json!({"range": {"plies": {"lte": 9}}}));
    is(json!({"eco": {"exists": true}}), json!({"exists": {"field": "eco"}}));
    is(json!({"eco": {"missing": false}}), json!({"exists": {"field": "eco"}}));
    is(json!({"eco": {"prefix": "b2"}}), json!({"prefix": {"eco": {"value": "b2", "case_insensitive": true}}}));
    is(
        json!({"opening": {"contains": "a*b?c\\d"}}),
        json!({"wildcard": {"opening": {"value": "*a\\*b\\?c\\\\d*", "case_insensitive": true}}}),
    );
    let one = |text| json!({"prefix": {"eco": {"value": text, "case_insensitive": true}}});
    let both = json!({"bool": {"should": [one("Äb"), one("äb")], "minimum_should_match": 1}});
    is(json!({"eco": {"prefix": "Äb"}}), both);
    is(json!({"eco": {"wildcard": "b?0*"}}), json!({"wildcard": {"eco": {"value": "b?0*", "case_insensitive": true}}}));
    is(
        json!({"eco": {"regexp": "B2[0-9]"}}),
        json!({"regexp": {"eco": {"value": "B2[0-9]", "flags": "NONE", "max_determinized_states": 1000}}}),
    );
    is(json!({"opening": {"match": "sicilian"}}), json!({"match": {"opening.text": {"query": "sicilian"}}}));
    is(json!({"opening": {"match_phrase": "a b"}}), json!({"match_phrase": {"opening.text": {"query": "a b"}}}));
    is(
        json!({"opening": {"match_phrase_prefix": "a b"}}),
        json!({"match_phrase_prefix": {"opening.text": {"query": "a b", "max_expansions": 10_000}}}),
    );
}

#[test]
fn the_original_form_means_the_same() {
    for (original, ours) in [
        (json!({"operator": "eq", "value": "B20"}), json!("B20")),
        (json!({"operator": "noteq", "value": "B20"}), json!({"ne": "B20"})),
        (json!({"operator": "eq", "values": ["B20", "C50"]}), json!(["B20", "C50"])),
        (json!({"operator": "noteq", "values": ["B20"]}), json!({"nin": ["B20"]})),
        (json!({"operator": "exists"}), json!({"exists": true})),
        (json!({"operator": "missing"}), json!(null)),
        (json!({"operator": "prefix", "value": "B"}), json!({"prefix": "B"})),
        (json!({"operator": "wildcard", "value": "B*"}), json!({"wildcard": "B*"})),
        (json!({"operator": "regexp", "value": "B.."}), json!({"regexp": "B.."})),
        (json!({"operator": "contains", "value": "B"}), json!({"contains": "B"})),
    ] {
        assert_eq!(try_compile(&json!({"eco": original})), try_compile(&json!({"eco": ours})), "{original}");
        assert!(try_compile(&json!({"eco": original})).is_ok(), "{original}");
    }
    is(json!({"plies": {"operator": "range", "values": [1, 5]}}), json!({"range": {"plies": {"gte": 1, "lte": 5}}}));
    is(
        json!({"opening": {"operator": "match_phrase", "value": "a b"}}),
        json!({"match_phrase": {"opening.text": {"query": "a b"}}}),
    );
}

#[test]
fn values_are_typed_and_resolved() {
    is(json!({"playerWhiteId": "$me"}), json!({"term": {"playerWhiteId": ME}}));
    is(json!({"_owner": ME.to_uppercase()}), json!({"term": {"_owner": ME}}));
    is(json!({"status": "ACTIVE"}), json!({"term": {"status": "active"}}));
    is(json!({"status_idx": 4}), json!({"term": {"status_idx": 4}}));
    is(json!({"isActive": true}), json!({"term": {"isActive": true}}));
    is(
        json!({"createdAt": {"gte": "now-7d/d", "lt": "now/d"}}),
        json!({"bool": {"filter": [
            {"range": {"createdAt": {"gte": "2025-11-15T00:00:00.000Z"}}},
            {"range": {"createdAt": {"lt": "2025-11-22T00:00:00.000Z"}}},
        ]}}),
    );
    is(
        json!({"createdAt": {"lte": "2025-11-20"}}),
        json!({"range": {"createdAt": {"lte": "2025-11-20T23:59:59.999Z"}}}),
    );
    is(json!({"createdAt": {"gt": "2025-11-20"}}), json!({"range": {"createdAt": {"gt": "2025-11-20T23:59:59.999Z"}}}));
    let day = json!({"range": {"createdAt": {"gte": "2025-11-20T00:00:00.000Z", "lte": "2025-11-20T23:59:59.999Z"}}});
    is(json!({"createdAt": "2025-11-20"}), day.clone());
    is(json!({"createdAt": ["2025-11-20"]}), json!({"bool": {"should": [day], "minimum_should_match": 1}}));
}

#[test]
fn trees() {
    is(json!({}), json!({"bool": {"filter": []}}));
    is(
        json!({"eco": "B20", "$or": [{"plies": 1}, {"$not": {"plies": 2}}]}),
        json!({"bool": {"filter": [
            {"term": {"eco": "B20"}},
            {"bool": {"should": [{"term": {"plies": 1}}, {"bool": {"must_not": [{"term": {"plies": 2}}]}}],
                      "minimum_should_match": 1}},
        ]}}),
    );
    is(json!({"$and": [{"eco": "B20"}]}), json!({"bool": {"filter": [{"term": {"eco": "B20"}}]}}));
}

#[test]
fn all_faults_stand_in_one_answer() {
    let told = try_compile(&json!({
        "statsu": "active",
        "password": "x",
        "invitationCode": "x",
        "_readers": "*",
        "status": "alive",
        "playerWhiteId": {"eq": "x7", "contains": "a"},
        "plies": {"gte": "3", "betwen": [1, 2], "between": [1]},
        "isActive": {"gt": true},
        "createdAt": {"lt": "yesterday"},
        "status_idx": 5,
        "eco": {"match": "b"},
        "lastMove": {},
        "$or": [],
        "$nor": [{}],
        "opening": {"operator": "fuzzy", "value": "x"},
        "playerBlackName": {"operator": "eq"},
        "gameType": ["blitz", null],
    }));
    let expected = [
        "/filters/statsu `statsu` is no field of chessGameListView, did you mean `status`?",
        "/filters/password `password` is no field of chessGameListView",
        "/filters/invitationCode `invitationCode` is no field of chessGameListView",
        "/filters/_readers `_readers` is no field of chessGameListView",
        "/filters/status `status` wants one of pending, active, paused, completed, terminated, not `alive`",
        "/filters/playerWhiteId/eq `playerWhiteId` wants a UUID or `$me`, not `x7`",
        "/filters/playerWhiteId/contains `contains` cannot be used on `playerWhiteId`, use one of eq, ne, noteq, in, nin, exists, missing, has",
        "/filters/plies/gte `plies` wants an integer, not `3`",
        "/filters/plies/betwen `betwen` is no operator of `plies` (eq, ne, noteq, in, nin, gt, gte, lt, lte, between, range, exists, missing), did you mean `between`?",
        "/filters/plies/between expected a list of two values, the least and the greatest",
        "/filters/isActive/gt `gt` cannot be used on `isActive`, use one of eq, ne, noteq, in, nin, exists, missing",
        "/filters/createdAt/lt `createdAt` wants a date: RFC 3339 such as `2025-11-22T10:00:00Z`, a day such as `2025-11-22`, or date math such as `now-7d/d`, not `yesterday`",
        "/filters/status_idx `status_idx` wants an integer from 0 to 4, not `5`",
        "/filters/eco/match `match` cannot be used on `eco`, use one of eq, ne, noteq, in, nin, exists, missing, has, prefix, contains, wildcard, regexp",
        "/filters/lastMove expected a condition such as {\"eq\": ...} on `lastMove`, not an empty object",
        "/filters/$or expected a list of at least one filter object",
        "/filters/$nor `$nor` is no field of chessGameListView, did you mean `$or`?",
        "/filters/opening/operator `fuzzy` is no operator of `opening` (eq, ne, noteq, in, nin, exists, missing, has, prefix, contains, wildcard, regexp, match, match_phrase, match_phrase_prefix)",
        "/filters/playerBlackName `eq` wants a `value` or `values`",
        "/filters/gameType/1 `gameType` wants one of timed, untimed, blitz, rapid, not null",
    ];
    assert_eq!(told, Err(expected.map(str::to_owned).to_vec()));
}

#[test]
fn shapes_that_are_no_filter() {
    fault(json!([]), "/filters filters are an object such as {\"field\": \"value\"}, not a list");
    fault(json!({"$not": "x"}), "/filters/$not filters are an object such as {\"field\": \"value\"}, not `x`");
    fault(
        json!({"eco": {"operator": "eq", "value": "x", "boost": 2}}),
        "/filters/eco/boost `boost` does not belong beside `operator`",
    );
    fault(
        json!({"eco": {"operator": "eq", "value": "x", "values": ["y"]}}),
        "/filters/eco/values expected either `value` or `values`, not both",
    );
    fault(json!({"eco": {"exists": "yes"}}), "/filters/eco/exists expected true or false, not `yes`");
    fault(
        json!({"plies": {"between": [null, null]}}),
        "/filters/plies/between expected at least one end that is not null",
    );
    fault(json!({"plies": 1.5}), "/filters/plies `plies` wants an integer, not `1.5`");
    fault(json!({"eco": "a\u{0}b"}), "/filters/eco `eco` wants a string without U+0000, not `a\u{0}b`");
    let conditions = by_name("savedFilter").unwrap();
    let mut faults = Faults::default();
    filters(conditions, &asker(), &json!({"conditions": {"eq": 1}}), "", &mut faults);
    assert_eq!(faults.listed()[0].message, "`conditions` holds JSON and cannot be filtered on");
    assert_eq!(faults.listed()[0].code, "errMsg_operatorNotAllowed");
}

#[test]
fn budgets() {
    let nested = |levels: usize| (1..levels).fold(json!({"eco": "x"}), |inner, _| json!({"$not": inner}));
    assert!(try_compile(&nested(6)).is_ok());
    let told = try_compile(&nested(7)).unwrap_err();
    assert_eq!(told, ["/filters/$not/$not/$not/$not/$not/$not a query is at most 6 levels deep"]);

    let leaves = |count: usize| json!({"$and": (0..count).map(|n| json!({"plies": n})).collect::<Vec<_>>()});
    assert!(try_compile(&leaves(64)).is_ok());
    assert_eq!(try_compile(&leaves(70)).unwrap_err(), ["/filters/$and/64/plies a query has at most 64 conditions"]);

    let values = |count: usize| json!({"plies": (0..count).collect::<Vec<_>>()});
    assert!(try_compile(&values(500)).is_ok());
    assert_eq!(try_compile(&values(600)).unwrap_err(), ["/filters/plies/500 a query has at most 500 values"]);

    for op in ["prefix", "contains", "wildcard", "regexp"] {
        assert!(try_compile(&json!({"eco": {op: "é".repeat(128)}})).is_ok());
        assert!(try_compile(&json!({"eco": {op: "a".repeat(129)}})).is_err());
        assert!(try_compile(&json!({"eco": {op: ""}})).is_err());
    }
}

#[test]
fn the_read_rule_stands_around_everything() {
    let me = ReadRule::ReadersWith(UserId(Uuid::from_u128(7)), Role::User);
    let rule = [json!({"term": {"_live": true}}), json!({"terms": {"_readers": [ME, "*", "role:user"]}})];
    assert_eq!(query(&me, None, None), json!({"bool": {"filter": rule}}));
    assert_eq!(query(&ReadRule::All, None, None), json!({"bool": {"filter": [{"term": {"_live": true}}]}}));
    let words = json!({"multi_match": {"query": "carl", "type": "bool_prefix", "operator": "and",
        "fields": ["playerWhiteName.text", "playerBlackName.text", "opening.text", "event.text", "site.text",
            "givenOpening.text"]}});
    assert_eq!(query(&me, None, Words::new(view(), Role::User, "carl").as_ref())["bool"]["filter"][2], words);
}

#[test]
fn the_read_rule_on_a_document() {
    let me = ReadRule::ReadersWith(UserId(Uuid::from_u128(7)), Role::User);
    let may = |rule: &ReadRule, source: Value| rule.allows(source.as_object().unwrap());
    assert!(may(&me, json!({"_live": true, "_readers": [ME]})));
    assert!(may(&me, json!({"_live": true, "_readers": ["*"]})));
    assert!(may(&me, json!({"_live": true, "_readers": ["role:user"]})));
    assert!(!may(&me, json!({"_live": true, "_readers": ["role:admin", "role:guest"]})));
    assert!(!may(&me, json!({"_live": true, "_readers": ["00000000-0000-0000-0000-000000000008"]})));
    assert!(!may(&me, json!({"_live": true, "_readers": []})));
    assert!(!may(&me, json!({"_live": true})));
    assert!(!may(&me, json!({"_live": false, "_readers": ["*"]})));
    assert!(may(&ReadRule::All, json!({"_live": true})));
    assert!(!may(&ReadRule::All, json!({})));
}

#[test]
fn a_search_is_exact_and_ordered() {
    let plies = view().column_for(Role::User, "plies").unwrap();
    let sort = vec![(plies, Order::Desc), (view().id().unwrap(), Order::Asc)];
    let body = search(json!({"match_all": {}}), &Window { from: 20, size: 10, sort: sort.clone(), ..Window::NOTHING });
    assert_eq!(
        body,
        json!({"from": 20, "size": 10, "track_total_hits": true, "query": {"match_all": {}}, "sort": [
            {"plies": {"order": "desc", "missing": "_last", "unmapped_type": "long"}},
            {"id": {"order": "asc", "missing": "_last", "unmapped_type": "keyword"}},
        ]})
    );
    let after = Some(json!([3, "x"]));
    let body = search(json!({"match_all": {}}), &Window { from: 0, size: 11, sort, after, backwards: true });
    assert_eq!(
        body,
        json!({"from": 0, "size": 11, "track_total_hits": true, "query": {"match_all": {}}, "sort": [
            {"plies": {"order": "asc", "missing": "_first", "unmapped_type": "long"}},
            {"id": {"order": "desc", "missing": "_first", "unmapped_type": "keyword"}},
        ], "search_after": [3, "x"]})
    );
}

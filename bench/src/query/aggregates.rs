//! What analysts ask of a million games: three aggregations that have names.

use std::time::Instant;

use serde_json::{Value, json};
use stack::error::Result;

use super::asker::{Asker, Question};
use super::games::{GAMES, SIDES};
use super::readers::Asked;
use crate::Bench;
use crate::report::{Report, Row};
use crate::stats::Sorted;
use crate::wire::Wire;

/// Groups at most: more than there are.
const GROUPS: usize = 1_000;
/// How often each is asked in one round.
const ASKED: usize = 20;

/// An aggregation, as an analyst says it and as Elasticsearch takes it.
struct Case {
    name: &'static str,
    view: &'static str,
    /// Filters but for the time.
    filters: fn() -> Value,
    group_by: fn() -> Value,
    metrics: fn() -> Value,
    /// The same filters.
    clauses: fn() -> Value,
    sources: fn() -> Value,
    computed: fn() -> Value,
}

const CASES: &[Case] = &[
    Case {
        name: "score by opening family and colour, players rated 1600 to 1900, blitz",
        view: SIDES,
        filters: || json!({"rating": {"between": [1600, 1900]}, "timeControlClass": "blitz"}),
        group_by: || json!([{"field": "openingFamily"}, {"field": "colour"}]),
        metrics: || json!({"games": {"count": true}, "score": {"avg": "score"}}),
        clauses: || json!([{"range": {"rating": {"gte": 1600, "lte": 1900}}}, {"term": {"timeControlClass": "blitz"}}]),
        sources: || json!([{"family": {"terms": {"field": "openingFamily"}}}, {"colour": {"terms": {"field": "colour"}}}]),
        computed: || json!({"score": {"avg": {"field": "score"}}}),
    },
    Case {
        name: "games by month and result, blitz and rapid",
        view: GAMES,
        filters: || json!({"timeControlClass": ["blitz", "rapid"]}),
        group_by: || json!([{"field": "startedAt", "interval": "month", "name": "month"}, {"field": "result"}]),
        metrics: || json!({"games": {"count": true}}),
        clauses: || json!([{"terms": {"timeControlClass": ["blitz", "rapid"]}}]),
        sources: || {
            let month = json!({"field": "startedAt", "calendar_interval": "month", "time_zone": "UTC"});
            json!([{"month": {"date_histogram": month}}, {"result": {"terms": {"field": "result"}}}])
        },
        computed: || json!({}),
    },
    Case {
        name: "average plies and duration by rating band, games of ten half-moves or more",
        view: GAMES,
        filters: || json!({"plies": {"gte": 10}}),
        group_by: || json!([{"field": "averageRatingBand"}]),
        metrics: || json!({"games": {"count": true}, "plies": {"avg": "plies"}, "seconds": {"avg": "durationSeconds"}}),
        clauses: || json!([{"range": {"plies": {"gte": 10}}}]),
        sources: || json!([{"band": {"terms": {"field": "averageRatingBand"}}}]),
        computed: || json!({"plies": {"avg": {"field": "plies"}}, "seconds": {"avg": {"field": "durationSeconds"}}}),
    },
];

impl Case {
    /// Asked of games since an instant.
    fn question(&self, asker: &Asker, since: &str, caching: bool) -> Question {
        let past = if caching { "" } else { "?caching=false" };
        let (mut filters, mut clauses) = ((self.filters)(), (self.clauses)());
        filters["startedAt"] = json!({"gte": since});
        if let Some(clauses) = clauses.as_array_mut() {
            clauses.push(json!({"range": {"startedAt": {"gte": since}}}));
        }
        let ours =
            json!({"filters": filters, "groupBy": (self.group_by)(), "metrics": (self.metrics)(), "limit": GROUPS});
        let groups = json!({"composite": {"size": GROUPS + 1, "sources": (self.sources)()}, "aggs": (self.computed)()});
        let theirs =
            json!({"size": 0, "track_total_hits": true, "query": asker.query(&clauses), "aggs": {"groups": groups}});
        Question {
            ours: asker.ours(format!("/bff-api/{}/aggregate{past}", self.view), &ours),
            theirs: asker.theirs(self.view, &theirs),
        }
    }
}

/// Two connections and how long each waited.
struct Pair {
    ours: Wire,
    theirs: Wire,
}

/// Asks each aggregation on one connection, past what is kept, and then what is kept.
pub fn measure(bench: &Bench, asker: &Asker, games: u64, report: &mut Report) -> Result<()> {
    let mut equal = 0;
    for case in CASES {
        let task = bench.screen.task("aggregate", case.name);
        let first = case.question(asker, &asker.since(), false);
        let mut pair = Pair { ours: Wire::open(&first.ours.url)?, theirs: Wire::open(&first.theirs.url)? };
        equal += usize::from(same(&first, &mut pair)?);
        let asked = if bench.args.brief { 3 } else { ASKED };
        round(case, asker, &mut pair, asked.min(5))?;
        let (mut medians, mut all) = (Vec::new(), (Vec::new(), Vec::new()));
        for _ in 0..bench.rounds() {
            let (ours, theirs) = round(case, asker, &mut pair, asked)?;
            medians.push((Sorted::new(ours.clone()).ms(0.5), Sorted::new(theirs.clone()).ms(0.5)));
            all.0.extend(ours);
            all.1.extend(theirs);
        }
        let row = Row::paired("T6", format!("{}: p50", case.name), &medians, "ms");
        let met = row.ours <= 100.0;
        report.rows.push(row.wants("<= 100 ms", met));
        let (ours, theirs) = (Sorted::new(all.0), Sorted::new(all.1));
        report.rows.push(Row::paired("T6", format!("{}: p99", case.name), &[(ours.ms(0.99), theirs.ms(0.99))], "ms"));
        let kept = case.question(asker, &asker.since(), true).ours;
        waited(&kept, &mut pair.ours)?;
        let waits = (0..100).map(|_| waited(&kept, &mut pair.ours)).collect::<Result<Vec<u32>>>()?;
        report.rows.push(Row::new("T6", format!("{}: kept, p50", case.name), Sorted::new(waits).ms(0.5), "ms"));
        task.done("measured");
    }
    let row = Row::new("T6", "aggregations that equal Elasticsearch's own", equal as f64, "");
    report.rows.push(row.wants(format!("{}", CASES.len()), equal == CASES.len()));
    report.note(format!(
        "T6 aggregations: over {games} games, made of those that the product ships (two documents each in {SIDES}), one \
         connection, the two asked in turn; no question was asked before, so nothing is kept of its answer anywhere; \
         Elasticsearch: the same composite aggregation under the same query"
    ));
    Ok(())
}

/// Asks both in turn, another question each time; microseconds.
fn round(case: &Case, asker: &Asker, pair: &mut Pair, times: usize) -> Result<(Vec<u32>, Vec<u32>)> {
    let (mut ours, mut theirs) = (Vec::with_capacity(times), Vec::with_capacity(times));
    for _ in 0..times {
        theirs.push(waited(&case.question(asker, &asker.since(), false).theirs, &mut pair.theirs)?);
        ours.push(waited(&case.question(asker, &asker.since(), false).ours, &mut pair.ours)?);
    }
    Ok((ours, theirs))
}

fn waited(asked: &Asked, wire: &mut Wire) -> Result<u32> {
    let begun = Instant::now();
    asked.once(wire)?;
    Ok(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX))
}

/// Whether both count the same games in the same groups.
fn same(question: &Question, pair: &mut Pair) -> Result<bool> {
    let (ours, theirs) = (question.ours.json(&mut pair.ours)?, question.theirs.json(&mut pair.theirs)?);
    let counts = |groups: &Value, name: &str| -> Vec<Value> {
        groups.as_array().into_iter().flatten().map(|group| group[name].clone()).collect()
    };
    let own = counts(&ours["items"], "games");
    let there = counts(&theirs["aggregations"]["groups"]["buckets"], "doc_count");
    Ok(!own.is_empty() && own == there && ours["documents"] == theirs["hits"]["total"]["value"])
}

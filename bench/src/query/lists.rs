//! T6 and T6b: lists and counts.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use stack::error::{Error, Result};
use stack::unit::Server;

use super::asker::{Asker, Question};
use super::games::GAMES;
use super::readers::{Asked, read};
use crate::Bench;
use crate::moves::Stage;
use crate::own::Whole;
use crate::report::{Report, Row};
use crate::wire::Wire;

/// Connections that read.
pub const READERS: usize = 64;
/// Lists that are asked for again and again.
const LISTS: usize = 50;
/// Events a second that change the view meanwhile.
const EVENTS: u32 = 200;

/// Games of at least so many half-moves, the newest first; or how many they are.
fn question(asker: &Asker, plies: usize, count: bool, caching: bool) -> Question {
    let (what, size) = if count { ("count", 0) } else { ("list", 10) };
    let past = if caching { "" } else { "?caching=false" };
    let order = |order: &str, kind: &str| json!({"order": order, "missing": "_last", "unmapped_type": kind});
    let sort = json!([{"createdAt": order("desc", "date")}, {"id": order("asc", "keyword")}]);
    let body = json!({"from": 0, "size": size, "track_total_hits": true,
        "query": asker.query(&json!([{"range": {"plies": {"gte": plies}}}])),
        "sort": if count { json!([]) } else { sort }});
    Question {
        ours: asker.ours(format!("/bff-api/{GAMES}/{what}{past}"), &json!({"plies": {"gte": plies}})),
        theirs: asker.theirs(GAMES, &body),
    }
}

/// T6: each query of its own, past what is kept.
pub fn side_by_side(bench: &Bench, whole: &Whole, asker: &Asker, slice: Duration, report: &mut Report) -> Result<()> {
    whole.system.wait_ready(Server::Elasticsearch.into())?;
    for (count, what) in [(false, "list of 10"), (true, "count")] {
        for (connections, goal) in [(READERS, true), (1, false)] {
            let task = bench.screen.task("T6", &format!("{what}, {connections} connections"));
            let ours = |number: usize| question(asker, number % 60, count, false).ours;
            let theirs = |number: usize| question(asker, number % 60, count, false).theirs;
            let warm = slice.min(Duration::from_secs(2));
            read(connections, warm, &theirs)?;
            read(connections, warm, &ours)?;
            let (mut pairs, mut waits) = (Vec::new(), Vec::new());
            for _ in 0..bench.rounds() {
                let reference = read(connections, slice, &theirs)?;
                let own = read(connections, slice, &ours)?;
                pairs.push((own.rate(), reference.rate()));
                waits.push((own.latencies.ms(0.5), reference.latencies.ms(0.5)));
            }
            let case = format!("{what}, {connections} connection(s)");
            if goal {
                report.rows.push(Row::paired("T6", case, &pairs, "1/s").at_least(0.85));
            } else {
                let row = Row::paired("T6", format!("{case}, p50"), &waits, "ms");
                let more = row.ours - row.reference.unwrap_or(0.0);
                report.rows.push(row.wants("<= 0.5 ms more", more <= 0.5));
            }
            task.done("measured");
        }
    }
    report.note(format!(
        "T6 both: {READERS} connections that wait for their answers, the same queries under the read rule of a player; \
         Elasticsearch asked over HTTP with the query service's own login. The generator runs on the same machine"
    ));
    Ok(())
}

/// T6b: the same lists while games are played.
pub fn again_and_again(
    bench: &Bench,
    asker: &Asker,
    stage: &Stage,
    slice: Duration,
    report: &mut Report,
) -> Result<()> {
    let ours = |number: usize| question(asker, number % LISTS, false, true).ours;
    let theirs = |number: usize| question(asker, number % LISTS, false, true).theirs;
    let rounds = bench.rounds() as u32;
    let whole_time = (slice * 2 + Duration::from_secs(1)) * rounds + Duration::from_secs(2);
    let task = bench.screen.task("T6b", &format!("{LISTS} lists again and again, {EVENTS} events/s"));
    let (pairs, made) = thread::scope(|scope| {
        let crowd = scope.spawn(|| stage.run(whole_time, Some(EVENTS.into())));
        let measured = (0..rounds).map(|_| {
            let reference = read(READERS, slice, &theirs)?.rate();
            Ok((read(READERS, slice, &ours)?.rate(), reference))
        });
        let pairs: Result<Vec<(f64, f64)>> = measured.collect();
        (pairs, crowd.join())
    });
    let made = made.map_err(|_| Error::new("the crowd panicked"))??;
    report
        .rows
        .push(Row::paired("T6b", format!("{LISTS} lists, {READERS} connections"), &pairs?, "1/s").at_least(20.0));
    report.note(format!("T6b: {:.0} events/s were made meanwhile", made.rate()));
    let same = (0..LISTS).map(|number| equal(&ours(number), &theirs(number))).collect::<Result<Vec<bool>>>()?;
    let equal = same.iter().filter(|same| **same).count();
    report.rows.push(
        Row::new("T6b", "lists that equal Elasticsearch's own once writes pause", equal as f64, "")
            .wants(format!("{LISTS}"), equal == LISTS),
    );
    task.done("measured");
    Ok(())
}

/// Whether both find the same documents, once everything is searchable.
fn equal(ours: &Asked, theirs: &Asked) -> Result<bool> {
    let mut last = false;
    for _ in 0..20 {
        let (mut own, mut reference) = (Wire::open(&ours.url)?, Wire::open(&theirs.url)?);
        let (own, reference): (Value, Value) = (ours.json(&mut own)?, theirs.json(&mut reference)?);
        let ids = |items: &Value, id: &dyn Fn(&Value) -> Value| -> Vec<Value> {
            items.as_array().map_or(Vec::new(), |items| items.iter().map(id).collect())
        };
        let found = ids(&own["items"], &|item| item["id"].clone());
        let there = ids(&reference["hits"]["hits"], &|hit| hit["_id"].clone());
        last = found == there && own["total"] == reference["hits"]["total"]["value"];
        if last {
            break;
        }
        thread::sleep(Duration::from_millis(250));
    }
    Ok(last)
}

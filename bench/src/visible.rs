//! T3: how long after its acknowledgement a move is in the views, by id and in a list that carries its token.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stack::error::{Context, Error, Result};
use stack::play;
use stack::unit::Service;

use crate::Bench;
use crate::moves::{Load, Moved, Stage};
use crate::own::Whole;
use crate::report::{Report, Row};
use crate::stats::Sorted;
use crate::wire::Wire;

/// Events a second that are offered.
const RATES: [u32; 2] = [100, 1000];
/// Events a second before anything is measured, and for how many seconds: until then the virtual machine of
/// Elasticsearch is busy compiling itself.
const WARM_UP: (u32, u64) = (300, 90);
/// Players whose moves are looked for.
const PROBES: usize = 4;
/// How often each of them moves.
const EVERY: Duration = Duration::from_millis(250);
/// A move that is not found by then never will be.
const PATIENCE: Duration = Duration::from_secs(20);

/// Microseconds until moves were found.
#[derive(Default)]
struct Found {
    by_id: Vec<u32>,
    listed: Vec<u32>,
}

/// Measures T3.
pub fn run(bench: &Bench) -> Result<Report> {
    let whole = Whole::start(bench, &[])?;
    let mut report = Report::default();
    let target = whole.target()?;
    let seconds = bench.args.seconds.unwrap_or(if bench.args.brief { 3 } else { 30 });
    let load = |connections: usize, moves: u64| Load {
        connections,
        // A game has more than 20 moves but for a few.
        games: usize::try_from(moves / 20).unwrap_or(0) + connections * 8,
        seconds,
    };
    let task = bench.screen.task("games", "making players and games");
    let warm_up = (WARM_UP.0, if bench.args.brief { 2 } else { WARM_UP.1 });
    let all =
        RATES.iter().map(|rate| u64::from(*rate) * (seconds + 3)).sum::<u64>() + u64::from(warm_up.0) * (warm_up.1 + 3);
    let crowd = Stage::prepare(target.clone(), &play::sample(), &load(32, all), "crowd")?;
    let looked_for = (seconds * RATES.len() as u64 + warm_up.1) * 4 * PROBES as u64;
    let probes = Stage::prepare(target, &play::sample(), &load(PROBES, looked_for), "probe")?;
    task.done("made");
    report.note(format!(
        "T3: {PROBES} players move every {} ms beside the offered load; from the arrival of the answer until a read \
         with its token shows the move, read again at once until it does",
        EVERY.as_millis()
    ));
    let query_bff = whole.system.url(Service::QueryBff);
    let task = bench.screen.task("warm-up", &format!("{} events/s for {} s", warm_up.0, warm_up.1));
    at_rate(&query_bff, (&crowd, &probes), warm_up)?;
    task.done("done");
    for rate in RATES {
        let task = bench.screen.task("visible", &format!("{rate} events/s offered"));
        let (found, offered) = at_rate(&query_bff, (&crowd, &probes), (rate, seconds))?;
        let (by_id, listed) = (Sorted::new(found.by_id), Sorted::new(found.listed));
        task.done(&format!("by id p50 {:.0} ms, listed p99 {:.0} ms", by_id.ms(0.5), listed.ms(0.99)));
        say(rate, offered, &by_id, &listed, &mut report);
    }
    Ok(report)
}

/// What was found at a rate, and how many a second were made.
fn at_rate(query_bff: &str, (crowd, probes): (&Stage, &Stage), (rate, seconds): (u32, u64)) -> Result<(Found, f64)> {
    let limit = Duration::from_secs(seconds);
    let found = Mutex::new(Found::default());
    let offered = thread::scope(|scope| {
        let crowd = scope.spawn(|| crowd.run(limit + Duration::from_secs(2), Some(rate.into())));
        // The crowd is in step by then.
        thread::sleep(Duration::from_secs(1));
        let enough = AtomicBool::new(false);
        let watch = |place: usize| {
            let offset = EVERY.mul_f64(place as f64 / PROBES as f64);
            let watched =
                probes.play(place, limit, Some((EVERY, offset)), &enough, |moved| look(query_bff, &moved, &found));
            enough.store(watched.is_err() || enough.load(Ordering::Relaxed), Ordering::Relaxed);
            watched
        };
        let watched = play::crowd::each(PROBES, &(0..PROBES).collect::<Vec<_>>(), |place| watch(*place));
        let offered = crowd.join().unwrap_or_else(|_| Err(Error::new("the crowd panicked")));
        watched.and(offered)
    })?;
    Ok((found.into_inner().unwrap_or_else(PoisonError::into_inner), offered.rate()))
}

fn say(rate: u32, offered: f64, by_id: &Sorted, listed: &Sorted, report: &mut Report) {
    let row = |what: &str, ms: f64| Row::new("T3", format!("{what}, {rate} events/s"), ms, "ms");
    let judged = |row: Row, most: f64| match rate {
        1000 => {
            let met = row.ours <= most;
            row.wants(format!("<= {most} ms"), met)
        }
        _ => row,
    };
    report.rows.extend([
        judged(row("visible by id, p50", by_id.ms(0.5)), 40.0),
        judged(row("visible by id, p99", by_id.ms(0.99)), 250.0),
        row("in a list with its token, p50", listed.ms(0.5)),
        judged(row("in a list with its token, p99", listed.ms(0.99)), 400.0),
    ]);
    report.note(format!(
        "T3 {rate} events/s: {offered:.0}/s were made, {} moves looked for; slowest by id {:.0} ms, in a list {:.0} ms",
        by_id.len(),
        by_id.ms(1.0),
        listed.ms(1.0),
    ));
}

/// Looks for a move by id and in a list, both at once.
fn look(query_bff: &str, moved: &Moved<'_>, found: &Mutex<Found>) -> Result<()> {
    let answer: Value = serde_json::from_slice(moved.answer.body).context(|| "a move answered no JSON".into())?;
    let id = answer["chessGameMove"]["id"].as_str().context(|| "a move without an id".into())?;
    let token = moved.answer.header("consistency-token").context(|| "a move without a Consistency-Token".into())?;
    let authorization = format!("Bearer {}", moved.token);
    let headers = [("Authorization", authorization.as_str()), ("Consistency-Token", token)];
    let path = format!("/bff-api/chessGameMove/{id}");
    let filter = json!({"id": id}).to_string();
    let (by_id, listed) = thread::scope(|scope| {
        let by_id =
            scope.spawn(|| until(query_bff, moved.at, |wire| Ok(wire.ask("GET", &path, &headers, "")?.status == 200)));
        let listed = until(query_bff, moved.at, |wire| {
            let answer = wire.ask("POST", "/bff-api/chessGameMove/list?limit=1", &headers, &filter)?;
            let page: Value = serde_json::from_slice(answer.body).context(|| answer.told())?;
            Ok(page["items"][0]["id"] == id)
        });
        (by_id.join().unwrap_or_else(|_| Err(Error::new("a reader panicked"))), listed)
    });
    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
    found.by_id.push(by_id?);
    found.listed.push(listed?);
    Ok(())
}

/// Microseconds from `since` until `is_there`.
fn until(url: &str, since: Instant, mut is_there: impl FnMut(&mut Wire) -> Result<bool>) -> Result<u32> {
    let mut wire = Wire::open(url)?;
    while !is_there(&mut wire)? {
        if since.elapsed() > PATIENCE {
            return Err(Error::new(format!("a move is not visible after {} s", PATIENCE.as_secs())));
        }
    }
    Ok(u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX))
}
